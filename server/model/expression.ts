import type { StoredTensor } from '../formats/modelFile.js';
import type { WeightExpression } from './model.js';

/**
 * Building blocks of weight expressions. Each function keeps the expression as plain as it can (nothing wrapped that
 * changes nothing, slices pushed into concatenations), so that two ways of writing the same matrix look the same.
 */

/** Product of the sizes; 1 for a scalar. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Strides, in elements, of a row-major array. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}

/** A tensor as it lies in the file. */
export function stored(tensor: StoredTensor): WeightExpression {
  return { op: 'stored', tensor, shape: tensor.shape };
}

/** Axis i of the result is axis permutation[i] of `of`. */
export function transposed(of: WeightExpression, permutation: number[]): WeightExpression {
  if (permutation.every((from, to) => from === to)) return of;
  if (of.op === 'transpose') return transposed(of.of, permutation.map((axis) => of.permutation[axis]));
  return { op: 'transpose', of, permutation, shape: permutation.map((axis) => of.shape[axis]) };
}

/** The same elements in row-major order under another shape of the same size. */
export function reshaped(of: WeightExpression, shape: number[]): WeightExpression {
  if (shape.length === of.shape.length && shape.every((size, axis) => size === of.shape[axis])) return of;
  if (of.op === 'reshape') return reshaped(of.of, shape);
  return { op: 'reshape', of, shape };
}

/** Indices start … start + length − 1 of one axis. */
export function sliced(of: WeightExpression, axis: number, start: number, length: number): WeightExpression {
  if (start === 0 && length === of.shape[axis]) return of;
  const shape = of.shape.with(axis, length);
  if (of.op === 'slice' && of.axis === axis) return sliced(of.of, axis, of.start + start, length);
  if (of.op === 'transpose') return transposed(sliced(of.of, of.permutation[axis], start, length), of.permutation);
  if (of.op === 'reshape') {
    const inner = sameAxis(of.shape, axis, of.of.shape);
    if (inner !== null) return reshaped(sliced(of.of, inner, start, length), shape);
  }
  if (of.op === 'concat') {
    if (of.axis !== axis) return concatenated(of.of.map((part) => sliced(part, axis, start, length)), of.axis);
    const parts: WeightExpression[] = [];
    let offset = 0;
    for (const part of of.of) {
      const from = Math.max(start - offset, 0);
      const to = Math.min(start + length - offset, part.shape[axis]);
      if (to > from) parts.push(sliced(part, axis, from, to - from));
      offset += part.shape[axis];
    }
    return concatenated(parts, axis);
  }
  return { op: 'slice', of, axis, start, shape };
}

/** The axis of `other` that runs over the same elements in the same way as `axis` of `shape`, if there is one. */
function sameAxis(shape: readonly number[], axis: number, other: readonly number[]): number | null {
  const before = elementsOf(shape.slice(0, axis));
  for (let i = 0, product = 1; i < other.length; product *= other[i], i++) {
    if (product === before && other[i] === shape[axis]) return i;
  }
  return null;
}

/** Parts one after the other along an axis. */
export function concatenated(of: WeightExpression[], axis: number): WeightExpression {
  if (of.length === 1) return of[0];
  const length = of.reduce((sum, part) => sum + part.shape[axis], 0);
  return { op: 'concat', of, axis, shape: of[0].shape.with(axis, length) };
}

/** Every element times a constant. */
export function scaled(of: WeightExpression, factor: number): WeightExpression {
  if (factor === 1) return of;
  if (of.op === 'scale') return scaled(of.of, of.factor * factor);
  return { op: 'scale', of, factor, shape: of.shape };
}

export interface Quantisation {
  scale: StoredTensor;
  zeroPoint: StoredTensor | null;
  /** Null: one scale for all. */
  axis: number | null;
  blockSize: number;
  blocks?: number[];
}

/** (x − zeroPoint)·scale. */
export function dequantized(of: WeightExpression, by: Quantisation): WeightExpression {
  return { op: 'dequantize', of, ...by, shape: of.shape };
}

/** Tensors whose elements are the weights, in the order they appear; scales and zero points are not among them. */
export function weightTensors(expression: WeightExpression): StoredTensor[] {
  if (expression.op === 'stored') return [expression.tensor];
  if (expression.op === 'concat') return expression.of.flatMap(weightTensors);
  return weightTensors(expression.of);
}

/** Scales and zero points of an expression. */
export function quantisationTensors(expression: WeightExpression): { scales: StoredTensor[]; zeroPoints: StoredTensor[] } {
  if (expression.op === 'stored') return { scales: [], zeroPoints: [] };
  const inner = (expression.op === 'concat' ? expression.of : [expression.of]).map(quantisationTensors);
  const found = { scales: inner.flatMap((i) => i.scales), zeroPoints: inner.flatMap((i) => i.zeroPoints) };
  if (expression.op === 'dequantize') {
    found.scales.push(expression.scale);
    if (expression.zeroPoint) found.zeroPoints.push(expression.zeroPoint);
  }
  return found;
}

/**
 * A text that is equal for two expressions that take the same elements of the same tensors, in whatever arrangement:
 * the tensors' names and, where only a part is taken, which part.
 */
export function contentKey(expression: WeightExpression): string {
  switch (expression.op) {
    case 'stored':
      return expression.tensor.name;
    case 'concat':
      return expression.of.map(contentKey).join(' + ');
    case 'slice': {
      const size = expression.shape[expression.axis];
      return `${contentKey(expression.of)}[${expression.of.shape.join('×')} axis ${expression.axis}: ${expression.start}+${size}]`;
    }
    default:
      return contentKey(expression.of);
  }
}
