import type { Lowering, Lowerings } from '../lowering.js';

/** Where the sizes of the parts depend on the data, they are those that were found: https://onnx.ai/onnx/operators/onnx__Split.html */
const split: Lowering = (operation) => {
  const { graph } = operation;
  const sizes = operation.inputs.at(1) ?? null;
  if (sizes === null || graph.numbersOf(sizes) !== null) return null;
  const x = operation.input(0);
  const axis = operation.axis(operation.integer('axis', 0));
  let end = 0;
  return operation.outputs.map((_, i) => {
    const start = end;
    end += operation.output(i).shape[axis];
    return graph.slice(x, [axis], [start], [end]);
  });
};

export const shapes: Lowerings = { Split: split };
