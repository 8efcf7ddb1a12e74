import type { Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { fillOutput, foldDirections, plus, unfoldDirections, type Rule, type Rules } from '../rule.js';
import { narrowSide, narrowSides, weightSide, wideSide, wideSides, type Convolution } from './convolutionProducts.js';
import { transposedWindowsOf, windowsOf } from './windows.js';

/** y = W ∗ x + b. https://onnx.ai/onnx/operators/onnx__Conv.html */
const conv: Rule = {
  forward(operation, [input, weights, bias]) {
    const { graph, directions } = operation;
    const convolution = convolutionOf(operation);
    const fromInput = input && unfoldDirections(operation, narrowSide(graph, convolution, foldDirections(operation, input), operation.input(1)), directions);
    const fromWeights = weights && narrowSides(graph, convolution, operation.input(0), weights);
    return [withBias(operation, plus(graph, fromInput, fromWeights), bias)];
  },
  reverse(operation, [cotangent], needed) {
    if (cotangent === null) return [];
    const { graph, directions } = operation;
    const convolution = convolutionOf(operation);
    const toInput = (): Value => unfoldDirections(operation, wideSide(graph, convolution, foldDirections(operation, cotangent), operation.input(1)), directions);
    const toWeights = (): Value => weightSide(graph, convolution, asOneDirection(operation, operation.input(0)), cotangent);
    return [needed[0] ? toInput() : null, needed[1] ? toWeights() : null, needed.at(2) ? toBias(operation, cotangent) : null];
  },
};

/** The transposed map of a Conv, plus a bias. https://onnx.ai/onnx/operators/onnx__ConvTranspose.html */
const convTranspose: Rule = {
  forward(operation, [input, weights, bias]) {
    const { graph, directions } = operation;
    const convolution = transposedConvolutionOf(operation);
    const fromInput = input && unfoldDirections(operation, wideSide(graph, convolution, foldDirections(operation, input), operation.input(1)), directions);
    const fromWeights = weights && wideSides(graph, convolution, operation.input(0), weights);
    return [withBias(operation, plus(graph, fromInput, fromWeights), bias)];
  },
  reverse(operation, [cotangent], needed) {
    if (cotangent === null) return [];
    const { graph, directions } = operation;
    const convolution = transposedConvolutionOf(operation);
    const toInput = (): Value => unfoldDirections(operation, narrowSide(graph, convolution, foldDirections(operation, cotangent), operation.input(1)), directions);
    const toWeights = (): Value => weightSide(graph, convolution, cotangent, asOneDirection(operation, operation.input(0)));
    return [needed[0] ? toInput() : null, needed[1] ? toWeights() : null, needed.at(2) ? toBias(operation, cotangent) : null];
  },
};

/** The windows and groups of a Conv. */
export function convolutionOf(operation: Operation): Convolution {
  const [wide, kernel, narrow] = [operation.input(0), operation.input(1), operation.output()].map(({ shape }) => shape.slice(2));
  return { windows: windowsOf(operation, kernel, wide, narrow), groups: operation.integer('group', 1) };
}

/** The windows and groups of a ConvTranspose. */
export function transposedConvolutionOf(operation: Operation): Convolution {
  const [narrow, kernel, wide] = [operation.input(0), operation.input(1), operation.output()].map(({ shape }) => shape.slice(2));
  return { windows: transposedWindowsOf(operation, kernel, wide, narrow), groups: operation.integer('group', 1) };
}

/** The tangent of the bias [K, O] is the same for all samples and places. */
function withBias(operation: Operation, sum: Value | null, bias: Value | null | undefined): Value | null {
  if (bias === null || bias === undefined) return sum;
  const { graph } = operation;
  const [directions, channels] = bias.shape;
  const aligned = graph.reshape(bias, [directions, 1, channels, ...operation.output().shape.slice(2).map(() => 1)]);
  return sum === null ? fillOutput(operation, aligned) : graph.add(sum, aligned);
}

function toBias({ graph }: Operation, cotangent: Value): Value {
  return graph.sum(cotangent, cotangent.shape.map((_, axis) => axis).filter((axis) => axis !== 0 && axis !== 2));
}

function asOneDirection({ graph }: Operation, value: Value): Value {
  return graph.reshape(value, [1, ...value.shape]);
}

export const convolutions: Rules = { Conv: conv, ConvTranspose: convTranspose };
