import { stat } from 'node:fs/promises';
import { openModel } from '../analyses/analyze.js';
import { pooledRunner } from '../analyses/context.js';
import type { PreviewAnswer, PreviewTask } from '../analyses/preview/inputsPreviews.js';
import { splitArrayName } from '../inputs/arrayName.js';
import { inputsCandidate, type InputsCandidate } from '../inputs/candidates.js';
import type { ExpectedInput, InputsProposal, InputsRequest } from '../protocol.js';
import type { InputPicture } from '../report/jacobianViews.js';
import type { Engine } from './engine.js';

/** Largest side of the pictures of a preview, which are drawn as small tiles, and of one by itself. */
const tileSide = 64;
const pictureSide = 256;
/** Memory of a preview beside the inputs: onnxruntime with a small network. A worker that held little stays for the next. */
const runtimeBytes = 32 * 2 ** 20;
/** Inputs in memory over those in their file: packed bytes become float32, as read and as fed. */
const growth = 12;

/** A preview that could not be made: one sentence for the user. */
export class PreviewError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PreviewError';
  }
}

/**
 * What the inputs of a request look like to a model, computed in a worker process.
 * @param wanted null: the inputs that sigmascope.json names
 * @throws ModelFileError, PreviewError; mistakes in the request are part of the answer
 */
export async function proposeInputs(engine: Engine, model: string, wanted: InputsRequest | null, pictures: number, signal: AbortSignal): Promise<InputsProposal> {
  const [configured, expected] = [await engine.inputsFor(model), await expectedInput(model)];
  const request = wanted ?? configured?.request ?? null;
  const facts = { request, samples: configured?.samples ?? null, declared: configured !== null && sameRequest(request, configured.request), expected };
  if (request === null) return { ...facts, arrays: null, preview: null, mistake: null };
  const { threads } = engine.settings;
  const answer = (await inWorker(engine, { question: 'preview', model, request, count: pictures, largestSide: tileSide, threads }, signal)) as PreviewAnswer;
  const preview = answer.preview && { ...answer.preview, items: answer.preview.items.map((item) => ({ ...item, picture: item.picture && asNumbers(item.picture) })) };
  return { ...facts, ...answer, preview };
}

/** One input as a picture; null where it is none, or the model has no inputs from a file. */
export async function pictureOfInput(engine: Engine, model: string, request: InputsRequest, index: number, signal: AbortSignal): Promise<InputPicture | null> {
  const picture = (await inWorker(engine, { question: 'picture', model, request, index, largestSide: pictureSide }, signal)) as InputPicture | null;
  return picture && asNumbers(picture);
}

/** Files that hold inputs, those that fit the model first, each group in the given order. */
export async function rankCandidates(model: string, files: readonly string[]): Promise<{ expected: ExpectedInput | null; candidates: InputsCandidate[] }> {
  const expected = await expectedInput(model);
  if (expected === null) return { expected, candidates: [] };
  const found: InputsCandidate[] = [];
  for (const file of files) {
    const candidate = await inputsCandidate(file, expected);
    if (candidate !== null) found.push(candidate);
  }
  return { expected, candidates: [...found.filter(({ fits }) => fits), ...found.filter(({ fits }) => !fits)] };
}

/** The model's input that inputs are for: f's variable or, where that is no input, the first one. */
async function expectedInput(file: string): Promise<ExpectedInput | null> {
  const model = await openModel(file);
  const { inputs } = model.file;
  return inputs.find(({ name }) => name === model.function?.input) ?? inputs.at(0) ?? null;
}

async function inWorker(engine: Engine, task: PreviewTask, signal: AbortSignal): Promise<unknown> {
  const predictedBytes = runtimeBytes + growth * (await stat((await splitArrayName(task.request.file)).path).then(({ size }) => size, () => 0));
  const runner = pooledRunner(engine.pool, engine.memoryLimitBytes);
  const outcome = await runner.run({ layer: 'inputs', unit: { analysis: 'preview', task }, predictedBytes, predictedSeconds: 1 }, { signal });
  if (outcome.state === 'done') return outcome.result;
  engine.outbox.log('error', `${task.model}: inputs ${task.request.file}: ${outcome.reason}`);
  throw new PreviewError(outcome.state === 'failed' && outcome.code === 'internal' ? `The inputs could not be tried out: ${outcome.reason.split('\n')[0]}` : outcome.reason);
}

/** Bytes do not travel as JSON. */
function asNumbers(picture: InputPicture): InputPicture {
  return { ...picture, pixels: Array.from(picture.pixels) };
}

function sameRequest(a: InputsRequest | null, b: InputsRequest): boolean {
  return a !== null && a.file === b.file && a.labels === b.labels && a.preprocess === b.preprocess && a.layout === b.layout && a.range === b.range && a.resize === b.resize;
}
