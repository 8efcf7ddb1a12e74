import type { Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { alignTangent, fillOutput, plus, sumToShape, type Rule, type Rules } from '../rule.js';

/**
 * z = g(x, y) by element, with broadcasting. `factors` are ∂z/∂x and ∂z/∂y; null stands for 1.
 */
function binary(factors: [(operation: Operation, x: Value, y: Value, z: Value) => Value | null, (operation: Operation, x: Value, y: Value, z: Value) => Value | null]): Rule {
  const factor = (operation: Operation, operand: number): Value | null => factors[operand](operation, operation.input(0), operation.input(1), operation.output());
  return {
    forward(operation, tangents) {
      const { graph } = operation;
      const rank = operation.output().shape.length;
      const parts = tangents.map((tangent, operand) => {
        if (tangent === null) return null;
        const aligned = alignTangent(operation, tangent, rank);
        const by = factor(operation, operand);
        return by === null ? aligned : graph.multiply(aligned, by);
      });
      const sum = plus(graph, parts[0], parts.at(1) ?? null);
      return [sum && fillOutput(operation, sum)];
    },
    reverse(operation, [cotangent], needed) {
      if (cotangent === null) return [null, null];
      return [0, 1].map((operand) => {
        if (!needed[operand]) return null;
        const by = factor(operation, operand);
        return sumToShape(operation, by === null ? cotangent : operation.graph.multiply(cotangent, by), operation.input(operand).shape);
      });
    },
  };
}

export const arithmetic: Rules = {
  Add: binary([() => null, () => null]),
  Sub: binary([() => null, ({ graph }, _, y) => graph.scalar(-1, y)]),
  Mul: binary([(_operation, _, y) => y, (_operation, x) => x]),
  Div: binary([({ graph }, _, y) => graph.unary('Reciprocal', y), ({ graph }, _, y, z) => graph.negate(graph.divide(z, y))]),
};
