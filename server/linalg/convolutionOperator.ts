import { blockValues, frequencyBlocks } from './circularSpectrum.js';
import { circularConvolution, declaredConvolution, withoutUnitAxes, type ConvolutionKernel, type PlainConvolution } from './convolutionGeometry.js';
import { ConvolutionProducts, groupShape, writeDenseBlocks } from './convolutionProducts.js';
import { compileKernel } from './kernel.js';
import { largestSingularValue } from './largestSingularValue.js';
import { MatrixWorkspace } from './matrixWorkspace.js';
import { RandomGenerator } from './random.js';
import { type SolveControl } from './steps.js';

export { OperatorNotDefined, type ConvolutionKernel } from './convolutionGeometry.js';

/** Exact spectrum of a convolution as a linear map between images. */
export interface OperatorSpectrumResult {
  convention: 'circular' | 'declared';
  inputSize: number[];
  /** Number of singular values of the operator: of all groups, the smaller side of each. */
  count: number;
  largest: number;
  /** null where it was not computed. */
  smallest: number | null;
  /** 257 values from largest to smallest: entry j is the value with index round(j·(count − 1)/256). */
  quantiles: number[] | null;
  /** All, descending, where there are at most 4,096. */
  singularValues?: number[];
  exact: boolean;
  relativeError: number;
}

const quantileCount = 257;
/** More values than this are given by their quantiles only. */
const maximumListed = 4096;
/** The declared operator is written out when its smaller side and its entries stay within these: a second of work. */
const denseSide = 1500;
const denseEntries = 4_000_000;
/** The matrix-free largest value is proven to be within this of a singular value, relative. */
const residualTolerance = 1e-6;
/** Reached only where the largest values lie closer together than in any layer of usual size; the result says so. */
const maximumSteps = 600;
/** The start vector of the iteration: any fixed seed, so that reports repeat. */
const startSeed = 1;

/**
 * Singular values of the convolution on a periodic image, exactly, by Fourier transform (mathematics.md 5.1).
 * `norms` gives the largest and the smallest, `full` quantiles and, of up to 4,096, all values.
 * Throws `OperatorNotDefined` where a stride does not divide the input size, the signal's reason on abort.
 * Cost: (image points/strides)/2 singular value problems of size 2·outPerGroup × 2·strides·inPerGroup per group.
 */
export async function circularSpectrum(k: ConvolutionKernel, mode: 'norms' | 'full', control: SolveControl = {}): Promise<OperatorSpectrumResult> {
  const plain = circularConvolution(k);
  const { convolution, multiplicity } = withoutUnitAxes(plain, true);
  const blocks = frequencyBlocks(convolution);
  const values = new Float64Array(mode === 'full' ? operatorCount(convolution) : 0);
  let filled = 0;
  let largest = 0;
  let smallest = Infinity;
  let relativeError = 0;
  for await (const batch of blockValues(blocks, control)) {
    if (mode === 'full') values.set(batch.values, filled);
    filled += batch.values.length;
    largest = Math.max(largest, batch.values[0]);
    smallest = Math.min(smallest, batch.values[batch.values.length - 1]);
    relativeError = Math.max(relativeError, batch.relativeError);
  }
  const count = operatorCount(plain);
  if (multiplicity * filled < count) smallest = 0;
  const base = { convention: 'circular' as const, inputSize: [...k.inputSize], count, largest, smallest, exact: true, relativeError };
  return mode === 'full' ? { ...base, ...distribution(values.sort().reverse(), multiplicity, count) } : { ...base, quantiles: null };
}

/**
 * Singular values of the convolution with its own zero padding, stride and dilation. All of them where the operator's
 * smaller side is at most 1,500 and it has at most 4 million entries; else the largest alone, by Lanczos iteration,
 * with the relative error that its residual guarantees. Throws as `circularSpectrum` does.
 */
export async function declaredSpectrum(k: ConvolutionKernel, mode: 'norms' | 'full', control: SolveControl = {}): Promise<OperatorSpectrumResult> {
  const plain = declaredConvolution(k);
  const { convolution, multiplicity } = withoutUnitAxes(plain, false);
  const { rows, columns } = groupShape(convolution);
  const { groups } = convolution;
  const count = operatorCount(plain);
  const base = { convention: 'declared' as const, inputSize: [...k.inputSize], count };
  if (Math.min(rows, columns) <= denseSide && groups * rows * columns <= denseEntries) {
    const workspace = await MatrixWorkspace.create();
    writeDenseBlocks(convolution, workspace.allocate(groups, rows, columns));
    const { singularValues: values, relativeError } = await workspace.singularValues(control);
    const largest = multiplicity > 0 ? values[0] : 0;
    const smallest = multiplicity * values.length < count ? 0 : values[values.length - 1];
    return { ...base, largest, smallest, ...(mode === 'full' ? distribution(values, multiplicity, count) : { quantiles: null }), exact: true, relativeError };
  }
  const operator = new ConvolutionProducts(convolution, await compileKernel());
  const found = await largestSingularValue(operator, { tolerance: residualTolerance, maximumSteps, random: new RandomGenerator(startSeed) }, control);
  return { ...base, largest: multiplicity > 0 ? found.largest : 0, smallest: null, quantiles: null, exact: false, relativeError: found.relativeError };
}

/** Singular values of the whole operator: of each group the smaller side. */
function operatorCount(c: PlainConvolution): number {
  const { rows, columns } = groupShape(c);
  return c.groups * Math.min(rows, columns);
}

/** Quantiles, and the list where it is short: each of the descending values `multiplicity` times, then zeros. */
function distribution(values: Float64Array, multiplicity: number, count: number): Pick<OperatorSpectrumResult, 'quantiles' | 'singularValues'> {
  const at = (index: number) => (index < multiplicity * values.length ? values[Math.floor(index / multiplicity)] : 0);
  const quantiles = Array.from({ length: quantileCount }, (_, j) => at(Math.round((j * (count - 1)) / (quantileCount - 1))));
  return { quantiles, ...(count <= maximumListed && { singularValues: Array.from({ length: count }, (_, index) => at(index)) }) };
}
