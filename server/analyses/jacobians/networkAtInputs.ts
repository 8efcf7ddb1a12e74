import { importGraph } from '../../derivatives/importGraph.js';
import type { FlatGraph } from '../../derivatives/graph.js';
import { SampleDerivatives } from '../../derivatives/sampleDerivatives.js';
import { samplesAt, type Samples } from '../../derivatives/samples.js';
import { openModelFile } from '../../formats/open.js';
import { forSingleInputs, modelInput, networkSamples, syntheticOthers, type GivenInput } from '../../inputs/feeds.js';
import { formatPreprocess, noPreprocessing, parsePreprocess } from '../../inputs/preprocess.js';
import { openInputs } from '../../inputs/request.js';
import { SYNTHETIC_INPUTS, syntheticInputs } from '../../inputs/synthetic.js';
import { RandomGenerator } from '../../linalg/random.js';
import { buildModel } from '../../model/buildModel.js';
import type { Model } from '../../model/model.js';
import { chosenFunction } from '../../model/networkFunction.js';
import type { NetworkTask } from './task.js';

/** Streams of random numbers that one seed gives: what one part draws does not change what another one gets. */
const streams = { sample: 1, synthetic: 2, check: 3, lanczos: 4, density: 5, noise: 6, attack: 7 } as const;

export function streamOf(seed: number, stream: keyof typeof streams): RandomGenerator {
  return new RandomGenerator(seed + streams[stream] * 2 ** 32);
}

/** What the inputs are, before any is looked at. */
interface GivenInputs {
  n: number;
  labels: number[] | null;
  source: 'file' | 'synthetic';
  file: string | null;
  preprocessing: string;
  note: string | null;
  values: ReadonlyMap<string, GivenInput>;
}

/** A network at the inputs of an analysis: opened once, asked many questions. */
export interface NetworkAtInputs {
  model: Model;
  f: NonNullable<Model['function']>;
  /** As the file has it, one input a run. */
  network: FlatGraph;
  given: GivenInputs;
  /** All inputs. */
  all: Samples;
  /** Those that are looked at: places among all, ascending. */
  places: number[];
  samples: Samples;
  derivatives: SampleDerivatives;
  precision: 'float32' | 'float64';
}

/**
 * Opens the model and the inputs of a task, and differentiates the one at a sample of the other.
 * @throws ModelFileError, InputsError, UnknownValue, NotDifferentiable
 */
export async function openNetwork(task: NetworkTask, signal?: AbortSignal): Promise<NetworkAtInputs> {
  const model = await buildModel(await openModelFile(task.model));
  const f = chosenFunction(model, task);
  const given = task.inputs.file === null ? madeUpInputs(model, f.input, task) : await inputsOfFile(model, f.input, task, signal);
  const all = networkSamples(model.file.inputs, given.n, given.values);
  const places = samplePlaces(given.n, task.samples, task.seed);
  const samples = samplesAt(all, places);
  const values = model.uses.flatMap(({ output }) => output ?? []);
  const flat = await importGraph(model.file);
  const network = forSingleInputs({ ...flat, outputs: [...new Set([f.tensor, ...values])] }, samples);
  signal?.throwIfAborted();
  const { precision, threads, memoryBytes } = task;
  const derivatives = await SampleDerivatives.create(network, samples, { of: f.tensor, by: f.input, precision, threads, memoryBytes });
  return { model, f, network, given, all, places, samples, derivatives, precision };
}

async function inputsOfFile(model: Model, variable: string, { inputs, precision }: NetworkTask, signal?: AbortSignal): Promise<GivenInputs> {
  if (inputs.file === null) throw new Error('There is no file to read.');
  const opened = await openInputs(inputs, model.file, variable, { precision, ...(signal === undefined ? {} : { signal }) });
  const target = model.file.inputs.find(({ name }) => name === variable) ?? model.file.inputs[0];
  const values = new Map<string, GivenInput>([[target.name, modelInput(opened)], ...opened.others]);
  return { n: opened.n, labels: opened.labels, source: 'file', file: inputs.file, preprocessing: formatPreprocess(opened.preprocessing), note: opened.origin.labelNote, values };
}

/** Standard normal numbers for the variable, and for the other inputs what lets the network run. */
function madeUpInputs(model: Model, variable: string, { inputs, seed, precision, samples }: NetworkTask): GivenInputs {
  const random = streamOf(seed, 'synthetic');
  const preprocessing = inputs.file === null && inputs.preprocess !== null ? parsePreprocess(inputs.preprocess) : noPreprocessing;
  const n = Math.min(SYNTHETIC_INPUTS, samples);
  const target = model.file.inputs.find(({ name }) => name === variable);
  const values = new Map<string, GivenInput>();
  if (target !== undefined) values.set(variable, modelInput(syntheticInputs(target, () => random.normal(), { n, preprocessing, precision })));
  for (const [name, made] of syntheticOthers(model.file.inputs, n, values, { uniform: () => random.uniform(), entries: (input) => embeddingEntries(model, input) })) values.set(name, made);
  return { n, labels: null, source: 'synthetic', file: null, preprocessing: formatPreprocess(preprocessing), note: null, values };
}

/** Entries of the embedding that an input of indices goes into; the smallest of all where that is not known. */
function embeddingEntries(model: Model, input: string): number | null {
  const embeddings = model.layers.filter(({ kind }) => kind === 'embedding');
  const reading = new Set(model.file.graph?.nodes.filter(({ inputs }) => inputs.includes(input)).flatMap(({ outputs }) => outputs) ?? []);
  const direct = embeddings.filter(({ id }) => model.uses.some(({ layer, output }) => layer === id && output !== null && reading.has(output)));
  const entries = (direct.length > 0 ? direct : embeddings).map(({ matrixShape }) => matrixShape[0]);
  return entries.length === 0 ? null : Math.min(...entries);
}

/** A seeded sample without repetition, ascending; all of them where there are no more. */
export function samplePlaces(n: number, most: number, seed: number): number[] {
  const places = Array.from({ length: n }, (_, i) => i);
  if (n <= most) return places;
  const random = streamOf(seed, 'sample');
  for (let i = 0; i < most; i++) {
    const other = i + random.integer(n - i);
    [places[i], places[other]] = [places[other], places[i]];
  }
  return places.slice(0, most).sort((a, b) => a - b);
}
