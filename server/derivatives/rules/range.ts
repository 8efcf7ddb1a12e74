import type { Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { plus, type Rules } from '../rule.js';

/** Range: yᵢ = start + i·delta. The limit decides on the number of elements alone. */
export const range: Rules = {
  Range: {
    forward(operation, [start, , delta]) {
      const { graph, directions } = operation;
      const column = (tangent: Value): Value => graph.reshape(tangent, [directions, 1]);
      const sum = plus(graph, start && column(start), delta ? graph.multiply(column(delta), positions(operation)) : null);
      return [sum && graph.expand(sum, [directions, ...operation.output().shape])];
    },
    reverse(operation, [cotangent]) {
      if (cotangent === null) return [null, null, null];
      const { graph } = operation;
      return [graph.sum(cotangent, [1]), null, graph.sum(graph.multiply(cotangent, positions(operation)), [1])];
    },
  },
};

/** 0, 1, 2, … as many as there are elements. */
function positions(operation: Operation): Value {
  const { shape, dtype } = operation.output();
  return operation.graph.constant(dtype, shape, Array.from({ length: shape[0] }, (_, i) => i));
}
