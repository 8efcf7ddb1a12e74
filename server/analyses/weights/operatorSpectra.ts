import { circularCost, circularSpectrum, declaredCost, declaredSpectrum, type ConvolutionKernel, type KernelGeometry } from '../../linalg/convolution/convolutionOperator.js';
import type { SolveControl } from '../../linalg/steps.js';
import type { ConvolutionGeometry, Layer } from '../../model/model.js';
import { formatNumber } from '../../report/numbers.js';
import type { OperatorMode, OperatorSpectrum, Skipped } from '../../report/report.js';

const conventions = ['circular', 'declared'] as const;

/**
 * With `norms`, which is the default, an operator predicted to take longer is passed over: a network of fifty such
 * layers would take minutes for two numbers each. `full` computes it.
 */
export const longestNormsSeconds = 1.5;

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
  const kernel: ConvolutionKernel = { ...kernelGeometry(convolution, convolution.inputSize), weights };
  const spectra: OperatorSpectrum[] = [];
  const skipped: Skipped[] = [];
  for (const [index, convention] of conventions.entries()) {
    const part: SolveControl = {
      ...(control.signal ? { signal: control.signal } : {}),
      progress: (fraction) => control.progress?.((index + fraction) / conventions.length),
    };
    try {
      const { seconds } = convention === 'circular' ? circularCost(kernel) : declaredCost(kernel, mode);
      if (mode === 'norms' && seconds > longestNormsSeconds) {
        skipped.push(skip(convention, `The operator on ${kernel.inputSize.join(' × ')} points takes about ${formatNumber(seconds, 3)} s, more than the ${longestNormsSeconds} s that norms allow a layer; --operator full computes it.`));
        continue;
      }
      spectra.push(await (convention === 'circular' ? circularSpectrum(kernel, mode, part) : declaredSpectrum(kernel, mode, part)));
    } catch (error) {
      control.signal?.throwIfAborted();
      // The operator of a convention can be undefined (a stride that does not divide the size) or too large: said, not thrown.
      skipped.push(skip(convention, error instanceof Error ? error.message : String(error)));
    }
  }
  return { spectra, skipped };
}

/** The operator of a layer on images of the given size. */
export function kernelGeometry(geometry: ConvolutionGeometry, inputSize: number[]): KernelGeometry {
  const { groups, outChannels, inChannels, kernel, strides, dilations, pads, outputPadding, transposed } = geometry;
  return { groups, outChannels, inChannels, kernel, strides, dilations, pads, outputPadding, transposed, inputSize };
}
