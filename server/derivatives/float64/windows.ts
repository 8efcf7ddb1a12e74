import { elementsOf, type Value } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';
import { averagedWindows, lpNorm, poolWindows, spatialAxes } from '../rules/pooling.js';
import { convolutionOf, transposedConvolutionOf } from '../rules/convolutions.js';
import { addedWindows, windowElements, windowSums } from '../rules/windows.js';

/** Conv as the elements of all windows, [N, groups, C / groups · kernel, places], times the weights. */
function conv(operation: Operation): Value[] {
  const { graph } = operation;
  const { windows, groups } = convolutionOf(operation);
  const [input, weights] = [operation.input(0), operation.input(1)];
  const [batch, channels, ...places] = operation.output().shape;
  const width = elementsOf(weights.shape.slice(1));
  const elements = graph.reshape(windowElements(graph, input, windows, 2), [batch, groups, width, elementsOf(places)]);
  const product = graph.matrixProduct(graph.reshape(weights, [groups, channels / groups, width]), elements);
  return [withBias(operation, graph.reshape(product, operation.output().shape))];
}

/** ConvTranspose as the weights times the input, added where each element of each window belongs. */
function convTranspose(operation: Operation): Value[] {
  const { graph } = operation;
  const { windows, groups } = transposedConvolutionOf(operation);
  const [input, weights] = [operation.input(0), operation.input(1)];
  const [batch, channels, ...places] = input.shape;
  const [, width, ...kernel] = weights.shape;
  const turned = graph.transposeLast(graph.reshape(weights, [groups, channels / groups, width * elementsOf(kernel)]));
  const product = graph.matrixProduct(turned, graph.reshape(input, [batch, groups, channels / groups, elementsOf(places)]));
  return [withBias(operation, addedWindows(graph, graph.reshape(product, [batch, groups * width, ...kernel, ...places]), windows, 2))];
}

function withBias(operation: Operation, value: Value): Value {
  const { graph } = operation;
  const bias = operation.inputs.at(2) ?? null;
  return bias === null ? value : graph.add(value, graph.reshape(bias, [bias.shape[0], ...value.shape.slice(2).map(() => 1)]));
}

function averagePool(operation: Operation): Value[] {
  const { graph } = operation;
  return [averagedWindows(operation, windowSums(graph, operation.input(0), poolWindows(operation)))];
}

function lpPool(operation: Operation): Value[] {
  return [lpNorm(operation, (powers) => windowSums(operation.graph, powers, poolWindows(operation)))];
}

function globalLpPool(operation: Operation): Value[] {
  return [lpNorm(operation, (powers) => operation.graph.sum(powers, spatialAxes(powers), true))];
}

function globalPool(reduction: string): (operation: Operation) => Value[] {
  return (operation) => [operation.graph.reduce(reduction, operation.input(0), spatialAxes(operation.input(0)), true)];
}

/** Values of MaxPool put back at their places: of two with the same place the later one stays. */
function maxUnpool(operation: Operation): Value[] {
  const { graph } = operation;
  const [input, places] = [operation.input(0), operation.input(1)];
  const { shape, dtype } = operation.output();
  const [from, to] = [elementsOf(input.shape), elementsOf(shape)];
  const scattered = graph.one('ScatterElements', [graph.filled(0, [to], dtype), graph.reshape(places, [from]), graph.reshape(input, [from])], [to], { axis: 0 });
  return [graph.reshape(scattered, shape)];
}

function forFloat64(lowering: (operation: Operation) => Value[]): Lowering {
  return (operation) => (operation.output().dtype === 'float64' ? lowering(operation) : null);
}

/** Convolutions and pools, which onnxruntime computes in float32 alone. */
export const windowLowerings: Lowerings = {
  Conv: forFloat64(conv),
  ConvTranspose: forFloat64(convTranspose),
  AveragePool: forFloat64(averagePool),
  LpPool: forFloat64(lpPool),
  GlobalAveragePool: forFloat64(globalPool('ReduceMean')),
  GlobalMaxPool: forFloat64(globalPool('ReduceMax')),
  GlobalLpPool: forFloat64(globalLpPool),
  MaxUnpool: forFloat64(maxUnpool),
};
