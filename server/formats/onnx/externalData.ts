import path from 'node:path';
import { elementCount, formatShape, storedBytes } from '../dtypes.js';
import { findNeighbour, type NeighbourFile } from '../externalFiles.js';
import { ModelFileError } from '../modelFile.js';
import { formatBytes, quote } from '../sentences.js';
import type { ExternalTensor } from './context.js';

/** More files than any exporter makes (one per tensor at most); each is looked up once. */
const MAX_FILES = 100_000;

/**
 * Finds the files in which tensors lie and sets the tensors' ranges. Nothing of their data is read.
 * @returns every file once, in the order of first use
 * @throws ModelFileError `model/external-data` for a file that is missing, outside the model's folder or too short
 */
export async function resolveExternalData(model: string, external: readonly ExternalTensor[]): Promise<NeighbourFile[]> {
  const byLocation = new Map<string, NeighbourFile>();
  for (const { tensor, location, offset, length } of external) {
    let file = byLocation.get(location);
    if (file === undefined) {
      if (byLocation.size >= MAX_FILES) throw new ModelFileError('model/limit', `${path.basename(model)} keeps its data in more than ${MAX_FILES} files: export it again with its data in one file.`);
      file = await findNeighbour(model, location);
      byLocation.set(location, file);
    }
    const expected = storedBytes(tensor.dtype, elementCount(tensor.shape));
    if (length !== null && length !== expected) {
      throw new ModelFileError('model/external-data', `Tensor ${quote(tensor.name)} of ${tensor.dtype} ${formatShape(tensor.shape)} takes ${formatBytes(expected)}, but ${formatBytes(length)} are announced in ${quote(location)}: export the model again.`);
    }
    if (offset + expected > file.size) {
      throw new ModelFileError('model/external-data', `${quote(location)} has ${formatBytes(file.size)}, but tensor ${quote(tensor.name)} needs it up to byte ${offset + expected}: copy or download that file again.`);
    }
    tensor.data = { encoding: 'raw', range: { path: file.path, offset, length: expected } };
  }
  const byRealPath = new Map([...byLocation.values()].map((file) => [file.realPath, file]));
  return [...byRealPath.values()];
}
