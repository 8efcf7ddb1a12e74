import { CheckFailed } from '../../linalg/dense/blockSingularValues.js';
import { type MatrixWorkspace, type SolveControl } from '../../linalg/matrixWorkspace.js';
import type { Layer } from '../../model/model.js';
import { readWeight } from '../../model/readWeight.js';
import { formatBytes, formatCount, formatNumber } from '../../report/numbers.js';
import type { LayerReport, MarchenkoPasturFit, Metrics, OperatorMode, Skipped } from '../../report/report.js';
import type { WeightWatcherRow } from '../../report/weightWatcherRow.js';
import { memoryRoute } from '../memoryRoute.js';
import { layerNorms, type LayerNorms } from './layerScan.js';
import { fitMarchenkoPastur, noiseEdge, noiseShape, roundingShare, tracyWidom995, tracyWidomQuantile } from './marchenkoPastur.js';
import { spectrumMetrics } from './metrics.js';
import { noiseProbability } from './noiseTest.js';
import { operatorSpectra } from './operatorSpectra.js';
import { powerLawCharts } from './powerLawCharts.js';
import { fitPowerLaw, logAlphaNorm } from './powerLawFit.js';
import { measureStreamed, type MeasuredWeights } from './streamedLayer.js';
import { copySlice, sliceGeometry, weightWatcherRow } from './weightWatcher.js';

export interface WeightSettings {
  operator: OperatorMode;
  seed: number;
  memoryLimitBytes: number;
  /** Rows of the longer side that are read at a time, null for the whole matrix; as planned. Absent: what fits into the limit. */
  streamedRows?: number | null;
  /** Also the peer's columns, which for a convolution take a decomposition per slice. */
  weightWatcher?: boolean;
}

/** What one layer yields; plain JSON, since it travels between processes. */
export interface WeightResult {
  /** Without findings and duplicateOf, which need all layers. */
  report: LayerReport;
  /** Of the stored bytes, scales included. */
  digest: string;
  seconds: number;
  engine: string;
  /** Operator spectra that were not computed, and why. */
  skipped: Skipped[];
  /** What findings need beyond the report; null for non-finite weights. */
  rowNorms: FindingNorms | null;
  weightWatcher: WeightWatcherRow | null;
}

/** Norms, and the edge that no singular value of pure noise passes with probability 99.5 %. */
export interface FindingNorms extends LayerNorms {
  /** Of the fitted bulk, in units of σ; where there is none, of a random matrix of equal variance. null for zeros. */
  bulkEdge: number | null;
  /**
   * Of a random matrix with the variance of all entries: what "no value above the edge" is judged by. The variance of
   * the bulk would be biased here: where the largest value of pure noise is taken for a spike, the edge sinks with it.
   */
  randomEdge: number | null;
}

/** A layer that cannot be analysed, above all one that would not fit into the memory limit: one sentence with the numbers. */
export class LayerRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'LayerRefused';
  }
}

/** Share of the progress when the weights are read, and when the singular values are there. */
const readShare = 0.2;
const solvedShare = 0.7;

const noOperators = { spectra: [], skipped: [] };

/**
 * Everything the report says about one layer: its singular values, what follows from them, the health of its weights.
 *
 * @throws LayerRefused before anything is read when the memory limit is too small, and for norms beyond float64's range;
 *   what `readWeight` throws for an unreadable file, and the signal's reason
 */
