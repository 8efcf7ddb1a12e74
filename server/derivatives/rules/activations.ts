import { elementwise, type Rules } from '../rule.js';

/**
 * Functions of one operand by element, by their derivatives. At kinks the derivative is that of PyTorch: ReLU′(0) = 0.
 * Definitions: https://onnx.ai/onnx/operators
 */
export const activations: Rules = {
  Identity: elementwise(() => null),
  Relu: elementwise(({ graph }, x) => graph.indicator('Greater', x, 0)),
  LeakyRelu: elementwise((operation, x) => {
    const { graph } = operation;
    return graph.where(graph.compare('Greater', x, 0), graph.scalar(1, x), graph.scalar(operation.float('alpha', 0.01), x));
  }),
  Sigmoid: elementwise(({ graph }, _, y) => graph.multiply(y, graph.subtract(1, y))),
  Tanh: elementwise(({ graph }, _, y) => graph.subtract(1, graph.multiply(y, y))),
  Exp: elementwise((_operation, _, y) => y),
  Log: elementwise(({ graph }, x) => graph.unary('Reciprocal', x)),
  Sqrt: elementwise(({ graph }, _, y) => graph.divide(0.5, y)),
  Reciprocal: elementwise(({ graph }, _, y) => graph.negate(graph.multiply(y, y))),
  Neg: elementwise(({ graph }, x) => graph.scalar(-1, x)),
  Abs: elementwise(({ graph }, x) => graph.unary('Sign', x)),
  Erf: elementwise(({ graph }, x) => graph.multiply(graph.unary('Exp', graph.negate(graph.multiply(x, x))), 2 / Math.sqrt(Math.PI))),
};
