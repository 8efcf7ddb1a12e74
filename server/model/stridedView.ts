import type { StoredTensor } from '../formats/modelFile.js';
import { elementsOf, rowMajorStrides } from './expression.js';
import type { WeightExpression } from './model.js';

/**
 * A strided view: where each element of an array lies in a source, without copying it. Every logical axis is a list of
 * dimensions, so that a reshape only regroups them: no merge of non-contiguous axes is ever needed, and splits fail only
 * where the new boundary cuts a dimension unevenly.
 */
export interface StridedView {
  source: StoredTensor | Intermediate;
  axes: Dimension[][];
  /** Index of the first element: in the source, then in each scale and zero point. */
  offsets: number[];
  /** Applied to every element in this order. */
  steps: ViewStep[];
}

/** An array that must be made before it can be viewed: the parts written one after the other, then scaled. */
export interface Intermediate {
  elements: number;
  /** Written in blocks of `length` elements that begin at `offset` and follow each other at `step`. */
  parts: { view: StridedView; length: number; step: number; offset: number }[];
  dequantize: Extract<WeightExpression, { op: 'dequantize' }> | null;
}

export function isIntermediate(source: StoredTensor | Intermediate): source is Intermediate {
  return 'parts' in source;
}

export interface Dimension {
  size: number;
  /** Step of the index in the source, then in each scale and zero point. */
  strides: number[];
}

export type ViewStep =
  | { kind: 'multiply'; factor: number }
  /** `scaleIndex` and `zeroPointIndex` are positions in `offsets` and `strides`. */
  | { kind: 'dequantize'; scale: StoredTensor; scaleIndex: number; zeroPoint: StoredTensor | null; zeroPointIndex: number };

/** The view of a whole array. */
export function wholeView(source: StoredTensor | Intermediate, shape: readonly number[]): StridedView {
  const strides = rowMajorStrides(shape);
  return { source, axes: shape.map((size, axis) => [{ size, strides: [strides[axis]] }]), offsets: [0], steps: [] };
}

/** Sizes of the logical axes. */
export function viewShape(view: StridedView): number[] {
  return view.axes.map((axis) => elementsOf(axis.map((dimension) => dimension.size)));
}

export function transposeView(view: StridedView, permutation: readonly number[]): StridedView {
  return { ...view, axes: permutation.map((axis) => view.axes[axis]) };
}

export function multiplyView(view: StridedView, factor: number): StridedView {
  return { ...view, steps: [...view.steps, { kind: 'multiply', factor }] };
}

/** The view under another shape of the same size; null where a boundary of the new shape cuts a dimension unevenly. */
export function reshapeView(view: StridedView, shape: readonly number[]): StridedView | null {
  const queue = view.axes.flat().filter((dimension) => dimension.size !== 1);
  const axes: Dimension[][] = [];
  for (const size of shape) {
    const axis: Dimension[] = [];
    let wanted = size;
    while (wanted > 1) {
      const next = queue.shift();
      if (!next) return null;
      if (wanted % next.size === 0) {
        axis.push(next);
        wanted /= next.size;
      } else if (next.size % wanted === 0) {
        const inner = next.size / wanted;
        axis.push({ size: wanted, strides: next.strides.map((stride) => stride * inner) });
        queue.unshift({ size: inner, strides: next.strides });
        wanted = 1;
      } else {
        return null;
      }
    }
    axes.push(axis);
  }
  return { ...view, axes };
}

/** Indices start … start + length − 1 of one axis; null where the axis is composed and the cut is inside a dimension. */
export function sliceView(view: StridedView, axis: number, start: number, length: number): StridedView | null {
  const dimensions = mergedDimensions(view.axes[axis]);
  if (dimensions.length === 0) return view;
  const [outer, ...rest] = dimensions;
  const inner = elementsOf(rest.map((dimension) => dimension.size));
  if (start % inner !== 0 || length % inner !== 0) return null;
  const offsets = view.offsets.map((offset, i) => offset + (start / inner) * outer.strides[i]);
  return { ...view, offsets, axes: view.axes.with(axis, [{ ...outer, size: length / inner }, ...rest]) };
}

/** Neighbours that step evenly through everything become one dimension; dimensions of size 1 vanish. */
export function mergedDimensions(dimensions: readonly Dimension[]): Dimension[] {
  const merged: Dimension[] = [];
  for (const dimension of dimensions) {
    if (dimension.size === 1) continue;
    const last = merged.at(-1);
    if (last?.strides.every((stride, i) => stride === dimension.size * dimension.strides[i])) {
      merged[merged.length - 1] = { size: last.size * dimension.size, strides: dimension.strides };
    } else {
      merged.push(dimension);
    }
  }
  return merged;
}

/** Block sizes along every axis: how many neighbours share a scale. */
export function quantisationBlocks(expression: Extract<WeightExpression, { op: 'dequantize' }>): number[] {
  if (expression.blocks) return expression.blocks;
  const shape = expression.of.shape;
  if (expression.axis === null) return shape.slice();
  const blocked = expression.blockSize > 0;
  return shape.map((size, axis) => (axis === expression.axis ? Math.max(expression.blockSize, 1) : blocked ? 1 : size));
}

/** Attaches scales and zero points; null where a block does not divide its axis or the axis is already composed. */
export function dequantizeView(view: StridedView, expression: Extract<WeightExpression, { op: 'dequantize' }>): StridedView | null {
  const blocks = quantisationBlocks(expression);
  const shape = viewShape(view);
  if (blocks.some((block, axis) => shape[axis] % block !== 0)) return null;
  const tiles = shape.map((size, axis) => size / blocks[axis]);
  const scaleStrides = tileStrides(tiles, expression.scale);
  const zeroStrides = tileStrides(tiles, expression.zeroPoint);
  const split = reshapeView(view, shape.flatMap((_, axis) => [tiles[axis], blocks[axis]]));
  if (!split) return null;
  const axes = shape.map((_, axis) => [
    ...withStrides(split.axes[2 * axis], scaleStrides[axis], zeroStrides[axis]),
    ...withStrides(split.axes[2 * axis + 1], 0, 0),
  ]);
  const scaleIndex = view.offsets.length;
  return {
    ...view,
    axes,
    offsets: [...view.offsets, 0, 0],
    steps: [...view.steps, { kind: 'dequantize', scale: expression.scale, scaleIndex, zeroPoint: expression.zeroPoint, zeroPointIndex: scaleIndex + 1 }],
  };
}

/** Strides of the tile grid in a tensor that holds one value per tile, or one for all. */
export function tileStrides(tiles: readonly number[], values: StoredTensor | null): number[] {
  return values === null || elementsOf(values.shape) === 1 ? tiles.map(() => 0) : rowMajorStrides(tiles);
}

function withStrides(dimensions: readonly Dimension[], scale: number, zeroPoint: number): Dimension[] {
  let inner = elementsOf(dimensions.map((dimension) => dimension.size));
  return dimensions.map((dimension) => {
    inner /= dimension.size;
    return { size: dimension.size, strides: [...dimension.strides, scale * inner, zeroPoint * inner] };
  });
}

/** What a view uses of its scales or zero points at the position `index` of its offsets: the first and the count. */
export function stepRange(view: StridedView, index: number): [start: number, count: number] {
  const span = view.axes.flat().reduce((sum, { size, strides }) => sum + (size - 1) * strides[index], 0);
  return [view.offsets[index], span + 1];
}
