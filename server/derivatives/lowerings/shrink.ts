import type { Lowerings } from '../lowering.js';

/**
 * x + bias below −λ, x − bias above λ, 0 between (https://onnx.ai/onnx/operators/onnx__Shrink.html): onnxruntime computes it in
 * float32 whatever the type.
 */
export const shrink: Lowerings = {
  Shrink: (operation) => {
    const { graph } = operation;
    const x = operation.input(0);
    const [threshold, bias] = [operation.float('lambd', 0.5), operation.float('bias', 0)];
    const above = graph.where(graph.compare('Greater', x, threshold), graph.subtract(x, bias), graph.scalar(0, x));
    return [graph.where(graph.compare('Less', x, -threshold), graph.add(x, bias), above)];
  },
};
