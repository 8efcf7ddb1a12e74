/**
 * The report: what an analysis found, as plain JSON. Everything a person sees (panel, tree, diagnostics,
 * command line, annotations of a build) is a view of it. `schemaVersion` 1.
 *
 * What does not exist is `null`, never 0 or a string; only `conditionNumber` may be the string "Infinity".
 * Symbols in comments follow docs/analyses/weights.md. report.schema.json is generated from this file.
 */
export interface Report {
  schemaVersion: 1;
  tool: { name: 'sigmascope'; version: string };
  model: ModelFacts;
  /** Graph formats: topological order; others: the file's order. */
  layers: LayerReport[];
  /** What was not analysed, and why: never an empty result without a reason. */
  skipped: Skipped[];
  findings: Finding[];
  /** What the numbers rest on. */
  settings: AnalysisSettings;
  /** Only when the run did not reach its end: what is there is exact, what is missing is in `skipped`. */
  incomplete?: { reason: 'cancelled' | 'timeout'; layersDone: number; layersTotal: number };
  timings?: Timings;
}

export interface ModelFacts {
  path: string;
  format: ModelFormat;
  /** Of all files that belong to the model. */
  bytes: number;
  /** Lower-case hex of the model file; null until known. */
  sha256: string | null;
  producer: string | null;
  /** ONNX operator sets: domain → version ("" is written "ai.onnx"). */
  opset: Record<string, number> | null;
  /** Weight elements of all layers, without biases. */
  parameters: number;
  inputs: ValueFacts[];
  outputs: ValueFacts[];
  /** The network function f; null for files without a graph. */
  function: NetworkFunction | null;
}

export type ModelFormat = 'onnx' | 'safetensors' | 'pytorch' | 'keras' | 'gguf' | 'tflite' | 'numpy';

/** `shape`: a number is a fixed size, a string a named one, null an unknown one. */
export interface ValueFacts {
  name: string;
  dtype: string;
  shape: (number | string | null)[] | null;
}

/** f is `output` with the trailing operations `removed` cut off, so that f is the value `tensor`, as a function of `input`. */
export interface NetworkFunction {
  input: string;
  output: string;
  tensor: string;
  removed: string[];
}

export type LayerKind = 'dense' | 'convolution' | 'convolutionTranspose' | 'embedding' | 'recurrent' | 'attention' | 'other';

export interface LayerReport {
  id: string;
  /** The name in the file, unshortened: of the node where the tensor is anonymous, else of the tensor. */
  name: string;
  kind: LayerKind;
  /** The stored tensor that holds the weights. */
  tensor: string;
  /** Shape of the stored tensor (of the part used, for a split one). */
  shape: number[];
  /** [rows, columns] of the analysed matrix, [out, in] for dense layers; block-diagonal when `groups` > 1. */
  matrixShape: [number, number];
  groups: number;
  dtype: string;
  parameters: number;
  /** null when the weights hold a non-finite value: `health` says where. */
  spectrum: Spectrum | null;
  /** Exact spectra of the convolution operator; only for convolutions. */
  operatorSpectra?: OperatorSpectrum[];
  metrics: Metrics | null;
  health: Health;
  findings: Finding[];
}

export interface Spectrum {
  /** All, descending. Of the stored weights widened to float64. */
  singularValues: number[];
  method: SpectrumMethod;
  exact: boolean;
  /** Bound of the error relative to the largest singular value. */
  relativeError: number;
}

/** Which algorithm; which engine ran it is in `timings`. */
export type SpectrumMethod = 'two-stage' | 'gram' | 'qr-first' | 'krylov' | 'fft' | 'lanczos';

export interface OperatorSpectrum {
  /** circular: wrap-around padding, by FFT. declared: the layer's own padding, stride and dilation. */
  convention: 'circular' | 'declared';
  /** Spatial size of the layer's input. */
  inputSize: number[];
  /** Number of singular values of the operator. */
  count: number;
  largest: number;
  /** null where it was not computed. */
  smallest: number | null;
  /** 257 quantiles from largest to smallest; null for `--operator norms`. */
  quantiles: number[] | null;
  /** All, descending, where `count` ≤ 4,096 and `--operator full`. */
  singularValues?: number[];
  exact: boolean;
  relativeError: number;
}

