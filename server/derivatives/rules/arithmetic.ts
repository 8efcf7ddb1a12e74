import type { Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { byElement, binary } from './byElement.js';
import type { Rules } from '../rule.js';

/** Arithmetic by element, with broadcasting. Definitions: https://onnx.ai/onnx/operators */
export const arithmetic: Rules = {
  Add: binary([() => null, () => null]),
  Sub: binary([() => null, ({ graph }, _, y) => graph.scalar(-1, y)]),
  Mul: binary([(_operation, _, y) => y, (_operation, x) => x]),
  Div: binary([({ graph }, _, y) => graph.unary('Reciprocal', y), ({ graph }, _, y, z) => graph.negate(graph.divide(z, y))]),
  Sum: byElement(() => null),
  Mean: byElement((operation) => operation.graph.scalar(1 / operation.inputs.length, operation.output())),
  Pow: binary([powerByBase, powerByExponent]),
  // x − trunc(x/y)·y, between its jumps; the truncated quotient is (x − z)/y.
  Mod: binary([() => null, ({ graph }, x, y, z) => graph.divide(graph.subtract(z, x), y)]),
};

/** y·x^(y−1); 0 for y = 0, also where x = 0. The exponent may be of an integer type. */
function powerByBase({ graph }: Operation, x: Value, exponent: Value): Value | null {
  const y = graph.cast(exponent, x.dtype);
  const fixed = graph.numbersOf(exponent);
  if (fixed?.length !== 1) {
    const slope = graph.multiply(y, graph.binary('Pow', x, graph.subtract(y, 1)));
    return graph.where(graph.compare('Equal', y, 0), graph.scalar(0, x), slope);
  }
  const [power] = fixed;
  if (power === 0) return graph.scalar(0, x);
  if (power === 1) return null;
  return graph.multiply(power === 2 ? x : graph.binary('Pow', x, power - 1), power);
}

/** z·ln x; 0 at x = 0 with y ≥ 0, where z does not change with y > 0. */
function powerByExponent({ graph }: Operation, x: Value, exponent: Value, z: Value): Value {
  const zero = graph.scalar(0, x);
  const isZero = graph.one('And', [graph.compare('Equal', x, 0), graph.compare('GreaterOrEqual', exponent, 0)], z.shape);
  const base = graph.where(isZero, graph.scalar(1, x), x);
  return graph.where(isZero, zero, graph.multiply(z, graph.unary('Log', base)));
}
