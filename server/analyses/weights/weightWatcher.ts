import type { Layer } from '../../model/model.js';
import type { WeightWatcherRow } from '../../report/weightWatcherRow.js';
import { fitPowerLaw, logAlphaNorm } from './powerLawFit.js';

/**
 * WeightWatcher's columns by its own definitions (version 0.7.5.5, mathematics in docs/report.md), on our singular
 * values. λ = σ² of the unnormalised matrix, or of all k_h·k_w slices of a convolution together.
 */

/** Layers with fewer or more eigenvalues, or a longer side, have no row. */
const fewestEigenvalues = 10;
const mostEigenvalues = 15_000;
const longestSide = 50_000;

/** The peer multiplies the slices of a convolution by √(1/2): its eigenvalues are halved. */
const convolutionFactor = 0.5;

/** The power law is fitted to eigenvalues above this. */
const fittedFrom = 1e-5;
/** Eigenvalues below this count as a weak loss of rank. */
const weakBelow = 1e-6;
/** Added to each share in the entropy, and to the rank it is divided by. */
const entropyShift = 1e-10;
const epsilon = 2 ** -52;

/** α below the first carries the warning "over-trained", above the second "under-trained". */
const overTrainedBelow = 2;
const underTrainedAbove = 6;

/** Shortest tail of the peer's fit: all starts but the last value, and no guard. */
const shortestTail = 2;

/** The matrices whose eigenvalues the peer pools: one for a dense layer, k_h·k_w for a two-dimensional convolution. */
export interface SliceGeometry {
  rows: number;
  columns: number;
  /** Receptive field: number of slices. */
  slices: number;
  halved: boolean;
}

/**
 * How the peer would cut a layer; null where it would not list it: it knows two- and four-dimensional weights only, and
 * passes over layers with too few or too many eigenvalues.
 */
export function sliceGeometry(layer: Layer): SliceGeometry | null {
  const { convolution } = layer;
  const [rows, columns] = layer.matrixShape;
  let geometry: SliceGeometry = { rows, columns, slices: 1, halved: false };
  if (convolution !== null) {
    if (convolution.kernel.length !== 2) return null;
    const { inChannels, outChannels, groups } = convolution;
    const [first, second] = convolution.transposed ? [inChannels, outChannels / groups] : [outChannels, inChannels / groups];
    geometry = { rows: first, columns: second, slices: convolution.kernel[0] * convolution.kernel[1], halved: true };
  } else if (layer.groups !== 1) return null;
  const values = Math.min(geometry.rows, geometry.columns) * geometry.slices;
  if (values < fewestEigenvalues || values > mostEigenvalues) return null;
  return Math.max(geometry.rows, geometry.columns) > longestSide ? null : geometry;
}

/**
 * Copies one slice of a convolution's kernel into a matrix: W[:, :, i, j] of the stored tensor.
 *
 * @param kernel the layer's blocks: groups × (rows/groups) × (columns/groups), row-major; a row is an output channel
 * @param target rows × columns of the slice
 */
export function copySlice(layer: Layer, kernel: Float64Array, slice: number, target: Float64Array): void {
  const { convolution, matrixShape } = layer;
  if (convolution === null) throw new Error('Only convolutions have slices.');
  const taps = convolution.kernel.reduce((product, size) => product * size, 1);
  const groups = convolution.groups;
  const outputs = matrixShape[0] / groups;
  const inputs = matrixShape[1] / groups / taps;
  let at = 0;
  for (let group = 0; group < groups; group++) {
    const block = group * outputs * inputs * taps;
    if (convolution.transposed) {
      for (let input = 0; input < inputs; input++) {
        for (let output = 0; output < outputs; output++) target[at++] = kernel[block + (output * inputs + input) * taps + slice];
      }
    } else {
      for (let i = 0; i < outputs * inputs; i++) target[at++] = kernel[block + i * taps + slice];
    }
  }
}

/**
 * The row of a layer.
 *
 * @param slices singular values of each slice, descending, unscaled
 * @returns `layer_id` is 0: the caller knows the layer's place in the model; null where the squares leave float64's range
 */
export function weightWatcherRow(layer: Pick<Layer, 'id' | 'name' | 'kind'>, geometry: SliceGeometry, slices: readonly Float64Array[]): WeightWatcherRow | null {
  const longer = Math.max(geometry.rows, geometry.columns);
  const shorter = Math.min(geometry.rows, geometry.columns);
  const factor = geometry.halved ? Math.sqrt(convolutionFactor) : 1;
  const pooled: number[] = [];
  let rankLoss = 0;
  for (const slice of slices) {
    const tolerance = factor * slice[0] * longer * epsilon;
    for (const stored of slice) {
      const value = factor * stored;
      pooled.push(value);
      if (!(value > tolerance)) rankLoss++;
    }
  }
  const singularValues = Float64Array.from(pooled).sort();
  const eigenvalues = singularValues.map((value) => value * value);
  const largest = eigenvalues[eigenvalues.length - 1];
  const norm = eigenvalues.reduce((sum, value) => sum + value, 0);
  if (!Number.isFinite(norm) || (norm === 0 && singularValues[singularValues.length - 1] > 0)) return null;
  const rank = singularValues.filter((value) => value > Math.sqrt(largest) * longer * epsilon).length;
  const fitted = eigenvalues.filter((value) => value > fittedFrom);
  const fit = fitPowerLaw(fitted, shortestTail);
  const alpha = fit?.value ?? null;
  const logarithm = (value: number): number | null => (value > 0 ? Math.log10(value) : null);
  return {
    layer_id: 0,
    name: layer.id,
    D: fit?.ks ?? null,
    M: shorter,
    N: longer,
    Q: longer / shorter,
    alpha,
    alpha_weighted: alpha === null ? null : alpha * Math.log10(largest),
    entropy: entropy(eigenvalues, norm, rank),
    has_esd: true,
    lambda_max: largest,
    layer_type: geometry.halved ? 'conv2d' : layer.kind === 'embedding' ? 'embedding' : 'dense',
    log_alpha_norm: alpha === null ? null : logAlphaNorm(eigenvalues, alpha),
    log_norm: logarithm(norm),
    log_spectral_norm: logarithm(largest),
    longname: layer.name,
    matrix_rank: rank,
    norm,
    num_evals: eigenvalues.length,
    num_pl_spikes: fit === null ? null : eigenvalues.filter((value) => value >= fit.xmin).length,
    rank_loss: rankLoss,
    rf: geometry.slices,
    sigma: fit?.sigma ?? null,
    spectral_norm: largest,
    stable_rank: largest > 0 ? norm / largest : null,
    status: fit === null ? 'failed' : 'success',
    sv_max: singularValues[singularValues.length - 1],
    sv_min: singularValues[0],
    warning: alpha === null ? '' : alpha < overTrainedBelow ? 'over-trained' : alpha > underTrainedAbove ? 'under-trained' : '',
    weak_rank_loss: eigenvalues.filter((value) => value < weakBelow).length,
    xmax: fit === null ? null : fitted[fitted.length - 1],
    xmin: fit?.xmin ?? null,
  };
}

/** −Σ p ln p/ln(rank) with the peer's small shifts; null for rank 0 and 1, where it divides by nothing. */
function entropy(eigenvalues: Float64Array, norm: number, rank: number): number | null {
  if (rank < 2) return null;
  let sum = 0;
  for (const value of eigenvalues) {
    const share = value / norm + entropyShift;
    sum -= share * Math.log(share);
  }
  return sum / Math.log(rank + entropyShift);
}
