import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readTensor, type TensorScan } from '../../../server/formats/decode.js';
import { ModelFileError, type DType, type ModelFile, type StoredTensor } from '../../../server/formats/modelFile.js';
import { openModelFile } from '../../../server/formats/open.js';

/** Folder of the fixtures that test/fixtures/make_onnx_fixtures.py and make_dtype_fixtures.py make. */
export const FIXTURES = path.join('test', 'fixtures', 'formats');

/** A folder that lives as long as the suite it is called in. */
export function temporaryFolder(): (name: string) => string {
  let folder = '';
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'sigmascope-formats-'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return (name) => path.join(folder, name);
}

/** All values of a tensor with what the scan tells. */
export async function valuesOf(tensor: StoredTensor, options?: Parameters<typeof readTensor>[2]): Promise<{ values: number[]; scan: TensorScan }> {
  const values: number[] = [];
  const scan = await readTensor(
    tensor,
    (piece, start) => {
      assert.equal(start, (options?.start ?? 0) + values.length);
      values.push(...piece);
    },
    options,
  );
  return { values, scan };
}

/** A tensor of these stored bytes in a file of their own. */
export function storedTensor(file: string, dtype: DType, shape: number[], bytes: Uint8Array, encoding: 'raw' | 'varint' = 'raw'): StoredTensor {
  writeFileSync(file, bytes);
  return { name: 't', dtype, shape, data: { encoding, range: { path: file, offset: 0, length: bytes.length } } };
}

/** The error with which opening fails; it must be one sentence of ours. */
export async function refusalOf(file: string): Promise<ModelFileError> {
  const outcome = await openOrRefuse(file);
  assert.ok(outcome instanceof ModelFileError, `${file} was opened`);
  return outcome;
}

/** Opens a file, or returns its ModelFileError; anything else that is thrown is a crash and passes through. */
export async function openOrRefuse(file: string): Promise<ModelFile | ModelFileError> {
  try {
    return await openModelFile(file);
  } catch (error) {
    if (!(error instanceof ModelFileError)) throw error;
    assertSentence(error);
    return error;
  }
}

/** One line that ends with a full stop and has a code. */
export function assertSentence(error: ModelFileError): void {
  assert.match(error.code, /^model\/(?:empty|truncated|not-recognised|limit|external-data|corrupt|not-found|not-readable)$/);
  assert.match(error.message, /^[^\n]{20,600}\.$/);
}

/** A linear congruential generator (Numerical Recipes): the same numbers in every run. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
