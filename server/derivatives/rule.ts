import type { GraphBuilder } from './builder.js';
import { elementsOf, type Value } from './graph.js';
import type { Operation } from './operation.js';

/**
 * The derivative of one operator. K directions are carried at once: the tangent or cotangent of a value of shape S has
 * the shape [K, ...S]; null stands for zeros. A rule adds standard operations to `operation.graph`.
 */
export interface Rule {
  /** Tangents of the outputs from those of the inputs: J·t. At least one of them is not null. */
  forward: (operation: Operation, tangents: readonly (Value | null)[]) => (Value | null)[];
  /** Cotangents of the inputs from those of the outputs: Jᵀ·c. Only those `needed` are used. */
  reverse: (operation: Operation, cotangents: readonly (Value | null)[], needed: readonly boolean[]) => (Value | null)[];
  /** Each element of the one output is made of those of the operands at its place. */
  pointwise?: true;
}

export type Rules = Readonly<Record<string, Rule>>;

/** The one tangent or cotangent that a rule for a single operand gets. */
export function only(values: readonly (Value | null)[]): Value {
  const value = values.find((candidate) => candidate !== null);
  if (value === undefined) throw new Error('A rule was called without a tangent.');
  return value;
}

/** y = g(x) by element: both products are with g′. `derivative` answers null where g′ = 1. */
export function elementwise(derivative: (operation: Operation, x: Value, y: Value) => Value | null): Rule {
  const product = (operation: Operation, value: Value): Value => {
    const factor = derivative(operation, operation.input(0), operation.output());
    return factor === null ? value : operation.graph.multiply(value, factor);
  };
  return {
    forward: (operation, [tangent]) => [tangent && product(operation, tangent)],
    reverse: (operation, [cotangent]) => [cotangent && product(operation, cotangent)],
    pointwise: true,
  };
}

/** y = L·x, linear in its first input; the others are parameters. `transposed` is Lᵀ. */
export function linear(apply: (operation: Operation, tangent: Value) => Value, transposed: (operation: Operation, cotangent: Value) => Value): Rule {
  return {
    forward: (operation, [tangent]) => [tangent && apply(operation, tangent)],
    reverse: (operation, [cotangent]) => [cotangent && transposed(operation, cotangent)],
  };
}

/** Operations whose outputs do not change with small changes of their inputs. */
export const constantRule: Rule = {
  forward: (operation) => operation.outputs.map(() => null),
  reverse: (operation) => operation.inputs.map(() => null),
};

/** Sum of two values, either of which may be zero. */
export function plus(graph: GraphBuilder, a: Value | null, b: Value | null): Value | null {
  if (a === null || b === null) return a ?? b;
  return graph.add(a, b);
}

/** A tangent with axes of size 1 put behind the directions, so that it broadcasts against values of the given rank: [K, 1, …, ...S]. */
export function alignTangent({ graph }: Operation, tangent: Value, rank: number): Value {
  const [directions, ...shape] = tangent.shape;
  return graph.reshape(tangent, [directions, ...new Array<number>(rank - shape.length).fill(1), ...shape]);
}

/** A tangent of an output, broadcast to the whole of it. */
export function fillOutput(operation: Operation, tangent: Value, output = operation.output()): Value {
  return operation.graph.expand(alignTangent(operation, tangent, output.shape.length), [tangent.shape[0], ...output.shape]);
}

/** The cotangent of an operand that was broadcast: sums over the axes along which it was repeated. */
export function sumToShape({ graph }: Operation, cotangent: Value, shape: readonly number[]): Value {
  const [directions, ...output] = cotangent.shape;
  const added = output.length - shape.length;
  const axes = output.flatMap((size, axis) => (axis < added || (shape[axis - added] === 1 && size !== 1) ? [axis + 1] : []));
  return graph.reshape(graph.sum(cotangent, axes), [directions, ...shape]);
}

/** [K, N, ...] → [K·N, ...], for operations that take a batch. */
export function foldDirections({ graph }: Operation, tangent: Value): Value {
  const [directions, batch, ...shape] = tangent.shape;
  return graph.reshape(tangent, [directions * batch, ...shape]);
}

/** [K·N, ...] → [K, N, ...]. */
export function unfoldDirections({ graph }: Operation, folded: Value, directions: number): Value {
  const [batch, ...shape] = folded.shape;
  return graph.reshape(folded, [directions, batch / directions, ...shape]);
}

/** Axes of a value's tangent: one further back. */
export function shifted(axes: readonly number[]): number[] {
  return axes.map((axis) => axis + 1);
}

/** All axes of a shape. */
export function allAxes(shape: readonly number[]): number[] {
  return shape.map((_, axis) => axis);
}

/** Elements that the given axes hold together. */
export function sizeOf(shape: readonly number[], axes: readonly number[]): number {
  return elementsOf(axes.map((axis) => shape[axis]));
}
