import { elementsOf, type Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { linear, type Rule, type Rules } from '../rule.js';
import { picked, positionsIn, putBack, selection } from './positions.js';
import { scatter } from './scatter.js';

/** Parts of an axis by their indices; the cotangents of parts that were taken more than once are added. */
const gather = linear(
  (operation, tangent) => operation.graph.gather(tangent, operation.input(1), gatheredAxis(operation) + 1),
  (operation, cotangent) => {
    const { graph, directions } = operation;
    const { shape } = operation.input(0);
    const indices = operation.input(1);
    const axis = gatheredAxis(operation);
    const [outer, size, inner, count] = [elementsOf(shape.slice(0, axis)), shape[axis], elementsOf(shape.slice(axis + 1)), elementsOf(indices.shape)];
    const parts = graph.reshape(cotangent, [directions * outer, count, inner]);
    const first = firstOfRun(graph.numbersOf(indices)?.map((index) => (index < 0 ? index + size : index)) ?? null);
    const whole = (): Value => {
      if (first !== null) return graph.pad(parts, [0, first, 0], [0, size - first - count, 0]);
      const places = graph.expand(graph.reshape(indices, [1, count, 1]), parts.shape);
      return graph.scatterAdd(graph.filled(0, [directions * outer, size, inner], cotangent.dtype), places, parts, 1);
    };
    return graph.reshape(whole(), [directions, ...shape]);
  },
);

function gatheredAxis(operation: Operation): number {
  return operation.axis(operation.integer('axis', 0));
}

/** The first of indices that follow one another, such as a single one; null for others. */
function firstOfRun(indices: readonly number[] | null): number | null {
  if (indices === null || indices.length === 0) return null;
  return indices.every((index, i) => index === indices[0] + i) ? indices[0] : null;
}

/** Elements of one operand that are found by a search, such as the k largest or the distinct ones, or by other operands. */
function found(positions: (operation: Operation) => Value, operand = 0): Rule {
  return {
    forward(operation, tangents) {
      const tangent = tangents.at(operand) ?? null;
      return [tangent && picked(operation.graph, tangent, positions(operation))];
    },
    reverse: (operation, [cotangent]) => operation.inputs.map((input, i) => (i === operand && input && cotangent ? putBack(operation.graph, cotangent, positions(operation), input.shape) : null)),
  };
}

/** One of two values for every place. The indices and the depth may be floating-point numbers, of any precision. */
const oneHot = found((operation) => {
  const { graph } = operation;
  const [indices, depth] = [operation.input(0), operation.input(1)].map((value) => graph.cast(value, 'int64'));
  return graph.one('OneHot', [indices, depth, graph.integers([0, 1])], operation.output().shape, { axis: operation.integer('axis', -1) });
}, 2);

/** The k largest or smallest elements of an axis. */
const topK = found((operation) => {
  const { graph, node } = operation;
  const [x, y] = [operation.input(0), operation.output()];
  const [, indices] = graph.operation('TopK', [x, operation.input(1)], [y, { shape: y.shape, dtype: 'int64' }], node.attributes);
  return graph.one('GatherElements', [positionsIn(graph, x.shape), indices], y.shape, { axis: operation.axis(operation.integer('axis', -1)) });
});

/** Distinct elements, or parts of an axis: where there are equal ones, their number changes with the smallest change of the input. */
const unique = found((operation) => {
  const { graph, node } = operation;
  const [x, y] = [operation.input(0), operation.output()];
  if (elementsOf(x.shape) !== elementsOf(y.shape)) operation.fail('joins elements that are equal, and has no derivative where there are such');
  const axis = operation.has('axis') ? operation.axis(operation.integer('axis', 0)) : null;
  const count = axis === null ? y.shape[0] : y.shape[axis];
  const [, indices] = graph.operation('Unique', [x], [y, { shape: [count], dtype: 'int64' }], node.attributes);
  return axis === null ? indices : graph.gather(positionsIn(graph, x.shape), indices, axis);
});

/** Sums of the elements up to each; the transpose sums from the other end. */
const cumulativeSum = linear(
  (operation, tangent) => summed(operation, tangent, operation.integer('reverse', 0)),
  (operation, cotangent) => summed(operation, cotangent, 1 - operation.integer('reverse', 0)),
);

function summed(operation: Operation, value: Value, reverse: number): Value {
  const { graph } = operation;
  const axis = operation.input(1);
  // Counted from the end an axis stays where it is.
  const moved = graph.add(axis, graph.cast(graph.compare('GreaterOrEqual', axis, 0), axis.dtype));
  return graph.one('CumSum', [value, moved], value.shape, { exclusive: operation.integer('exclusive', 0), reverse });
}

/**
 * Operations that find elements by indices, or by what they are.
 * Definitions: https://onnx.ai/onnx/operators
 */
export const indexing: Rules = {
  Gather: gather, GatherElements: selection([0]), GatherND: selection([0]), Compress: selection([0]), OneHot: oneHot, TopK: topK, Unique: unique, CumSum: cumulativeSum,
  ScatterElements: scatter('GatherElements'), ScatterND: scatter('GatherND'),
};
