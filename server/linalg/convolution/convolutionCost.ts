import { circularGeometry, declaredGeometry, product, withoutUnitAxes, type KernelGeometry, type PlainGeometry } from './convolutionGeometry.js';
import { groupShape } from './convolutionProducts.js';
import { kernelOverheadBytes } from '../kernel.js';
import { predictedBytes } from '../matrixWorkspace.js';

/** What the spectrum of an operator takes, from the layer's sizes alone. */
export interface OperatorCost {
  /** On one thread of a server processor; right to a factor of about two. */
  seconds: number;
  /** Peak, besides the layer's own weights. */
  bytes: number;
}

/** The declared operator is written out when its smaller side and its entries stay within these: a second of work. */
const denseSide = 1500;
const denseEntries = 4_000_000;
/** Where the two extreme values are all that is wanted, iterations are cheaper from this many multiply–adds on. */
const normsDenseWork = 3e7;

/** Measured: per multiply–add of a decomposition, and per decomposition; per multiply–add of one channel. */
const secondsPerDecompositionStep = 2e-10;
const secondsPerDecomposition = 3e-5;
const secondsPerComplexStep = 1.4e-9;
const secondsPerComplexBlock = 8e-6;
const secondsPerScalar = 3e-9;
/** Per multiply–add of a convolution and its transpose, and per element of the vectors of one step of an iteration. */
const secondsPerProductStep = 1.2e-10;
const secondsPerVectorElement = 1.2e-8;
/** The values of an operator on a large image lie densely, and the iteration takes the more steps. */
const fewestSteps = 90;
const stepsPerPoint = 2;
const mostSteps = 600;
/** Channels of a depthwise convolution that the iteration looks at: bounds rule out the others. */
const depthwiseGroups = 3;
/** Vectors that the iteration keeps, as long as both sides of the operator, and the copies that its products take. */
const vectorsOfIteration = 4;
/** A batch of symbols with its phases and weights. */
const symbolBatchBytes = 8 * 1024 * 1024;

/** Whether the declared operator's matrix is written out and decomposed, of all groups. */
export function isWrittenOut(c: PlainGeometry, mode: 'norms' | 'full'): boolean {
  const { rows, columns } = groupShape(c);
  const small = Math.min(rows, columns);
  const entries = c.groups * rows * columns;
  return mode === 'full' ? small <= denseSide && entries <= denseEntries : entries * small <= normsDenseWork;
}

/** Cost of `circularSpectrum`. Throws `OperatorNotDefined` as it does. */
export function circularCost(k: KernelGeometry): OperatorCost {
  const { convolution: c } = withoutUnitAxes(circularGeometry(k), true);
  const points = product(c.outputSize);
  const columns = c.inPerGroup * product(c.strides);
  if (c.outPerGroup === 1 && c.inPerGroup === 1) return { seconds: c.groups * product(c.imageSize) * c.kernel[0] * secondsPerScalar, bytes: 8 * 6 * product(c.imageSize) };
  const [large, small] = [Math.max(columns, c.outPerGroup), Math.min(columns, c.outPerGroup)];
  // One complex problem for each pair of frequencies ±u; a large one is solved as a real one of twice the size.
  const each = secondsPerComplexBlock + secondsPerComplexStep * large * small * small;
  return { seconds: Math.max(points / 2, 1) * c.groups * each, bytes: predictedBytes(1, 2 * large, 2 * small) + kernelOverheadBytes + symbolBatchBytes + 8 * points * small };
}

/** Cost of `declaredSpectrum`. Throws `OperatorNotDefined` as it does. */
export function declaredCost(k: KernelGeometry, mode: 'norms' | 'full'): OperatorCost {
  const { convolution: c } = withoutUnitAxes(declaredGeometry(k), false);
  const { rows, columns } = groupShape(c);
  const [large, small] = [Math.max(rows, columns), Math.min(rows, columns)];
  if (isWrittenOut(c, mode)) {
    return { seconds: c.groups * (secondsPerDecomposition + secondsPerDecompositionStep * large * small * small), bytes: predictedBytes(c.groups, rows, columns) };
  }
  const steps = Math.min(mostSteps, fewestSteps + stepsPerPoint * Math.max(...c.imageSize));
  const isScalar = c.outPerGroup === 1 && c.inPerGroup === 1;
  const groups = isScalar ? Math.min(c.groups, depthwiseGroups) : c.groups;
  const products = 2 * product(c.outputSize) * c.outPerGroup * c.inPerGroup * c.taps;
  const written = c.groups * rows * columns <= denseEntries ? 8 * c.groups * rows * columns : 0;
  return {
    seconds: groups * steps * ((isScalar ? secondsPerScalar : secondsPerProductStep) * products + secondsPerVectorElement * (rows + columns)),
    bytes: 2 * kernelOverheadBytes + 8 * vectorsOfIteration * (rows + columns) + written,
  };
}
