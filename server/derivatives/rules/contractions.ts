import { elementsOf, type Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { alignTangent, fillOutput, foldDirections, plus, sumToShape, type Rule, type Rules } from '../rule.js';

/** C = A·B over the last two axes, the others broadcast; a vector is a matrix with one row (left) or one column (right). */
const matrixProduct: Rule = {
  forward(operation, [left, right]) {
    const { graph } = operation;
    const { a, b, rank, result } = asMatrices(operation);
    const matrices = (tangent: Value, shape: readonly number[]): Value => alignTangent(operation, graph.reshape(tangent, [tangent.shape[0], ...shape]), rank);
    const fromLeft = left && graph.matrixProduct(matrices(left, a.shape), b);
    const fromRight = right && graph.matrixProduct(a, matrices(right, b.shape));
    const sum = plus(graph, fromLeft, fromRight);
    return [sum && graph.reshape(graph.expand(sum, [operation.directions, ...result]), [operation.directions, ...operation.output().shape])];
  },
  reverse(operation, [cotangent], needed) {
    if (cotangent === null) return [null, null];
    const { graph, directions } = operation;
    const { a, b, result } = asMatrices(operation);
    const c = graph.reshape(cotangent, [directions, ...result]);
    const back = (value: Value, operand: number, shape: readonly number[]): Value => graph.reshape(sumToShape(operation, value, shape), [directions, ...operation.input(operand).shape]);
    // Two matrices: one product over all rows is faster than one for each.
    const fromLeft = (): Value => {
      if (b.shape.length > 2) return graph.matrixProduct(c, graph.transposeLast(b));
      const rows = elementsOf(c.shape) / b.shape[1];
      return graph.reshape(graph.gemm(graph.reshape(c, [rows, b.shape[1]]), b, { transposeB: true }), [directions, ...result.slice(0, -1), b.shape[0]]);
    };
    const fromRight = (): Value => {
      if (b.shape.length > 2) return graph.matrixProduct(graph.transposeLast(a), c);
      const rows = elementsOf(a.shape) / b.shape[0];
      return graph.matrixProduct(graph.transposeLast(graph.reshape(a, [rows, b.shape[0]])), graph.reshape(c, [directions, rows, b.shape[1]]));
    };
    return [needed[0] ? back(fromLeft(), 0, a.shape) : null, needed[1] ? back(fromRight(), 1, b.shape) : null];
  },
};

/** The operands as matrices, and the rank and shape of their product. */
function asMatrices(operation: Operation): { a: Value; b: Value; rank: number; result: number[] } {
  const { graph } = operation;
  const [left, right] = [operation.input(0), operation.input(1)];
  const a = left.shape.length === 1 ? graph.reshape(left, [1, left.shape[0]]) : left;
  const b = right.shape.length === 1 ? graph.reshape(right, [right.shape[0], 1]) : right;
  const output = operation.output().shape;
  const rows = left.shape.length === 1 ? [1] : [a.shape[a.shape.length - 2]];
  const columns = right.shape.length === 1 ? [1] : [b.shape[b.shape.length - 1]];
  const batch = output.slice(0, output.length - (left.shape.length === 1 ? 0 : 1) - (right.shape.length === 1 ? 0 : 1));
  const result = [...batch, ...rows, ...columns];
  return { a, b, rank: result.length, result };
}

/** Y = α·op(A)·op(B) + β·C. */
const gemm: Rule = {
  forward(operation, [left, right, added]) {
    const { graph } = operation;
    const { alpha, beta, transposeA, transposeB } = gemmSettings(operation);
    const turned = (value: Value, transpose: boolean): Value => (transpose ? graph.transposeLast(value) : value);
    const product = (a: Value, b: Value): Value => scaled(operation, graph.matrixProduct(turned(a, transposeA), turned(b, transposeB)), alpha);
    const [a, b] = [operation.input(0), operation.input(1)];
    const ofLeft = (tangent: Value): Value => {
      if (transposeA) return product(tangent, b);
      return graph.reshape(graph.gemm(foldDirections(operation, tangent), b, { transposeB, alpha }), [operation.directions, ...operation.output().shape]);
    };
    const products = plus(graph, left && ofLeft(left), right && product(a, right));
    const sum = plus(graph, products, added ? scaled(operation, alignTangent(operation, added, 2), beta) : null);
    return [sum && fillOutput(operation, sum)];
  },
  reverse(operation, [cotangent], needed) {
    if (cotangent === null) return [null, null, null];
    const { graph, directions } = operation;
    const { alpha, beta, transposeA, transposeB } = gemmSettings(operation);
    const [a, b] = [operation.input(0), operation.input(1)];
    const ofLeft = (): Value => {
      if (transposeA) return scaled(operation, graph.matrixProduct(transposeB ? graph.transposeLast(b) : b, graph.transposeLast(cotangent)), alpha);
      return graph.reshape(graph.gemm(foldDirections(operation, cotangent), b, { transposeB: !transposeB, alpha }), [directions, ...a.shape]);
    };
    const ofRight = (): Value => {
      const product = graph.matrixProduct(transposeA ? a : graph.transposeLast(a), cotangent);
      return scaled(operation, transposeB ? graph.transposeLast(product) : product, alpha);
    };
    const ofAdded = (): Value => sumToShape(operation, scaled(operation, cotangent, beta), operation.input(2).shape);
    return [needed[0] ? ofLeft() : null, needed[1] ? ofRight() : null, needed.at(2) ? ofAdded() : null];
  },
};

function gemmSettings(operation: Operation): { alpha: number; beta: number; transposeA: boolean; transposeB: boolean } {
  return { alpha: operation.float('alpha', 1), beta: operation.float('beta', 1), transposeA: operation.integer('transA', 0) !== 0, transposeB: operation.integer('transB', 0) !== 0 };
}

function scaled({ graph }: Operation, value: Value, factor: number): Value {
  return factor === 1 ? value : graph.multiply(value, factor);
}

export const contractions: Rules = { MatMul: matrixProduct, Gemm: gemm };
