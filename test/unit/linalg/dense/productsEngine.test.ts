import assert from 'node:assert/strict';
import { MatrixWorkspace } from '../../../../server/linalg/matrixWorkspace.js';
import { symmetricBandLength } from '../../../../server/linalg/dense/bandEigenvalues.js';
import { bandLength } from '../../../../server/linalg/dense/bandReduction.js';
import { bandSingularValues, bandToValuesBytes } from '../../../../server/linalg/dense/bidiagonal.js';
import { delayedReductionBytes, reduceToBandDelayed } from '../../../../server/linalg/dense/delayedBandReduction.js';
import { delayedSymmetricBytes, reduceSymmetricDelayed } from '../../../../server/linalg/dense/delayedSymmetricReduction.js';
import type { Block } from '../../../../server/linalg/matrixProducts.js';
import { alignedBytes, compileKernel, KernelMemory, type MatrixView } from '../../../../server/linalg/kernel.js';
import { runSteps } from '../../../../server/linalg/steps.js';
import { triangleByProducts, triangleByProductsBytes } from '../../../../server/linalg/dense/triangleByProducts.js';
import { createOnnxProducts } from '../../../../server/runtime/onnxProducts.js';
import { jacobiSingularValues } from '../../../support/jacobi.js';
import { gaussian, relativeDifference, withSingularValues } from '../../../support/matrices.js';
import { plainProducts } from '../../../support/plainProducts.js';

/** rows × columns by rows, looked at with the longer side as rows. */
function tall(address: number, rows: number, columns: number): MatrixView {
  return rows >= columns ? { address, rows, columns, rowStride: columns, columnStride: 1 } : { address, rows: columns, columns: rows, rowStride: 1, columnStride: columns };
}

async function valuesByProducts(matrix: Float64Array, rows: number, columns: number, b: number, triangleFirst: boolean, products = plainProducts): Promise<Float64Array> {
  const memory = new KernelMemory(await compileKernel());
  const [large, small] = [Math.max(rows, columns), Math.min(rows, columns)];
  memory.reserve(alignedBytes(matrix.length) + alignedBytes(bandLength(small, b)) + delayedReductionBytes(large, small, b) + triangleByProductsBytes(large, small) + bandToValuesBytes(small));
  const address = memory.take(matrix.length);
  memory.elements(address, matrix.length).set(matrix);
  const band = memory.take(bandLength(small, b));
  let view = tall(address, rows, columns);
  if (triangleFirst) view = await runSteps(triangleByProducts(memory, view, products), 1);
  await runSteps(reduceToBandDelayed(memory, view, b, band, products), 1);
  return (await runSteps(bandSingularValues(memory, band, small, b), 1)).sort().reverse();
}

