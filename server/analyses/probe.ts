import { importGraph } from '../derivatives/importGraph.js';
import { SampleDerivatives } from '../derivatives/sampleDerivatives.js';
import { samplesAt, type Samples } from '../derivatives/samples.js';
import { accuracy, predictions } from '../inputs/accuracy.js';
import { attackedNetwork, type AttackedNetwork } from '../inputs/attacks/attackedNetwork.js';
import { perturbationNorms, type AttackNorm } from '../inputs/attacks/ball.js';
import { deepFoolAttack } from '../inputs/attacks/deepFool.js';
import { fastGradientAttack, projectedGradientAttack, randomAttack, type AttackControl, type AttackInputs } from '../inputs/attacks/gradientAttack.js';
import type { AttackLoss } from '../inputs/attacks/losses.js';
import { forSingleInputs, modelInput, networkSamples } from '../inputs/feeds.js';
import { InputsError } from '../inputs/inputArray.js';
import type { NpzArray } from '../inputs/npzWriter.js';
import { formatPreprocess, type InputRange } from '../inputs/preprocess.js';
import { openInputs, type OpenedInputs } from '../inputs/request.js';
import type { Model } from '../model/model.js';
import { chosenFunction } from '../model/networkFunction.js';
import type { InputsReport, ProbeReport } from '../report/jacobians.js';
import type { InputsRequest } from '../runtime/units.js';
import { samplePlaces, streamOf } from './jacobians/networkAtInputs.js';

/** What is attacked, and how; null stands for the attack's own choice. */
export interface ProbeSettings {
  input: string | null;
  output: string | null;
  inputs: InputsRequest;
  attack: ProbeReport['attack'];
  norm: AttackNorm;
  /** In input space. */
  epsilon: number;
  steps: number | null;
  stepSize: number | null;
  restarts: number | null;
  loss: AttackLoss | null;
  seed: number;
  /** Most inputs that are attacked: a seeded sample; null takes all. */
  samples: number | null;
  precision: 'float32' | 'float64';
  threads: number;
}

export interface ProbeResult {
  inputs: InputsReport;
  /** Its `file` is null. */
  probe: ProbeReport;
  /** What the .npz holds: x and clean [n, ...sample] float32, y and prediction [n] int64, success [n] bool, epsilon. */
  arrays: Record<string, NpzArray>;
}

export interface ProbeControl extends AttackControl {
  signal: AbortSignal;
}

/** Steps by attack, as their authors and libraries have them. */
const usualSteps = { fgsm: 1, pgd: 40, deepfool: 50 } as const;
/** Inputs that one run of the network takes: a step of an attack needs one gradient of each. */
const inputsInRun = 64;
/** So far beyond the ball could the steps of a course lead in all: enough to come from one side to the other. */
const stepsReach = 2.5;

/**
 * Perturbs inputs within a ball so that the network misclassifies them, and measures how often it then does. What is
 * attacked is the label, or without labels the prediction for the clean input. Everything that is perturbed or written is
 * in float32 in input space; `precision` is that of the network and of its derivatives.
 * @throws InputsError, UnknownValue, NotDifferentiable, ModelFileError; the signal's reason between runs of the network
 */
export async function probe(model: Model, settings: ProbeSettings, control: ProbeControl): Promise<ProbeResult> {
  const f = chosenFunction(model, settings);
  if (!model.file.inputs.some(({ name }) => name === f.input)) throw new InputsError('inputs/option', 'The model takes no floating-point input, and whole numbers cannot be perturbed by small amounts: give a model of measurements or pictures.');
  const opened = await openInputs(settings.inputs, model.file, f.input, { precision: 'float32', signal: control.signal });
  const places = samplePlaces(opened.n, settings.samples ?? opened.n, settings.seed);
  const samples = samplesAt(networkSamples(model.file.inputs, opened.n, new Map([[f.input, modelInput(opened)], ...opened.others])), places);
  const clean = rowsAt(opened, places);
  const range = checkedRange(clean, opened, places, settings.inputs.range);
  const derivatives = await differentiated(model, f, samples, settings);
  try {
    const network = attackedNetwork({ derivatives, samples, variable: f.input, logits: f.tensor, scaling: opened.scaling, precision: settings.precision, signal: control.signal });
    const all = places.map((_, row) => row);
    const labels = opened.labels === null ? null : places.map((place) => opened.labels?.[place] ?? 0);
    const logits = await network.logits(clean, all);
    const before = predictions(logits, network.classes);
    const targets = labels ?? before;
    // Also refuses labels that are no classes, before anything is attacked.
    const accuracyClean = accuracy(logits, network.classes, targets);
    const course = courseOf(settings);
    const perturbed = await attack(network, { clean, targets, ball: { norm: settings.norm, epsilon: settings.epsilon, range } }, settings, course, control);
    const after = predictions(await network.logits(perturbed, all), network.classes);
    const success = after.map((prediction, row) => prediction !== targets[row]);
    const norms = perturbationNorms(perturbed, clean, places.length, settings.norm);
    const changed = norms.filter((_, row) => after[row] !== before[row]);
    const n = places.length;
    return {
      inputs: inputsReport(opened, [...derivatives.shapeOf(f.input)], settings, labels, before, places, labels === null ? null : accuracyClean),
      probe: {
        attack: settings.attack, norm: settings.norm, epsilon: settings.epsilon, ...course, range: [range.low, range.high], n,
        accuracyClean, accuracyPerturbed: success.filter((wrong) => !wrong).length / n,
        meanNorm: mean(norms), meanNormSuccess: changed.length === 0 ? null : mean(changed),
        target: labels === null ? 'prediction' : 'label', seed: settings.seed, file: null,
      },
      arrays: {
        x: { dtype: 'float32', shape: [n, ...opened.shape.slice(1)], data: perturbed },
        y: { dtype: 'int64', shape: [n], data: BigInt64Array.from(targets, BigInt) },
        clean: { dtype: 'float32', shape: [n, ...opened.shape.slice(1)], data: clean },
        prediction: { dtype: 'int64', shape: [n], data: BigInt64Array.from(after, BigInt) },
        success: { dtype: 'bool', shape: [n], data: Uint8Array.from(success, Number) },
        epsilon: { dtype: 'float64', shape: [], data: Float64Array.of(settings.epsilon) },
      },
    };
  } finally {
    await derivatives.release();
  }
}

