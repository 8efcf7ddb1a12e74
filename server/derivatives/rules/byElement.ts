import type { Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { alignTangent, fillOutput, plus, sumToShape, type Rule } from '../rule.js';

/**
 * z = g(x₀, x₁, …) by element, with broadcasting: ż = Σᵢ ∂z/∂xᵢ·ẋᵢ, and the cotangent of xᵢ is that of z times ∂z/∂xᵢ, summed
 * over the axes along which xᵢ was repeated.
 * @param factor ∂z/∂xᵢ, of a shape that broadcasts with z; null stands for 1
 */
export function byElement(factor: (operation: Operation, operand: number) => Value | null): Rule {
  const product = (operation: Operation, direction: Value, operand: number): Value => {
    const by = factor(operation, operand);
    return by === null ? direction : operation.graph.multiply(direction, by);
  };
  return {
    forward(operation, tangents) {
      const rank = operation.output().shape.length;
      const parts = tangents.map((tangent, operand) => tangent && product(operation, alignTangent(operation, tangent, rank), operand));
      const sum = parts.reduce((total, part) => plus(operation.graph, total, part), null);
      return [sum && fillOutput(operation, sum)];
    },
    reverse(operation, [cotangent], needed) {
      return operation.inputs.map((input, operand) => {
        if (cotangent === null || input === null || !needed[operand]) return null;
        return sumToShape(operation, product(operation, cotangent, operand), input.shape);
      });
    },
    pointwise: true,
  };
}

type BinaryFactor = (operation: Operation, x: Value, y: Value, z: Value) => Value | null;

/** z = g(x, y) by element, with ∂z/∂x and ∂z/∂y; null stands for 1. */
export function binary(factors: readonly [BinaryFactor, BinaryFactor]): Rule {
  return byElement((operation, operand) => factors[operand](operation, operation.input(0), operation.input(1), operation.output()));
}