describe('singular values by products of another engine', () => {
  for (const [rows, columns, b] of [[1, 1, 2], [5, 3, 2], [3, 5, 2], [9, 1, 4], [1, 9, 4], [40, 30, 4], [30, 40, 4], [37, 37, 5], [64, 64, 8], [23, 20, 16], [70, 12, 3]]) {
    it(`${rows} × ${columns}, band ${b}`, async () => {
      const matrix = gaussian(rows, columns, rows * 100 + columns);
      const expected = jacobiSingularValues(matrix, rows, columns);
      assert.ok(relativeDifference(await valuesByProducts(matrix, rows, columns, b, false), expected) < 1e-14);
      assert.ok(relativeDifference(await valuesByProducts(matrix, rows, columns, b, true), expected) < 1e-14);
    });
  }

  it('keeps the small values of a graded spectrum, and zeros, in several updates and several blocks of rows', async () => {
    const values = Array.from({ length: 24 }, (_, i) => (i < 20 ? 10 ** -(i / 2) : 0));
    for (const [rows, columns] of [[24, 24], [300, 24], [24, 300]]) {
      const matrix = withSingularValues(rows, columns, values, 5);
      for (const first of [false, true]) assert.ok(relativeDifference(await valuesByProducts(matrix, rows, columns, 2, first), values) < 1e-14);
    }
  });

  it('in several panels and blocks, by way of a triangle', async () => {
    const products = await createOnnxProducts(1);
    const alone = await MatrixWorkspace.create();
    for (const [rows, columns] of [[460, 460], [900, 321], [320, 2100], [2000, 193]]) {
      const matrix = gaussian(rows, columns, rows);
      alone.allocate(1, rows, columns).set(matrix);
      const { singularValues } = await alone.singularValues();
      assert.ok(relativeDifference(await valuesByProducts(matrix, rows, columns, 20, true, products), singularValues) < 1e-14, `${rows} × ${columns}`);
    }
  });

  it('reduces symmetric matrices too', async () => {
    const alone = await MatrixWorkspace.create();
    for (const [n, b, rowsPerStrip] of [[1, 2, 1], [2, 2, 1], [7, 3, 2], [40, 4, 5], [40, 4, 40], [61, 5, 13], [64, 8, 8], [64, 8, 7]]) {
      const half = gaussian(n, n, n);
      const matrix = half.map((x, index) => x + half[(index % n) * n + Math.floor(index / n)]);
      alone.allocateSymmetric(n).set(matrix);
      const expected = (await alone.symmetricEigenvalues()).eigenvalues;
      const memory = new KernelMemory(await compileKernel());
      memory.reserve(alignedBytes(n * n) + delayedSymmetricBytes(n, b) + alignedBytes(symmetricBandLength(n, b)) + 2 * alignedBytes(n));
      const address = memory.take(n * n);
      // The lower half is not read.
      memory.elements(address, n * n).set(matrix.map((x, index) => (index % n >= Math.floor(index / n) ? x : NaN)));
      const band = memory.takeZeroed(symmetricBandLength(n, b));
      await runSteps(reduceSymmetricDelayed(memory, address, n, b, band, plainProducts, rowsPerStrip), 1);
      memory.exports.chaseSymmetric(band, n, b, 0, n);
      const [diagonal, squares] = [memory.take(n), memory.take(n)];
      memory.exports.readTridiagonal(band, n, b, diagonal, squares);
      assert.equal(memory.exports.rationalQl(diagonal, squares, n, 0, n), 0);
      assert.ok(relativeDifference(memory.elements(diagonal, n).slice().sort(), expected) < 2e-14, `${n}, strips of ${rowsPerStrip}`);
    }
  });

  it('takes no more memory than was reserved, also where blocks of rows follow one another', async () => {
    const workspace = await MatrixWorkspace.create(() => createOnnxProducts(1));
    for (const [rows, columns] of [[700, 1200], [3700, 700]]) {
      workspace.allocate(1, rows, columns).set(gaussian(rows, columns, 3));
      await assert.doesNotReject(workspace.singularValues());
    }
  });
});

describe('products by onnxruntime', () => {
  it('are those of the definition', async () => {
    const products = await createOnnxProducts(1);
    for (const [m, k, n] of [[1, 1, 1], [3, 5, 7], [24, 300, 17], [64, 2, 90]]) {
      const block = (rows: number, columns: number, seed: number): Block => ({ elements: gaussian(rows, columns, seed), rows, columns });
      const [a, at, b, bt] = [block(m, k, 1), block(k, m, 1), block(k, n, 2), block(n, k, 3)];
      for (const [name, left, right] of [['multiplyByTransposed', a, bt], ['multiplyTransposed', at, bt], ['subtract', a, b]] as const) {
        const [actual, expected] = [block(m, n, 4), block(m, n, 4)];
        assert.equal(await products[name](left, right, actual), m * k * n);
        await plainProducts[name](left, right, expected);
        assert.ok(relativeDifference(actual.elements, expected.elements) < 1e-14, `${name} ${m} ${k} ${n}`);
      }
    }
  });

  it('serve large matrices, and are named; small ones stay with the kernel', async () => {
    const workspace = await MatrixWorkspace.create(() => createOnnxProducts(1));
    const alone = await MatrixWorkspace.create();
    for (const [rows, columns, large] of [[50, 50, false], [720, 710, true], [710, 1300, true], [1300, 710, true]] as const) {
      const matrix = gaussian(rows, columns, 9);
      workspace.allocate(1, rows, columns).set(matrix);
      alone.allocate(1, rows, columns).set(matrix);
      const [ours, theirs] = [await workspace.singularValues(), await alone.singularValues()];
      assert.ok(relativeDifference(ours.singularValues, theirs.singularValues) < 1.5e-14);
      assert.equal(ours.engine.includes('onnxruntime'), large);
      assert.equal(ours.method, theirs.method);
    }
  });

  it('are done without where the engine cannot be loaded', async () => {
    const workspace = await MatrixWorkspace.create(() => Promise.reject(new Error('no binary for this platform')));
    workspace.allocate(1, 700, 700).fill(1);
    const { singularValues, engine } = await workspace.singularValues();
    assert.ok(Math.abs(singularValues[0] - 700) < 1e-9 && singularValues[1] < 1e-9);
    assert.match(engine, /^wasm[^,]*$/);
  });
});