export async function analyzeLayer(
  layer: Layer,
  settings: WeightSettings,
  workspace: MatrixWorkspace,
  control: { signal?: AbortSignal; progress?: (fraction: number) => void },
): Promise<WeightResult> {
  const started = performance.now();
  const { signal } = control;
  const signalled = signal ? { signal } : {};
  const needed = refuseIfTooLarge(layer, settings);
  const toSolved = { ...signalled, progress: (part: number) => control.progress?.(readShare + (solvedShare - readShare) * part) };
  const geometry = settings.weightWatcher === true ? sliceGeometry(layer) : null;
  const { scan, norms, solved, copied } =
    needed.streamedRows === null
      ? await measureWhole(layer, workspace, toSolved, needed.kernelCopy)
      : { ...(await measureStreamed(layer, needed.streamedRows, workspace, toSolved)), copied: null };
  signal?.throwIfAborted();
  const finish = (result: Omit<WeightResult, 'digest' | 'seconds' | 'engine'>): WeightResult => ({
    ...result,
    digest: scan.digest,
    seconds: (performance.now() - started) / 1000,
    engine: workspace.engine,
  });
  const { zeroRows, zeroColumns } = norms;
  const health = { nonFinite: scan.nonFinite, zeros: scan.zeros, denormals: scan.denormals, constant: scan.constant, duplicateOf: null, zeroRows, zeroColumns };
  if (solved === null) {
    const report = { ...facts(layer), spectrum: null, metrics: null, health, findings: [] };
    return finish({ report, skipped: [], rowNorms: null, weightWatcher: null });
  }

  const values = solved.singularValues;
  if (values.length > 0 && !Number.isFinite(values.length * values[0])) {
    throw new LayerRefused(`The norms of ${layer.id} are larger than float64\u2019s largest number, ${formatNumber(Number.MAX_VALUE, 2)}. Scale its weights down.`);
  }
  const metrics = layerMetrics(values, layer, settings.seed);

  const slices = geometry === null ? [] : geometry.halved && copied !== null ? await sliceSpectra(layer, copied, workspace, signalled) : [values];
  const operators =
    settings.operator === 'none' || layer.convolution === null
      ? noOperators
      : copied === null
        ? { spectra: [], skipped: [{ layer: layer.id, operator: 'circular, declared', reason: needed.copyRefused }] }
        : await operatorSpectra(layer, copied, settings.operator, { ...signalled, progress: (part) => control.progress?.(solvedShare + (1 - solvedShare) * part) });
  control.progress?.(1);
  const { method, exact, relativeError } = solved;
  const report: LayerReport = {
    ...facts(layer),
    spectrum: { singularValues: Array.from(values), method, exact, relativeError },
    ...(layer.convolution === null || settings.operator === 'none' ? {} : { operatorSpectra: operators.spectra }),
    metrics,
    health,
    findings: [],
  };
  return finish({
    report,
    skipped: operators.skipped,
    rowNorms: { ...norms, ...edgesOf(layer, metrics.marchenkoPastur, norms.rootMeanSquare) },
    weightWatcher: geometry === null || slices.length === 0 ? null : weightWatcherRow(layer, geometry, slices),
  });
}

/** Reads the matrix as a whole, scans it, copies it where that is wanted, and decomposes it. */
async function measureWhole(layer: Layer, workspace: MatrixWorkspace, control: SolveControl, copy: boolean): Promise<MeasuredWeights & { copied: Float64Array | null }> {
  const { groups, matrixShape } = layer;
  const signalled = control.signal ? { signal: control.signal } : {};
  const allocate = () => workspace.allocate(groups, matrixShape[0] / groups, matrixShape[1] / groups);
  const matrix = allocate();
  const scan = await readWeight(layer, matrix, signalled);
  control.signal?.throwIfAborted();
  const norms = layerNorms(matrix, matrixShape, groups, scan.largest);
  control.progress?.(0);
  if (scan.nonFinite.count > 0) return { scan, norms, solved: null, copied: null };
  const copied = copy ? matrix.slice() : null;
  const solved = await workspace.singularValues(control).catch(async (error: unknown) => {
    if (!(error instanceof CheckFailed)) throw error;
    await readWeight(layer, allocate(), signalled);
    return workspace.singularValues(control, true);
  });
  return { scan, norms, solved, copied };
}

/** Metrics of a layer from its singular values, which descend. */
function layerMetrics(values: Float64Array, layer: Pick<Layer, 'matrixShape' | 'groups' | 'dtype'>, seed: number): Metrics {
  const basic = spectrumMetrics(values, layer.matrixShape, layer.dtype);
  const eigenvalues = positiveEigenvalues(values, Math.max(...layer.matrixShape));
  const alpha = fitPowerLaw(eigenvalues);
  const shape = noiseShape(layer.matrixShape, layer.groups);
  const bulk = fitMarchenkoPastur(values, shape);
  return {
    ...basic,
    alpha,
    alphaHat: alpha === null || basic.logSpectralNorm === null ? null : alpha.value * basic.logSpectralNorm,
    logAlphaNorm: alpha === null ? null : logAlphaNorm(eigenvalues, alpha.value),
    marchenkoPastur: { ...bulk, pValue: bulk.ks === null ? null : noiseProbability(bulk.ks, shape, seed) },
    powerLaw: powerLawCharts(values, basic.numericalRank),
  };
}

