import type { GraphBuilder } from '../builder.js';
import type { Value } from '../graph.js';
import { elementwise, type Rules } from '../rule.js';

/** Functions of one operand by element as calculus has them, by their derivatives. Definitions: https://onnx.ai/onnx/operators */
export const functions: Rules = {
  Neg: elementwise(({ graph }, x) => graph.scalar(-1, x)),
  Abs: elementwise(({ graph }, x) => graph.unary('Sign', x)),
  Reciprocal: elementwise(({ graph }, _, y) => graph.negate(graph.multiply(y, y))),
  Sqrt: elementwise(({ graph }, _, y) => graph.divide(0.5, y)),
  Exp: elementwise((_operation, _, y) => y),
  Log: elementwise(({ graph }, x) => graph.unary('Reciprocal', x)),
  Erf: elementwise(({ graph }, x) => graph.multiply(graph.unary('Exp', graph.negate(graph.multiply(x, x))), 2 / Math.sqrt(Math.PI))),
  Sin: elementwise(({ graph }, x) => graph.unary('Cos', x)),
  Cos: elementwise(({ graph }, x) => graph.negate(graph.unary('Sin', x))),
  Tan: elementwise(({ graph }, _, y) => graph.add(graph.multiply(y, y), 1)),
  Asin: elementwise(({ graph }, x) => graph.reciprocalRoot(oneMinusSquare(graph, x))),
  Acos: elementwise(({ graph }, x) => graph.negate(graph.reciprocalRoot(oneMinusSquare(graph, x)))),
  Atan: elementwise(({ graph }, x) => graph.unary('Reciprocal', graph.add(graph.multiply(x, x), 1))),
  Sinh: elementwise(({ graph }, x) => graph.unary('Cosh', x)),
  Cosh: elementwise(({ graph }, x) => graph.unary('Sinh', x)),
  Asinh: elementwise(({ graph }, x) => graph.reciprocalRoot(graph.add(graph.multiply(x, x), 1))),
  Acosh: elementwise(({ graph }, x) => graph.reciprocalRoot(graph.multiply(graph.subtract(x, 1), graph.add(x, 1)))),
  Atanh: elementwise(({ graph }, x) => graph.unary('Reciprocal', oneMinusSquare(graph, x))),
};

/** (1 − x)·(1 + x), which near ±1 does not cancel. */
function oneMinusSquare(graph: GraphBuilder, x: Value): Value {
  return graph.multiply(graph.subtract(1, x), graph.add(x, 1));
}
