import type { Attributes } from '../builder.js';
import type { Value } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';

/**
 * Operations on quantized values as: dequantize, operate on real numbers, quantize. Results can differ by one from those of
 * the integer kernels, where a sum lies halfway between two integers.
 */

/** An operand as a real value. @param places inputs with its integers, scale and zero point; @param axis that a scale for each index counts along */
function dequantized(operation: Operation, places: readonly [number, number, number], axis: number): Value {
  const { graph } = operation;
  const [value, scale] = [operation.input(places[0]), operation.input(places[1])];
  const zeroPoint = operation.inputs.at(places[2]) ?? null;
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
  const [a, b] = [dequantized(operation, [0, 1, 2], -2), dequantized(operation, [3, 4, 5], -1)];
  return [quantized(operation, operation.graph.one('MatMul', [a, b], operation.output().shape), 6)];
};

/** Inputs: x and its scale and zero point, filters and theirs, those of the output, and a bias in units of both scales. */
const convolution: Lowering = (operation) => {
  const { graph, node } = operation;
  const [x, filters] = [dequantized(operation, [0, 1, 2], 1), dequantized(operation, [3, 4, 5], 0)];
  const bias = operation.inputs.at(8) ?? null;
  const added = bias && graph.multiply(graph.multiply(graph.cast(bias, x.dtype), one(operation, operation.input(4))), one(operation, operation.input(1)));
  return [quantized(operation, graph.one('Conv', [x, filters, added], operation.output().shape, node.attributes), 6)];
};

/** A function of two operands by element. Inputs as those of the product of matrices. */
function binary(operator: string): Lowering {
  return (operation) => [quantized(operation, operation.graph.binary(operator, dequantized(operation, [0, 1, 2], 1), dequantized(operation, [3, 4, 5], 1)), 6)];
}

/** A function of one operand. Inputs: x and its scale and zero point, those of the output. @param own attributes that the function of real numbers does not have */
function unary(operator: string, own: readonly string[] = []): Lowering {
  return (operation) => {
    if (operation.integer('channels_last', 0) !== 0) return operation.fail('has its channels last, and it is read with the channels first: export the network so');
    const attributes: Attributes = Object.fromEntries(Object.entries(operation.node.attributes).filter(([name]) => !own.includes(name)));
    return [quantized(operation, operation.graph.one(operator, [dequantized(operation, [0, 1, 2], 1)], operation.output().shape, attributes), 3)];
  };
}

/** α·op(A)·op(B) + C, where C is in units of α and both scales; not quantized where the output has no scale. */
const gemm: Lowering = (operation) => {
  const { graph } = operation;
  const [transposeA, transposeB] = [operation.integer('transA', 0) !== 0, operation.integer('transB', 0) !== 0];
  const alpha = operation.float('alpha', 1);
  const [a, b] = [dequantized(operation, [0, 1, 2], 0), dequantized(operation, [3, 4, 5], transposeB ? 0 : 1)];
  const product = graph.gemm(a, b, { transposeA, transposeB, alpha });
  const added = operation.inputs.at(6) ?? null;
  const unit = graph.multiply(graph.multiply(one(operation, operation.input(1)), one(operation, operation.input(4))), alpha);
  const sum = added === null ? product : graph.add(product, graph.multiply(graph.cast(added, product.dtype), unit));
  return [(operation.inputs.at(7) ?? null) === null ? sum : quantized(operation, sum, 7)];
};

/** Inputs: scale and zero point of the output, then three of each part. */
const concat: Lowering = (operation) => {
  const count = Math.floor((operation.inputs.length - 2) / 3);
  const parts = Array.from({ length: count }, (_, i) => dequantized(operation, [2 + 3 * i, 3 + 3 * i, 4 + 3 * i], 1));
  return [quantized(operation, operation.graph.concat(parts, operation.axis(operation.integer('axis', 0), parts[0].shape.length)), 0)];
};

/** Inputs: integers a and b, their scales, their zero points, and what is added. The product is a real value. */
const toReal: Lowering = (operation) => {
  const { graph } = operation;
  const product = graph.one('MatMul', [dequantized(operation, [0, 2, 4], -2), dequantized(operation, [1, 3, 5], -1)], operation.output().shape);
  const added = operation.inputs.at(6) ?? null;
  return [added === null ? product : graph.add(product, added)];
};

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
  'com.microsoft.QGemm': gemm,
  'com.microsoft.QLinearConcat': concat,
  'com.microsoft.MatMulIntegerToFloat': toReal,
  'com.microsoft.QLinearGlobalAveragePool': unary('GlobalAveragePool', ['channels_last']),
  'com.microsoft.QLinearAveragePool': unary('AveragePool', ['channels_last']),
  'com.microsoft.QLinearSigmoid': unary('Sigmoid'),
  'com.microsoft.QLinearLeakyRelu': unary('LeakyRelu'),
};
