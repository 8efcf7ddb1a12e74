import { elementsOf, type Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { foldDirections, linear, shifted, sizeOf, unfoldDirections, type Rule, type Rules } from '../rule.js';
import { wideSide } from './convolutionProducts.js';
import { areTiles, spreadWindows, windowsOf, windowSums, type WindowAxis, type Windows } from './windows.js';

/** The windows of a pool. */
export function poolWindows(operation: Operation): Windows {
  const kernel = operation.integers('kernel_shape') ?? operation.fail('has no kernel_shape');
  return windowsOf(operation, kernel, operation.input(0).shape.slice(2), operation.output().shape.slice(2));
}

/** All axes of a value [N, C, ...] but those of samples and channels. */
export function spatialAxes({ shape }: Value): number[] {
  return shape.map((_, axis) => axis).slice(2);
}

/** Sums of windows divided by what AveragePool divides by: https://onnx.ai/onnx/operators/onnx__AveragePool.html */
export function averagedWindows(operation: Operation, sums: Value): Value {
  const { graph } = operation;
  const counts = poolWindows(operation).map((window, axis) => countedElements(operation, window, axis));
  const size = elementsOf(counts.map(([first]) => first));
  if (counts.every(([first, ...others]) => others.every((count) => count === first))) return graph.multiply(sums, 1 / size);
  const products = counts.reduce<number[]>((list, axis) => list.flatMap((product) => axis.map((count) => product * count)), [1]);
  return graph.divide(sums, graph.constant(sums.dtype, counts.map(({ length }) => length), products));
}

/** For each window along an axis the number of elements that its mean is over: padding counts if it is asked for. */
function countedElements(operation: Operation, { kernel, stride, dilation, before, wide, narrow }: WindowAxis, axis: number): number[] {
  const isPadded = operation.integer('count_include_pad', 0) !== 0;
  const pads = operation.integers('pads');
  const rank = operation.rank - 2;
  // Where the number of windows is rounded up, the last of them may reach even beyond the padding.
  const end = wide + (pads === null ? Infinity : pads[rank + axis]);
  const isCounted = (place: number): boolean => (isPadded ? place < end : place >= 0 && place < wide);
  return Array.from({ length: narrow }, (_, i) => Array.from({ length: kernel }, (__, q) => i * stride + q * dilation - before).filter(isCounted).length);
}

/** The transposed of the sums of windows, [K, N, C, ...]: a convolution with ones, but where windows neither overlap nor leave gaps. */
function spreadSums(operation: Operation, value: Value): Value {
  const { graph, directions } = operation;
  const windows = poolWindows(operation);
  // There is no such kernel for float64.
  if (value.dtype === 'float64' || windows.every(areTiles)) return spreadWindows(graph, value, windows);
  const channels = value.shape[2];
  const ones = graph.filled(1, [channels, 1, ...windows.map(({ kernel }) => kernel)], value.dtype);
  return unfoldDirections(operation, wideSide(graph, { windows, groups: channels }, foldDirections(operation, value), ones), directions);
}

const averagePool: Rule = linear(
  (operation, tangent) => {
    const folded = foldDirections(operation, tangent);
    const shape = [folded.shape[0], ...operation.output().shape.slice(1)];
    return unfoldDirections(operation, operation.graph.one('AveragePool', [folded], shape, operation.node.attributes), operation.directions);
  },
  (operation, cotangent) => spreadSums(operation, averagedWindows(operation, cotangent)),
);

const globalAveragePool: Rule = linear(
  ({ graph }, tangent) => graph.mean(tangent, spatialAxes(tangent).slice(1)),
  (operation, cotangent) => {
    const input = operation.input(0);
    return operation.graph.expand(operation.graph.multiply(cotangent, 1 / sizeOf(input.shape, spatialAxes(input))), [operation.directions, ...input.shape]);
  },
);

/** Every output is one of the inputs; of equal ones the first. https://onnx.ai/onnx/operators/onnx__MaxPool.html */
const maxPool: Rule = {
  forward: (operation, [tangent]) => [tangent && takenElements(operation, tangent, placesOfMaxima(operation), operation.output().shape), null],
  reverse: (operation, [cotangent]) => [cotangent && putElements(operation, cotangent, placesOfMaxima(operation), operation.input(0).shape)],
};

/** Where the maxima are among all elements of the input: a pool of its own, since the network's seldom yields them. */
function placesOfMaxima(operation: Operation): Value {
  const { shape, dtype } = operation.output();
  // Places in the order of the elements, whatever the network asks for.
  const attributes = { ...operation.node.attributes, storage_order: undefined };
  return operation.graph.operation('MaxPool', [operation.input(0)], [{ shape, dtype }, { shape, dtype: 'int64' }], attributes)[1];
}

/** Elements [K, ...] by their places among all those of one direction: [K, ...shape]. */
function takenElements({ graph, directions }: Operation, value: Value, places: Value, shape: readonly number[]): Value {
  const [from, to] = [elementsOf(value.shape) / directions, elementsOf(shape)];
  const indices = graph.expand(graph.reshape(places, [1, to]), [directions, to]);
  const taken = graph.one('GatherElements', [graph.reshape(value, [directions, from]), indices], [directions, to], { axis: 1 });
  return graph.reshape(taken, [directions, ...shape]);
}

/** The transposed of `takenElements`: adds every element where it came from. */
function putElements({ graph, directions }: Operation, value: Value, places: Value, shape: readonly number[]): Value {
  const [from, to] = [elementsOf(value.shape) / directions, elementsOf(shape)];
  const indices = graph.expand(graph.reshape(places, [1, from]), [directions, from]);
  const put = graph.scatterAdd(graph.filled(0, [directions, to], value.dtype), indices, graph.reshape(value, [directions, from]), 1);
  return graph.reshape(put, [directions, ...shape]);
}

/** Maxima put back at their places: https://onnx.ai/onnx/operators/onnx__MaxUnpool.html */
const maxUnpool: Rule = linear(
  (operation, tangent) => putElements(operation, operation.graph.multiply(tangent, keptElements(operation)), operation.input(1), operation.output().shape),
  (operation, cotangent) => operation.graph.multiply(takenElements(operation, cotangent, operation.input(1), operation.input(0).shape), keptElements(operation)),
);

/** 1 for elements that are in the output, 0 for those in whose place a later one was put. */
function keptElements(operation: Operation): Value {
  const { graph } = operation;
  const [input, places] = [operation.input(0), operation.input(1)];
  const [from, to] = [elementsOf(input.shape), elementsOf(operation.output().shape)];
  const indices = graph.reshape(places, [from]);
  const order = graph.one('Range', [graph.constant('int64', [], [0]), graph.constant('int64', [], [from]), graph.constant('int64', [], [1])], [from]);
  const last = graph.one('ScatterElements', [graph.filled(0, [to], 'int64'), indices, order], [to], { axis: 0 });
  const isKept = graph.compare('Equal', graph.one('GatherElements', [last, indices], [from], { axis: 0 }), order);
  return graph.reshape(graph.cast(isKept, input.dtype), input.shape);
}

/** The largest of all places; equal ones share the derivative, as in PyTorch. */
const globalMaxPool: Rule = {
  forward(operation, [tangent]) {
    const { graph } = operation;
    return [tangent && graph.sum(graph.multiply(tangent, sharesOfMaximum(operation)), shifted(spatialAxes(operation.input(0))), true)];
  },
  reverse: (operation, [cotangent]) => [cotangent && operation.graph.multiply(cotangent, sharesOfMaximum(operation))],
};

function sharesOfMaximum(operation: Operation): Value {
  const { graph } = operation;
  const input = operation.input(0);
  const isMaximum = graph.indicator('Equal', input, operation.output());
  return graph.divide(isMaximum, graph.sum(isMaximum, spatialAxes(input), true));
}

/**
 * ‖x‖ₚ = (Σ|x|ᵖ)^(1/p) of windows or of whole channels.
 * @param sum of the powers
 */
export function lpNorm(operation: Operation, sum: (powers: Value) => Value): Value {
  const { graph } = operation;
  const input = operation.input(0);
  const p = operation.integer('p', 2);
  if (p === 1) return sum(graph.unary('Abs', input));
  if (p === 2) return graph.unary('Sqrt', sum(graph.multiply(input, input)));
  return graph.binary('Pow', sum(graph.binary('Pow', graph.unary('Abs', input), p)), 1 / p);
}

/** ∂‖x‖ₚ/∂x = sign(x)·|x|^(p−1) / ‖x‖ₚ^(p−1), and 0 where all of x is 0. */
function lpPool(sum: (operation: Operation, value: Value) => Value, spread: (operation: Operation, value: Value) => Value): Rule {
  const numerator = (operation: Operation, p: number): Value => {
    const { graph } = operation;
    const input = operation.input(0);
    if (p === 2) return input;
    const sign = graph.unary('Sign', input);
    return p === 1 ? sign : graph.multiply(sign, graph.binary('Pow', graph.unary('Abs', input), p - 1));
  };
  const denominator = (operation: Operation, p: number): Value => {
    const { graph } = operation;
    const norm = operation.output();
    const positive = graph.where(graph.compare('Greater', norm, 0), norm, graph.scalar(1, norm));
    return p === 2 ? positive : graph.binary('Pow', positive, p - 1);
  };
  return linear(
    (operation, tangent) => {
      const p = operation.integer('p', 2);
      return operation.graph.divide(sum(operation, operation.graph.multiply(tangent, numerator(operation, p))), denominator(operation, p));
    },
    (operation, cotangent) => {
      const p = operation.integer('p', 2);
      return operation.graph.multiply(spread(operation, operation.graph.divide(cotangent, denominator(operation, p))), numerator(operation, p));
    },
  );
}

export const pooling: Rules = {
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
  MaxPool: maxPool,
  GlobalMaxPool: globalMaxPool,
  MaxUnpool: maxUnpool,
  LpPool: lpPool((operation, value) => windowSums(operation.graph, value, poolWindows(operation)), spreadSums),
  GlobalLpPool: lpPool(({ graph }, value) => graph.sum(value, spatialAxes(value).slice(1), true), (_operation, value) => value),
};
