import type { Layer } from '../../model/model.js';

/** Multiplications that onnxruntime does in a second on one thread, in float32. */
const productsPerSecond = 2e10;
/** Rows of a Jacobian that are computed on average: outputs of a classifier, or units of a layer. */
const directions = 50;
/** Opening the network, its sessions, and its singular values. */
const secondsPerLayer = 0.02;
const secondsPerMatrix = 2e-3;

/**
 * Roughly how long a Jacobian analysis takes on one thread, from headers alone: it tells a moment from a minute. Each weight
 * is used once for an input, those of a convolution at every place of its input (where the file tells its size).
 */
export function predictedJacobianSeconds(layers: readonly Layer[], samples: number): number {
  const products = layers.reduce((sum, { parameters, convolution }) => sum + parameters * (convolution?.inputSize?.reduce((a, b) => a * b, 1) ?? 1), 0);
  // Each of three Jacobians of a layer takes about a pass through half of the network.
  const passes = 1.5 * layers.length * directions * samples;
  return layers.length * (secondsPerLayer + 3 * secondsPerMatrix * samples) + (passes * products) / productsPerSecond;
}
