import { randomBytes } from 'node:crypto';
import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { printable } from '../report/printable.js';
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
  const overwritten = inputs.some((input) => realPath(input) === realPath(file));
  if (overwritten) throw usageError(`--out ${file} would overwrite the file that is read; give another name.`);
}

/**
 * Writes the whole contents or nothing: to a temporary name in the same folder, which is then renamed. A link stays one;
 * a device or a pipe (`/dev/stdout`) is written to as it is.
 * @throws CommandError (exit code 2) when the disk refuses
 */
export function writeOutputFile(file: string, contents: string | Uint8Array): void {
  try {
    const facts = statSync(file, { throwIfNoEntry: false });
    if (facts === undefined || facts.isFile()) replaceFile(realPath(file), contents);
    else writeFileSync(file, contents);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw usageError(`--out ${file} cannot be written (${code}); choose another place or check the permissions and the disk.`);
  }
}

function replaceFile(target: string, contents: string | Uint8Array): void {
  const temporary = path.join(path.dirname(target), `.${path.basename(target)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
  try {
    writeFileSync(temporary, contents, { flag: 'wx' });
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** The path without links; that of a file that does not exist yet, as it is. */
function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return path.resolve(file);
  }
}

/**
 * Writes to standard output and waits until it is taken. A reader that has gone away (`| head`) is no error.
 * @throws CommandError (exit code 2) when the disk behind it refuses
 */
export function writeStandardOutput(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'EPIPE') resolve();
      else reject(usageError(`Standard output cannot be written (${error.code ?? error.message}); check where it is sent to.`));
    };
    process.stdout.once('error', onError);
    process.stdout.write(text, (error) => {
      if (error) onError(error);
      else resolve();
    });
  });
}

/** One line on stderr, whatever a file's name or content puts into the sentence; a closed stderr is no error. */
export function writeSentence(sentence: string): void {
  process.stderr.write(`sigmascope: ${printable(sentence.replace(/\s*[\r\n]\s*/g, ' '))}\n`);
}

function isFolder(at: string): boolean {
  return statSync(at, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