/** λ = σ² > 0, ascending. A value at the rounding of the decomposition is a zero: its digits mean nothing. */
function positiveEigenvalues(descending: Float64Array, longerSide: number): Float64Array {
  const rounding = descending.length > 0 ? longerSide * roundingShare * descending[0] : 0;
  const squares = descending.filter((value) => value > rounding).map((value) => value * value).reverse();
  // Values whose squares leave the floating-point range have no tail to fit.
  return squares.every((square) => square > 0 && Number.isFinite(square)) ? squares : new Float64Array();
}

/** Edges of the noise at 99.5 %, in σ. Several blocks have several chances to exceed it, which the level allows for. */
function edgesOf(layer: Layer, fit: MarchenkoPasturFit, rootMeanSquare: number): Pick<FindingNorms, 'bulkEdge' | 'randomEdge'> {
  const { longer, shorter, blocks } = noiseShape(layer.matrixShape, layer.groups);
  if (longer < 2 || shorter < 1 || !(rootMeanSquare > 0)) return { bulkEdge: null, randomEdge: null };
  const quantile = blocks === 1 ? tracyWidom995 : tracyWidomQuantile(0.005 / blocks);
  const edge = (sigma: number, spikes: number): number => sigma * Math.sqrt(longer * noiseEdge(longer, shorter - spikes / blocks, quantile));
  return { bulkEdge: edge(fit.sigma ?? rootMeanSquare, fit.spikes ?? 0), randomEdge: edge(rootMeanSquare, 0) };
}

/** Singular values of every slice of a convolution's kernel. */
async function sliceSpectra(layer: Layer, kernel: Float64Array, workspace: MatrixWorkspace, signalled: { signal?: AbortSignal }): Promise<Float64Array[]> {
  const geometry = sliceGeometry(layer);
  const spectra: Float64Array[] = [];
  for (let slice = 0; geometry !== null && slice < geometry.slices; slice++) {
    copySlice(layer, kernel, slice, workspace.allocate(1, geometry.rows, geometry.columns));
    spectra.push((await workspace.singularValues(signalled)).singularValues);
  }
  return spectra;
}

/**
 * Compares what the layer needs with the memory limit.
 *
 * @returns how its matrix is read, and whether the kernel is copied for operators and slices, which the limit may forbid
 * @throws LayerRefused
 */
function refuseIfTooLarge(layer: Layer, settings: WeightSettings): { streamedRows: number | null; kernelCopy: boolean; copyRefused: string } {
  const { matrixShape, convolution } = layer;
  const [rows, columns] = matrixShape;
  const limit = settings.memoryLimitBytes;
  const sentence = (needed: number, what: string): string =>
    `${what} of ${layer.id}, ${formatCount(rows)} × ${formatCount(columns)} in float64, needs ${formatBytes(needed)}; the memory limit leaves ${formatBytes(limit)}. Raise the limit.`;
  const { route, fits } = memoryRoute(layer, limit);
  const streamedRows = settings.streamedRows === undefined ? route.streamedRows : settings.streamedRows;
  if (!fits && settings.streamedRows === undefined) throw new LayerRefused(sentence(route.bytes, route.streamedRows === null ? 'The matrix' : 'The matrix, even when it is read in blocks,'));
  const wanted = convolution !== null && (settings.operator !== 'none' || settings.weightWatcher === true);
  const withCopy = route.bytes + 8 * layer.parameters;
  return { streamedRows, kernelCopy: wanted && withCopy <= limit, copyRefused: sentence(withCopy, 'The operator') };
}

/** The part of a layer's report that is known without its weights. */
function facts(layer: Layer): Pick<LayerReport, 'id' | 'name' | 'kind' | 'tensor' | 'shape' | 'matrixShape' | 'groups' | 'dtype' | 'parameters'> {
  const { id, name, kind, tensor, shape, matrixShape, groups, dtype, parameters } = layer;
  return { id, name, kind, tensor, shape, matrixShape, groups, dtype, parameters };
}