async function differentiated(model: Model, f: NonNullable<Model['function']>, samples: Samples, { precision, threads }: ProbeSettings): Promise<SampleDerivatives> {
  const network = forSingleInputs({ ...(await importGraph(model.file)), outputs: [f.tensor] }, samples);
  return SampleDerivatives.create(network, samples, { of: f.tensor, by: f.input, precision, threads, batch: inputsInRun });
}

/** Numbers of the course that the attack takes; null for those that it has not. */
type Course = Pick<ProbeReport, 'steps' | 'stepSize' | 'restarts' | 'loss'>;

function courseOf({ attack: kind, epsilon, steps, stepSize, restarts, loss }: ProbeSettings): Course {
  const asked = kind === 'random' ? null : (steps ?? usualSteps[kind]);
  // A single step leads to the edge of the ball: a longer one would be cut off there.
  const usualSize = asked === null ? null : kind === 'fgsm' && asked === 1 ? epsilon : (stepsReach * epsilon) / asked;
  return {
    steps: asked,
    stepSize: kind === 'fgsm' || kind === 'pgd' ? (stepSize ?? usualSize) : null,
    restarts: kind === 'random' || kind === 'pgd' ? (restarts ?? 1) : null,
    loss: kind === 'deepfool' ? null : (loss ?? 'cross-entropy'),
  };
}

function attack(network: AttackedNetwork, inputs: AttackInputs, { attack: kind, seed }: ProbeSettings, course: Course, control: ProbeControl): Promise<Float32Array> {
  const settings = { steps: course.steps ?? 0, stepSize: course.stepSize ?? 0, restarts: course.restarts ?? 1, loss: course.loss ?? 'cross-entropy', random: streamOf(seed, 'attack') };
  switch (kind) {
    case 'random':
      return randomAttack(network, inputs, settings, control);
    case 'fgsm':
      return fastGradientAttack(network, inputs, settings, control);
    case 'pgd':
      return projectedGradientAttack(network, inputs, settings, control);
    case 'deepfool':
      return deepFoolAttack(network, inputs, settings.steps, control);
  }
}

function rowsAt({ inputSpace, n }: OpenedInputs, places: readonly number[]): Float32Array {
  const width = inputSpace.length / n;
  const rows = new Float32Array(places.length * width);
  for (const [row, place] of places.entries()) rows.set(inputSpace.subarray(place * width, (place + 1) * width), row * width);
  return rows;
}

/** The range in float32, as the inputs are; each input must lie within. */
function checkedRange(clean: Float32Array, { range, preprocessing }: OpenedInputs, places: readonly number[], stated: string | null): InputRange {
  const [low, high] = [Math.fround(range.low), Math.fround(range.high)];
  const wrong = clean.findIndex((value) => !(value >= low && value <= high));
  if (wrong < 0) return { low, high };
  const place = places[Math.floor((wrong * places.length) / clean.length)];
  const found = `Input ${place} has the value ${clean[wrong]}`;
  if (!Number.isFinite(clean[wrong])) throw new InputsError('inputs/option', `${found}, which cannot be perturbed: leave that input out.`);
  const why = stated === null ? `which --preprocess "${formatPreprocess(preprocessing)}" implies` : 'which --range states';
  throw new InputsError('inputs/option', `${found}, outside of ${range.low} … ${range.high}, ${why}: state the range that inputs have${preprocessing.divideBy255 ? ' after x/255' : ''} with --range LO,HI.`);
}

function inputsReport(opened: OpenedInputs, shape: number[], { seed, inputs }: ProbeSettings, labels: readonly number[] | null, before: readonly number[], places: readonly number[], clean: number | null): InputsReport {
  return {
    source: 'file',
    file: inputs.file,
    n: opened.n,
    seed,
    preprocessing: formatPreprocess(opened.preprocessing),
    shape,
    accuracy: clean,
    accuracyOf: clean === null ? null : places.length,
    note: opened.origin.labelNote,
    items: places.map((index, row) => ({ index, label: labels?.[row] ?? null, prediction: before[row] })),
  };
}

function mean(values: Float64Array): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}
