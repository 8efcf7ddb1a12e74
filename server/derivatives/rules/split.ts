import type { Value } from '../graph.js';
import type { Operation } from '../operation.js';
import type { Rule, Rules } from '../rule.js';

/** Parts of an axis, by their sizes or of equal ones: their cotangents lie one behind the other. https://onnx.ai/onnx/operators/onnx__Split.html */
const split: Rule = {
  forward(operation, [tangent]) {
    if (tangent === null) return operation.outputs.map(() => null);
    const { graph } = operation;
    const { axis, sizes } = partsOf(operation);
    const shapes = sizes.map((size) => ({ shape: tangent.shape.map((whole, i) => (i === axis + 1 ? size : whole)), dtype: tangent.dtype }));
    return graph.operation('Split', [tangent, graph.integers(sizes)], shapes, { axis: axis + 1 });
  },
  reverse(operation, cotangents) {
    const { graph, directions } = operation;
    const { axis, sizes } = partsOf(operation);
    const x = operation.input(0);
    const parts = sizes.map((size, i): Value => cotangents[i] ?? graph.filled(0, [directions, ...x.shape.map((whole, at) => (at === axis ? size : whole))], x.dtype));
    return [graph.concat(parts, axis + 1)];
  },
};

function partsOf(operation: Operation): { axis: number; sizes: readonly number[] } {
  const axis = operation.axis(operation.integer('axis', 0));
  const size = operation.input(0).shape[axis];
  const count = operation.outputs.length;
  const part = Math.ceil(size / count);
  return { axis, sizes: operation.parameters(1) ?? Array.from({ length: count }, (_, i) => Math.min(part, size - i * part)) };
}

export const splits: Rules = { Split: split };
