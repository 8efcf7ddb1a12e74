import type { GraphBuilder } from '../builder.js';
import { elementsOf, type Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { allAxes, shifted, sizeOf, type Rule, type Rules } from '../rule.js';

/**
 * y = R(x) over some axes: ẏ = Σ ∂y/∂xᵢ·ẋᵢ over them, and the cotangent of xᵢ is that of y times ∂y/∂xᵢ.
 * @param slope ∂y/∂x from x and from y with the reduced axes kept at size 1, of a shape that broadcasts with x; null stands for 1
 */
function reduction(slope: (operation: Operation, x: Value, y: Value) => Value | null): Rule {
  const product = (operation: Operation, direction: Value): Value => {
    const { graph } = operation;
    const by = slope(operation, operation.input(0), graph.reshape(operation.output(), keptShape(operation)));
    return by === null ? direction : graph.multiply(direction, by);
  };
  return {
    forward(operation, [tangent]) {
      if (tangent === null) return [null];
      const { graph } = operation;
      const sum = graph.sum(product(operation, tangent), shifted(reducedAxes(operation)));
      return [graph.reshape(sum, [operation.directions, ...operation.output().shape])];
    },
    reverse(operation, [cotangent]) {
      if (cotangent === null) return [null];
      const { graph, directions } = operation;
      const kept = graph.reshape(cotangent, [directions, ...keptShape(operation)]);
      return [graph.expand(product(operation, kept), [directions, ...operation.input(0).shape])];
    },
  };
}

/**
 * The axes that are reduced, as an input or an attribute tells; all where it tells none, or none at all with
 * noop_with_empty_axes. Where they are kept, they are those that the output has only once.
 */
function reducedAxes(operation: Operation): number[] {
  const { shape } = operation.input(0);
  const output = operation.output().shape;
  if (operation.integer('keepdims', 1) !== 0) return allAxes(shape).filter((axis) => shape[axis] !== output[axis]);
  const axes = operation.integers('axes') ?? operation.parameters(1) ?? [];
  if (axes.length > 0) return axes.map((axis) => operation.axis(axis));
  return operation.integer('noop_with_empty_axes', 0) === 0 ? allAxes(shape) : [];
}

/** The output's shape with the reduced axes kept at size 1. */
function keptShape(operation: Operation): number[] {
  const axes = reducedAxes(operation);
  return operation.input(0).shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
}

/** Those elements that are the extremum share the derivative equally, as with torch.amax. */
function extremum({ graph }: Operation, x: Value, y: Value): Value {
  const chosen = graph.indicator('Equal', x, y);
  const axes = x.shape.flatMap((size, axis) => (size === y.shape[axis] ? [] : [axis]));
  return graph.divide(chosen, graph.sum(chosen, axes, true));
}

/** The product of the other elements, without a division, so that elements of 0 do no harm. */
function productOfOthers(operation: Operation, x: Value): Value {
  const { graph } = operation;
  const reduced = reducedAxes(operation);
  if (reduced.length === 0 || x.shape.includes(0)) return graph.scalar(1, x);
  const order = [...allAxes(x.shape).filter((axis) => !reduced.includes(axis)), ...reduced];
  const count = sizeOf(x.shape, reduced);
  const inOrder = graph.transpose(x, order);
  const rows = graph.reshape(inOrder, [elementsOf(x.shape) / count, count]);
  const others = graph.multiply(productsBefore(graph, rows), reversed(graph, productsBefore(graph, reversed(graph, rows))));
  return graph.transpose(graph.reshape(others, inOrder.shape), order.map((_, axis) => order.indexOf(axis)));
}

/** Of every row x₀, x₁, x₂, …: 1, x₀, x₀·x₁, …, by doubling the number of factors. */
function productsBefore(graph: GraphBuilder, rows: Value): Value {
  const [count, length] = rows.shape;
  const moved = (values: Value, by: number): Value => graph.concat([graph.filled(1, [count, by], rows.dtype), graph.slice(values, [1], [0], [length - by])], 1);
  let products = moved(rows, 1);
  for (let factors = 1; factors < length; factors *= 2) products = graph.multiply(products, moved(products, factors));
  return products;
}

function reversed(graph: GraphBuilder, rows: Value): Value {
  return graph.slice(rows, [1], [rows.shape[1] - 1], [-1], [-1]);
}

/** Reductions over axes. Definitions: https://onnx.ai/onnx/operators */
export const reductions: Rules = {
  ReduceSum: reduction(() => null),
  ReduceMean: reduction((operation, x) => operation.graph.scalar(1 / sizeOf(x.shape, reducedAxes(operation)), x)),
  ReduceMax: reduction(extremum),
  ReduceMin: reduction(extremum),
  ReduceProd: reduction(productOfOthers),
  ReduceL1: reduction(({ graph }, x) => graph.unary('Sign', x)),
  // x/‖x‖; 0 where ‖x‖ = 0, as with torch.norm.
  ReduceL2: reduction(({ graph }, x, y) => graph.divide(x, graph.add(y, graph.indicator('Equal', y, 0)))),
  // y = ln Σx: 1/Σx = e⁻ʸ.
  ReduceLogSum: reduction(({ graph }, _, y) => graph.unary('Exp', graph.negate(y))),
  ReduceLogSumExp: reduction(({ graph }, x, y) => graph.unary('Exp', graph.subtract(x, y))),
  ReduceSumSquare: reduction(({ graph }, x) => graph.multiply(x, 2)),
};
