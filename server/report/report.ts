import type { InputsReport, JacobianReport, ProbeReport } from './jacobians.js';

/**
 * The report: what an analysis found, as plain JSON. Everything a person sees (panel, tree, diagnostics,
 * command line, annotations of a build) is a view of it. `schemaVersion` 1.
 *
 * What does not exist is `null`, never 0 or a string; only `conditionNumber` may be the string "Infinity".
 * Symbols in comments follow docs/analyses/weights.md. report.schema.json is generated from this file.
 */
export interface Report {
  /** Changes only when a field changes its name or meaning; new fields do not change it. */
  schemaVersion: 1;
  /** Which program wrote the report. */
  tool: { name: 'sigmascope'; version: string };
  /** What the file's header tells. */
  model: ModelFacts;
  /** Graph formats: topological order; others: the file's order. */
  layers: LayerReport[];
  /** What was not analysed, and why: never an empty result without a reason. */
  skipped: Skipped[];
  /** What the parts that rest on inputs ran on. */
  inputs?: InputsReport;
  /** How the network and its layers stretch the inputs. */
  jacobians?: JacobianReport;
  /** Those of all layers, in layer order. */
  findings: Finding[];
  /** Only of the command `probe`. */
  probe?: ProbeReport;
  /** What the numbers rest on. */
  settings: AnalysisSettings;
  /** Only when the run did not reach its end: what is there is exact, what is missing is in `skipped`. */
  incomplete?: { reason: 'cancelled' | 'timeout'; layersDone: number; layersTotal: number };
  /** The only part that differs between two runs with the same inputs, seed and threads. */
  timings?: Timings;
}

/** What the header of a model file tells. */
export interface ModelFacts {
  /** As it was given. */
  path: string;
  /** Found by content. */
  format: ModelFormat;
  /** Of all files that belong to the model. */
  bytes: number;
  /** Lower-case hex of the model file; null until known. */
  sha256: string | null;
  /** Program that wrote the file, and its version; null where the file does not say. */
  producer: string | null;
  /** ONNX operator sets: domain → version ("" is written "ai.onnx"). */
  opset: Record<string, number> | null;
  /** Weight elements of all layers, without biases. */
  parameters: number;
  /** Of the graph; empty for files without one. */
  inputs: ValueFacts[];
  /** Of the graph; empty for files without one. */
  outputs: ValueFacts[];
  /** The network function f; null for files without a graph. */
  function: NetworkFunction | null;
}

export type ModelFormat = 'onnx' | 'safetensors' | 'pytorch' | 'keras' | 'gguf' | 'tflite' | 'numpy';

/** An input or output of the graph. */
export interface ValueFacts {
  /** As the graph has it. */
  name: string;
  /** Element type in lower case, e.g. "float32". */
  dtype: string;
  /** A number is a fixed size, a string a named one, null an unknown one; null as a whole where the file does not say. */
  shape: (number | string | null)[] | null;
}

/** f is `output` with the trailing operations `removed` cut off, so that f is the value `tensor`, as a function of `input`. */
export interface NetworkFunction {
  /** Its variable: the first floating-point input, or the output of the first embedding. */
  input: string;
  /** The output of the graph that it was found at. */
  output: string;
  /** The value that f is. */
  tensor: string;
  /** Trailing operations between `tensor` and `output`, e.g. "Softmax". */
  removed: string[];
}

export type LayerKind = 'dense' | 'convolution' | 'convolutionTranspose' | 'embedding' | 'recurrent' | 'attention' | 'other';

/** One matrix of weights that the network multiplies by, and what was found of it. */
export interface LayerReport {
  /** Unique in the report: docs/layers.md. */
  id: string;
  /** The name in the file, unshortened: of the node where the tensor is anonymous, else of the tensor. */
  name: string;
  /** What the layer does with its matrix. */
  kind: LayerKind;
  /** The stored tensor that holds the weights. */
  tensor: string;
  /** Shape of the stored tensor (of the part used, for a split one). */
  shape: number[];
  /** [rows, columns] of the analysed matrix, [out, in] for dense layers; block-diagonal when `groups` > 1. */
  matrixShape: [number, number];
  /** Number of blocks of the matrix: 1 unless it is grouped. */
  groups: number;
  /** Stored element type in lower case, e.g. "float32", "bfloat16", "int8". */
  dtype: string;
  /** Stored weights, without biases and without the zeros between blocks. */
  parameters: number;
  /** null when the weights hold a non-finite value: `health` says where. */
  spectrum: Spectrum | null;
  /** Exact spectra of the convolution operator; only for convolutions. */
  operatorSpectra?: OperatorSpectrum[];
  /** null where `spectrum` is. */
  metrics: Metrics | null;
  /** What is odd about the stored numbers. */
  health: Health;
  /** Those of this layer. */
  findings: Finding[];
}

