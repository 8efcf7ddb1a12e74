import type { ModelFile, StoredTensor } from '../formats/modelFile.js';
import { elementsOf, reshaped, sliced, stored, transposed } from './expression.js';
import { idOfRecurrentTensor, idOfTensor, UniqueIds } from './layerNames.js';
import type { Layer, LayerKind, Model, WeightExpression } from './model.js';
import { isScaledType, namedQuantisation } from './namedQuantisation.js';
import {
  fusedProjection,
  isConv1dName,
  isEmbeddingName,
  isExpertStackName,
  isKernelName,
  isTokenName,
  isTransposedConvolutionName,
  parseName,
  recurrentName,
  roleReason,
  type TensorName,
} from './tensorNames.js';

/** PyTorch's order of the gates in a stacked matrix, by their names in ids. */
const gatesOfPyTorch: Record<number, readonly string[]> = { 4: ['i', 'f', 'c', 'o'], 3: ['r', 'z', 'h'], 1: ['i'] };
/** Spatial axes beyond the two of channels: 1, 2 and 3. */
const mostAxes = 5;

/** A layer before its id is unique; `weight` is [groups, rows, columns]. */
interface NamedLayer {
  id: string;
  kind: LayerKind;
  weight: WeightExpression;
  shape: number[];
}

/** The layers of a file without a graph, in the file's order, told by names and shapes alone. */
export function namedModel(file: ModelFile): Model {
  const byName = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  const context: Context = { byName, conv1d: storesConv1d(file.tensors) };
  const ids = new UniqueIds();
  const layers: Layer[] = [];
  const reasons = new Map<string, string>();
  for (const tensor of byName.values()) {
    const quantisation = namedQuantisation(tensor, byName);
    if (quantisation) reasons.set(quantisation.scale.name, `quantisation scale of ${idOfTensor(tensor.name)}`);
    if (quantisation?.zeroPoint) reasons.set(quantisation.zeroPoint.name, `quantisation zero point of ${idOfTensor(tensor.name)}`);
  }
  for (const tensor of byName.values()) {
    if (reasons.has(tensor.name)) continue;
    const found = layersOf(tensor, context);
    if (typeof found === 'string') {
      reasons.set(tensor.name, found);
      continue;
    }
    for (const named of found) layers.push(finish(tensor, named, ids));
  }
  const used = new Set(layers.map((layer) => layer.tensor));
  const skipped = [...byName.keys()].filter((name) => !used.has(name)).map((name) => ({ tensor: name, reason: reasons.get(name) ?? 'not the weights of a layer' }));
  for (const { tensor, reason } of file.skipped ?? []) if (!byName.has(tensor)) skipped.push({ tensor, reason });
  return { file, layers, uses: [], skipped, function: null };
}

interface Context {
  byName: ReadonlyMap<string, StoredTensor>;
  /** Whether square matrices of GPT-2's names are stored [in, out]. */
  conv1d: boolean;
}

/** The layers of one tensor, or the reason why it is none. */
function layersOf(tensor: StoredTensor, context: Context): NamedLayer[] | string {
  const { dtype, shape } = tensor;
  const name = parseName(tensor.name);
  if (dtype === 'string' || dtype === 'bool' || dtype.startsWith('complex')) return `${dtype} values have no spectrum`;
  if (elementsOf(shape) === 0) return 'it has no elements';
  const role = roleReason(name);
  if (role !== null) return role;
  const quantisation = namedQuantisation(tensor, context.byName);
  if (/^u?int/.test(dtype) && !quantisation) return isScaledType(dtype) && shape.length > 1 ? 'integers without a scale that fits: packed or unknown quantisation' : 'integers: a counter, an index or packed weights';
  if (shape.length === 0 || (elementsOf(shape) === 1 && name.leaf !== 'weight')) return 'one number';
  if (shape.length === 1) return '1-D: bias or scale';
  if (isTokenName(name) && elementsOf(shape) === shape.at(-1)) return 'a single vector: token or scale';
  if (shape.length > mostAxes) return `a tensor with ${shape.length} axes is no known layer`;
  const weight = quantisation?.weight ?? stored(tensor);
  const id = idOfTensor(tensor.name);
  if (recurrentName(name)) return recurrentLayers(name, tensor, weight, context) ?? [{ id, kind: 'recurrent', weight: block(weight), shape }];
  const squeezed = shape.slice(shape.findIndex((size) => size !== 1));
  if (isEmbeddingName(name) && (shape.length === 2 || squeezed.length === 2)) {
    return [{ id, kind: 'embedding', weight: block(shape.length === 2 ? weight : reshaped(weight, squeezed)), shape }];
  }
  if (shape.length === 2) return matrixLayers(name, tensor, weight, context);
  if (isExpertStackName(name) && shape.length === 3) return [{ id, kind: 'other', weight, shape }];
  return [convolutionLayer(name, tensor, weight, context)];
}

