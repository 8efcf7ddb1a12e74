import { type BoundedOperation, type Gains, sum } from './boundedOperation.js';

/**
 * Normalisations. With statistics of their own they are bounded because of ε: for one group of n elements with mean μ,
 * variance v and s = √(v + ε), the derivative of z = (x − μ)/s is (P − z·zᵀ/n)/s, P the projection that takes the mean
 * away. As ‖z‖² = n·v/s² ≤ n, the matrix in brackets is symmetric with eigenvalues from 0 to 1, so that the norm is at most
 * 1/s ≤ 1/√ε; the scale γ that follows multiplies it by max |γ|. Without the mean (RMS) P is the identity.
 */
export const normalizationGains: Gains = {
  BatchNormalization: batchNormalization,
  LayerNormalization: async (operation) => [operation.only() * (await ownStatistics(operation, 1)), null, null],
  InstanceNormalization: async (operation) => operation.only() * (await ownStatistics(operation, 1)),
  GroupNormalization: async (operation) => operation.only() * (await ownStatistics(operation, 1)),
  RMSNormalization: async (operation) => operation.only() * (await ownStatistics(operation, 1)),
  SimplifiedLayerNormalization: async (operation) => [operation.only() * (await ownStatistics(operation, 1)), null],
  'com.microsoft.SimplifiedLayerNormalization': async (operation) => [operation.only() * (await ownStatistics(operation, 1)), null],
  'com.microsoft.SkipLayerNormalization': skipped,
  'com.microsoft.SkipSimplifiedLayerNormalization': skipped,
};

/** (x − mean)·scale/√(variance + ε) + shift with stored statistics. */
async function batchNormalization(operation: BoundedOperation): Promise<number> {
  const { operation: node } = operation;
  const bound = operation.only();
  if (node.integer('training_mode', 0) !== 0 || node.outputs.slice(1).some((output) => output !== null)) operation.refuse('normalises by the batch at hand, as in training');
  const [scale, variance] = [(await operation.constant(1)).values, (await operation.constant(4)).values];
  const epsilon = node.float('epsilon', 1e-5);
  let largest = 0;
  for (const [channel, value] of scale.entries()) largest = Math.max(largest, Math.abs(value) / Math.sqrt(variance[channel] + epsilon));
  return Number.isFinite(largest) ? bound * largest : operation.refuse('has a variance that is not above 0');
}

/** max |γ|/√ε. */
async function ownStatistics(operation: BoundedOperation, scale: number, defaultEpsilon = 1e-5): Promise<number> {
  const epsilon = operation.operation.float('epsilon', defaultEpsilon);
  if (!(epsilon > 0)) operation.refuse('adds no epsilon to the variance, without which it has no Lipschitz constant');
  return (await operation.largestMagnitude(scale)) / Math.sqrt(epsilon);
}

/** The normalised sum of two values, which is also the last output. */
async function skipped(operation: BoundedOperation): Promise<(number | null)[]> {
  const scale = 2;
  if (operation.bounds.slice(scale).some((bound) => bound !== null)) operation.refuse('has a scale or shift that depends on the input');
  const total = sum(operation.broadcast([0, 1]));
  return [total * (await ownStatistics(operation, scale, 1e-12)), null, null, total];
}
