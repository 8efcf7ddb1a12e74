import assert from 'node:assert/strict';
import { singularValuesOfEach, singularValuesOfGrams } from '../../../server/linalg/manySingularValues.js';
import { gaussian, relativeDifference, withSingularValues } from '../../support/matrices.js';

/** Values that a Gram matrix can still tell apart, and one that it cannot. */
const spectrum = (n: number) => Float64Array.from({ length: n }, (_, k) => (k + 1 === n ? 1e-12 : 10 ** ((-6 * k) / n)));

describe('singular values of many matrices', () => {
  it('gives those of each, tall, wide and square, to rounding', async () => {
    for (const [rows, columns] of [[10, 60], [60, 10], [40, 40], [1, 7], [100, 30]]) {
      const n = Math.min(rows, columns);
      const spectra = [1, 2, 3].map((scale) => spectrum(n).map((x) => scale * x));
      const matrices = spectra.map((values, i) => withSingularValues(rows, columns, values, i));
      const before = matrices.map((matrix) => matrix.slice());
      const found = await singularValuesOfEach(matrices, { rows, columns, accuracy: 'full' });
      for (const [i, values] of spectra.entries()) assert.ok(relativeDifference(found[i] ?? [], values) < 1e-14);
      assert.deepEqual(matrices, before);
    }
  });

  it('by the Gram matrix: errors of ε·σ₁²/σ, at most √ε·σ₁', async () => {
    for (const [rows, columns] of [[30, 90], [90, 30], [20, 20], [8, 1500]]) {
      const n = Math.min(rows, columns);
      const values = spectrum(n).map((x) => 7 * x);
      const [found] = await singularValuesOfEach([withSingularValues(rows, columns, values, 4)], { rows, columns, accuracy: 'gram' });
      assert.equal(found?.length, n);
      for (const [k, value] of values.entries()) assert.ok(Math.abs(found[k] - value) <= 20 * Math.min((Number.EPSILON * values[0] ** 2) / value, Math.sqrt(Number.EPSILON) * values[0]), `${found[k]} for ${value}`);
      assert.deepEqual([...found], [...found].sort((a, b) => b - a));
    }
  });

  it('keeps the matrices apart: zeros for one of zeros, null for one that is not finite', async () => {
    for (const accuracy of ['full', 'gram'] as const) {
      const [rows, columns] = [6, 20];
      const good = gaussian(rows, columns, 5);
      const [nan, infinite] = [NaN, -Infinity].map((entry) => good.slice().fill(entry, 31, 32));
      const [first, zero, second, third, last] = await singularValuesOfEach([good, new Float64Array(rows * columns), nan, infinite, good], { rows, columns, accuracy });
      assert.deepEqual(zero, new Float64Array(rows));
      assert.deepEqual([second, third], [null, null]);
      assert.deepEqual(last, first);
      const squares = good.reduce((sum, x) => sum + x * x, 0);
      assert.ok(Math.abs((first ?? new Float64Array()).reduce((sum, x) => sum + x * x, 0) / squares - 1) < 1e-13);
    }
  });

  it('scales entries whose squares overflow or vanish', async () => {
    const matrix = gaussian(5, 16, 6);
    for (const accuracy of ['full', 'gram'] as const) {
      const [plain] = await singularValuesOfEach([matrix], { rows: 5, columns: 16, accuracy });
      for (const scale of [2 ** 900, 2 ** -900]) {
        const [scaled] = await singularValuesOfEach([matrix.map((x) => x * scale)], { rows: 5, columns: 16, accuracy });
        assert.ok(relativeDifference((scaled ?? new Float64Array()).map((x) => x / scale), plain ?? []) < 1e-14);
      }
    }
  });

  it('takes no matrices and empty ones, refuses wrong lengths, and can be stopped', async () => {
    assert.deepEqual(await singularValuesOfEach([], { rows: 3, columns: 4, accuracy: 'full' }), []);
    assert.deepEqual(await singularValuesOfEach([new Float64Array(0)], { rows: 0, columns: 4, accuracy: 'gram' }), [new Float64Array(0)]);
    await assert.rejects(singularValuesOfEach([new Float64Array(11)], { rows: 3, columns: 4, accuracy: 'full' }), /3 × 4 has 12 entries, and 11 were given/);
    await assert.rejects(singularValuesOfEach([new Float64Array(12)], { rows: 3, columns: 4, accuracy: 'full' }, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  });
});

describe('singular values of matrices whose squares are given', () => {
  it('are the roots of the eigenvalues; lines of zeros are left out and come back as zeros', async () => {
    const [rows, columns] = [7, 30];
    const values = Float64Array.from([9, 5, 4, 3, 1]);
    // Two of seven rows are zero.
    const inner = withSingularValues(5, columns, values, 8);
    const matrix = new Float64Array(rows * columns);
    for (const [i, row] of [0, 2, 3, 5, 6].entries()) matrix.set(inner.subarray(i * columns, (i + 1) * columns), row * columns);
    const gram = Float64Array.from({ length: rows * rows }, (_, at) => {
      const [i, j] = [Math.floor(at / rows), at % rows];
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += matrix[i * columns + k] * matrix[j * columns + k];
      return sum;
    });
    const tiny = gram.map((x) => x * 2 ** -1000);
    const [found, zero, none, small] = await singularValuesOfGrams([gram, new Float64Array(rows * rows), gram.slice().fill(NaN, 3, 4), tiny], rows, null);
    const expected = Float64Array.from([...values, 0, 0]);
    assert.ok(found?.every((value, k) => Math.abs(value - expected[k]) <= 1e-13 * 9));
    assert.deepEqual([zero, none], [new Float64Array(rows), null]);
    assert.ok(small?.every((value, k) => Math.abs(value * 2 ** 500 - expected[k]) <= 1e-13 * 9));
    // The same of the matrix itself, of which lines of zeros are left out too.
    const [direct] = await singularValuesOfEach([matrix], { rows, columns, accuracy: 'full' });
    assert.ok(direct?.every((value, k) => Math.abs(value - expected[k]) <= 1e-14 * 9));
  });
});
