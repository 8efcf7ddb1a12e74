import { eachBlock } from './circularSpectrum.js';
import { isWrittenOut } from './convolutionCost.js';
import { circularConvolution, declaredConvolution, withoutUnitAxes, type ConvolutionKernel, type PlainConvolution, type PlainGeometry } from './convolutionGeometry.js';
import { groupShape, writeDenseBlocks } from './convolutionProducts.js';
import { declaredNorms, declaredNormsWork } from './declaredNorms.js';
import { compileKernel } from '../kernel.js';
import { MatrixWorkspace } from '../matrixWorkspace.js';
import { runSteps, type SolveControl } from '../steps.js';

export { circularCost, declaredCost, type OperatorCost } from './convolutionCost.js';
export { OperatorNotDefined, type ConvolutionKernel, type KernelGeometry } from './convolutionGeometry.js';

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
/**
 * Singular values of the convolution on a periodic image, exactly, by Fourier transform (mathematics.md 5.1).
 * `norms` gives the largest and the smallest, `full` quantiles and, of up to 4,096, all values.
 * Throws `OperatorNotDefined` where a stride does not divide the input size, the signal's reason on abort.
 * Cost: (image points/strides)/2 complex singular value problems of size outPerGroup × strides·inPerGroup per group.
 */
export async function circularSpectrum(k: ConvolutionKernel, mode: 'norms' | 'full', control: SolveControl = {}): Promise<OperatorSpectrumResult> {
  const plain = circularConvolution(k);
  const { convolution, multiplicity } = withoutUnitAxes(plain, true);
  const values = new Float64Array(mode === 'full' ? operatorCount(convolution) : 0);
  let filled = 0;
  let largest = 0;
  let smallest = Infinity;
  let relativeError = 0;
  const { factor, scaled } = scaledConvolution(convolution);
  await eachBlock(scaled, (block) => {
    for (let copy = 0; copy < block.copies; copy++) {
      if (mode === 'full') values.set(block.values.map((x) => x * factor), filled);
      filled += block.values.length;
    }
    for (const value of block.values) {
      if (value > largest) largest = value;
      if (value < smallest) smallest = value;
    }
    relativeError = Math.max(relativeError, block.relativeError);
  }, control);
  const count = operatorCount(plain);
  if (multiplicity * filled < count) smallest = 0;
  const base = { convention: 'circular' as const, inputSize: [...k.inputSize], count, largest: largest * factor, smallest: smallest * factor, exact: true, relativeError };
  return mode === 'full' ? { ...base, ...distribution(values.sort().reverse(), multiplicity, count) } : { ...base, quantiles: null };
}

/**
 * Singular values of the convolution with its own zero padding, stride and dilation. `full` gives all of them where the
 * operator's smaller side is at most 1,500 and it has at most 4 million entries; beyond, and for `norms`, the largest
 * comes from Lanczos iteration, with the relative error that its residual guarantees, and the smallest, where it is
 * cheap, from iteration with an inverse. Throws as `circularSpectrum` does.
 */
export async function declaredSpectrum(k: ConvolutionKernel, mode: 'norms' | 'full', control: SolveControl = {}): Promise<OperatorSpectrumResult> {
  const plain = declaredConvolution(k);
  const { convolution, multiplicity } = withoutUnitAxes(plain, false);
  const { rows, columns } = groupShape(convolution);
  const { groups } = convolution;
  const count = operatorCount(plain);
  const base = { convention: 'declared' as const, inputSize: [...k.inputSize], count };
  const repeats = (values: number) => multiplicity * values === count;
  if (isWrittenOut(convolution, mode)) {
    const workspace = await MatrixWorkspace.create();
    writeDenseBlocks(convolution, workspace.allocate(groups, rows, columns));
    const { singularValues: values, relativeError } = await workspace.singularValues(control);
    const largest = multiplicity > 0 ? values[0] : 0;
    const smallest = repeats(values.length) ? values[values.length - 1] : 0;
    return { ...base, largest, smallest, ...(mode === 'full' ? distribution(values, multiplicity, count) : { quantiles: null }), exact: true, relativeError };
  }
  const { factor, scaled } = scaledConvolution(convolution);
  const found = await runSteps(declaredNorms(scaled, await compileKernel()), declaredNormsWork(scaled), control);
  const smallest = repeats(operatorCount(convolution)) ? found.smallest : 0;
  return { ...base, largest: multiplicity > 0 ? found.largest * factor : 0, smallest: smallest === null ? null : smallest * factor, quantiles: null, exact: false, relativeError: found.relativeError };
}

/** Weights divided by a power of two, so that no product overflows or vanishes. */
function scaledConvolution(c: PlainConvolution): { factor: number; scaled: PlainConvolution } {
  const largest = c.weights.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
  const factor = largest > 0 ? 2 ** Math.floor(Math.log2(largest)) : 1;
  return { factor, scaled: { ...c, weights: c.weights.map((x) => x / factor) } };
}

/** Singular values of the whole operator: of each group the smaller side. */
function operatorCount(c: PlainGeometry): number {
  const { rows, columns } = groupShape(c);
  return c.groups * Math.min(rows, columns);
}

/** Quantiles, and the list where it is short: each of the descending values `multiplicity` times, then zeros. */
function distribution(values: Float64Array, multiplicity: number, count: number): Pick<OperatorSpectrumResult, 'quantiles' | 'singularValues'> {
  const at = (index: number) => (index < multiplicity * values.length ? values[Math.floor(index / multiplicity)] : 0);
  const quantiles = Array.from({ length: quantileCount }, (_, j) => at(Math.round((j * (count - 1)) / (quantileCount - 1))));
  return { quantiles, ...(count <= maximumListed && { singularValues: Array.from({ length: count }, (_, index) => at(index)) }) };
}
