import { stat } from 'node:fs/promises';
import path from 'node:path';
import { NotDifferentiable } from '../../derivatives/graph.js';
import { openModelFile } from '../../formats/open.js';
import { splitArrayName } from '../../inputs/arrayName.js';
import { channelStatistics } from '../../inputs/channelStatistics.js';
import { modelInput, networkSamples } from '../../inputs/feeds.js';
import { InputsError } from '../../inputs/inputArray.js';
import { withInputFile } from '../../inputs/inputFile.js';
import { openNpz, type ArrayForm } from '../../inputs/npz.js';
import { pictureOf } from '../../inputs/picture.js';
import { modelBatch } from '../../inputs/prepare.js';
import { openInputs, type OpenedInputs } from '../../inputs/request.js';
import { buildModel } from '../../model/buildModel.js';
import type { Model } from '../../model/model.js';
import type { InputsMistake, InputsPreview, PreviewItem } from '../../report/inputsPreview.js';
import type { InputPicture } from '../../report/jacobianViews.js';
import type { InputsRequest } from '../../runtime/units.js';
import { samplePlaces } from '../jacobians/networkAtInputs.js';
import { mistakeOf, plainSentence } from './mistakes.js';
import { predict } from './predict.js';

/** The accuracy is of at most so many inputs: its standard error is then at most 2.2 points. */
const accuracyInputs = 500;
/** A person waits for the answer; what is evaluated by then is told with its number. */
const evaluationMilliseconds = 3000;
/** Numbers that are shown of an input that is no picture. */
const valuesShown = 8;
/** A prime above `accuracyInputs`, with which steps through a shorter list meet every entry, far apart at first. */
const stride = 503;

/** A question about inputs, as a worker gets it. Plain JSON. */
export type PreviewTask = { model: string; request: InputsRequest } & (
  | { question: 'preview'; count: number; largestSide: number; threads: number }
  /** One input by its place. */
  | { question: 'picture'; index: number; largestSide: number }
);

export interface PreviewAnswer {
  /** Of the npz; null for other files. */
  arrays: ArrayForm[] | null;
  /** null where the inputs cannot be had. */
  preview: InputsPreview | null;
  /** What is wrong; beside a preview, what stands against running the model on it. */
  mistake: InputsMistake | null;
}

/** Answers questions about inputs, one after another; the inputs of the last one are kept for the next. */
export class InputsPreviews {
  private last: { key: string; opened: Promise<{ model: Model; opened: OpenedInputs }> } | null = null;

  /** @throws ModelFileError for a model that cannot be read; mistakes about inputs are part of the answer */
  async carryOut(task: PreviewTask, signal?: AbortSignal): Promise<PreviewAnswer | InputPicture | null> {
    return task.question === 'picture' ? await this.picture(task, signal) : await this.preview(task, signal);
  }

  private async picture(task: PreviewTask & { question: 'picture' }, signal?: AbortSignal): Promise<InputPicture | null> {
    const { opened } = await this.open(task, signal);
    const picture = pictureOf(opened, task.index, opened.origin, task.largestSide);
    return picture && { index: task.index, ...picture };
  }

  private async preview(task: PreviewTask & { question: 'preview' }, signal?: AbortSignal): Promise<PreviewAnswer> {
    const arrays = await arraysOf(task.request.file);
    try {
      const { model, opened } = await this.open(task, signal);
      return { arrays, ...(await previewOf(model, opened, task, signal)) };
    } catch (error) {
      if (!(error instanceof InputsError)) throw error;
      return { arrays, preview: null, mistake: mistakeOf(error) };
    }
  }

  private async open({ model, request }: PreviewTask, signal?: AbortSignal): Promise<{ model: Model; opened: OpenedInputs }> {
    const key = JSON.stringify([model, request, await timesOf([model, request.file, request.labels ?? ''])]);
    if (this.last?.key !== key) this.last = { key, opened: openBoth(model, request, signal) };
    return await this.last.opened.catch((error: unknown) => {
      this.last = null;
      throw error;
    });
  }
}

async function openBoth(file: string, request: InputsRequest, signal?: AbortSignal): Promise<{ model: Model; opened: OpenedInputs }> {
  const model = await buildModel(await openModelFile(file));
  if (model.file.graph === null) throw new InputsError('inputs/option', `${path.basename(file)} holds weights and no graph, so that no inputs can run through it: choose the network's ONNX export.`);
  return { model, opened: await openInputs(request, model.file, model.function?.input ?? '', signal === undefined ? {} : { signal }) };
}