/** A 2-D tensor: dense, or a fused projection split into q, k and v. */
function matrixLayers(name: TensorName, tensor: StoredTensor, weight: WeightExpression, context: Context): NamedLayer[] {
  const { shape } = tensor;
  const id = idOfTensor(tensor.name);
  const inputsFirst = storesInputsFirst(name, shape, context);
  const matrix = inputsFirst ? transposed(weight, [1, 0]) : weight;
  const fused = fusedProjection(name);
  if (!fused) return [{ id, kind: 'dense', weight: block(matrix), shape }];
  const [rows, columns] = matrix.shape;
  if (!fused.splits || rows % 3 !== 0 || (!fused.even && rows !== 3 * columns)) return [{ id, kind: 'attention', weight: block(matrix), shape }];
  const part = rows / 3;

  return ['q', 'k', 'v'].map((letter, i) => ({
    id: `${id}.${letter}`,
    kind: 'attention',
    weight: block(sliced(matrix, 0, i * part, part)),
    shape: inputsFirst ? [columns, part] : [part, columns],
  }));
}

/** Whether a matrix is stored [in, out]: by framework, by the length of its bias, by GPT-2's names. */
function storesInputsFirst(name: TensorName, shape: readonly number[], context: Context): boolean {
  if (isKernelName(name)) return true;
  const outputs = biasLength(name, context);
  if (outputs !== null && shape[0] !== shape[1]) {
    if (outputs === shape[0]) return false;
    if (outputs === shape[1]) return true;
  }
  return isConv1dName(name) && context.conv1d;
}

function biasLength({ module }: TensorName, { byName }: Context): number | null {
  const bias = module === '' ? undefined : (byName.get(`${module}.bias`) ?? byName.get(`${module}/bias`));
  return bias?.shape.length === 1 ? bias.shape[0] : null;
}

/** GPT-2 checkpoints hold c_attn as [width, 3·width] and c_fc as [width, 4·width]; models built of Linear the other way. */
function storesConv1d(tensors: readonly StoredTensor[]): boolean {
  for (const { name, shape } of tensors) {
    const parsed = parseName(name);
    if (isConv1dName(parsed) && /^(c_attn|c_fc)$/.test(parsed.owner) && shape.length === 2 && shape[0] !== shape[1]) return shape[1] > shape[0];
  }
  return true;
}

function convolutionLayer(name: TensorName, tensor: StoredTensor, weight: WeightExpression, context: Context): NamedLayer {
  const { shape } = tensor;
  const id = idOfTensor(tensor.name);
  const rank = shape.length;
  const fold = (of: WeightExpression) => block(reshaped(of, [of.shape[0], elementsOf(of.shape.slice(1))]));
  if (isKernelName(name)) {
    const window = [...shape.keys()].slice(0, -2);
    return { id, kind: 'convolution', weight: fold(transposed(weight, [rank - 1, rank - 2, ...window])), shape };
  }
  const outputs = biasLength(name, context);
  const byBias = outputs !== null && shape[0] !== shape[1] ? outputs === shape[1] && outputs !== shape[0] : null;
  if (byBias ?? isTransposedConvolutionName(name)) {
    const window = [...shape.keys()].slice(2);
    return { id, kind: 'convolutionTranspose', weight: fold(transposed(weight, [1, 0, ...window])), shape };
  }
  return { id, kind: 'convolution', weight: fold(weight), shape };
}

/** The gates of PyTorch's LSTM, GRU or RNN; null where the shape does not tell their number. */
function recurrentLayers(name: TensorName, tensor: StoredTensor, weight: WeightExpression, { byName }: Context): NamedLayer[] | null {
  const cell = recurrentName(name);
  const prefix = tensor.name.slice(0, tensor.name.length - name.leaf.length);
  const hidden = cell && byName.get(prefix + cell.sibling);
  const projection = cell && byName.get(prefix + cell.sibling.replace('weight_hh', 'weight_hr'));
  const width = projection?.shape[1] ?? hidden?.shape[1];
  if (!cell || tensor.shape.length !== 2 || !width) return null;
  const [rows, columns] = tensor.shape;
  const gates = (gatesOfPyTorch as Partial<Record<number, readonly string[]>>)[rows / width];
  if (!gates) return null;
  // The same names as in an exported graph, where the second layer is the second of its kind.
  const repeat = cell.layer > 0 ? `#${cell.layer + 1}` : '';
  return gates.map((gate, i) => ({
    id: `${idOfRecurrentTensor(tensor.name)}.${cell.letter}.${cell.direction}.${gate}${repeat}`,
    kind: 'recurrent',
    weight: block(sliced(weight, 0, i * width, width)),
    shape: [width, columns],
  }));
}

function block(matrix: WeightExpression): WeightExpression {
  return reshaped(matrix, [1, ...matrix.shape]);
}

function finish(tensor: StoredTensor, named: NamedLayer, ids: UniqueIds): Layer {
  const [groups, rows, columns] = named.weight.shape;
  return {
    id: ids.next(named.id),
    name: tensor.name,
    kind: named.kind,
    tensor: tensor.name,
    shape: named.shape,
    dtype: tensor.dtype,
    parameters: elementsOf(named.weight.shape),
    groups,
    matrixShape: [groups * rows, groups * columns],
    weight: named.weight,
    convolution: null,
    readers: null,
  };
}
