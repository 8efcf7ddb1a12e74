/**
 * The parts of a report that rest on inputs: what the inputs were, and how the network and its layers stretch them.
 * Definitions: docs/analyses/jacobians.md. Everything is in units of the tensor that is fed to the graph.
 */

/** The inputs that an analysis ran on. */
export interface InputsReport {
  source: 'file' | 'synthetic';
  /** As it was given; null for synthetic inputs. */
  file: string | null;
  /** How many there are, of which an analysis may take a sample. */
  n: number;
  /** Of the sample, and of synthetic inputs. */
  seed: number;
  /** As `--preprocess` takes it; "none" where nothing was asked for. */
  preprocessing: string;
  /** Shape of one input as the graph takes it. */
  shape: number[];
  /** Share of inputs whose largest output is the label's; null without labels. */
  accuracy: number | null;
  /** Over how many inputs; all of them, or a sample of 10,000. */
  accuracyOf: number | null;
  /** What a person should know of how they were read; null without. */
  note: string | null;
  /** Those of the sample. */
  items: InputItem[];
}

/** One input of the sample. */
export interface InputItem {
  /** Place in the file, from 0. */
  index: number;
  /** null without labels. */
  label: number | null;
  /** Index of the largest output; null where the output is no vector. */
  prediction: number | null;
}

export interface JacobianReport {
  /** Places of the sample in the file, ascending. All lists by input are in this order. */
  inputIndices: number[];
  precision: 'float32' | 'float64';
  /** f and its variable, by the names of the graph. */
  function: { input: string; output: string; tensor: string; removed: string[] };
  selfCheck: SelfCheck;
  /** ∂f/∂x; null where it is withheld or not differentiable, with the reason in `skipped`. */
  output: JacobianSpectra | null;
  /** One entry for each use of a layer, in topological order. */
  layers: LayerJacobians[];
  /** How the gradient of the predicted class turns under noise; null where f is no vector. */
  attribution: AttributionStability | null;
}

/** The derivatives of this very model, checked in random directions before any number is shown. */
export interface SelfCheck {
  /** |⟨u, J·v⟩ − ⟨Jᵀ·u, v⟩| relative to ‖u‖·‖J·v‖, at worst; null where it could not be computed. */
  adjoint: number | null;
  /** Largest |J·v in float32 − J·v in float64| relative to the largest |J·v|, the median over inputs; null where a part has no float64. */
  float64: number | null;
  /** Why `float64` is null. */
  float64Reason: string | null;
  /** Largest |J·v − (f(x + h·v) − f(x − h·v))/2h| in float64, relative to the largest |J·v|, the median over inputs; null where the network rounds, or has no float64. */
  differences: number | null;
  /** Inputs that were checked. */
  n: number;
  passed: boolean;
}

/** Singular values of one Jacobian at every input of the sample. */
export interface JacobianSpectra {
  rows: number;
  columns: number;
  /** By input, descending: all of them, or the 20 largest of Jacobians whose smaller side is above 1,024. */
  singularValues: number[][];
  /** All values by a direct decomposition; false: the largest by block Lanczos. */
  exact: boolean;
  /** Bound of the error of the worst input, relative to its σ₁, beside that of the derivative itself. */
  relativeError: number;
  /** Over the inputs, of each σₖ. */
  quantiles: { '0.05': number[]; '0.5': number[]; '0.95': number[] };
  measures: JacobianMeasures;
  /** Where not all values are known: how they are distributed, at one input. */
  density: SpectralDensity | null;
}

/** By input; null where not all singular values are known. σ are those above the numerical rank's tolerance. */
export interface JacobianMeasures {
  /** Number of singular values above max(m, n)·2⁻²³·σ₁ (2⁻⁵² in float64): ranks, volumes and ln σ are over these. */
  rank: (number | null)[];
  /** Σ ln σ */
  logVolume: (number | null)[];
  /** Σσ²/σ₁² */
  stableRank: (number | null)[];
  /** −Σp ln p, p = σ²/Σσ², divided by ln min(m, n): 0 one direction, 1 all alike. */
  spectralEntropy: (number | null)[];
  /** exp(−Σp ln p), p = σ²/Σσ² */
  entropyRank: (number | null)[];
  /** exp(−Σp ln p), p = σ/Σσ */
  effectiveRank: (number | null)[];
  /** Dynamical isometry: mean of ln σ … */
  meanLog: (number | null)[];
  /** … and its standard deviation; 0 of an isometry up to scale. */
  deviationLog: (number | null)[];
}

