import type { Attributes } from '../builder.js';
import type { Value } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';

/**
 * Operations on quantized values as: dequantize, operate on real numbers, quantize. Results can differ by one from those of
 * the integer kernels, where a sum lies halfway between two integers.
 */

/** An operand with its scale and zero point, at three inputs from `first` on, as a real value. @param axis where a scale for each index of an axis counts along */
function dequantized(operation: Operation, first: number, axis: number): Value {
  const { graph } = operation;
  const [value, scale] = [operation.input(first), operation.input(first + 1)];
  const zeroPoint = operation.inputs.at(first + 2) ?? null;
  const parts = [value, one(operation, scale), zeroPoint && one(operation, zeroPoint)];
  return graph.one('DequantizeLinear', parts, value.shape, { axis: operation.axis(axis, value.shape.length) }, scale.dtype);
}

/** A real value in the quantization of the output, whose scale and zero point are at two inputs. */
function quantized(operation: Operation, value: Value, scale: number): Value {
  const zeroPoint = operation.inputs.at(scale + 1) ?? null;
  const parts = [value, one(operation, operation.input(scale)), zeroPoint && one(operation, zeroPoint)];
  return operation.graph.one('QuantizeLinear', parts, value.shape, {}, operation.output().dtype);
}

/** A list of one number is that number. */
function one({ graph }: Operation, parameter: Value): Value {
  return parameter.shape.length === 1 && parameter.shape[0] === 1 ? graph.reshape(parameter, []) : parameter;
}

/** Inputs: a and its scale and zero point, b and its, those of the output. */
const matrixProduct: Lowering = (operation) => {
  const [a, b] = [dequantized(operation, 0, -2), dequantized(operation, 3, -1)];
  return [quantized(operation, operation.graph.one('MatMul', [a, b], operation.output().shape), 6)];
};

/** Inputs: x and its scale and zero point, filters and theirs, those of the output, and a bias in units of both scales. */
const convolution: Lowering = (operation) => {
  const { graph, node } = operation;
  const [x, filters] = [dequantized(operation, 0, 1), dequantized(operation, 3, 0)];
  const bias = operation.inputs.at(8) ?? null;
  const added = bias && graph.multiply(graph.multiply(graph.cast(bias, x.dtype), one(operation, operation.input(4))), one(operation, operation.input(1)));
  return [quantized(operation, graph.one('Conv', [x, filters, added], operation.output().shape, node.attributes), 6)];
};

/** A function of two operands by element. Inputs as those of the product of matrices. */
function binary(operator: string): Lowering {
  return (operation) => [quantized(operation, operation.graph.binary(operator, dequantized(operation, 0, 1), dequantized(operation, 3, 1)), 6)];
}

/** A function of one operand by element. Inputs: x and its scale and zero point, those of the output. */
function unary(operator: string): Lowering {
  return (operation) => {
    const attributes: Attributes = operation.node.attributes;
    return [quantized(operation, operation.graph.unary(operator, dequantized(operation, 0, 1), attributes), 3)];
  };
}

/** The range of x with 0 in it onto 0 … 255: s = (max − min)/255, z = −min/s. https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html */
const dynamic: Lowering = ({ graph, inputs }) => {
  const x = inputs[0];
  if (x === null) return null;
  const flat = graph.reshape(x, [x.shape.reduce((product, size) => product * size, 1)]);
  const zero = graph.scalar(0, x);
  const largest = graph.binary('Max', graph.reduce('ReduceMax', flat, [0]), zero);
  const smallest = graph.binary('Min', graph.reduce('ReduceMin', flat, [0]), zero);
  const scale = graph.divide(graph.subtract(largest, smallest), 255);
  const point = graph.unary('Round', graph.divide(graph.negate(smallest), scale));
  const zeroPoint = graph.cast(graph.one('Clip', [point, zero, graph.scalar(255, x)], []), 'uint8');
  return [graph.one('QuantizeLinear', [x, scale, zeroPoint], x.shape, {}, 'uint8'), scale, zeroPoint];
};

export const quantization: Lowerings = {
  QLinearMatMul: matrixProduct,
  QLinearConv: convolution,
  DynamicQuantizeLinear: dynamic,
  'com.microsoft.QLinearAdd': binary('Add'),
  'com.microsoft.QLinearMul': binary('Mul'),
  'com.microsoft.QLinearSigmoid': unary('Sigmoid'),
  'com.microsoft.QLinearLeakyRelu': unary('LeakyRelu'),
};
