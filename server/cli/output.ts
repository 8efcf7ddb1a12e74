import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { usageError } from './errors.js';

/**
 * Refuses an output file that cannot be written, before anything is computed.
 * @param inputs files that the run reads, which it must not overwrite
 * @throws CommandError (exit code 2)
 */
export function checkOutputFile(file: string, inputs: readonly string[]): void {
  const folder = path.dirname(path.resolve(file));
  if (!isFolder(folder)) throw usageError(`--out ${file}: the folder ${folder} does not exist; create it first.`);
  if (isFolder(file)) throw usageError(`--out ${file} is a folder; give a file name.`);
  const overwritten = inputs.find((input) => path.resolve(input) === path.resolve(file));
  if (overwritten !== undefined) throw usageError(`--out ${file} would overwrite the file that is read; give another name.`);
}

/**
 * Writes the whole text or nothing: to a temporary name in the same folder, which is then renamed.
 * @throws CommandError (exit code 2) when the disk refuses
 */
export function writeOutputFile(file: string, text: string): void {
  const temporary = path.join(path.dirname(path.resolve(file)), `.${path.basename(file)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
  try {
    writeFileSync(temporary, text, { flag: 'wx' });
    renameSync(temporary, path.resolve(file));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw usageError(`--out ${file} cannot be written (${error instanceof Error ? error.message : String(error)}).`);
  }
}

/**
 * Writes to standard output and waits until it is taken. A reader that has gone away (`| head`) is no error.
 */
export function writeStandardOutput(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'EPIPE') resolve();
      else reject(error);
    };
    process.stdout.once('error', onError);
    process.stdout.write(text, (error) => {
      if (error) onError(error);
      else resolve();
    });
  });
}

/** One line on stderr; a closed stderr is no error. */
export function writeSentence(sentence: string): void {
  process.stderr.write(`sigmascope: ${sentence.replace(/\s*\n\s*/g, ' ')}\n`);
}

function isFolder(at: string): boolean {
  return statSync(at, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