/** When the files were last changed, so that a new one is read again. */
async function timesOf(files: readonly string[]): Promise<number[]> {
  return await Promise.all(files.map(async (file) => (await stat((await splitArrayName(file)).path).catch(() => null))?.mtimeMs ?? 0));
}

/** The arrays of an npz, also of one whose arrays do not fit; null for anything else. */
async function arraysOf(file: string): Promise<ArrayForm[] | null> {
  const { path: archive } = await splitArrayName(file);
  if (!archive.toLowerCase().endsWith('.npz')) return null;
  return await withInputFile(archive, async (source) => await (await openNpz(source)).forms()).catch(() => null);
}

async function previewOf(model: Model, opened: OpenedInputs, { count, largestSide, threads }: PreviewTask & { question: 'preview' }, signal?: AbortSignal): Promise<Pick<PreviewAnswer, 'preview' | 'mistake'>> {
  const { n, labels, origin, range } = opened;
  const shown = Array.from({ length: Math.min(n, count) }, (_, i) => i);
  const spread = labels === null ? [] : samplePlaces(n, accuracyInputs, 0);
  const scattered = spread.map((_, i) => spread[(i * stride) % spread.length]);
  const notes = [origin.labelNote, origin.resized === 0 ? null : `${origin.resized} of ${n} pictures had another size and were resized.`].filter((note) => note !== null);
  const evaluated = await evaluate(model, opened, [...new Set([...shown, ...scattered])], { threads, milliseconds: evaluationMilliseconds, ...(signal === undefined ? {} : { signal }) });
  if (evaluated.note !== null) notes.push(evaluated.note);
  const { predictions } = evaluated;
  const counted = scattered.filter((place) => predictions.has(place));
  const judged = labels === null || counted.length === 0 ? null : accuracyOf(counted, predictions, labels, evaluated.classes);
  const items: PreviewItem[] = shown.map((index) => {
    const picture = pictureOf(opened, index, origin, largestSide);
    return {
      index,
      label: labels?.[index] ?? null,
      prediction: predictions.get(index) ?? null,
      picture: picture && { index, ...picture },
      values: picture === null ? Array.from(modelBatch(opened, index, index + 1).data.subarray(0, valuesShown), finite) : null,
    };
  });
  const preview: InputsPreview = {
    n,
    shape: opened.shape,
    stored: { dtype: origin.dtype, shape: origin.shape },
    range: [finite(range.low), finite(range.high)],
    items,
    channels: channelStatistics(opened).map(({ smallest, largest, mean }) => ({ smallest: finite(smallest), largest: finite(largest), mean: finite(mean) })),
    hasLabels: labels !== null,
    classes: origin.classes,
    accuracy: typeof judged === 'number' ? judged : null,
    accuracyOf: typeof judged === 'number' ? counted.length : 0,
    notes,
  };
  return { preview, mistake: judged instanceof InputsError ? mistakeOf(judged) : evaluated.mistake };
}

interface Evaluation {
  predictions: ReadonlyMap<number, number>;
  classes: number;
  note: string | null;
  mistake: InputsMistake | null;
}

/** What the model answers, or why it does not. */
async function evaluate(model: Model, opened: OpenedInputs, places: readonly number[], options: Parameters<typeof predict>[4]): Promise<Evaluation> {
  const nothing: Evaluation = { predictions: new Map(), classes: 0, note: null, mistake: null };
  const { file, function: f } = model;
  if (f === null) return { ...nothing, note: 'The model has no floating-point input and output, so nothing is predicted.' };
  const target = file.inputs.find(({ name }) => name === f.input) ?? file.inputs[0];
  try {
    const samples = networkSamples(file.inputs, opened.n, new Map([[target.name, modelInput(opened)], ...opened.others]));
    const answer = await predict(file, f.tensor, samples, places, options);
    return answer === null ? { ...nothing, note: `The output ${f.output} is no vector by class, so nothing is predicted.` } : { ...nothing, ...answer };
  } catch (error) {
    if (error instanceof InputsError) return { ...nothing, mistake: mistakeOf(error) };
    if (error instanceof NotDifferentiable) return { ...nothing, note: plainSentence(error.message) };
    throw error;
  }
}

/** The share of right predictions, or what is wrong with the labels. */
function accuracyOf(places: readonly number[], predictions: ReadonlyMap<number, number>, labels: readonly number[], classes: number): number | InputsError {
  const wrong = places.find((place) => labels[place] >= classes);
  if (wrong !== undefined) return new InputsError('inputs/labels', `There is the label ${labels[wrong]}, and the model has classes 0 … ${classes - 1}: give labels of this model.`);
  return places.filter((place) => predictions.get(place) === labels[place]).length / places.length;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