/** Singular values of the layer's matrix. */
export interface Spectrum {
  /** All, descending. Of the stored weights widened to float64. */
  singularValues: number[];
  /** Which algorithm computed them. */
  method: SpectrumMethod;
  /** Whether they come from a direct decomposition, rather than an estimate. */
  exact: boolean;
  /** Bound of the error relative to the largest singular value. */
  relativeError: number;
}

/** Which algorithm; which engine ran it is in `timings`. */
export type SpectrumMethod = 'two-stage' | 'gram' | 'qr-first' | 'krylov' | 'fft' | 'lanczos';

/** Singular values of a convolution as a linear map between whole images: docs/analyses/convolutions.md. */
export interface OperatorSpectrum {
  /** circular: wrap-around padding, by FFT. declared: the layer's own padding, stride and dilation. */
  convention: 'circular' | 'declared';
  /** Spatial size of the layer's input. */
  inputSize: number[];
  /** Number of singular values of the operator. */
  count: number;
  /** The largest singular value. */
  largest: number;
  /** The smallest singular value; null where it was not computed. */
  smallest: number | null;
  /** 257 quantiles from largest to smallest; null for `--operator norms`. */
  quantiles: number[] | null;
  /** All, descending, where `count` ≤ 4,096 and `--operator full`. */
  singularValues?: number[];
  /** Whether the values come from a direct decomposition; false: from an iteration. */
  exact: boolean;
  /** Bound of the error relative to `largest`. */
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
  /** How the spectrum compares with that of random weights. */
  marchenkoPastur: MarchenkoPasturFit;
  /** How fast the singular values fall with their rank. */
  powerLaw: PowerLawCharts;
  /** Top-radial Cartan coordinate ½ln(d·σ₁²/Σσ²), d = min(m, n) */
  cartan: number | null;
}

/** min{k: σ₁² + … + σ_k² ≥ (q − 10⁻¹²)·Σσ²} by q. */
export interface EnergyRanks {
  /** Of 50 % of the energy. */
  '0.5': number;
  /** Of 90 % of the energy. */
  '0.9': number;
  /** Of 95 % of the energy. */
  '0.95': number;
  /** Of 99 % of the energy. */
  '0.99': number;
}

/** Power law of the upper tail of the λ. */
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
  /** Lower edge of the law: sigma²(1 − √(M/N))². */
  lambdaMinus: number | null;
  /** Upper edge of the law: sigma²(1 + √(M/N))². */
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

/** Three readings of σ_k ∝ k^(−p), σ_k²/Σσ² ∝ k^(−β), β = 2p; they agree on exact power laws only. */
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

/** Counts of the weights as they are in the matrix: of quantised ones after scale and zero point. */
export interface Health {
  /** NaN and infinite weights; flat row-major index of the first in the file's tensor, null without any. */
  nonFinite: { count: number; firstIndex: number | null };
  /** Weights equal to 0. */
  zeros: number;
  /** Stored elements that are subnormal in their type. */
  denormals: number;
  /** Rows of the matrix without an element other than 0. */
  zeroRows: number;
  /** Columns of the matrix without an element other than 0. */
  zeroColumns: number;
  /** The value that all weights have, else null. */
  constant: number | null;
  /** Id of an earlier layer whose stored tensor (with its scales) holds the same bytes. */
  duplicateOf: string | null;
}

/**
 * What was passed over: a tensor that is no layer's weight (`tensor`), a whole layer (`layer` and `analysis`, with its
 * `tensor`), or one operator of a layer (`layer` and `operator`).
 */
export interface Skipped {
  /** Name of the stored tensor. */
  tensor?: string;
  /** Id of the layer. */
  layer?: string;
  /** Name of the analysis, e.g. "weights". */
  analysis?: string;
  /** Convention of the operator: "circular" or "declared". */
  operator?: string;
  /** One sentence or phrase: why, and what to do where something can be done. */
  reason: string;
}

export type Severity = 'error' | 'warning' | 'information' | 'hint';

/** What a rule found of one layer: docs/rules. */
export interface Finding {
  /** Stable rule id, e.g. "weights/zero-tensor". */
  rule: string;
  /** That of the rule, or of the configuration. */
  severity: Severity;
  /** Id of the layer. */
  layer?: string;
  /** Index of the input, in analyses of inputs. */
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

/** The options that numbers depend on. */
export interface AnalysisSettings {
  /** Analyses that were run. */
  only: AnalysisName[];
  /** Glob of the layer ids that were asked for; null for all. */
  layers: string | null;
  /** Of everything random. */
  seed: number;
  /** Which spectra of convolution operators were asked for. */
  operator: OperatorMode;
}

export type AnalysisName = 'weights' | 'jacobian';
export type OperatorMode = 'none' | 'norms' | 'full';

/** Seconds of wall time. Left out by `--no-timings`. */
export interface Timings {
  /** From opening the file to the last result. */
  total: number;
  /** Of reading the header. */
  read: number;
  /** By layer, with the engine that computed it ("cache" where it was kept). */
  layers: { layer: string; seconds: number; engine: string }[];
}
