import { elementsOf, type Value } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';
import { interpolationMatrix, isOutside, nearestIndices, type AxisResize, type Interpolation } from './interpolation.js';

/** A resized axis of the input. */
interface ResizedAxis extends AxisResize {
  axis: number;
}

/**
 * Resize as products with a constant matrix for each axis that changes; repeated or chosen elements in mode nearest.
 * Definition: https://onnx.ai/onnx/operators/onnx__Resize.html
 */
const resize: Lowering = (operation) => {
  const { graph } = operation;
  const interpolation = interpolationOf(operation);
  const axes = resizedAxes(operation, interpolation);
  const resized = axes.reduce((x, axis) => resizeAxis(operation, x, axis, interpolation), operation.input(0));
  const extrapolation = operation.float('extrapolation_value', 0);
  const inside = axes.filter((axis) => insideOf(axis, interpolation).includes(0)).map((axis) => maskOf(operation, axis, interpolation));
  if (inside.length === 0) return [resized];
  const everywhere = inside.reduce((product, mask) => graph.multiply(product, mask));
  return [graph.where(graph.cast(everywhere, 'bool'), resized, graph.scalar(extrapolation, resized))];
};

function interpolationOf(operation: Operation): Interpolation {
  return {
    mode: operation.text('mode', 'nearest'),
    coordinates: operation.text('coordinate_transformation_mode', 'half_pixel'),
    nearest: operation.text('nearest_mode', 'round_prefer_floor'),
    cubicCoefficient: operation.float('cubic_coeff_a', -0.75),
    excludeOutside: operation.integer('exclude_outside', 0) !== 0,
    antialias: operation.integer('antialias', 0) !== 0,
  };
}

/** The axes that change: their scales are told, or follow from the sizes of the output. */
function resizedAxes(operation: Operation, { coordinates }: Interpolation): ResizedAxis[] {
  const { shape } = operation.input(0);
  const output = operation.output().shape;
  const axes = (operation.integers('axes') ?? shape.map((_, axis) => axis)).map((axis) => operation.axis(axis));
  const cropped = coordinates === 'tf_crop_and_resize';
  const region = cropped ? operation.parameters(1) : null;
  const scales = scalesOf(operation, axes);
  const regionOf = (i: number): readonly [number, number] => (region === null || region.length === 0 ? [0, 1] : [region[i], region[i + axes.length]]);
  return axes
    .map((axis, i) => ({ axis, size: shape[axis], resized: output[axis], scale: scales[i], region: regionOf(i) }))
    .filter(({ size, resized, scale, region: [start, end] }) => size !== resized || (cropped ? start !== 0 || end !== 1 : scale !== 1));
}

function scalesOf(operation: Operation, axes: readonly number[]): number[] {
  const { shape } = operation.input(0);
  const given = operation.parameters(2);
  if (given !== null && given.length > 0) return [...given];
  const sizes = operation.parameters(3) ?? operation.fail('has neither scales nor sizes');
  const scales = axes.map((axis, i) => sizes[i] / shape[axis]);
  const policy = operation.text('keep_aspect_ratio_policy', 'stretch');
  if (policy === 'stretch') return scales;
  const common = policy === 'not_larger' ? Math.min(...scales) : Math.max(...scales);
  return scales.map(() => common);
}

function resizeAxis(operation: Operation, x: Value, axis: ResizedAxis, interpolation: Interpolation): Value {
  if (interpolation.mode !== 'nearest') return matrixAlong(operation, x, axis, interpolationMatrix(axis, interpolation));
  const indices = nearestIndices(axis, interpolation);
  const times = axis.resized / axis.size;
  if (indices.every((index, i) => index === Math.floor(i / times)) && Number.isInteger(times)) return repeat(operation, x, axis.axis, times);
  const matrix = new Float64Array(axis.resized * axis.size);
  for (const [i, index] of indices.entries()) matrix[i * axis.size + index] = 1;
  return matrixAlong(operation, x, axis, matrix);
}

/** Every element of an axis several times in a row. */
function repeat({ graph }: Operation, x: Value, axis: number, times: number): Value {
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const size = x.shape[axis];
  const spread = graph.expand(graph.reshape(x, [...before, size, 1, ...after]), [...before, size, times, ...after]);
  return graph.reshape(spread, [...before, size * times, ...after]);
}

/** An axis replaced by its products with the rows of a matrix [resized, size]. */
function matrixAlong({ graph }: Operation, x: Value, { axis, size, resized }: ResizedAxis, elements: Float64Array): Value {
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const matrix = graph.constant(x.dtype, [resized, size], elements);
  const [rows, columns] = [elementsOf(before), elementsOf(after)];
  const product = columns === 1 ? graph.matrixProduct(graph.reshape(x, [rows, size]), graph.transposeLast(matrix)) : graph.matrixProduct(matrix, graph.reshape(x, [rows, size, columns]));
  return graph.reshape(product, [...before, resized, ...after]);
}

/** 1 for the elements of an axis that lie inside the input, 0 for the others. */
function insideOf(axis: ResizedAxis, interpolation: Interpolation): number[] {
  return Array.from({ length: axis.resized }, (_, i) => (isOutside(i, axis, interpolation) ? 0 : 1));
}

function maskOf(operation: Operation, axis: ResizedAxis, interpolation: Interpolation): Value {
  const { shape } = operation.output();
  return operation.graph.constant(operation.input(0).dtype, shape.map((size, i) => (i === axis.axis ? size : 1)), insideOf(axis, interpolation));
}

export const resizing: Lowerings = { Resize: resize };
