import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { symmetricBandLength } from '../../../server/linalg/dense/bandEigenvalues.js';
import { bandLength } from '../../../server/linalg/dense/bandReduction.js';
import { alignedBytes, compileKernel, KernelMemory } from '../../../server/linalg/kernel.js';
import { MatrixWorkspace } from '../../../server/linalg/matrixWorkspace.js';
import { createOnnxProducts } from '../../../server/runtime/onnxProducts.js';
import { gaussian } from '../../support/matrices.js';

/** Waits until the threads of all take part. */
async function started(memories: KernelMemory[]): Promise<void> {
  for (const memory of memories) memory.startThreads();
  while (!memories.every((memory) => memory.threadsRunning())) await setTimeout(5);
}

describe('threads of the kernel', () => {
  it('give the bits of one thread, for products of every shape and transposition', async () => {
    const one = new KernelMemory(await compileKernel());
    const memories = [one, new KernelMemory(await compileKernel(2)), new KernelMemory(await compileKernel(3))];
    try {
      await started(memories.slice(1));
      for (const [rows, columns, inner] of [[400, 90, 130], [90, 400, 130], [201, 203, 199], [1501, 6, 700], [5, 1300, 600], [64, 64, 1000]]) {
        const [a, b, c] = [gaussian(rows, inner, 1), gaussian(inner, columns, 2), gaussian(rows, columns, 3)];
        for (const transposed of [false, true]) {
          for (const beta of [0, 1] as const) {
            const results = memories.map((memory) => {
              memory.reserve(alignedBytes(a.length) + alignedBytes(b.length) + alignedBytes(c.length));
              const [left, right, result] = [a, b, c].map((matrix) => {
                const address = memory.take(matrix.length);
                memory.elements(address, matrix.length).set(matrix);
                return address;
              });
              // The same elements, read as stored by columns.
              const strides = transposed ? { a: [1, rows], b: [1, inner], c: [1, rows] } : { a: [inner, 1], b: [columns, 1], c: [columns, 1] };
              memory.exports.gemm(rows, columns, inner, -0.5, left, strides.a[0], strides.a[1], right, strides.b[0], strides.b[1], beta, result, strides.c[0], strides.c[1]);
              return memory.elements(result, c.length).slice();
            });
            assert.ok(results[0].some((value, i) => value !== c[i]));
            for (const other of results.slice(1)) assert.deepEqual(other, results[0], `${rows} × ${inner} × ${columns}`);
          }
        }
      }
    } finally {
      for (const memory of memories) memory.close();
    }
  });

  for (const { name, chase, least, length, at } of [
    { name: 'an upper band', chase: 'chaseBulges', least: 1, length: bandLength, at: (i: number, j: number, b: number) => i * (3 * b - 1) + j + b },
    { name: 'a symmetric band', chase: 'chaseSymmetric', least: 2, length: symmetricBandLength, at: (i: number, j: number, b: number) => i * 2 * b + j },
  ] as const) {
    it(`give the bits of one thread when the bulges of ${name} are chased`, async () => {
      const memories = [new KernelMemory(await compileKernel()), new KernelMemory(await compileKernel(2)), new KernelMemory(await compileKernel(3))];
      try {
        await started(memories.slice(1));
        for (const [size, b, sweeps] of [[512, 4, 512], [1500, 6, 700], [600, 24, 200], [777, 16, 300], [1030, 32, 1030]]) {
          const entries = gaussian(size, b + 1, size);
          const results = memories.map((memory) => {
            memory.reserve(alignedBytes(length(size, b)));
            const band = memory.takeZeroed(length(size, b));
            const elements = memory.elements(band, length(size, b));
            for (let i = 0; i < size; i++) for (let j = i; j < Math.min(size, i + b + 1); j++) elements[at(i, j, b)] = entries[i * (b + 1) + j - i];
            for (let i = 0; i < size - least; i += sweeps) memory.exports[chase](band, size, b, i, i + sweeps);
            return elements.slice();
          });
          // Outside of the two diagonals nothing is left.
          for (let i = 0; i < size; i++) for (let j = i + 2; j <= Math.min(size - 1, i + b); j++) assert.equal(results[0][at(i, j, b)], 0);
          for (const other of results.slice(1)) assert.ok(other.every((value, i) => Object.is(value, results[0][i])), `${size}, width ${b}`);
        }
      } finally {
        for (const memory of memories) memory.close();
      }
    });
  }

  it('chase the bulges in a companion where an engine of products refuses shared memory', async () => {
    const workspaces = [await MatrixWorkspace.create(() => createOnnxProducts(1)), await MatrixWorkspace.create(() => createOnnxProducts(1), 2)];
    const matrix = gaussian(1030, 1024, 9);
    const results = [];
    for (const workspace of workspaces) {
      workspace.allocate(1, 1030, 1024).set(matrix);
      results.push((await workspace.singularValues()).singularValues);
      workspace.close();
    }
    assert.deepEqual(results[1], results[0]);
  });

  it('serve a workspace that grows, and end with it', async () => {
    const workspace = await MatrixWorkspace.create(null, 2);
    const alone = await MatrixWorkspace.create();
    for (const [rows, columns] of [[40, 30], [500, 420], [900, 300]]) {
      const matrix = gaussian(rows, columns, 5);
      workspace.allocate(1, rows, columns).set(matrix);
      alone.allocate(1, rows, columns).set(matrix);
      assert.deepEqual((await workspace.singularValues()).singularValues, (await alone.singularValues()).singularValues);
      assert.match(workspace.engine, /^wasm .*2 threads$/);
    }
    workspace.close();
  });
});
