import type { ModelFile, StoredTensor } from '../formats/modelFile.js';
import { isKnownDomain } from './attributes.js';
import type { ConstantResolver } from './constantResolver.js';
import { elementsOf, quantisationTensors, weightTensors } from './expression.js';
import type { FoundLayer } from './draft.js';
import type { Scope, Use } from './graphScope.js';
import type { Model } from './model.js';

/** Operations that only move elements on the way to where a constant is really used. */
const moving = new Set(['Identity', 'Cast', 'Transpose', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Slice', 'Split', 'Concat', 'DequantizeLinear', 'QuantizeLinear', 'Expand', 'Tile']);
const normalisations: Record<string, string> = {
  BatchNormalization: 'batch normalisation',
  InstanceNormalization: 'instance normalisation',
  LayerNormalization: 'layer normalisation',
  SimplifiedLayerNormalization: 'layer normalisation',
  SkipLayerNormalization: 'layer normalisation',
  SkipSimplifiedLayerNormalization: 'layer normalisation',
  EmbedLayerNormalization: 'layer normalisation',
  GroupNormalization: 'group normalisation',
  RMSNormalization: 'RMS normalisation',
};
/** Inputs of operations that hold shapes, axes, indices and the like. */
const parameterInputs: Record<string, readonly number[]> = {
  Reshape: [1], Squeeze: [1], Unsqueeze: [1], Expand: [1], Tile: [1], Slice: [1, 2, 3, 4], Split: [1], Pad: [1, 3], Resize: [1, 2, 3], Upsample: [1],
  Gather: [1], GatherElements: [1], GatherND: [1], TopK: [1], OneHot: [1, 2], Range: [0, 1, 2], ConstantOfShape: [0], CumSum: [1], Clip: [1, 2], Trilu: [1],
};

/**
 * Every tensor that is not the weight of a layer, with the reason: the file's initializers, those of nested graphs, the
 * matrices of Constant nodes, and what the reader could not decode.
 */
export function skippedTensors(file: ModelFile, root: Scope, resolver: ConstantResolver, layers: readonly FoundLayer[], refused: ReadonlyMap<string, string>): Model['skipped'] {
  const used = new Set(layers.flatMap(({ layer }) => weightTensors(layer.weight).map((tensor) => tensor.name)));
  const reasons = new Map<string, string>();
  const give = (name: string, reason: string) => {
    if (!reasons.has(name)) reasons.set(name, reason);
  };
  for (const { tensor, reason } of file.skipped ?? []) give(tensor, reason);
  for (const { layer, uses } of layers) {
    const { scales, zeroPoints } = quantisationTensors(layer.weight);
    // Parts of one tensor share its bias: named without the part.
    const id = withoutSuffix(layer.id, uses[0].suffix);
    for (const tensor of scales) give(tensor.name, `quantisation scale of ${id}`);
    for (const tensor of zeroPoints) give(tensor.name, `quantisation zero point of ${id}`);
    for (const use of uses) for (const name of biasTensors(use, resolver)) give(name, `bias of ${id}`);
  }
  const homes = new Map<string, { tensor: StoredTensor; scope: Scope }>();
  for (const tensor of file.tensors) homes.set(tensor.name, { tensor, scope: root });
  for (const scope of root.allScopes()) for (const tensor of scope.initializers.values()) if (!homes.has(tensor.name)) homes.set(tensor.name, { tensor, scope });
  const skipped = [...homes.values()].filter(({ tensor }) => !used.has(tensor.name)).map(({ tensor, scope }) => ({ tensor: tensor.name, reason: reasons.get(tensor.name) ?? reasonOf(tensor, scope, refused) }));
  for (const { tensor, scope } of resolver.small.nodeTensors()) {
    const { name, shape, dtype } = tensor;
    if (used.has(name) || homes.has(name) || shape.length < 2 || elementsOf(shape) < 2 || /int|bool|string/.test(dtype)) continue;
    skipped.push({ tensor: name, reason: reasons.get(name) ?? reasonOf(tensor, scope, refused) });
  }
  for (const { tensor, reason } of file.skipped ?? []) if (!homes.has(tensor) && !skipped.some((other) => other.tensor === tensor)) skipped.push({ tensor, reason });
  return skipped;
}

/** `attn.qkv.q#2` without `.q` is `attn.qkv#2`: the last occurrence goes, a module may be called like the part. */
function withoutSuffix(id: string, suffix: string): string {
  const at = id.lastIndexOf(suffix);
  return at < 0 ? id : id.slice(0, at) + id.slice(at + suffix.length);
}

/** Constants added to a layer's output: the node's own bias input, or an Add after it. */
function biasTensors(use: FoundLayer['uses'][number], resolver: ConstantResolver): string[] {
  const { node, scope } = use.at;
  const names = (input: string | undefined) => {
    const expression = input === undefined ? null : resolver.resolve(scope, input);
    return expression ? weightTensors(expression).map((tensor) => tensor.name) : [];
  };
  const own = use.biasInputs.flatMap((input) => names(node.inputs[input]));
  if (use.kind === 'embedding' || use.kind === 'recurrent') return own;
  const after: string[] = [];
  let value = node.outputs[0] ?? '';
  // A reshape may stand between a product and its bias.
  for (let steps = 0; steps < 3; steps++) {
    const uses = scope.usesOf(value);
    for (const { node: next, input } of uses) if (next.opType === 'Add' || next.opType === 'BiasGelu' || next.opType === 'FastGelu') after.push(...names(next.inputs[1 - input]));
    const only = uses.length === 1 ? uses[0] : null;
    if (!only || !(moving.has(only.node.opType) || only.node.opType === 'Mul') || only.input !== 0) break;
    value = only.node.outputs[0];
  }
  return [...own, ...after];
}

function reasonOf(tensor: StoredTensor, scope: Scope, refused: ReadonlyMap<string, string>): string {
  const { shape, dtype, name } = tensor;
  const given = refused.get(name);
  if (given !== undefined) return given;
  if (dtype === 'string' || dtype === 'bool' || dtype.startsWith('complex')) return `${dtype} values have no spectrum`;
  if (elementsOf(shape) === 0) return 'it has no elements';
  // Uses as they are come before those behind an Identity: exporters share equal constants that way.
  const uses = [...scope.usesOf(name)].sort((a, b) => Number(moving.has(a.node.opType)) - Number(moving.has(b.node.opType)));
  if (uses.length === 0) return scope.isOutput(name) ? 'passed through to the output, not used by an operation' : 'no operation of the graph uses it';
  const role = uses.map((use) => roleOf(use)).find((found) => found !== null);
  if (role) return role;
  const unknown = uses.find(({ node }) => !isKnownDomain(node.domain));
  if (unknown) return `constant of ${unknown.node.domain}.${unknown.node.opType}, an operator that is not known here`;
  const operations = [...new Set(uses.flatMap((use) => finalUses(use)).map((use) => use.node.opType))].slice(0, 3).join(', ');
  if (/^u?int/.test(dtype)) return `integer constant (of ${operations})`;
  if (elementsOf(shape) === 1) return `one number (of ${operations})`;
  if (shape.length === 1) return `1-D: bias or scale (of ${operations})`;
  return `not the weights of a layer (constant of ${operations})`;
}

/** What a constant is for the operation that takes it, through operations that move it. */
function roleOf(use: Use, depth = 0): string | null {
  const { node, input } = use;
  const label = node.name || node.outputs[0];
  const normalisation = normalisations[node.opType] as string | undefined;
  if (normalisation) {
    const roles = node.opType === 'BatchNormalization' ? ['', 'scale', 'shift', 'running mean', 'running variance'] : ['', 'scale', 'shift'];
    return `${roles[input] || 'scale or shift'} of ${normalisation} ${label}`;
  }
  if (node.opType === 'QuantizeLinear' || node.opType === 'DequantizeLinear') {
    if (input === 1) return `quantisation scale of ${node.inputs[0]}`;
    if (input === 2) return `quantisation zero point of ${node.inputs[0]}`;
  }
  if ((parameterInputs[node.opType] as readonly number[] | undefined)?.includes(input)) return `parameter of ${node.opType} ${label}`;
  if (['LSTM', 'GRU', 'RNN'].includes(node.opType) && input >= 3) {
    return `${['bias', 'sequence lengths', 'initial hidden state', 'initial cell state', 'peephole weights'][input - 3] ?? 'parameter'} of ${node.opType} ${label}`;
  }
  if (['Conv', 'ConvTranspose', 'Gemm', 'FusedConv', 'FusedGemm'].includes(node.opType) && input === 2) return `bias of ${node.opType} ${label}`;
  if (!moving.has(node.opType) || depth > 8) return null;
  return node.outputs.flatMap((output) => use.scope.usesOf(output)).map((next) => roleOf(next, depth + 1)).find((role) => role !== null) ?? null;
}

/** The uses behind operations that only move elements. */
function finalUses(use: Use, depth = 0): Use[] {
  if (!moving.has(use.node.opType) || depth > 4) return [use];
  const next = use.node.outputs.flatMap((output) => use.scope.usesOf(output));
  return next.length === 0 ? [use] : next.slice(0, 3).flatMap((inner) => finalUses(inner, depth + 1));
}
