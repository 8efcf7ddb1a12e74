import { blockValues, frequencyBlocks } from './circularSpectrum.js';
import { circularConvolution, declaredConvolution, product, type ConvolutionKernel } from './convolutionGeometry.js';
import { ConvolutionProducts, groupShape, writeDenseBlocks } from './convolutionProducts.js';
import { compileKernel } from './kernel.js';
import { largestSingularValues } from './lanczos.js';
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
/** Bound on the residual of the largest value of a matrix-free operator, relative. */
const lanczosTolerance = 1e-7;
/** The start block of the iteration: any fixed seed, so that reports repeat. */
const startSeed = 1;

/**
 * Singular values of the convolution on a periodic image, exactly, by Fourier transform (mathematics.md 5.1).
 * `norms` gives the largest and the smallest, `full` quantiles and, of up to 4,096, all values.
 * Throws `OperatorNotDefined` where a stride does not divide the input size, the signal's reason on abort.
 * Cost: (image points/strides)/2 singular value problems of size 2·outPerGroup × 2·strides·inPerGroup per group.
 */
export async function circularSpectrum(k: ConvolutionKernel, mode: 'norms' | 'full', control: SolveControl = {}): Promise<OperatorSpectrumResult> {
  const blocks = frequencyBlocks(circularConvolution(k));
  const { groups, outputSize } = blocks.convolution;
  const count = groups * product(outputSize) * Math.min(blocks.blockRows, blocks.blockColumns);
  const all = mode === 'full' ? new Float64Array(count) : null;
  let filled = 0;
  let largest = 0;
  let smallest = Infinity;
  let relativeError = 0;
  for await (const batch of blockValues(blocks, control)) {
    all?.set(batch.values, filled);
    filled += batch.values.length;
    largest = Math.max(largest, batch.values[0]);
    smallest = Math.min(smallest, batch.values[batch.values.length - 1]);
    relativeError = Math.max(relativeError, batch.relativeError);
  }
  return { convention: 'circular', inputSize: [...k.inputSize], ...describe(count, largest, smallest, all), exact: true, relativeError };
}

/**
 * Singular values of the convolution with its own zero padding, stride and dilation. All of them where the operator's
 * smaller side is at most 1,500 and it has at most 4 million entries; else the largest alone, by block Lanczos, with
 * the relative error that its residual guarantees. Throws as `circularSpectrum` does.
 */
export async function declaredSpectrum(k: ConvolutionKernel, mode: 'norms' | 'full', control: SolveControl = {}): Promise<OperatorSpectrumResult> {
  const convolution = declaredConvolution(k);
  const { rows, columns } = groupShape(convolution);
  const { groups } = convolution;
  const count = groups * Math.min(rows, columns);
  const base = { convention: 'declared' as const, inputSize: [...k.inputSize] };
  if (Math.min(rows, columns) <= denseSide && groups * rows * columns <= denseEntries) {
    const workspace = await MatrixWorkspace.create();
    writeDenseBlocks(convolution, workspace.allocate(groups, rows, columns));
    const { singularValues, relativeError } = await workspace.singularValues(control);
    return { ...base, ...describe(count, singularValues[0], singularValues[count - 1], mode === 'full' ? singularValues : null), exact: true, relativeError };
  }
  const operator = new ConvolutionProducts(convolution, await compileKernel());
  const found = await largestSingularValues(operator, { count: 1, tolerance: lanczosTolerance, random: new RandomGenerator(startSeed) }, control);
  return { ...base, count, largest: found.singularValues[0], smallest: found.smallest, quantiles: null, exact: false, relativeError: found.relativeError };
}

function describe(count: number, largest: number, smallest: number, all: Float64Array | null): Pick<OperatorSpectrumResult, 'count' | 'largest' | 'smallest' | 'quantiles' | 'singularValues'> {
  if (!all) return { count, largest, smallest, quantiles: null };
  all.sort().reverse();
  const quantiles = Array.from({ length: quantileCount }, (_, j) => all[Math.round((j * (count - 1)) / (quantileCount - 1))]);
  return { count, largest, smallest, quantiles, ...(count <= maximumListed && { singularValues: Array.from(all) }) };
}
