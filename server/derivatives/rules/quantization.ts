import type { GraphBuilder } from '../builder.js';
import { isFloat, type Value } from '../graph.js';
import { Operation } from '../operation.js';
import { fillOutput, plus, sumToShape, type Rule, type Rules } from '../rule.js';
import { contractions } from './contractions.js';
import { convolutions } from './convolutions.js';

/**
 * Quantization, by the straight-through estimator (Bengio, Léonard, Courville, https://arxiv.org/abs/1308.3432): rounding
 * counts as the identity, and what is outside the range of the integers has no derivative, as in PyTorch's
 * `fake_quantize`. A quantized value carries tangents in units of its integers, as floating-point numbers, so that what
 * works on integers alone (Reshape, Concat, MatMulInteger) has the rule it has for real numbers.
 */

/** Smallest and largest numbers of the types that are quantized to. */
const ranges: Readonly<Record<string, readonly [number, number]>> = {
  int2: [-2, 1], uint2: [0, 3], int4: [-8, 7], uint4: [0, 15], int8: [-128, 127], uint8: [0, 255], int16: [-32768, 32767], uint16: [0, 65535],
};

/** @throws NotDifferentiable for types that are no such integers */
export function quantizedRange(operation: Operation): readonly [number, number] {
  const { dtype } = operation.output();
  return Object.hasOwn(ranges, dtype) ? ranges[dtype] : operation.fail(`quantizes to ${dtype}, and only integers have a derivative here`);
}

/** A scale or zero point (input 1 or 2) in a shape that broadcasts against the first input: one number, one for each index of an axis, or one for each block of it. */
export function besideValue(operation: Operation, parameter: Value): Value {
  const { graph } = operation;
  const { shape } = operation.input(0);
  const axis = operation.axis(operation.integer('axis', 1));
  const block = operation.integer('block_size', 0);
  if (block === 0) return graph.reshape(parameter, shapeBeside(operation, parameter));
  const before = parameter.shape.slice(0, axis + 1);
  const after = parameter.shape.slice(axis + 1);
  const repeated = graph.expand(graph.reshape(parameter, [...before, 1, ...after]), [...before, block, ...after]);
  const whole = graph.reshape(repeated, [...parameter.shape.slice(0, axis), parameter.shape[axis] * block, ...after]);
  return graph.slice(whole, [axis], [0], [shape[axis]]);
}

function shapeBeside(operation: Operation, { shape }: Value): number[] {
  if (shape.length === 0 || shape.every((size) => size === 1)) return [];
  const axis = operation.axis(operation.integer('axis', 1));
  return operation.input(0).shape.map((size, i) => (i === axis ? size : 1));
}

/** The quantized value before it is limited to the range of the integers: round(x/s) + z. */
export function unlimited(operation: Operation): Value {
  const { graph } = operation;
  const zeroPoint = operation.inputs.at(2) ?? null;
  const rounded = graph.unary('Round', graph.divide(operation.input(0), besideValue(operation, operation.input(1))));
  return zeroPoint === null ? rounded : graph.add(rounded, besideValue(operation, graph.cast(zeroPoint, rounded.dtype)));
}

/** q − z as a real number. */
export function centred({ graph }: Operation, quantized: Value, zeroPoint: Value | null, dtype: Value['dtype']): Value {
  const real = graph.cast(quantized, dtype);
  return zeroPoint === null ? real : graph.subtract(real, zeroPoint);
}

/** A function of a value and of its scale, by its derivatives by both. */
function byScale(byValue: (operation: Operation) => Value, byScaleOf: (operation: Operation) => Value): Rule {
  return {
    forward(operation, [value, scale]) {
      const { graph, directions } = operation;
      const aligned = scale === null ? null : graph.reshape(scale, [directions, ...scaleShape(operation)]);
      const sum = plus(graph, value && graph.multiply(value, byValue(operation)), aligned && graph.multiply(fillOutput(operation, aligned), byScaleOf(operation)));
      return [sum];
    },
    reverse(operation, [cotangent], needed) {
      if (cotangent === null) return [null, null, null];
      const { graph, directions } = operation;
      const ofScale = (): Value => graph.reshape(sumToShape(operation, graph.multiply(cotangent, byScaleOf(operation)), scaleShape(operation)), [directions, ...operation.input(1).shape]);
      return [needed[0] ? graph.multiply(cotangent, byValue(operation)) : null, needed[1] ? ofScale() : null, null];
    },
  };
}