/** Stochastic Lanczos quadrature (Golub and Meurant; Ubaru, Chen and Saad 2017) of JᵀJ at one input. */
export interface SpectralDensity {
  /** Place of the input in the file. */
  input: number;
  /** σ, ascending … */
  nodes: number[];
  /** … and the share of all min(m, n) singular values that each stands for; they sum to 1. */
  weights: number[];
  /** Random vectors and steps of each. */
  probes: number;
  steps: number;
  /** Estimate of Σσ² and its standard error over the probes. */
  squaredNorm: number;
  squaredNormError: number;
}

/** The Jacobians of one use of a layer. */
export interface LayerJacobians {
  /** Id of the layer. */
  layer: string;
  /** Which use of it, from 0. */
  call: number;
  /** Name of the value of the graph that is differentiated: the layer's output, bias included, before the activation. */
  value: string;
  /** ∂layer/∂x */
  inputToLayer: JacobianSpectra | null;
  /** ∂layer/∂(output of `localFrom`) */
  layerLocal: JacobianSpectra | null;
  /** Nearest earlier layer through which every path from the input passes; null: the input itself. */
  localFrom: string | null;
  /** ∂f/∂layer; null where f does not depend on it otherwise than through the input. */
  layerToOutput: JacobianSpectra | null;
  /** Proven upper bound of ‖∂layer/∂x‖₂ at every input. */
  bound: number | null;
  /** Why there is none. */
  boundReason: string | null;
  /** Largest σ₁ of `inputToLayer` over the inputs. */
  truth: number | null;
  /** Units whose activation passes no derivative, where one activation reads the layer's output. */
  saturation: Saturation | null;
}

export interface Saturation {
  /** Operator of the activation, e.g. "Relu". */
  activation: string;
  /** Share of units whose derivative is 0 (Relu and its kin) or below 1 % of its largest (Sigmoid, Tanh), mean over inputs. */
  share: number;
  /** Units that pass no derivative at any input. */
  never: number;
  units: number;
}

/** Gradient of the predicted class, A(x) = ∇f_c, against A(x + δ), δ normal with E‖δ‖² = noise²·‖x‖²; medians, with 5 and 95 %, over inputs. */
export interface AttributionStability {
  /** Inputs that were looked at: the first of the sample. */
  n: number;
  noise: number[];
  /** cos(A(x), A(x + δ)) */
  cosine: QuantileCurves;
  /** ‖A(x + δ) − A(x)‖/‖A(x)‖ */
  drift: QuantileCurves;
  /** Rank correlation of |A(x)| and |A(x + δ)| */
  spearman: QuantileCurves;
  /** Inputs whose gradient is zero, which are left out. */
  zeroGradients: number;
}

export interface QuantileCurves {
  '0.05': number[];
  '0.5': number[];
  '0.95': number[];
}

/** What `probe` did. */
export interface ProbeReport {
  attack: 'random' | 'fgsm' | 'pgd' | 'deepfool';
  norm: 'linf' | 'l2';
  /** In input space. */
  epsilon: number;
  /** Of the longest course; null for random. */
  steps: number | null;
  /** In input space; null for random and deepfool. */
  stepSize: number | null;
  /** null for fgsm and deepfool, which draw nothing. */
  restarts: number | null;
  /** What is made large; null for deepfool. */
  loss: 'cross-entropy' | 'margin' | null;
  /** In input space: perturbed inputs stay within. */
  range: [number, number];
  n: number;
  accuracyClean: number;
  accuracyPerturbed: number;
  /** Mean over the inputs of the perturbation's norm, in the norm of the attack. */
  meanNorm: number;
  /** Mean norm of the perturbations that changed the prediction; null without any. */
  meanNormSuccess: number | null;
  /** "label": accuracies are against labels; "prediction": against the clean predictions, where no labels are given. */
  target: 'label' | 'prediction';
  seed: number;
  /** Where the perturbed inputs were written; null when they were not. */
  file: string | null;
}
