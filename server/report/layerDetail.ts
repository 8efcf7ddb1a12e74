import { weightsAnswer } from './weightsAnswer.js';
import { histogram } from './histogram.js';
import { blockSides } from './layerFacts.js';
import { lawCurve, noiseEdge, type NoiseLaw } from './noiseLaw.js';
import { rowOf } from './overview.js';
import type { LayerReport, Metrics, OperatorSpectrum, Report } from './report.js';
import { thinnedIndices } from './thinning.js';
import { maximumCurvePoints, type LayerDetail } from './views.js';

/** A random-matrix law says nothing about blocks with a shorter side below this: there is one value to a block. */
const smallestSideWithLaw = 2;
/** `xmin` is one of the λ; squaring σ again may differ from it in the last bits. */
const roundingOfSquares = 1e-12;
const noFit = { sigma: null, spikes: null };

/**
 * Everything that the Weights tab and the Spectrum view draw of one layer, in curves of at most 2,000 points.
 *
 * @param maximumPoints of a curve; a page with many layers holds fewer
 * @returns null where the report has no such layer. Cost O(n log n) in the number n of singular values.
 */
export function layerDetailOf(report: Report, layerId: string, maximumPoints = maximumCurvePoints): LayerDetail | null {
  const index = report.layers.findIndex((layer) => layer.id === layerId);
  if (index < 0) return null;
  const layer = report.layers[index];
  const { metrics, spectrum } = layer;
  const operatorSpectra = layer.operatorSpectra ?? [];
  const curves = spectrum === null ? null : curvesOf(layer, spectrum.singularValues, metrics, maximumPoints);
  const withoutAnswer: Omit<LayerDetail, 'answer'> = {
    row: rowOf(layer, index),
    metrics,
    health: layer.health,
    findings: layer.findings,
    method: spectrum?.method ?? null,
    exact: spectrum?.exact ?? true,
    relativeError: spectrum?.relativeError ?? 0,
    spectrum: curves?.spectrum ?? null,
    energy: curves?.energy ?? null,
    noise: curves?.noise ?? null,
    tail: curves?.tail ?? null,
    operatorSpectra: operatorSpectra.map(withoutValues),
    operatorCurves: operatorSpectra.flatMap(({ convention, quantiles }) =>
      quantiles === null ? [] : [{ convention, curve: { x: quantiles.map((_, i) => i / (quantiles.length - 1)), y: quantiles } }],
    ),
  };
  return { ...withoutAnswer, answer: weightsAnswer(withoutAnswer) };
}

/** The panel draws quantiles; the values themselves stay in the report. */
function withoutValues(spectrum: OperatorSpectrum): OperatorSpectrum {
  const { convention, inputSize, count, largest, smallest, quantiles, exact, relativeError } = spectrum;
  return { convention, inputSize, count, largest, smallest, quantiles, exact, relativeError };
}

/** The four charts of one spectrum; those that a zero matrix does not have are null. */
function curvesOf(layer: LayerReport, singularValues: number[], metrics: Metrics | null, maximumPoints: number): Pick<LayerDetail, 'spectrum' | 'energy' | 'noise' | 'tail'> {
  const kept = thinnedIndices(singularValues, maximumPoints);
  const spectrum = {
    curve: { x: kept.map((i) => i + 1), y: kept.map((i) => singularValues[i]) },
    thinned: kept.length < singularValues.length,
  };
  if (singularValues.length === 0 || singularValues[0] === 0) return { spectrum, energy: null, noise: null, tail: null };
  return {
    spectrum,
    energy: energyOf(layer, singularValues, kept),
    noise: noiseOf(layer, singularValues, metrics),
    tail: metrics === null ? null : tailOf(singularValues, metrics, maximumPoints),
  };
}

/** Σ₁..ₖσ²/Σσ² by k. `breakEven` is mn/(m + n): a factored copy of lower rank holds fewer weights, also block by block. */
function energyOf(layer: LayerReport, singularValues: number[], kept: number[]): LayerDetail['energy'] {
  // Scaled by σ₁, so that squares neither overflow nor vanish.
  const scaled = singularValues.map((value) => (value / singularValues[0]) ** 2);
  let sum = 0;
  const cumulated = scaled.map((value) => (sum += value));
  const [rows, columns] = layer.matrixShape;
  return {
    curve: { x: kept.map((i) => i + 1), y: kept.map((i) => Math.min(1, cumulated[i] / sum)) },
    breakEven: (rows * columns) / (rows + columns),
  };
}

/** Histogram beside the fitted law or, where there is no fit, the law of a random matrix of equal variance. */
function noiseOf(layer: LayerReport, singularValues: number[], metrics: Metrics | null): LayerDetail['noise'] {
  const bins = histogram(singularValues);
  const { longer, shorter } = blockSides(layer);
  const { sigma, spikes } = metrics?.marchenkoPastur ?? noFit;
  const lawIsFit = sigma !== null && spikes !== null;
  if (!lawIsFit && shorter < smallestSideWithLaw) return { ...bins, law: null, lawIsFit, edge: null, above: 0 };
  const law: NoiseLaw = { longer, ratio: shorter / longer, deviation: sigma ?? rootMeanSquare(singularValues, longer * shorter * layer.groups) };
  const edge = noiseEdge(law, shorter - (spikes ?? 0) / layer.groups);
  const above = spikes ?? singularValues.filter((value) => value > edge).length;
  const followers = lawIsFit ? singularValues.length - above : singularValues.length;
  return { ...bins, law: lawCurve(law, followers, bins.binEdges[1]), lawIsFit, edge, above };
}

/** Of the matrix entries: √(Σσ²/entries), scaled by σ₁ on the way. */
function rootMeanSquare(singularValues: number[], entries: number): number {
  const top = singularValues[0];
  return top * Math.sqrt(singularValues.reduce((total, value) => total + (value / top) ** 2, 0) / entries);
}

/**
 * λ ascending and the share of the values at or above it, on the values that the power law may be fitted to: those
 * within the numerical rank, and those of the fitted tail.
 */
function tailOf(singularValues: number[], metrics: Metrics, maximumPoints: number): LayerDetail['tail'] {
  const { alpha } = metrics;
  const lambdas = singularValues.map((value) => value * value);
  const firstOfTail = alpha === null ? Infinity : alpha.xmin * (1 - roundingOfSquares);
  const inTail = lambdas.filter((lambda) => lambda >= firstOfTail).length;
  const shown = lambdas.slice(0, Math.max(metrics.numericalRank, inTail)).filter((lambda) => lambda > 0);
  if (shown.length === 0) return null;
  const kept = thinnedIndices(shown, maximumPoints).reverse();
  const x = kept.map((i) => shown[i]);
  const curve = { x, y: kept.map((i) => (i + 1) / shown.length) };
  if (alpha === null) return { curve, fit: null, firstFitted: x.length };
  const share = inTail / shown.length;
  const ends = [alpha.xmin, shown[0]];
  return {
    curve,
    fit: { x: ends, y: ends.map((lambda) => share * Math.pow(lambda / alpha.xmin, 1 - alpha.value)) },
    firstFitted: x.findIndex((lambda) => lambda >= firstOfTail),
  };
}
