import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InputsError } from '../../server/inputs/inputArray.js';

/** Runs `body` with the path of an empty folder that is removed afterwards. */
export async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'sigma-inputs-'));
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Checks that a promise ends in an InputsError of this code whose sentence matches, or is one sentence at least. */
export async function refuses(work: Promise<unknown>, code: string, sentence = /./): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof InputsError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, sentence);
    assert.match(error.message, /^\S[^\n]*\.$/);
    return true;
  });
}

/** Lets pass what fuzzing may meet: an answer, or an error of the room. */
export async function answersOrRefuses(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof InputsError, error instanceof Error ? error.stack : String(error));
    assert.match(error.message, /\.$/);
  }
}

/** The bytes of an .npy file of version 1. */
export function npyBytes(descr: string, shape: readonly number[], data: ArrayBufferView | null = null): Uint8Array {
  return npyWithHeader(`{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.map((size) => `${size},`).join(' ')}), }\n`, data);
}

export function npyWithHeader(header: string, data: ArrayBufferView | null = null): Uint8Array {
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  const body = data === null ? Buffer.alloc(0) : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([prefix, Buffer.from(header, 'latin1'), body]);
}
