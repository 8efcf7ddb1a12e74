import { float } from '../builder.js';
import type { Value } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';

/**
 * Normalizations of transformers that onnxruntime's optimizer puts together with what is before them.
 * Definitions: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */

/** x/√(mean of x² + ε)·scale over the last axes (Zhang & Sennrich 2019), and the factor of x in it. */
function rootMeanSquare({ graph }: Operation, x: Value, scale: Value, epsilon: number, firstAxis = x.shape.length - 1): [Value, Value] {
  const axes = x.shape.flatMap((_, axis) => (axis < firstAxis ? [] : [axis]));
  const factor = graph.reciprocalRoot(graph.add(graph.mean(graph.multiply(x, x), axes), epsilon));
  return [graph.multiply(graph.multiply(x, factor), scale), factor];
}

const simplified: Lowering = (operation) => {
  const axis = operation.axis(operation.integer('axis', -1));
  return rootMeanSquare(operation, operation.input(0), operation.input(1), operation.float('epsilon', 1e-5), axis);
};

/** The sum of what is given of some inputs. */
function sumOf(operation: Operation, indices: readonly number[]): Value {
  const values = indices.flatMap((index) => operation.inputs.at(index) ?? []);
  return values.reduce((sum, value) => operation.graph.add(sum, value));
}

function layerNormalization(operation: Operation, x: Value, scaleIndex: number): Value {
  const [scale, shift] = [operation.input(scaleIndex), operation.inputs.at(scaleIndex + 1) ?? null];
  return operation.graph.one('LayerNormalization', [x, scale, shift], x.shape, { axis: -1, epsilon: float(operation.float('epsilon', 1e-12)) });
}

/** LayerNormalization of x + skip + bias; the sum is the fourth output. */
const skip: Lowering = (operation) => {
  const sum = sumOf(operation, [0, 1, 4]);
  const statistics = operation.outputs.slice(1, 3).some((output) => output !== null);
  if (statistics) return operation.fail('yields the mean and deviation of its input, which is not supported: export the network without the statistics');
  return [layerNormalization(operation, sum, 2), null, null, sum];
};

const skipSimplified: Lowering = (operation) => {
  const sum = sumOf(operation, [0, 1, 3]);
  const [normal, factor] = rootMeanSquare(operation, sum, operation.input(2), operation.float('epsilon', 1e-12));
  return [normal, null, factor, sum];
};

/** LayerNormalization of the embeddings of words, places and segments; the number of words in every mask; the sum of the embeddings. */
const embedding: Lowering = (operation) => {
  const { graph } = operation;
  const [words, segments, positions] = [operation.input(0), operation.inputs.at(1) ?? null, operation.inputs.at(8) ?? null];
  const [batch, length] = words.shape;
  const wordVectors = graph.gather(operation.input(2), words, 0);
  const placeVectors = positions === null ? graph.slice(operation.input(3), [0], [0], [length]) : graph.gather(operation.input(3), positions, 0);
  const places = graph.add(wordVectors, placeVectors);
  const sum = segments === null ? places : graph.add(places, graph.gather(operation.input(4), segments, 0));
  const mask = operation.inputs.at(7) ?? null;
  const counts = mask === null ? graph.constant('int32', [batch], new Array<number>(batch).fill(0)) : graph.sum(mask, [1]);
  return [layerNormalization(operation, sum, 5), operation.outputs.at(1) ? counts : null, sum];
};

export const contribNormalizations: Lowerings = {
  SimplifiedLayerNormalization: simplified,
  'com.microsoft.SimplifiedLayerNormalization': simplified,
  'com.microsoft.SkipLayerNormalization': skip,
  'com.microsoft.SkipSimplifiedLayerNormalization': skipSimplified,
  'com.microsoft.EmbedLayerNormalization': embedding,
};
