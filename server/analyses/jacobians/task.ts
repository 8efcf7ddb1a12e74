import type { AttributionStability, InputsReport, JacobianReport, JacobianSpectra, LayerJacobians, SelfCheck } from '../../report/jacobians.js';
import type { Skipped } from '../../report/report.js';
import type { InputsRequest } from '../../runtime/units.js';

/** The network and the inputs that all units of one analysis share: a worker opens them once. Plain JSON. */
export interface NetworkTask {
  /** Path of the model file. */
  model: string;
  /** Names that a person gave, of f's variable and of the output that f is; null: as the model's function has them. */
  input: string | null;
  output: string | null;
  /** Without a file they are made up. */
  inputs: InputsRequest | { file: null; preprocess: string | null };
  /** Largest number of inputs that are looked at. */
  samples: number;
  seed: number;
  precision: 'float32' | 'float64';
  /** Of onnxruntime and of the kernel, in one unit. */
  threads: number;
  /** What the intermediate values of one run may take, and the Jacobians that are held at a time. */
  memoryBytes: number;
}

/** Inputs that are looked at where nobody says otherwise. */
const defaultSamples = 100;
/** What one unit may hold: more makes no run faster. */
const mostUnitBytes = 512 * 2 ** 20;
/** Share of the memory of the whole analysis that one unit may take. */
const unitShare = 0.25;

/** A task with the usual values where nothing is asked for; `memoryBytes` is that of the whole analysis. */
export function networkTask(given: Omit<NetworkTask, 'input' | 'output' | 'samples'> & { input?: string | null; output?: string | null; samples: number | null }): NetworkTask {
  const { input = null, output = null, samples, memoryBytes } = given;
  return { ...given, input, output, samples: samples ?? defaultSamples, memoryBytes: Math.min(mostUnitBytes, Math.floor(unitShare * memoryBytes)) };
}

/** One unit of work of the Jacobian analysis. */
export type JacobianTask = { network: NetworkTask } & JacobianQuestion;

export type JacobianQuestion =
  /** Opens everything, checks the derivatives, and says which Jacobians there are. */
  | { question: 'network' }
  /** ∂f/∂x */
  | { question: 'output' }
  /** The Jacobians of one use of a layer. */
  | { question: 'layer'; use: ReachedUse }
  /** Upper bounds of ‖∂layer/∂x‖₂, of all these. */
  | { question: 'bounds'; values: string[] }
  /** Gradients of the predicted class under noise. */
  | { question: 'attribution' };

/** A use of a layer that the variable reaches. */
export interface ReachedUse {
  layer: string;
  call: number;
  /** Its output, by the graph's name. */
  value: string;
  /** Nearest earlier layer through which every path passes, and its output; null and the variable where there is none. */
  localFrom: string | null;
  localValue: string;
}

/** Answer to the question "network". */
export interface NetworkAnswer {
  inputs: InputsReport;
  inputIndices: number[];
  precision: JacobianReport['precision'];
  selfCheck: SelfCheck;
  /** The function that is differentiated, by the names of the graph. */
  function: { input: string; output: string; tensor: string; removed: string[] };
  /** Uses of layers that the variable reaches, in topological order. */
  uses: ReachedUse[];
  /** Those that have no Jacobian, with the reason. */
  skipped: Skipped[];
  /** Elements of f. */
  outputs: number;
}

export type OutputAnswer = JacobianSpectra;

/** Answer to the question "layer": its entry in the report but for what "bounds" tells. */
export type LayerAnswer = Omit<LayerJacobians, 'bound' | 'boundReason'> & { skipped: Skipped[] };

/** Answer to the question "bounds". */
export type BoundsAnswer = { value: string; bound: number | null; reason: string | null }[];

export type AttributionAnswer = AttributionStability | null;
