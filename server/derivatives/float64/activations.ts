import type { Value } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';
import { arccosine, arcsine, arctangent, errorFunction, exponentialMinusOne, hyperbolicCosine, hyperbolicSine, inverseHyperbolicCosine, inverseHyperbolicSine, inverseHyperbolicTangent, softplus } from './elementary.js';

/** A function by element, where its operand is of float64. */
function elementwise(value: (operation: Operation, x: Value) => Value): Lowering {
  return (operation) => (operation.input(0).dtype === 'float64' ? [value(operation, operation.input(0))] : null);
}

/** One function above 0, another at 0 and below. */
function aboveZero({ graph }: Operation, x: Value, above: Value, below: Value): Value {
  return graph.where(graph.compare('Greater', x, 0), above, below);
}

/** eˣ − 1 for x ≤ 0; what it is above is not used, and does not overflow. */
function exponentialBelowZero({ graph }: Operation, x: Value): Value {
  return exponentialMinusOne(graph, graph.binary('Min', x, 0));
}

/** Standard values of SELU (Klambauer et al. 2017), as ONNX writes them. */
const seluAlpha = 1.6732632423543772;
const seluGamma = 1.0507009873554805;

/** x·Φ(x), or with tanh as in Hendrycks & Gimpel 2016. */
function gelu(operation: Operation, x: Value): Value {
  const { graph } = operation;
  const half = graph.multiply(x, 0.5);
  if (operation.text('approximate', 'none') !== 'tanh') return graph.multiply(half, graph.add(errorFunction(graph, graph.multiply(x, Math.SQRT1_2)), 1));
  const cubic = graph.multiply(x, graph.add(graph.multiply(graph.multiply(x, x), 0.044715), 1));
  return graph.multiply(half, graph.add(graph.unary('Tanh', graph.multiply(cubic, Math.sqrt(2 / Math.PI))), 1));
}

/** min(1, max(0, α·x + β)). */
function hardSigmoid({ graph }: Operation, x: Value, alpha: number, beta: number): Value {
  return graph.binary('Min', graph.binary('Max', graph.add(graph.multiply(x, alpha), beta), 0), 1);
}

/**
 * Functions by element that onnxruntime has no double kernel of, and those that it takes apart in a way that overflows or
 * cancels. Definitions: https://onnx.ai/onnx/operators
 */
export const activations: Lowerings = {
  Erf: elementwise(({ graph }, x) => errorFunction(graph, x)),
  Gelu: elementwise(gelu),
  LeakyRelu: elementwise((operation, x) => aboveZero(operation, x, x, operation.graph.multiply(x, operation.float('alpha', 0.01)))),
  PRelu: elementwise((operation, x) => aboveZero(operation, x, x, operation.graph.multiply(x, operation.input(1)))),
  Elu: elementwise((operation, x) => aboveZero(operation, x, x, operation.graph.multiply(exponentialBelowZero(operation, x), operation.float('alpha', 1)))),
  Selu: elementwise((operation, x) => {
    const below = operation.graph.multiply(exponentialBelowZero(operation, x), operation.float('alpha', seluAlpha));
    return operation.graph.multiply(aboveZero(operation, x, x, below), operation.float('gamma', seluGamma));
  }),
  Celu: elementwise((operation, x) => {
    const { graph } = operation;
    const alpha = operation.float('alpha', 1);
    return aboveZero(operation, x, x, graph.multiply(exponentialBelowZero(operation, graph.divide(x, alpha)), alpha));
  }),
  ThresholdedRelu: elementwise((operation, x) => operation.graph.where(operation.graph.compare('Greater', x, operation.float('alpha', 1)), x, operation.graph.scalar(0, x))),
  Softplus: elementwise(({ graph }, x) => softplus(graph, x)),
  Softsign: elementwise(({ graph }, x) => graph.divide(x, graph.add(graph.unary('Abs', x), 1))),
  Mish: elementwise(({ graph }, x) => graph.multiply(x, graph.unary('Tanh', softplus(graph, x)))),
  HardSigmoid: elementwise((operation, x) => hardSigmoid(operation, x, operation.float('alpha', 0.2), operation.float('beta', 0.5))),
  HardSwish: elementwise((operation, x) => operation.graph.multiply(x, hardSigmoid(operation, x, 1 / 6, 0.5))),
  Tan: elementwise(({ graph }, x) => graph.divide(graph.unary('Sin', x), graph.unary('Cos', x))),
  Asin: elementwise(({ graph }, x) => arcsine(graph, x)),
  Acos: elementwise(({ graph }, x) => arccosine(graph, x)),
  Atan: elementwise(({ graph }, x) => arctangent(graph, x)),
  Sinh: elementwise(({ graph }, x) => hyperbolicSine(graph, x)),
  Cosh: elementwise(({ graph }, x) => hyperbolicCosine(graph, x)),
  Asinh: elementwise(({ graph }, x) => inverseHyperbolicSine(graph, x)),
  Acosh: elementwise(({ graph }, x) => inverseHyperbolicCosine(graph, x)),
  Atanh: elementwise(({ graph }, x) => inverseHyperbolicTangent(graph, x)),
};
