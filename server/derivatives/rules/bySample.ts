import { elementsOf, type Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { sumToShape } from '../rule.js';
import { convolutionOf, transposedConvolutionOf } from './convolutions.js';
import { weightsBySample } from './convolutionProducts.js';

/**
 * The cotangent of one operand that is the same for all samples, for each sample by itself: [N, ...shape of the operand]
 * from that of the output, [1, N, ...]. Null where there is no quicker way than the rule of the operator for N directions.
 */
type BySample = (operation: Operation, cotangent: Value, operand: number) => Value | null;

/** A·B with one matrix B for all samples: AᵀC of each (Goodfellow 2015, arXiv:1510.01799). */
const matrixProduct: BySample = (operation, cotangent, operand) => {
  const { graph } = operation;
  const [a, b] = [operation.input(0), operation.input(1)];
  const [, samples] = cotangent.shape;
  if (operand !== 1 || b.shape.length !== 2 || a.shape.length < 2 || a.shape[0] !== samples) return null;
  return graph.matrixProduct(graph.transposeLast(rowsBySample(operation, a)), rowsBySample(operation, cotangent, 1));
};

const gemm: BySample = (operation, cotangent, operand) => {
  const { graph } = operation;
  if (operand === 2) return scaled(operation, broadcastOperand(operation, cotangent, 2), operation.float('beta', 1));
  if (operand !== 1 || operation.integer('transA', 0) !== 0) return null;
  const [a, c] = [rowsBySample(operation, operation.input(0)), rowsBySample(operation, cotangent, 1)];
  const [left, right] = operation.integer('transB', 0) === 0 ? [a, c] : [c, a];
  return scaled(operation, graph.matrixProduct(graph.transposeLast(left), right), operation.float('alpha', 1));
};

const conv: BySample = (operation, cotangent, operand) => {
  if (operand === 1) return weightsBySample(operation.graph, convolutionOf(operation), operation.input(0), withoutDirections(operation, cotangent));
  return operand === 2 ? sumOverPlaces(operation, cotangent) : null;
};

const convTranspose: BySample = (operation, cotangent, operand) => {
  if (operand === 1) return weightsBySample(operation.graph, transposedConvolutionOf(operation), withoutDirections(operation, cotangent), operation.input(0));
  return operand === 2 ? sumOverPlaces(operation, cotangent) : null;
};

/** An operand that is added to each sample: the sum over what it was repeated along. */
const broadcastOperand = (operation: Operation, cotangent: Value, operand: number): Value | null => {
  const [, samples, ...shape] = cotangent.shape;
  const target = operation.input(operand).shape;
  if (target.length > shape.length && target[target.length - shape.length - 1] !== 1) return null;
  return sumToShape(operation, operation.graph.reshape(cotangent, [samples, 1, ...shape]), target);
};

const operators: Readonly<Record<string, BySample>> = { MatMul: matrixProduct, Gemm: gemm, Conv: conv, ConvTranspose: convTranspose, Add: broadcastOperand };

/** The quick way of an operator; null where it has none. */
export function bySampleOf(operator: string): BySample | null {
  return Object.hasOwn(operators, operator) ? operators[operator] : null;
}

/** [N, ..., C] → [N, rows, C]. @param from axis that counts the samples */
function rowsBySample({ graph }: Operation, value: Value, from = 0): Value {
  const [samples, ...shape] = value.shape.slice(from);
  const columns = shape[shape.length - 1];
  return graph.reshape(value, [samples, elementsOf(shape) / columns, columns]);
}

/** [1, N, O, ...] → [N, O]. */
function sumOverPlaces(operation: Operation, cotangent: Value): Value {
  const value = withoutDirections(operation, cotangent);
  return operation.graph.sum(value, value.shape.map((_, axis) => axis).slice(2));
}

function withoutDirections({ graph }: Operation, cotangent: Value): Value {
  return graph.reshape(cotangent, cotangent.shape.slice(1));
}

function scaled({ graph }: Operation, value: Value | null, factor: number): Value | null {
  return value === null || factor === 1 ? value : graph.multiply(value, factor);
}
