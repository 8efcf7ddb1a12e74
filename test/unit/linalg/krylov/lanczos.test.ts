import assert from 'node:assert/strict';
import { largestSingularValues } from '../../../../server/linalg/krylov/lanczos.js';
import { type LinearOperator } from '../../../../server/linalg/krylov/linearOperator.js';
import { RandomGenerator } from '../../../../server/linalg/random.js';
import { relativeDifference, withSingularValues } from '../../../support/matrices.js';

function denseOperator(matrix: Float64Array, rows: number, columns: number): LinearOperator {
  return {
    rows,
    columns,
    apply: (x, y) => {
      for (let i = 0; i < rows; i++) {
        y[i] = 0;
        for (let j = 0; j < columns; j++) y[i] += matrix[i * columns + j] * x[j];
      }
    },
    applyTransposed: (y, x) => {
      x.fill(0);
      for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) x[j] += matrix[i * columns + j] * y[i];
    },
  };
}

function diagonalOperator(values: ArrayLike<number>): LinearOperator {
  const multiply = (from: Float64Array, to: Float64Array) => {
    for (let i = 0; i < values.length; i++) to[i] = values[i] * from[i];
  };
  return { rows: values.length, columns: values.length, apply: multiply, applyTransposed: multiply };
}

describe('block Lanczos', () => {
  it('finds the five largest values of a power law, tall and wide', async () => {
    const values = Float64Array.from({ length: 70 }, (_, k) => 1 / Math.sqrt(k + 1));
    for (const [rows, columns] of [[120, 70], [70, 120]]) {
      const found = await largestSingularValues(denseOperator(withSingularValues(rows, columns, values, 3), rows, columns), { count: 5, tolerance: 1e-11, random: new RandomGenerator(1) });
      assert.ok(found.converged);
      assert.ok(relativeDifference(found.singularValues, values.subarray(0, 5)) < 1e-11);
      assert.equal(found.smallest, null);
    }
  });

  it('finds all copies of a multiple value with a block that is wide enough', async () => {
    const values = Float64Array.from({ length: 300 }, (_, k) => (k < 3 ? 2 : 1 - k / 600));
    const found = await largestSingularValues(diagonalOperator(values), { count: 4, blockSize: 4, tolerance: 1e-10, random: new RandomGenerator(2) });
    assert.ok(relativeDifference(found.singularValues, [2, 2, 2, values[3]]) < 1e-9);
  });

  it('finds values that lie close together', async () => {
    const values = Float64Array.from({ length: 400 }, (_, k) => (k < 4 ? 1 + 1e-6 * (4 - k) : 0.9 - k / 1000));
    const found = await largestSingularValues(diagonalOperator(values), { count: 4, blockSize: 5, tolerance: 1e-12, random: new RandomGenerator(3) });
    assert.ok(relativeDifference(found.singularValues, values.subarray(0, 4)) < 1e-11);
  });

  it('treats small operators densely, with their smallest value', async () => {
    const found = await largestSingularValues(denseOperator(withSingularValues(9, 4, [5, 4, 2, 0.5], 6), 9, 4), { count: 2, random: new RandomGenerator(4) });
    assert.ok(relativeDifference(found.singularValues, [5, 4]) < 1e-14);
    assert.ok(Math.abs((found.smallest ?? NaN) - 0.5) < 1e-14);
  });

  it('gives singular vectors that fit the values, of any shape, with restarts and without', async () => {
    for (const [rows, columns] of [[9, 4], [4, 9], [120, 70], [70, 120], [320, 260]]) {
      const n = Math.min(rows, columns);
      // The last one's values crowd at the top, so that its bases fill up.
      const restarts = n === 260;
      const values = Float64Array.from({ length: n }, (_, k) => (restarts ? 2 + 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)) : 1 / Math.sqrt(k + 1)));
      const matrix = withSingularValues(rows, columns, values, 7);
      const operator = denseOperator(matrix, rows, columns);
      const count = Math.min(3, n);
      const { singularValues, vectors, relativeError, converged, products } = await largestSingularValues(operator, { count, tolerance: 1e-9, vectors: true, random: new RandomGenerator(rows) });
      assert.ok(converged);
      assert.equal(products > 160, restarts);
      assert.ok(relativeDifference(singularValues, values.subarray(0, count)) < 1e-9);
      const { left, right } = vectors ?? { left: new Float64Array(), right: new Float64Array() };
      for (let k = 0; k < count; k++) {
        const [u, v] = [left.subarray(k * rows, (k + 1) * rows), right.subarray(k * columns, (k + 1) * columns)];
        const [av, atu] = [new Float64Array(rows), new Float64Array(columns)];
        operator.apply(v, av);
        operator.applyTransposed(u, atu);
        assert.ok(Math.hypot(...av.map((x, i) => x - singularValues[k] * u[i])) < 1e-13);
        assert.ok(Math.hypot(...atu.map((x, i) => x - singularValues[k] * v[i])) <= relativeError * singularValues[0] + 1e-13);
        for (let other = 0; other <= k; other++) {
          const overlap = u.reduce((sum, x, i) => sum + x * left[other * rows + i], 0);
          assert.ok(Math.abs(overlap - (other === k ? 1 : 0)) < 1e-12);
        }
      }
    }
  });

  it('handles low rank, zero and empty operators', async () => {
    const rankTwo = Float64Array.from({ length: 100 }, (_, k) => (k < 2 ? 3 - k : 0));
    const found = await largestSingularValues(diagonalOperator(rankTwo), { count: 4, random: new RandomGenerator(5) });
    assert.ok(relativeDifference(found.singularValues, [3, 2, 0, 0]) < 1e-10);
    const zero = await largestSingularValues(diagonalOperator(new Float64Array(100)), { count: 1, random: new RandomGenerator(6) });
    assert.deepEqual([...zero.singularValues], [0]);
    const empty = await largestSingularValues(diagonalOperator([]), { count: 1, random: new RandomGenerator(6) });
    assert.equal(empty.singularValues.length, 0);
  });

  it('starts again when its bases are full, and says when it has not converged', async () => {
    // σ₁ − σ₂ is 2e-6 of σ₁: no iteration resolves that in 60 products, and the bound must own up to it.
    const n = 1500;
    const values = Float64Array.from({ length: n }, (_, k) => 2 + 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)));
    const short = await largestSingularValues(diagonalOperator(values), { count: 1, maximumProducts: 60, random: new RandomGenerator(7) });
    assert.equal(short.converged, false);
    assert.ok(Math.abs(short.singularValues[0] / values[0] - 1) <= short.relativeError);
    const long = await largestSingularValues(diagonalOperator(values), { count: 1, tolerance: 1e-7, maximumProducts: 700, random: new RandomGenerator(7) });
    assert.ok(Math.abs(long.singularValues[0] / values[0] - 1) <= long.relativeError);
    assert.ok(long.relativeError < short.relativeError / 5);
  });

  it('ends when the signal is aborted', async () => {
    const controller = new AbortController();
    const operator = diagonalOperator(Float64Array.from({ length: 5000 }, (_, k) => 1 - k / 1e7));
    const running = largestSingularValues(operator, { count: 1, tolerance: 1e-15, maximumProducts: 1e9, random: new RandomGenerator(8) }, { signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await assert.rejects(running, { name: 'AbortError' });
  });
});
