import type { Saturation, SelfCheck } from './jacobians.js';
import type { Answer } from './views.js';

/**
 * What the Jacobians tab draws. The report stays in the server: the tab gets one overview with σ₁ of every Jacobian
 * at every input, and the other singular values of one Jacobian when somebody looks at it.
 */

/** input → layer, layer local and layer → output, in the report's names. */
export type JacobianKind = 'inputToLayer' | 'layerLocal' | 'layerToOutput';
export const jacobianKinds: readonly JacobianKind[] = ['inputToLayer', 'layerLocal', 'layerToOutput'];

/** Inputs that the overview holds one by one: more columns cannot be told apart. Quantiles are over all of them. */
export const maximumInputs = 2000;

/** withheld: the self-check failed, so that no number is shown. */
export type JacobianState = 'running' | 'done' | 'cancelled' | 'withheld';

export interface JacobianOverview {
  state: JacobianState;
  /** Why the numbers are withheld; null otherwise. */
  reason: string | null;
  inputs: JacobianInputs;
  precision: 'float32' | 'float64';
  /** null until it has been done. */
  selfCheck: SelfCheck | null;
  /** Uses of layers, in topological order. */
  rows: JacobianRow[];
  samples: JacobianSamples;
  /** ∂f/∂x; null where it is not computed, with `outputReason`. */
  output: Stretch | null;
  outputReason: string | null;
  answer: Answer;
}

/** What the numbers rest on. */
export interface JacobianInputs {
  source: 'file' | 'synthetic';
  file: string | null;
  /** In the file, and how many of them the analysis ran on. */
  n: number;
  sampled: number;
  seed: number;
  preprocessing: string;
  shape: number[];
  /** Share of all inputs; null without labels. */
  accuracy: number | null;
  note: string | null;
}

/** Inputs of the sample, one by one, at most `maximumInputs`; all lists by input of the overview are in this order. */
export interface JacobianSamples {
  /** Places in the file, ascending. */
  index: number[];
  label: (number | null)[];
  prediction: (number | null)[];
  /** Positions in these lists by ascending σ₁ of the output (by place where there is none). */
  order: number[];
}

/** One use of a layer. */
export interface JacobianRow {
  layer: string;
  /** Which use, from 0. */
  call: number;
  /** The id, with "call 2" where the layer is used more than once. */
  label: string;
  /** Value of the graph that is differentiated. */
  value: string;
  state: 'pending' | 'done' | 'failed';
  stretch: Record<JacobianKind, Stretch | null>;
  /** Why a stretch is null; null where it is there or not computed yet. */
  reasons: Record<JacobianKind, string | null>;
  /** Layer from whose output the local Jacobian starts; null: the input itself. */
  localFrom: string | null;
  /** Proven for ‖∂layer/∂x‖₂ at every input. */
  bound: number | null;
  boundReason: string | null;
  /** Largest ‖∂layer/∂x‖₂ seen. */
  truth: number | null;
  saturation: Saturation | null;
}

/** σ₁ of one Jacobian over the inputs. */
export interface Stretch {
  /** Of the Jacobian. */
  rows: number;
  columns: number;
  q05: number;
  q50: number;
  q95: number;
  largest: number;
  /** Place in the file of the input with the largest. */
  largestInput: number;
  smallest: number;
  /** All singular values are known, by a direct decomposition; else σ₁ to `relativeError`. */
  exact: boolean;
  relativeError: number;
  /** Mean and standard deviation of ln σ over the singular values, medians over inputs; null where not all are known. */
  isometry: { mean: number; deviation: number } | null;
  /** By input, five digits. */
  values: number[];
}

/** All known singular values of one Jacobian. */
export interface JacobianDetail {
  /** null: the output f. */
  layer: string | null;
  call: number;
  kind: JacobianKind;
  label: string;
  rows: number;
  columns: number;
  /** Singular values that are known of each input, of min(rows, columns). */
  known: number;
  exact: boolean;
  relativeError: number;
  /** Inputs. */
  n: number;
  /** k from 1, thinned; quantiles of σₖ over the inputs. */
  k: number[];
  q05: number[];
  q50: number[];
  q95: number[];
  /** σₖ of the asked input at the same k; null where none was asked for or it is not in the sample. */
  input: { index: number; values: number[] } | null;
  /** How many directions vanish, in words; null where none does or not all values are known. */
  nullDirections: string | null;
  /** Where not all values are known: shares of all values by σ, at one input. */
  density: { input: number; nodes: number[]; shareAbove: number[]; probes: number; steps: number } | null;
  measures: JacobianMeasure[];
}

/** A number of one Jacobian over the inputs. */
export interface JacobianMeasure {
  /** Field of the report. */
  field: 'stableRank' | 'spectralEntropy' | 'entropyRank' | 'effectiveRank' | 'rank' | 'logVolume' | 'meanLog' | 'deviationLog';
  q05: number | null;
  q50: number | null;
  q95: number | null;
  /** Inputs that have it. */
  n: number;
}

/** One input as it was fed to the graph: pixels by row, channels interleaved, 0…255. */
export interface InputPicture {
  index: number;
  width: number;
  height: number;
  /** 1 grey, 3 colour. */
  channels: 1 | 3;
  pixels: Uint8Array | number[];
}

/** A Jacobian in a saved page, where nobody can be asked for it. */
export interface EmbeddedJacobian {
  detail: JacobianDetail;
  /** σₖ of single inputs, by their places in the file, at the detail's k; null where the page has no room for them. */
  curves: Record<string, number[]> | null;
}
