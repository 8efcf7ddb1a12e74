import type { GraphBuilder } from '../builder.js';
import type { Value } from '../graph.js';
import { elementwise, type Rules } from '../rule.js';

/**
 * Activation functions by element, by their derivatives. At kinks the derivative is that of PyTorch: ReLU′(0) = 0.
 * Definitions: https://onnx.ai/onnx/operators
 */
export const activations: Rules = {
  Relu: elementwise(({ graph }, x) => graph.indicator('Greater', x, 0)),
  LeakyRelu: elementwise((operation, x) => {
    const { graph } = operation;
    return piecewise(graph, x, graph.scalar(1, x), graph.scalar(operation.float('alpha', 0.01), x));
  }),
  ThresholdedRelu: elementwise((operation, x) => operation.graph.indicator('Greater', x, operation.float('alpha', 1))),
  // α·(eˣ − 1) below 0.
  Elu: elementwise((operation, x) => {
    const { graph } = operation;
    return piecewise(graph, x, graph.scalar(1, x), graph.multiply(exponentialBelow(graph, x), operation.float('alpha', 1)));
  }),
  // γ·x above 0, γ·α·(eˣ − 1) below.
  Selu: elementwise((operation, x) => {
    const { graph } = operation;
    const [alpha, gamma] = [operation.float('alpha', 1.6732631921768188), operation.float('gamma', 1.0507010221481323)];
    return piecewise(graph, x, graph.scalar(gamma, x), graph.multiply(exponentialBelow(graph, x), alpha * gamma));
  }),
  // α·(exp(x/α) − 1) below 0.
  Celu: elementwise((operation, x) => {
    const { graph } = operation;
    return piecewise(graph, x, graph.scalar(1, x), exponentialBelow(graph, x, operation.float('alpha', 1)));
  }),
  Sigmoid: elementwise(({ graph }, _, y) => logisticSlope(graph, y)),
  // max(0, min(1, α·x + β)).
  HardSigmoid: elementwise((operation, x) => {
    const { graph } = operation;
    const alpha = operation.float('alpha', 0.2);
    const line = graph.add(graph.multiply(x, alpha), operation.float('beta', 0.5));
    const inside = graph.multiply(graph.indicator('Greater', line, 0), graph.indicator('Less', line, 1));
    return graph.multiply(inside, alpha);
  }),
  // x·max(0, min(1, x/6 + 1/2)): slope x/3 + 1/2 between −3 and 3.
  HardSwish: elementwise(({ graph }, x) => {
    const line = graph.add(graph.divide(x, 3), 0.5);
    const rising = graph.where(graph.compare('Less', x, 3), line, graph.scalar(1, x));
    return graph.where(graph.compare('Greater', x, -3), rising, graph.scalar(0, x));
  }),
  // x·σ(α·x): σ + α·x·σ·(1 − σ).
  Swish: elementwise((operation, x) => {
    const { graph } = operation;
    const alpha = operation.float('alpha', 1);
    const sigmoid = graph.unary('Sigmoid', graph.multiply(x, alpha));
    return graph.add(sigmoid, graph.multiply(graph.multiply(x, alpha), logisticSlope(graph, sigmoid)));
  }),
  Gelu: elementwise((operation, x) => (operation.text('approximate', 'none') === 'tanh' ? geluTanhSlope(operation.graph, x) : geluSlope(operation.graph, x))),
  // x·w with w = tanh(softplus(x)): w + x·σ(x)·(1 − w²).
  Mish: elementwise(({ graph }, x) => {
    const w = graph.unary('Tanh', graph.unary('Softplus', x));
    return graph.add(w, graph.multiply(graph.multiply(x, graph.unary('Sigmoid', x)), oneMinusSquare(graph, w)));
  }),
  Softplus: elementwise(({ graph }, x) => graph.unary('Sigmoid', x)),
  // x / (1 + |x|): (1 + |x|)⁻².
  Softsign: elementwise(({ graph }, x) => {
    const inverse = graph.unary('Reciprocal', graph.add(graph.unary('Abs', x), 1));
    return graph.multiply(inverse, inverse);
  }),
  Tanh: elementwise(({ graph }, _, y) => oneMinusSquare(graph, y)),
};

function piecewise(graph: GraphBuilder, x: Value, above: Value, below: Value): Value {
  return graph.where(graph.compare('Greater', x, 0), above, below);
}

/** exp(x/scale) where x ≤ 0; 1 above, so that what is not chosen there does not overflow. */
function exponentialBelow(graph: GraphBuilder, x: Value, scale = 1): Value {
  const negative = graph.binary('Min', x, 0);
  return graph.unary('Exp', scale === 1 ? negative : graph.divide(negative, scale));
}

/** σ·(1 − σ). */
function logisticSlope(graph: GraphBuilder, sigmoid: Value): Value {
  return graph.multiply(sigmoid, graph.subtract(1, sigmoid));
}

function oneMinusSquare(graph: GraphBuilder, y: Value): Value {
  return graph.subtract(1, graph.multiply(y, y));
}

/** Of x·Φ(x), with the distribution function Φ and density φ of the standard normal distribution: Φ(x) + x·φ(x). */
function geluSlope(graph: GraphBuilder, x: Value): Value {
  const distribution = graph.multiply(graph.add(graph.unary('Erf', graph.multiply(x, Math.SQRT1_2)), 1), 0.5);
  const density = graph.multiply(graph.unary('Exp', graph.multiply(graph.multiply(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return graph.add(distribution, graph.multiply(x, density));
}

/** Of x·(1 + tanh u)/2 with u = √(2/π)·(x + 0.044715·x³): (1 + tanh u)/2 + x·(1 − tanh² u)·u′/2. */
function geluTanhSlope(graph: GraphBuilder, x: Value): Value {
  const scale = Math.sqrt(2 / Math.PI);
  const square = graph.multiply(x, x);
  const argument = graph.multiply(x, graph.add(graph.multiply(square, scale * 0.044715), scale));
  const argumentSlope = graph.add(graph.multiply(square, scale * 3 * 0.044715), scale);
  const tanh = graph.unary('Tanh', argument);
  const gate = graph.add(tanh, 1);
  return graph.multiply(graph.add(gate, graph.multiply(graph.multiply(x, oneMinusSquare(graph, tanh)), argumentSlope)), 0.5);
}
