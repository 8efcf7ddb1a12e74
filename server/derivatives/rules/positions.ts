import type { GraphBuilder } from '../builder.js';
import { elementsOf, type Value } from '../graph.js';
import type { Operation } from '../operation.js';
import type { Rule } from '../rule.js';

/**
 * Operations that only choose which elements of their operands make up the result: y[i] = x[p(i)]. The positions p are
 * found by the operation itself, run on the numbers 0, 1, 2, … in the place of the elements. So they may depend on the
 * data, and the last of several writes to one place is the one that counts.
 */

/** Positions of the elements of a value of the given shape, row by row. */
export function positionsIn(graph: GraphBuilder, shape: readonly number[], first = 0): Value {
  const count = elementsOf(shape);
  const [start, limit, step] = [first, first + count, 1].map((number) => graph.constant('int64', [], [number]));
  return graph.reshape(graph.one('Range', [start, limit, step], [count]), shape);
}

/** Elements of values [K, ...] by their positions, which have the shape of the result: [K, ...positions]. */
export function picked(graph: GraphBuilder, values: Value, positions: Value): Value {
  const [directions, ...shape] = values.shape;
  const flat = graph.reshape(values, [directions, elementsOf(shape)]);
  const elements = graph.gather(flat, graph.reshape(positions, [elementsOf(positions.shape)]), 1);
  return graph.reshape(elements, [directions, ...positions.shape]);
}

/** Sums of the elements of values [K, ...positions] over equal positions: [K, ...shape], the transpose of `picked`. */
export function putBack(graph: GraphBuilder, values: Value, positions: Value, shape: readonly number[]): Value {
  const [directions] = values.shape;
  const [count, size] = [elementsOf(positions.shape), elementsOf(shape)];
  const indices = graph.expand(graph.reshape(positions, [1, count]), [directions, count]);
  const sums = graph.scatterAdd(graph.filled(0, [directions, size], values.dtype), indices, graph.reshape(values, [directions, count]), 1);
  return graph.reshape(sums, [directions, ...shape]);
}

/**
 * The rule of an operation whose result is made up of elements of the given operands.
 * @param operands their places among the inputs; one that is left out stands for a single zero
 */
export function selection(operands: readonly number[]): Rule {
  return {
    forward(operation, tangents) {
      const { graph, directions } = operation;
      const { shapes, positions } = selected(operation, operands);
      const dtype = operation.output().dtype;
      const parts = shapes.map((shape, i) => {
        const tangent = tangents.at(operands[i]) ?? graph.filled(0, [directions, ...shape], dtype);
        return graph.reshape(tangent, [directions, elementsOf(shape)]);
      });
      return [picked(graph, graph.concat(parts, 1), positions)];
    },
    reverse(operation, [cotangent], needed) {
      if (cotangent === null) return [];
      const { graph, directions } = operation;
      const { shapes, positions, starts } = selected(operation, operands);
      const sums = putBack(graph, cotangent, positions, [starts[shapes.length]]);
      return operation.inputs.map((input, i) => {
        const place = operands.indexOf(i);
        if (place < 0 || input === null || !needed[i]) return null;
        return graph.reshape(graph.slice(sums, [1], [starts[place]], [starts[place + 1]]), [directions, ...input.shape]);
      });
    },
  };
}

/** Positions of the result's elements in all operands one after another, and where each of these begins. */
function selected(operation: Operation, operands: readonly number[]): { shapes: (readonly number[])[]; starts: number[]; positions: Value } {
  const { graph, node } = operation;
  const shapes = operands.map((operand) => operation.inputs.at(operand)?.shape ?? []);
  const starts = [0];
  for (const shape of shapes) starts.push(starts[starts.length - 1] + elementsOf(shape));
  const count = Math.max(operation.inputs.length, ...operands.map((operand) => operand + 1));
  const inputs = Array.from({ length: count }, (_, i) => {
    const place = operands.indexOf(i);
    return place < 0 ? (operation.inputs.at(i) ?? null) : positionsIn(graph, shapes[place], starts[place]);
  });
  const [positions] = graph.operation(node.operator, inputs, [{ shape: operation.output().shape, dtype: 'int64' }], node.attributes);
  return { shapes, starts, positions };
}
