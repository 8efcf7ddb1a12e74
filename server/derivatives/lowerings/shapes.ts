import type { Lowering, Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';

/** A split is a slice for each part that is read: https://onnx.ai/onnx/operators/onnx__Split.html */
const split: Lowering = (operation) => {
  const { graph } = operation;
  const x = operation.input(0);
  const axis = operation.axis(operation.integer('axis', 0));
  const sizes = partSizes(operation, axis);
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
  return operation.outputs.map((output, i) => output && graph.slice(x, [axis], [starts[i]], [Math.min(starts[i] + sizes[i], x.shape[axis])]));
};

/** Sizes of all parts, those that nobody reads among them. */
function partSizes(operation: Operation, axis: number): readonly number[] {
  const given = operation.inputs.at(1) ?? null;
  const { outputs } = operation;
  if (given === null) return outputs.map(() => Math.ceil(operation.input(0).shape[axis] / outputs.length));
  const known = operation.graph.numbersOf(given);
  if (known !== null) return known;
  return outputs.map((output) => output?.shape[axis] ?? operation.parameters(1)?.[0] ?? 0);
}

export const shapes: Lowerings = { Split: split };
