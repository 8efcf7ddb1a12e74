import type { GraphNode } from '../formats/modelFile.js';

/** Rules of layer ids: docs/layers.md has a worked example per exporter. */

/** Names that exporters make up for tensors: they say nothing of the source code. */
const anonymousNames = [
  // PyTorch: numbered values, folded constants
  /^\d+$/,
  /^onnx::/,
  /^val_\d+$/,
  /(^|\/)Constant(_\d+)?_output_\d+$/,
  // CNTK
  /^(Parameter|Constant)\d+$/,
  // tf2onnx: a made-up name and a running number, without the path of a layer
  /^[^/.]+__\d+$/,
];

/** Whether a whole name is made up by an exporter. `5.weight` is not: its id is `5`. */
export function isAnonymous(name: string): boolean {
  const plain = name.replace(/:0$/, '').replace(/_quantized$/, '');
  return plain === '' || anonymousNames.some((pattern) => pattern.test(plain));
}

/** The id of a layer from the name of its weight tensor: what frameworks and quantisers append is cut off. */
export function idOfTensor(name: string): string {
  const suffixes = [/:0$/, /_quantized$/, /(\/Read)?\/ReadVariableOp[^/]*$/, /\/kernel$/, /\.weight$/];
  let id = name;
  for (const suffix of suffixes) id = id.replace(suffix, '') || id;
  return id;
}

/** The id of a recurrent layer from one of its tensors: the module's name, without PyTorch's `weight_ih_l0_reverse`. */
export function idOfRecurrentTensor(name: string): string {
  return idOfTensor(name).replace(/\.weight_(ih|hh|hr)(_l\d+)?(_reverse)?$/, '');
}

/** Operators of a family share a trailing name: onnxruntime renames Conv to FusedConv, MatMul to MatMulInteger. */
function operatorNames(opType: string): string[] {
  return [opType, opType.replace(/^(Fused|QLinear|DynamicQuantize|Nhwc|Q)/, ''), opType.replace(/(Integer|IntegerToFloat|NBits)$/, '')];
}

/**
 * The id of a layer from its node: without a leading `/` and the trailing operator, `/` → `.`, prefixes that the next
 * part repeats removed (`/encoder/encoder.0/fc/MatMul` → `encoder.0.fc`). Null for a node without a name.
 */
export function idOfNode(node: GraphNode): string | null {
  const parts = node.name.replace(/:0$/, '').replace(/_quant$/, '').split('/').filter((part) => part !== '');
  const last = parts.at(-1);
  if (last === undefined) return null;
  const operator = last.replace(/_\d+$/, '');
  // A name that is nothing but the operator (`MatMul_12`) stays: there is nothing better.
  if (operatorNames(node.opType).includes(operator) && parts.length > 1) parts.pop();
  const kept = parts.filter((part, i) => i + 1 >= parts.length || !parts[i + 1].startsWith(`${part}.`));
  return kept.length > 0 ? kept.join('.') : null;
}

/** What a layer is called before duplicates are numbered: its tensor's name, else its node's, else its output's. */
export function baseId(tensor: string, node: GraphNode, fromTensor: (name: string) => string = idOfTensor): string {
  if (!isAnonymous(tensor)) return fromTensor(tensor);
  return idOfNode(node) ?? (node.outputs[0] || tensor);
}

/** The name shown in full: the node's where the tensor is anonymous. */
export function fullName(tensor: string, node: GraphNode): string {
  return isAnonymous(tensor) && node.name !== '' ? node.name : tensor;
}

/** Numbers the second and later uses of an id: `fc`, `fc#2`, `fc#3`. */
export class UniqueIds {
  private readonly counts = new Map<string, number>();
  private readonly taken = new Set<string>();

  next(id: string): string {
    let count = (this.counts.get(id) ?? 0) + 1;
    let unique = count === 1 ? id : `${id}#${count}`;
    while (this.taken.has(unique)) unique = `${id}#${++count}`;
    this.counts.set(id, count);
    this.taken.add(unique);
    return unique;
  }
}
