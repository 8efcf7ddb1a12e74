import type { BoundedOperation, Gain, Gains } from './boundedOperation.js';

/** sup |d/dx x·σ(x)|, at x = 2.3994, rounded up. */
export const swishSlope = 1.0998393202;
/** sup |d/dx x·Φ(x)| = Φ(√2) + e⁻¹/√π, at x = √2, rounded up. */
export const geluSlope = 1.1289041452;
/** The same of its approximation x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))), at x = 1.4185, rounded up. */
export const geluTanhSlope = 1.1289930687;
/** sup |d/dx x·tanh(ln(1 + eˣ))|, at x = 1.4906, rounded up. */
export const mishSlope = 1.0884981613;
/** sup |d/dx x·min(max(x/6 + 1/2, 0), 1)|, at x = 3. */
const hardSwishSlope = 1.5;
/** d/dx erf(x) at 0. */
export const erfSlope = 2 / Math.sqrt(Math.PI);
const seluAlpha = 1.67326319217681884765625;
const seluGamma = 1.05070102214813232421875;

/** A function of each element with this Lipschitz constant; further inputs are its parameters. */
const elementwise = (slope: number | ((operation: BoundedOperation) => number | Promise<number>)): Gain => async (operation) => {
  const bound = operation.only();
  return bound * (typeof slope === 'number' ? slope : await slope(operation));
};

const gelu = elementwise(({ operation }) => (operation.text('approximate', 'none') === 'tanh' ? geluTanhSlope : geluSlope));

/** Lipschitz constants of functions of each element: the largest magnitude of their derivatives. */
export const activationGains: Gains = {
  ...Object.fromEntries(['Relu', 'Tanh', 'Softplus', 'Softsign', 'Abs', 'Neg', 'Sin', 'Cos', 'Atan', 'Asinh', 'Clip', 'ThresholdedRelu', 'Shrink', 'Identity', 'Dropout', 'Cast', 'CastLike'].map((name) => [name, elementwise(1)])),
  Sigmoid: elementwise(1 / 4),
  Erf: elementwise(erfSlope),
  Mish: elementwise(mishSlope),
  HardSwish: elementwise(hardSwishSlope),
  HardSigmoid: elementwise(({ operation }) => Math.abs(operation.float('alpha', 0.2))),
  LeakyRelu: elementwise(({ operation }) => Math.max(1, Math.abs(operation.float('alpha', 0.01)))),
  // Below 0 the derivative is α·eˣ, or its multiple.
  Elu: elementwise(({ operation }) => Math.max(1, Math.abs(operation.float('alpha', 1)))),
  Selu: elementwise(({ operation }) => Math.abs(operation.float('gamma', seluGamma)) * Math.max(1, Math.abs(operation.float('alpha', seluAlpha)))),
  // exp(x/α) below 0.
  Celu: elementwise((operation) => (operation.operation.float('alpha', 1) > 0 ? 1 : operation.refuse('has an alpha below 0, with which it has no Lipschitz constant'))),
  PRelu: elementwise(async (operation) => Math.max(1, await operation.largestMagnitude(1))),
  // x·σ(αx) has the derivative g(αx) with g that of x·σ(x), whatever α.
  Swish: elementwise(swishSlope),
  'com.microsoft.QuickGelu': elementwise(swishSlope),
  Gelu: gelu,
  'com.microsoft.Gelu': elementwise(geluSlope),
  'com.microsoft.BiasGelu': elementwise(geluSlope),
  'com.microsoft.FastGelu': elementwise(geluTanhSlope),
};

/** Lipschitz constant of the activation inside onnxruntime's fused operations; 1 where there is none. */
export function fusedActivation(operation: BoundedOperation): number {
  const { operation: node } = operation;
  const name = node.text('activation', '');
  const parameters = node.floats('activation_params') ?? [];
  switch (name) {
    case '':
    case 'Relu':
    case 'Tanh':
    case 'Clip':
      return 1;
    case 'Sigmoid':
      return 1 / 4;
    case 'LeakyRelu':
      return Math.max(1, Math.abs(parameters.at(0) ?? node.float('activation_alpha', node.float('leaky_relu_alpha', 0.01))));
    default:
      return operation.refuse(`applies ${name}, for which no Lipschitz constant is known here`);
  }
}
