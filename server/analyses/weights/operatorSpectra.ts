import { circularSpectrum, declaredSpectrum, type ConvolutionKernel } from '../../linalg/convolutionOperator.js';
import type { SolveControl } from '../../linalg/steps.js';
import type { ConvolutionGeometry, Layer } from '../../model/model.js';
import { formatNumber } from '../../report/numbers.js';
import type { OperatorMode, OperatorSpectrum, Skipped } from '../../report/report.js';

const conventions = ['circular', 'declared'] as const;
type Convention = (typeof conventions)[number];

/**
 * With `norms`, which is the default, an operator predicted to take longer is passed over: a network of fifty such
 * layers would take minutes for two numbers each. `full` computes it.
 */
const longestNormsSeconds = 1.5;

/** Measured on one thread of a server processor: per multiplication of a decomposition, and per decomposition. */
const secondsPerDecompositionStep = 2e-10;
const secondsPerDecomposition = 6e-5;
/** A single row or column has a norm instead of a decomposition. */
const secondsPerNorm = 6e-6;
/** Per multiply–add of a convolution, and per element of the vectors of one step of an iteration. */
const secondsPerProductStep = 1e-9;
const secondsPerVectorElement = 4e-8;

/**
 * Products with the operator until its largest value is found: dozens on small images, many hundreds on large ones,
 * whose values lie densely; a kernel of one tap acts alike on every point and needs few.
 */
const assumedProducts = 200;
const assumedProductsOneTap = 20;

/**
 * Exact spectra of a convolution as an operator on images, for both conventions of padding.
 *
 * @param weights the layer's blocks as `ConvolutionKernel` wants them; left as they are
 * @returns undefined spectra for layers that are no convolutions; what could not be computed is in `skipped`
 * @throws the signal's reason
 */
export async function operatorSpectra(
  layer: Layer,
  weights: Float64Array,
  mode: Exclude<OperatorMode, 'none'>,
  control: SolveControl,
): Promise<{ spectra: OperatorSpectrum[]; skipped: Skipped[] }> {
  const { convolution } = layer;
  if (convolution === null) return { spectra: [], skipped: [] };
  const skip = (operator: string, reason: string): Skipped => ({ layer: layer.id, operator, reason });
  if (convolution.inputSize === null) {
    return { spectra: [], skipped: conventions.map((convention) => skip(convention, 'The file does not tell the size of the layer\u2019s input.')) };
  }
  const kernel = convolutionKernel(convolution, convolution.inputSize, weights);
  const spectra: OperatorSpectrum[] = [];
  const skipped: Skipped[] = [];
  for (const [index, convention] of conventions.entries()) {
    const part: SolveControl = {
      ...(control.signal ? { signal: control.signal } : {}),
      progress: (fraction) => control.progress?.((index + fraction) / conventions.length),
    };
    const seconds = predictedSeconds(kernel, convention);
    if (mode === 'norms' && seconds > longestNormsSeconds) {
      skipped.push(skip(convention, `The operator on ${kernel.inputSize.join(' × ')} points takes about ${formatNumber(seconds, 3)} s, more than the ${longestNormsSeconds} s that norms allow a layer; --operator full computes it.`));
      continue;
    }
    try {
      spectra.push(await (convention === 'circular' ? circularSpectrum(kernel, mode, part) : declaredSpectrum(kernel, mode, part)));
    } catch (error) {
      control.signal?.throwIfAborted();
      // The operator of a convention can be undefined (a stride that does not divide the size) or too large: said, not thrown.
      skipped.push(skip(convention, error instanceof Error ? error.message : String(error)));
    }
  }
  return { spectra, skipped };
}

/** Order of magnitude of the work: a decomposition for each pair of frequencies, or products with the operator. */
function predictedSeconds(kernel: ConvolutionKernel, convention: Convention): number {
  const points = kernel.inputSize.reduce((product, size) => product * size, 1);
  const strides = kernel.strides.reduce((product, stride) => product * stride, 1);
  const taps = kernel.kernel.reduce((product, size) => product * size, 1);
  const inputs = kernel.inChannels / kernel.groups;
  const outputs = kernel.outChannels / kernel.groups;
  // A transposed convolution is the adjoint of one with inputs and outputs exchanged, on the larger image.
  const outputPoints = kernel.transposed ? points : points / strides;
  if (convention === 'declared') {
    const multiplications = 2 * outputPoints * kernel.groups * inputs * outputs * taps;
    const elements = points * kernel.inChannels + outputPoints * kernel.outChannels;
    return (taps === 1 ? assumedProductsOneTap : assumedProducts) * (secondsPerProductStep * multiplications + secondsPerVectorElement * elements);
  }
  const [wide, narrow] = kernel.transposed ? [outputs * strides, inputs] : [inputs * strides, outputs];
  // Each pair ±frequency is one real problem of twice the size.
  const smaller = Math.min(wide, narrow);
  const each = smaller === 1 ? secondsPerNorm : secondsPerDecomposition + secondsPerDecompositionStep * 8 * Math.max(wide, narrow) * smaller ** 2;
  return (outputPoints / 2) * kernel.groups * each;
}

function convolutionKernel(geometry: ConvolutionGeometry, inputSize: number[], weights: Float64Array): ConvolutionKernel {
  const { groups, outChannels, inChannels, kernel, strides, dilations, pads, outputPadding, transposed } = geometry;
  return { weights, groups, outChannels, inChannels, kernel, strides, dilations, pads, outputPadding, transposed, inputSize };
}