/** Definitions: docs/analyses/weights.md. σ are the singular values, λ = σ². */
export interface Metrics {
  /** σ₁ */
  spectralNorm: number;
  /** √Σσ² */
  frobeniusNorm: number;
  /** Σσ */
  nuclearNorm: number;
  /** Σσ²/σ₁² */
  stableRank: number;
  /** #{σ > max(m, n)·ε·σ₁}, ε = 2⁻⁵² for float64 tensors and 2⁻²³ for narrower ones */
  numericalRank: number;
  /** exp(−Σp ln p), p = σ/Σσ (Roy and Vetterli 2007) */
  effectiveRank: number | null;
  /** exp(−Σp ln p), p = σ²/Σσ² */
  entropyRank: number | null;
  /** (Σσ²)²/Σσ⁴ */
  participationRatio: number | null;
  /** Fewest directions that hold that share of Σσ². */
  energyRank: EnergyRanks | null;
  /** σ₁/σ_r over all min(m, n) values; "Infinity" iff σ_r ≤ max(m, n)·2⁻⁵²·σ₁ */
  conditionNumber: number | 'Infinity' | null;
  /** σ₁ over the smallest value within the numerical rank */
  conditionNumberNumericalRank: number | null;
  /** log₁₀Σσ² */
  logNorm: number | null;
  /** log₁₀σ₁² */
  logSpectralNorm: number | null;
  /** Power-law fit of the tail of the eigenvalue density; null where no tail of ten values exists. */
  alpha: PowerLawFit | null;
  /** α·log₁₀λ₁ */
  alphaHat: number | null;
  /** log₁₀Σλ^α */
  logAlphaNorm: number | null;
  marchenkoPastur: MarchenkoPasturFit;
  powerLaw: PowerLawCharts;
  /** Top-radial Cartan coordinate ½ln(d·σ₁²/Σσ²), d = min(m, n) */
  cartan: number | null;
}

export interface EnergyRanks {
  '0.5': number;
  '0.9': number;
  '0.95': number;
  '0.99': number;
}

export interface PowerLawFit {
  /** Exponent of the density λ^(−α), by maximum likelihood (Clauset, Shalizi and Newman 2009). */
  value: number;
  /** Smallest λ of the fitted tail. */
  xmin: number;
  /** Kolmogorov–Smirnov distance of tail and fit. */
  ks: number;
  /** Number of values in the tail. */
  tail: number;
  /** Standard error (α − 1)/√tail. */
  sigma: number;
}

/** λ = σ²/N, N ≥ M the sides. All null with a `reason` where there is no bulk to fit. */
export interface MarchenkoPasturFit {
  /** Standard deviation of the matrix entries of the noise bulk. */
  sigma: number | null;
  lambdaMinus: number | null;
  lambdaPlus: number | null;
  /** Eigenvalues above the Tracy–Widom edge (99 %). */
  spikes: number | null;
  /** λ₊/λ₁ */
  softRank: number | null;
  /** Sup distance of the rest from the fitted law. */
  ks: number | null;
  /** Probability of a `ks` at least as large for pure noise of this shape, by simulation. */
  pValue: number | null;
  /** Why the fit is null, e.g. "no noise bulk". */
  reason: string | null;
}

export interface PowerLawCharts {
  /** Exponent p of σ_k ∝ k^(−p) by least squares in log–log over the numerical rank. */
  pOls: number | null;
  /** Coefficient of determination of that line. */
  r2: number | null;
  /** β with E_β[ln k] = Σλ_k ln k, the Kullback–Leibler projection. */
  betaKl: number | null;
  /** β with H_{d,β} = 1/λ₁. */
  betaTop: number | null;
}

export interface Health {
  nonFinite: { count: number; firstIndex: number | null };
  zeros: number;
  /** Subnormal values in the stored type. */
  denormals: number;
  zeroRows: number;
  zeroColumns: number;
  /** The value that all elements have, else null. */
  constant: number | null;
  /** Id of an earlier layer whose stored tensor holds the same bytes. */
  duplicateOf: string | null;
}

/**
 * What was passed over: a tensor that is no layer's weight (`tensor`), a whole layer (`layer` and `analysis`, with its
 * `tensor`), or one operator of a layer (`layer` and `operator`).
 */
export interface Skipped {
  tensor?: string;
  layer?: string;
  analysis?: string;
  operator?: string;
  reason: string;
}

export type Severity = 'error' | 'warning' | 'information' | 'hint';

export interface Finding {
  /** Stable rule id, e.g. "weights/zero-tensor". */
  rule: string;
  severity: Severity;
  layer?: string;
  input?: number;
  /** At most 60 characters. */
  title: string;
  /** At most two sentences and 240 characters: what is, with number and limit; what to do or what it does not mean. */
  message: string;
  /** The numbers the finding rests on. */
  evidence: Record<string, number | string | boolean | null | (number | string)[]>;
  /** Documentation page, relative to the project. */
  help: string;
  /** Why a person silenced it; silenced findings count for no gate. */
  silenced?: string;
}

export interface AnalysisSettings {
  only: AnalysisName[];
  layers: string | null;
  seed: number;
  operator: OperatorMode;
}

export type AnalysisName = 'weights';
export type OperatorMode = 'none' | 'norms' | 'full';

/** Seconds of wall time. Left out by `--no-timings`. */
export interface Timings {
  total: number;
  read: number;
  layers: { layer: string; seconds: number; engine: string }[];
}
