import { isNumeric } from '../formats/dtypes.js';
import type { StoredTensor } from '../formats/modelFile.js';
import { dequantized, elementsOf, stored } from './expression.js';
import type { WeightExpression } from './model.js';
import { parseName } from './tensorNames.js';

/** Types that are stored with a scale beside them. */
const scaledTypes = /^(float8|float4|int8$|int4$|uint4$|int2$|uint2$)/;
/** Tile that fine-grained float8 checkpoints use where the shape leaves a choice (DeepSeek-V3). */
const usualTile = 128;

export interface NamedQuantisation {
  weight: WeightExpression;
  scale: StoredTensor;
  zeroPoint: StoredTensor | null;
}

/** Whether values of this type mean little without a scale. */
export function isScaledType(dtype: string): boolean {
  return scaledTypes.test(dtype);
}

/**
 * Weights with their scale, found by name beside them (`x.weight_scale`, `x.weight_scale_inv`, `x.scales` …): one for
 * all, one per row or column, or one per tile. Null where there is none or its shape allows several readings.
 */
export function namedQuantisation(tensor: StoredTensor, byName: ReadonlyMap<string, StoredTensor>): NamedQuantisation | null {
  if (!isScaledType(tensor.dtype)) return null;
  const { module, leaf } = parseName(tensor.name);
  const prefix = tensor.name.slice(0, tensor.name.length - leaf.length);
  const find = (suffixes: string[]) => suffixes.map((suffix) => byName.get(suffix)).find((found) => found !== undefined) ?? null;
  const scale = find([`${tensor.name}_scale`, `${tensor.name}_scale_inv`, `${tensor.name}_scales`, `${tensor.name}.scale`, `${prefix}scale`, `${prefix}scales`, `${module}_scale`]);
  if (!scale?.dtype.startsWith('float') && scale?.dtype !== 'bfloat16') return null;
  const given = find([`${tensor.name}_zero_point`, `${tensor.name}.zero_point`, `${prefix}zero_point`, `${prefix}zeros`]);
  const zeroPoint = given && elementsOf(given.shape) === elementsOf(scale.shape) && isNumeric(given.dtype) ? given : null;
  const blocks = tiles(tensor.shape, scale.shape);
  if (!blocks || (given && !zeroPoint)) return null;
  return { weight: dequantized(stored(tensor), { scale, zeroPoint, axis: null, blockSize: 0, blocks }), scale, zeroPoint };
}

/** Tile sizes that lay a scale of shape `scale` over a tensor of shape `shape`; null where they do not fit. */
function tiles(shape: readonly number[], scale: readonly number[]): number[] | null {
  if (elementsOf(scale) === 1) return shape.slice();
  // A vector belongs to the rows, unless only the columns have its length.
  const grid = scale.length === shape.length ? scale : scale.length === 1 ? shape.map((_, axis) => (axis === (scale[0] === shape[0] ? 0 : 1) ? scale[0] : 1)) : null;
  const sizes = grid?.map((count, axis) => tile(shape[axis], count)) ?? null;
  return sizes?.every((size) => size !== null) ? sizes : null;
}

function tile(size: number, count: number): number | null {
  if (count > 1 && Math.ceil(size / usualTile) === count) return usualTile;
  return size % count === 0 ? size / count : null;
}