function scaleShape(operation: Operation): number[] {
  if (operation.integer('block_size', 0) !== 0) return operation.fail('has a scale for each block, by which it is not differentiated: only by what is quantized');
  return shapeBeside(operation, operation.input(1));
}

/** q = clip(x/s + z): ∂q/∂x = 1/s and ∂q/∂s = −x/s² inside the range, 0 outside. */
const quantize = byScale(
  (operation) => operation.graph.divide(inside(operation), besideValue(operation, operation.input(1))),
  (operation) => {
    const { graph } = operation;
    const scale = besideValue(operation, operation.input(1));
    return graph.negate(graph.divide(graph.multiply(inside(operation), operation.input(0)), graph.multiply(scale, scale)));
  },
);

/** 1 where a value is not limited, 0 where it is. */
function inside(operation: Operation): Value {
  const { graph } = operation;
  const value = unlimited(operation);
  const [smallest, largest] = quantizedRange(operation);
  return graph.multiply(graph.indicator('GreaterOrEqual', value, smallest), graph.indicator('LessOrEqual', value, largest));
}

/** y = (q − z)·s: ∂y/∂q = s and ∂y/∂s = q − z. */
const dequantize = byScale(
  (operation) => besideValue(operation, operation.input(1)),
  (operation) => {
    const { graph } = operation;
    const zeroPoint = operation.inputs.at(2) ?? null;
    const { dtype } = operation.input(1);
    return centred(operation, operation.input(0), zeroPoint && besideValue(operation, graph.cast(zeroPoint, dtype)), dtype);
  },
);

/** A product of integers, less their zero points, has the derivative of the product of real numbers. `zeroPoint` puts one beside its operand. */
function ofIntegers(rule: Rule, zeroPoint: (graph: GraphBuilder, value: Value, operand: number, rank: number) => Value): Rule {
  const real = (operation: Operation, directions: readonly (Value | null)[]): Operation => {
    const { graph, node, inputs, outputs, opset } = operation;
    const dtype = directions.find((value) => value !== null)?.dtype ?? 'float32';
    const operands = [0, 1].map((operand) => {
      const point = inputs.at(operand + 2) ?? null;
      return centred(operation, operation.input(operand), point && zeroPoint(graph, graph.cast(point, dtype), operand, operation.input(operand).shape.length), dtype);
    });
    return new Operation(graph, node, operands, outputs, opset, operation.directions);
  };
  return {
    forward: (operation, [a, b]) => rule.forward(real(operation, [a, b]), [a, b]),
    reverse: (operation, cotangents, needed) => [...rule.reverse(real(operation, cotangents), cotangents, needed.slice(0, 2)), null, null],
  };
}

/** One zero point, one for each row of the left matrix, or one for each column of the right one. */
function besideMatrix(graph: GraphBuilder, value: Value, operand: number, rank: number): Value {
  if (value.shape.length !== 1 || rank < 2) return value;
  return operand === 0 ? graph.reshape(value, [value.shape[0], 1]) : value;
}

/** One zero point, or one for each filter. */
function besideFilters(graph: GraphBuilder, value: Value, operand: number, rank: number): Value {
  return operand === 0 || value.shape.length === 0 ? value : graph.reshape(value, [value.shape[0], ...new Array<number>(rank - 1).fill(1)]);
}

/** Whether a value takes tangents in units of integers where its operation is one that quantizes, or works on quantized values. */
function isQuantized({ dtype }: Value): boolean {
  return Object.hasOwn(ranges, dtype) || dtype === 'int32';
}

/** Operators that make quantized values of real ones. */
const quantizingOperators: ReadonlySet<string> = new Set(['QuantizeLinear', 'com.microsoft.QuantizeLinear']);

/** Whether an output of an operation with the given inputs, those that carry tangents, carries one. */
export function carriesTangent(operator: string, inputs: readonly Value[], output: Value): boolean {
  if (isFloat(output.dtype)) return true;
  return isQuantized(output) && (quantizingOperators.has(operator) || inputs.some(({ dtype }) => !isFloat(dtype)));
}

export const quantization: Rules = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  'com.microsoft.QuantizeLinear': quantize,
  'com.microsoft.DequantizeLinear': dequantize,
  MatMulInteger: ofIntegers(contractions.MatMul, besideMatrix),
  ConvInteger: ofIntegers(convolutions.Conv, besideFilters),
};
