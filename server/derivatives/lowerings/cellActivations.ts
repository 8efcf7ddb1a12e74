import { float, type GraphBuilder } from '../builder.js';
import type { Value } from '../graph.js';
import type { Operation } from '../operation.js';

/** A function by element. */
export type Activation = (graph: GraphBuilder, x: Value) => Value;

/** Which parameters an activation takes, their defaults, and how it is written. */
interface Kind {
  alpha?: number;
  beta?: number;
  write: (graph: GraphBuilder, x: Value, alpha: number, beta: number) => Value;
}

const plain = (operator: string): Kind => ({ write: (graph, x) => graph.unary(operator, x) });
const withAlpha = (operator: string, alpha: number): Kind => ({ alpha, write: (graph, x, value) => graph.unary(operator, x, { alpha: float(value) }) });

/** Activations of recurrent operators, by their names in lower case (https://onnx.ai/onnx/operators/onnx__LSTM.html). */
const kinds: Readonly<Record<string, Kind>> = {
  relu: plain('Relu'),
  tanh: plain('Tanh'),
  sigmoid: plain('Sigmoid'),
  softsign: plain('Softsign'),
  softplus: plain('Softplus'),
  leakyrelu: withAlpha('LeakyRelu', 0.01),
  thresholdedrelu: withAlpha('ThresholdedRelu', 1),
  elu: withAlpha('Elu', 1),
  hardsigmoid: { alpha: 0.2, beta: 0.5, write: (graph, x, alpha, beta) => graph.unary('HardSigmoid', x, { alpha: float(alpha), beta: float(beta) }) },
  affine: { alpha: 1, beta: 0, write: (graph, x, alpha, beta) => graph.add(graph.multiply(x, alpha), beta) },
  scaledtanh: { alpha: 1, beta: 1, write: (graph, x, alpha, beta) => graph.multiply(graph.unary('Tanh', graph.multiply(x, beta)), alpha) },
};

/**
 * The activations of one direction. Parameters are listed for those activations only that take them, over all directions.
 * @throws NotDifferentiable for names that are none
 */
export function cellActivations(operation: Operation, defaults: readonly string[], direction: number): Activation[] {
  const directions = operation.input(1).shape[0];
  const names = operation.texts('activations') ?? Array.from({ length: directions }, () => defaults).flat();
  const alphas = [...(operation.floats('activation_alpha') ?? [])];
  const betas = [...(operation.floats('activation_beta') ?? [])];
  const all = names.map((name): Activation => {
    const key = name.toLowerCase();
    if (!Object.hasOwn(kinds, key)) return operation.fail(`has the activation ${name}, which has no derivative here`);
    const { alpha, beta, write } = kinds[key];
    const [a, b] = [alpha === undefined ? 0 : (alphas.shift() ?? Math.fround(alpha)), beta === undefined ? 0 : (betas.shift() ?? Math.fround(beta))];
    return (graph, x) => write(graph, x, a, b);
  });
  return all.slice(direction * defaults.length, (direction + 1) * defaults.length);
}
