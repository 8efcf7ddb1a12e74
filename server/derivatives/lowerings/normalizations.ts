import type { GraphBuilder } from '../builder.js';
import type { Value } from '../graph.js';
import type { Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';

/** Normalizations in terms of simpler operations. Definitions: https://onnx.ai/onnx/operators */
export const normalizations: Lowerings = {
  LayerNormalization: layerNormalization,
  BatchNormalization: (operation) => [batchNormalization(operation)],
  GroupNormalization: (operation) => [groupNormalization(operation)],
  MeanVarianceNormalization: (operation) => [meanVarianceNormalization(operation)],
  LpNormalization: (operation) => [lpNormalization(operation)],
  LRN: (operation) => [localResponseNormalization(operation)],
};

/**
 * The mean and 1/√(variance + ε) beside the normalized values, where they are used: in float64 onnxruntime would yield them as
 * float32.
 */
function layerNormalization(operation: Operation): (Value | null)[] | null {
  const { graph, inputs, outputs, node } = operation;
  if (outputs.slice(1).every((output) => output === null)) return null;
  const x = operation.input(0);
  const first = operation.axis(operation.integer('axis', -1));
  const axes = x.shape.flatMap((_, axis) => (axis < first ? [] : [axis]));
  const mean = graph.mean(x, axes);
  const centred = graph.subtract(x, mean);
  const variance = graph.mean(graph.multiply(centred, centred), axes);
  const inverse = graph.reciprocalRoot(graph.add(variance, operation.float('epsilon', 1e-5)));
  return [graph.one('LayerNormalization', inputs, x.shape, node.attributes), mean, inverse];
}

/** y = x·f + (bias − mean·f) with f = scale/√(variance + ε) by channel: with fixed parameters a product and a sum. */
function batchNormalization(operation: Operation): Value {
  const { graph, outputs } = operation;
  const gathersStatistics = operation.integer('training_mode', 0) !== 0 || outputs.slice(1).some((output) => output !== null);
  if (gathersStatistics) operation.fail('normalizes by the statistics of the batch, as in training, so that samples depend on each other: export the network in evaluation mode');
  if (operation.integer('spatial', 1) === 0) operation.fail('normalizes every element by itself (spatial = 0), which is not supported: export the network with operator set 9 or later');
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((index) => operation.input(index));
  const factor = graph.multiply(scale, graph.reciprocalRoot(graph.add(variance, operation.float('epsilon', 1e-5))));
  const shift = graph.subtract(bias, graph.multiply(mean, factor));
  return graph.add(graph.multiply(operation.input(0), byChannel(operation, factor)), byChannel(operation, shift));
}

/** The groups of channels as channels of an InstanceNormalization; scale and bias are by group before operator set 21. */
function groupNormalization(operation: Operation): Value {
  const { graph } = operation;
  const x = operation.input(0);
  const [samples, channels, ...spatial] = x.shape;
  const groups = operation.integer('num_groups', 1);
  const inGroups = graph.reshape(x, [samples, groups, (channels / groups) * spatial.reduce((product, size) => product * size, 1)]);
  const [ones, zeros] = [1, 0].map((value) => graph.constant(x.dtype, [groups], new Array<number>(groups).fill(value)));
  const normalized = graph.one('InstanceNormalization', [inGroups, ones, zeros], inGroups.shape, { epsilon: { type: 'float', value: operation.float('epsilon', 1e-5) } });
  const [scale, bias] = [1, 2].map((index) => {
    const parameter = operation.input(index);
    if (operation.opset >= 21) return byChannel(operation, parameter);
    const repeated = graph.expand(graph.reshape(parameter, [groups, 1]), [groups, channels / groups]);
    return byChannel(operation, graph.reshape(repeated, [channels]));
  });
  return graph.add(graph.multiply(graph.reshape(normalized, x.shape), scale), bias);
}

/** What is given for every channel, in the shape in which it broadcasts against x. */
function byChannel({ graph, rank }: Operation, parameter: Value): Value {
  return graph.reshape(parameter, [parameter.shape[0], ...new Array<number>(Math.max(0, rank - 2)).fill(1)]);
}

/** Keeps the standard deviation from 0, as the operator's definition has it. */
const deviationFloor = 1e-9;

/** (x − mean)/(√variance + 10⁻⁹). */
function meanVarianceNormalization(operation: Operation): Value {
  const { graph } = operation;
  const x = operation.input(0);
  const axes = (operation.integers('axes') ?? [0, 2, 3]).map((axis) => operation.axis(axis));
  const centred = graph.subtract(x, graph.mean(x, axes));
  const deviation = graph.unary('Sqrt', graph.mean(graph.multiply(centred, centred), axes));
  return graph.divide(centred, graph.add(deviation, deviationFloor));
}

/** x/‖x‖ₚ along one axis; 0 where x = 0. */
function lpNormalization(operation: Operation): Value {
  const { graph } = operation;
  const x = operation.input(0);
  const norm = graph.reduce(operation.integer('p', 2) === 1 ? 'ReduceL1' : 'ReduceL2', x, [operation.axis(operation.integer('axis', -1))], true);
  return graph.divide(x, graph.add(norm, graph.indicator('Equal', norm, 0)));
}

/**
 * x/(bias + α/size·Σ x²)^β with the sum over `size` neighbouring channels.
 * Source: Krizhevsky, Sutskever, Hinton: ImageNet classification with deep convolutional neural networks, section 3.3.
 */
function localResponseNormalization(operation: Operation): Value {
  const { graph } = operation;
  const x = operation.input(0);
  const size = operation.integer('size', 1);
  const [alpha, beta, bias] = [operation.float('alpha', 1e-4), operation.float('beta', 0.75), operation.float('bias', 1)];
  const mean = graph.multiply(sumOfNeighbours(graph, graph.multiply(x, x), size), alpha / size);
  return graph.multiply(x, graph.binary('Pow', graph.add(mean, bias), -beta));
}

/** Over `size` channels, ⌊(size − 1)/2⌋ of them before: sums of slices, which unlike an average over channels works in all types. */
function sumOfNeighbours(graph: GraphBuilder, x: Value, size: number): Value {
  const before = Math.floor((size - 1) / 2);
  const around = (count: number): number[] => x.shape.map((_, axis) => (axis === 1 ? count : 0));
  const padded = graph.pad(x, around(before), around(size - 1 - before));
  const parts = Array.from({ length: size }, (_, i) => graph.slice(padded, [1], [i], [i + x.shape[1]]));
  return parts.reduce((sum, part) => graph.add(sum, part));
}
