import type { GraphNode, StoredTensor } from '../formats/modelFile.js';
import { readTensor } from '../formats/decode.js';
import { isNumeric } from '../formats/dtypes.js';
import { numberAttribute, numbersAttribute, tensorAttribute } from './attributes.js';
import { elementsOf } from './expression.js';
import type { Scope } from './graphScope.js';

/** Shapes, axes, split sizes and scalars: longer tensors are data, not parameters of an operation. */
const maximumElements = 64;

/** Values of a graph's small constants, read before the graph is walked, so that the walk itself does no I/O. */
export class SmallConstants {
  private readonly values = new Map<StoredTensor, number[]>();

  private constructor(private readonly constantNodes: Map<GraphNode, { tensor: StoredTensor; scope: Scope }>) {}

  /**
   * Reads every numeric constant of at most 64 elements that some operation could take as a parameter.
   * Cost: one small read per constant that the file's reader has not kept inline.
   */
  static async load(root: Scope): Promise<SmallConstants> {
    const constants = new SmallConstants(new Map());
    for (const scope of root.allScopes()) {
      for (const tensor of scope.initializers.values()) await constants.read(tensor);
      for (const node of scope.nodes) {
        if (node.opType !== 'Constant') continue;
        const tensor = constantNodeTensor(node);
        if (!tensor) continue;
        constants.constantNodes.set(node, { tensor, scope });
        await constants.read(tensor);
      }
    }
    return constants;
  }

  /** Elements in row-major order; null for a tensor that was too long. */
  of(tensor: StoredTensor): number[] | null {
    return this.values.get(tensor) ?? null;
  }

  /** The tensor of a Constant node, under the name of the node's output. */
  ofConstantNode(node: GraphNode): StoredTensor | null {
    return this.constantNodes.get(node)?.tensor ?? null;
  }

  /** The tensors of all Constant nodes, and the graph that each stands in. */
  nodeTensors(): { tensor: StoredTensor; scope: Scope }[] {
    return [...this.constantNodes.values()];
  }

  private async read(tensor: StoredTensor): Promise<void> {
    if (!isNumeric(tensor.dtype) && tensor.dtype !== 'bool') return;
    if (elementsOf(tensor.shape) > maximumElements) return;
    if (tensor.data.encoding === 'inline') {
      this.values.set(tensor, tensor.data.values);
      return;
    }
    const values: number[] = [];
    await readTensor(tensor, (chunk) => void values.push(...chunk));
    this.values.set(tensor, values);
  }
}

/** The value of a Constant node as a tensor; null for text and sparse values. */
function constantNodeTensor(node: GraphNode): StoredTensor | null {
  const name = node.outputs[0] ?? node.name;
  const tensor = tensorAttribute(node, 'value');
  if (tensor) return { ...tensor, name };
  const inline = (dtype: 'float32' | 'int64', shape: number[], values: number[]): StoredTensor => ({ name, dtype, shape, data: { encoding: 'inline', values } });
  if (typeof node.attributes.value_float === 'number') return inline('float32', [], [numberAttribute(node, 'value_float', 0)]);
  if (typeof node.attributes.value_int === 'number') return inline('int64', [], [numberAttribute(node, 'value_int', 0)]);
  const floats = numbersAttribute(node, 'value_floats');
  if (floats) return inline('float32', [floats.length], floats);
  const integers = numbersAttribute(node, 'value_ints');
  if (integers) return inline('int64', [integers.length], integers);
  return null;
}
