import type { Lowering, Lowerings } from '../lowering.js';
import { besideValue, centred, quantizedRange, unlimited } from '../rules/quantization.js';

/** Quantization by a scale of type float64, which the operators do not take: https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html */

const quantize: Lowering = (operation) => {
  const { graph } = operation;
  if (operation.input(0).dtype !== 'float64') return null;
  const value = unlimited(operation);
  const [smallest, largest] = quantizedRange(operation);
  const limited = graph.one('Clip', [value, graph.scalar(smallest, value), graph.scalar(largest, value)], value.shape);
  return [graph.cast(limited, operation.output().dtype)];
};

const dequantize: Lowering = (operation) => {
  const { graph } = operation;
  const scale = operation.input(1);
  if (scale.dtype !== 'float64') return null;
  const zeroPoint = operation.inputs.at(2) ?? null;
  const real = centred(operation, operation.input(0), zeroPoint && besideValue(operation, graph.cast(zeroPoint, 'float64')), 'float64');
  return [graph.multiply(real, besideValue(operation, scale))];
};

export const quantization: Lowerings = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  'com.microsoft.QuantizeLinear': quantize,
  'com.microsoft.DequantizeLinear': dequantize,
};
