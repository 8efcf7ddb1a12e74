import type { Lowering, Lowerings } from '../lowering.js';

/** 1 at the first maximum along an axis. */
const hardmax: Lowering = (operation) => {
  const { graph } = operation;
  const x = operation.input(0);
  if (x.dtype !== 'float64') return null;
  const axis = operation.axis(operation.integer('axis', -1));
  const place = graph.one('ArgMax', [x], x.shape.map((size, i) => (i === axis ? 1 : size)), { axis, keepdims: 1 }, 'int64');
  const counted = graph.constant('int64', [x.shape[axis], ...x.shape.slice(axis + 1).map(() => 1)], Array.from({ length: x.shape[axis] }, (_, i) => i));
  return [graph.cast(graph.compare('Equal', place, counted), 'float64')];
};

/** The two values are chosen by a pattern of 0 and 1. */
const oneHot: Lowering = (operation) => {
  const { graph } = operation;
  const [indices, depth, values] = [operation.input(0), operation.input(1), operation.input(2)];
  if (values.dtype !== 'float64') return null;
  const pattern = graph.one('OneHot', [graph.cast(indices, 'int64'), graph.cast(depth, 'int64'), graph.integers([0, 1])], operation.output().shape, { axis: operation.integer('axis', -1) }, 'int64');
  const value = (index: number) => graph.reshape(graph.slice(values, [0], [index], [index + 1]), []);
  return [graph.where(graph.cast(pattern, 'bool'), value(1), value(0))];
};

const nonZero: Lowering = (operation) => {
  const { graph } = operation;
  const x = operation.input(0);
  return x.dtype === 'float64' ? [graph.one('NonZero', [graph.cast(x, 'bool')], operation.output().shape, {}, 'int64')] : null;
};

/** The lowest and highest frequency are taken in float32 alone; they become whole numbers of bins. */
const melWeights: Lowering = (operation) => {
  const { graph, inputs, node } = operation;
  if (operation.input(3).dtype !== 'float64') return null;
  const given = inputs.map((input) => (input?.dtype === 'float64' ? graph.cast(input, 'float32') : input));
  return [graph.one('MelWeightMatrix', given, operation.output().shape, node.attributes, operation.output().dtype)];
};

/** Choices of elements that onnxruntime has no double kernel of. */
export const selections: Lowerings = { Hardmax: hardmax, OneHot: oneHot, NonZero: nonZero, MelWeightMatrix: melWeights };
