import assert from 'node:assert/strict';
import { alignedBytes, compileKernel, KernelMemory } from '../../../server/linalg/kernel.js';
import { MatrixWorkspace } from '../../../server/linalg/matrixWorkspace.js';
import { gaussian } from '../../support/matrices.js';

describe('threads of the kernel', () => {
  it('give the bits of one thread, for products of every shape and transposition', async () => {
    const one = new KernelMemory(await compileKernel());
    const memories = [one, new KernelMemory(await compileKernel(2)), new KernelMemory(await compileKernel(3))];
    try {
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
