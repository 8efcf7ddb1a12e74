import { stat } from 'node:fs/promises';
import path from 'node:path';
import { fileError, openFile, type ByteSource } from '../formats/byteSource.js';
import { ModelFileError } from '../formats/modelFile.js';
import { InputsError } from './inputArray.js';

/**
 * Most bytes that one array of inputs may fill in memory: a million MNIST images as float32 are 3.1 GB and would not fit
 * a laptop twice, half of them would; typed arrays of 4 GB and more cannot be made inside an editor.
 */
export const LARGEST_ARRAY_BYTES = 2 ** 31;

/** Enough to tell a text from numbers. */
export const HEAD_BYTES = 4096;

/** Whether the bytes may begin a text: no zero byte and nothing of the control characters but white space. */
export function isText(head: Uint8Array): boolean {
  return head.every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d);
}

/**
 * Opens a file of inputs, gives it to `read` and closes it.
 * @throws InputsError for a missing, unreadable or empty file, a folder, a device or a pipe, and what `read` throws
 */
export async function withInputFile<T>(file: string, read: (source: ByteSource) => Promise<T>): Promise<T> {
  return await asInputsErrors(async () => {
    await checkInputFile(file);
    const source = await openFile(file);
    try {
      return await read(source);
    } finally {
      await source.close();
    }
  });
}

/** Runs what reads through server/formats, whose errors speak of models by their codes, with the codes of inputs. */
export async function asInputsErrors<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof ModelFileError) throw new InputsError(`inputs/${error.code.replace(/^model\//, '')}`, error.message);
    throw error;
  }
}

async function checkInputFile(file: string): Promise<void> {
  const absolute = path.resolve(file);
  const name = path.basename(absolute);
  const status = await stat(absolute).catch((error: unknown) => {
    throw fileError(absolute, error);
  });
  if (status.isDirectory()) throw new InputsError('inputs/not-recognised', `${name} is a folder, and a file is needed here.`);
  if (!status.isFile()) throw new InputsError('inputs/not-recognised', `${name} is a device or a pipe, and only regular files can be read by ranges: save the inputs to a file first.`);
  if (status.size === 0) throw new InputsError('inputs/empty', `${name} is empty (0 bytes): write or download the inputs again.`);
}
