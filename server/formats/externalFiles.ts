import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { ModelFileError } from './modelFile.js';
import { quote } from './sentences.js';

/** A file beside a model that the model names. */
export interface NeighbourFile {
  /** Absolute, as named; links are not replaced. */
  path: string;
  size: number;
  /** With links replaced: two names of one file have the same. */
  realPath: string;
}

/** The Hugging Face cache keeps a model as links: models--…/snapshots/<revision>/file → ../../blobs/<hash>. */
const CACHE_SNAPSHOT = /^(.*[\\/])snapshots[\\/][0-9a-f]{40}(?:[\\/]|$)/;

/**
 * Finds a file that a model names, inside the model's own folder: a model file must not be able to make the reader
 * open anything else. No absolute path, no `..`, no link that leads out (but into the blobs of the same Hugging Face
 * cache entry), only regular files.
 * @param model path of the file that names it
 * @param location as written in the file, with / or \ between folders
 * @throws ModelFileError `model/external-data`
 */
export async function findNeighbour(model: string, location: string): Promise<NeighbourFile> {
  const name = path.basename(model);
  const folder = path.dirname(model);
  const refuse = (what: string, advice: string) => new ModelFileError('model/external-data', `${name} keeps data in ${quote(location)}, ${what}: ${advice}.`);
  if (location === '' || location.includes('\0')) throw refuse('which is no file name', 'export the model again');
  if (path.posix.isAbsolute(location) || path.win32.isAbsolute(location) || /^[a-z]:/i.test(location)) {
    throw refuse('an absolute path, and data may lie only in the folder of the model', 'move the file there and export the model again with a relative path');
  }
  const parts = location.split(/[\\/]+/);
  if (parts.includes('..')) throw refuse('which leads out of its folder, and data may lie only in the folder of the model', 'move the file there and export the model again');
  const file = path.join(folder, ...parts);
  let realFile: string;
  let status;
  try {
    realFile = await realpath(file);
    status = await stat(realFile);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    if (code === 'ENOENT' || code === 'ENOTDIR') throw refuse(`which is missing in ${folder}`, 'put that file beside the model');
    throw refuse(`which cannot be read (${code})`, 'check its permissions and links');
  }
  if (!(await allowedFolders(folder)).some((allowed) => realFile.startsWith(allowed))) {
    throw refuse('a link that leads out of the folder of the model, and data may lie only in that folder', 'put a copy of the file in the place of the link');
  }
  if (!status.isFile()) throw refuse('which is no regular file', 'put the file itself beside the model');
  return { path: file, size: status.size, realPath: realFile };
}

/** Prefixes that the real path of a neighbour may have. */
async function allowedFolders(folder: string): Promise<string[]> {
  const real = await realpath(folder);
  const withSeparator = (prefix: string) => (prefix.endsWith(path.sep) ? prefix : prefix + path.sep);
  const snapshot = CACHE_SNAPSHOT.exec(real);
  return [withSeparator(real), ...(snapshot === null ? [] : [path.join(snapshot[1], 'blobs') + path.sep])];
}
