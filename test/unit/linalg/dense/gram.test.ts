import assert from 'node:assert/strict';
import { MatrixWorkspace, predictedBytes } from '../../../../server/linalg/matrixWorkspace.js';
import { createOnnxProducts } from '../../../../server/runtime/onnxProducts.js';
import { gaussian, relativeDifference, withSingularValues } from '../../../support/matrices.js';

const engines = { kernel: null, onnxruntime: () => createOnnxProducts(1) };

describe('singular values of tall matrices by their Gram matrix', () => {
  for (const [name, load] of Object.entries(engines)) {
    it(`agree with prescribed values, tall and wide, and state their error (${name})`, async () => {
      const workspace = await MatrixWorkspace.create(load);
      for (const [rows, columns] of [[700, 260], [260, 2100], [1300, 710]]) {
        const small = Math.min(rows, columns);
        const values = Float64Array.from({ length: small }, (_, i) => 5 * (i + 1) ** -0.8);
        workspace.allocate(1, rows, columns).set(withSingularValues(rows, columns, values, rows));
        const result = await workspace.singularValues();
        assert.equal(result.method, 'gram');
        const difference = relativeDifference(result.singularValues, values);
        assert.ok(difference < 1.5e-14 && difference < result.relativeError && result.relativeError < 1e-11, String(difference));
        // Each value by itself, the smallest too.
        result.singularValues.forEach((value, i) => assert.ok(Math.abs(value / values[i] - 1) < 1e-10));
      }
    });

    it(`are left to the full accuracy where the spectrum is too wide for squares (${name})`, async () => {
      const workspace = await MatrixWorkspace.create(load);
      const graded = Float64Array.from({ length: 260 }, (_, i) => 10 ** (-i / 26));
      const lowRank = Float64Array.from({ length: 260 }, (_, i) => (i < 100 ? 3 - i / 100 : 0));
      for (const values of [graded, lowRank]) {
        workspace.allocate(1, 900, 260).set(withSingularValues(900, 260, values, 8));
        const result = await workspace.singularValues();
        assert.equal(result.method, 'qr-first');
        assert.ok(relativeDifference(result.singularValues, values) < 1e-14);
      }
    });
  }

  it('hold for tiny and huge entries', async () => {
    const workspace = await MatrixWorkspace.create();
    const plain = gaussian(600, 256, 4);
    workspace.allocate(1, 600, 256).set(plain);
    const expected = (await workspace.singularValues()).singularValues;
    for (const factor of [2 ** -1000, 2 ** 990]) {
      workspace.allocate(1, 600, 256).set(plain.map((x) => x * factor));
      const result = await workspace.singularValues();
      assert.equal(result.method, 'gram');
      assert.deepEqual(result.singularValues.map((x) => x / factor), expected);
    }
  });

  it('say gram for groups of which one needs it', async () => {
    const workspace = await MatrixWorkspace.create();
    const storage = workspace.allocate(2, 600, 256);
    storage.set(gaussian(600, 256, 4));
    storage.fill(1, 600 * 256);
    const result = await workspace.singularValues();
    assert.equal(result.method, 'gram');
    assert.ok(Math.abs(result.singularValues[0] - Math.sqrt(600 * 256)) < 1e-9 && result.singularValues.length === 512);
  });

  it('need at most twice the matrix and what a small matrix needs beside it', () => {
    for (const [rows, columns] of [[1742, 1024], [6966, 4096], [8192, 4096], [50257, 1024]]) {
      const matrix = 8 * rows * columns;
      assert.ok(predictedBytes(1, rows, columns) < 2 * matrix + 64 * 1024 * 1024, `${rows} × ${columns}: ${predictedBytes(1, rows, columns) / matrix}`);
    }
  });
});
