import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { ByteSource } from '../formats/byteSource.js';
import type { ValueInfo } from '../formats/modelFile.js';
import { elementCount, formatShape, InputsError } from './inputArray.js';
import { isText, withInputFile } from './inputFile.js';
import { sampleShape, type SampleShape } from './layout.js';
import { isNpy, readNpyForm } from './npy.js';
import { openNpz, type ArrayForm } from './npz.js';
import { isZip } from './zip.js';

/** Holds the first line of a table of pictures; longer ones are not judged. */
const FIRST_LINE_BYTES = 2 ** 18;

/** A file that may hold inputs, judged by its header alone. */
export interface InputsCandidate {
  /** As a request names it: with #NAME where the array has to be named. */
  file: string;
  /** What it holds, e.g. "x uint8 [200, 1, 16, 16], with labels y". */
  content: string;
  /** Its inputs have as many elements as the model takes. */
  fits: boolean;
}

/**
 * What a file or a folder of pictures holds, and whether a model's input could take it. Reads headers only.
 * @param input of the model
 * @returns null for what holds no inputs at all, or cannot be read
 */
export async function inputsCandidate(file: string, input: Pick<ValueInfo, 'name' | 'shape'>): Promise<InputsCandidate | null> {
  const model = sampleShape(input);
  const status = await stat(file).catch(() => null);
  if (status === null) return null;
  if (status.isDirectory()) return { file, content: 'pictures', fits: takesPictures(model) };
  return await withInputFile(file, async (source) => {
    const head = await source.read(0, Math.min(source.size, FIRST_LINE_BYTES));
    if (isZip(head)) return archiveCandidate(file, await (await openNpz(source)).forms(), input.name, model);
    if (isNpy(head)) {
      const { dtype, shape } = await readNpyForm(source, path.basename(file));
      return { file, content: `${dtype} ${formatShape(shape)}`, fits: couldTake(model, shape) };
    }
    return tableCandidate(file, source, head, model);
  }).catch((error: unknown) => {
    if (error instanceof InputsError) return null;
    throw error;
  });
}

function archiveCandidate(file: string, forms: readonly ArrayForm[], input: string, model: SampleShape): InputsCandidate | null {
  const byName = [input, 'x'].map((name) => forms.find((form) => form.name === name)).find((form) => form !== undefined);
  const chosen = byName ?? forms.find(({ shape }) => couldTake(model, shape)) ?? forms.at(0);
  if (chosen === undefined) return null;
  const labels = forms.some(({ name }) => name === 'y' && name !== chosen.name) ? ', with labels y' : '';
  return { file: byName === undefined ? `${file}#${chosen.name}` : file, content: `${chosen.name} ${chosen.dtype} ${formatShape(chosen.shape)}${labels}`, fits: couldTake(model, chosen.shape) };
}

function tableCandidate(file: string, source: ByteSource, head: Uint8Array, model: SampleShape): InputsCandidate | null {
  const end = head.indexOf(10);
  if (!isText(head) || (end < 0 && source.size > head.length)) return null;
  const line = Buffer.from(head.subarray(0, end < 0 ? head.length : end)).toString('utf8');
  const columns = Math.max(...[',', ';', '\t'].map((separator) => line.split(separator).length));
  return { file, content: columns === 1 ? '1 column' : `${columns} columns`, fits: couldTake(model, [1, columns]) || couldTake(model, [1, columns - 1]) };
}

function couldTake({ dimensions }: SampleShape, shape: readonly number[]): boolean {
  if (dimensions === null) return true;
  const fixed = elementCount(dimensions.map((size) => size ?? 1));
  const own = elementCount(shape.slice(1));
  return dimensions.includes(null) ? own > 0 && own % fixed === 0 : own === fixed;
}

function takesPictures({ dimensions, layout }: SampleShape): boolean {
  if (dimensions === null || layout === null) return false;
  const channels = dimensions[layout === 'nchw' ? 0 : 2];
  return channels === 1 || channels === 3;
}
