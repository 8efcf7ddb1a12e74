import type { JacobianOverview } from './jacobianViews.js';
import type { Finding, Health, LayerKind, Metrics, ModelFacts, OperatorSpectrum, Severity, Skipped, AnalysisSettings, SpectrumMethod } from './report.js';

/**
 * What the panel draws. The whole report stays in the server; the panel gets one overview (rows of all layers)
 * and, on demand, one layer's curves of at most `maximumCurvePoints` points.
 */
export interface ReportOverview {
  /** Key of the open document: the path of the model or of the saved report. */
  document: string;
  origin: 'model' | 'savedReport';
  model: ModelFacts;
  toolVersion: string;
  settings: AnalysisSettings;
  state: OverviewState;
  rows: LayerRow[];
  skipped: Skipped[];
  findings: Finding[];
  /** What a run of everything still missing would cost; null for saved reports. */
  cost: CostEstimate | null;
  answer: Answer;
  /** null or absent: the report holds no Jacobians. */
  jacobians?: JacobianOverview | null;
}

/** The first lines of a tab, ready to be shown. */
export interface Answer {
  /** The verdict, drawn bold; one sentence. */
  verdict: string;
  /** What follows on the same line; may be empty. */
  rest: string;
  /** Second line, muted: on what basis. */
  basis: string;
}

/** listed: only the header is read. stale: the file on disk is newer than the numbers. */
export type OverviewState = 'listed' | 'running' | 'done' | 'cancelled' | 'timeout' | 'failed' | 'stale';

export interface CostEstimate {
  seconds: number;
  peakBytes: number;
  /** Layers that the memory limit rules out. */
  refused: number;
}

/** pending: not yet computed (drawn as ·). */
export type LayerState = 'pending' | 'done' | 'skipped' | 'failed';

/** One row of the layer table. */
export interface LayerRow {
  index: number;
  id: string;
  name: string;
  tensor: string;
  kind: LayerKind;
  shape: number[];
  matrixShape: [number, number];
  groups: number;
  dtype: string;
  parameters: number;
  state: LayerState;
  /** Why it was skipped or failed; null otherwise. */
  reason: string | null;
  severity: Severity | null;
  findings: number;
  spectralNorm: number | null;
  /** Directions that hold 90 % of the energy. */
  energyRank90: number | null;
  fullRank: number;
  stableRank: number | null;
  conditionNumber: number | 'Infinity' | null;
  alpha: number | null;
  /** α is shown in brackets: tail below 20 or KS distance above 0.15. */
  alphaLoose: boolean;
  marchenkoPasturPValue: number | null;
  cartan: number | null;
  /** At most 24 values log₁₀(σ_k/σ₁), clipped at −4, evenly spaced in k. */
  sparkline: number[] | null;
}

export interface Curve {
  x: Float64Array | number[];
  y: Float64Array | number[];
}

/** Everything the Weights tab and the Spectrum view draw of one layer. */
export interface LayerDetail {
  row: LayerRow;
  metrics: Metrics | null;
  health: Health;
  findings: Finding[];
  method: SpectrumMethod | null;
  exact: boolean;
  relativeError: number;
  /** k (from 1) and σ_k; `spectrum.thinned` tells whether points were left out. */
  spectrum: { curve: Curve; thinned: boolean } | null;
  /** Rank and share of Σσ² kept. */
  energy: { curve: Curve; breakEven: number } | null;
  /** Histogram of σ, the fitted (or, without a bulk, the equal-variance) law in counts per bin, and the noise edge in σ. */
  noise: { binEdges: number[]; counts: number[]; law: Curve | null; lawIsFit: boolean; edge: number | null; above: number } | null;
  /** λ ascending and the share of values ≥ λ; `fit` the power law over its range, from point `firstFitted` on (past the last one without a fit). */
  tail: { curve: Curve; fit: Curve | null; firstFitted: number } | null;
  operatorSpectra: OperatorSpectrum[];
  /** Quantile curves of the operator spectra with 257 quantiles: rank share 0…1 and σ. */
  operatorCurves: { convention: 'circular' | 'declared'; curve: Curve }[];
  answer: Answer;
}

export const maximumCurvePoints = 2000;
