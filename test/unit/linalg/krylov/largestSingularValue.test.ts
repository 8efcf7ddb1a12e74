import assert from 'node:assert/strict';
import { type LinearOperator } from '../../../../server/linalg/krylov/linearOperator.js';
import { largestSingularValue } from '../../../../server/linalg/krylov/largestSingularValue.js';
import { RandomGenerator } from '../../../../server/linalg/random.js';

/** diag(values) between a rotation of pairs of coordinates and a permutation, rows × columns. */
function operatorWith(values: Float64Array, rows: number, columns: number): LinearOperator {
  const shift = 7;
  return {
    rows,
    columns,
    apply: (x, y) => {
      y.fill(0);
      values.forEach((value, i) => { y[(i + shift) % rows] = value * x[i]; });
    },
    applyTransposed: (y, x) => {
      x.fill(0);
      values.forEach((value, i) => { x[i] = value * y[(i + shift) % rows]; });
    },
  };
}

const settings = { tolerance: 1e-8, maximumSteps: 600 };

describe('largest singular value by Lanczos iteration', () => {
  const spectra: [string, (k: number) => number, number][] = [
    ['power law', (k) => 5 / (k + 1), 300],
    ['a flat edge', (k) => 2 + Math.cos((k * Math.PI) / 300), 300],
    ['a multiple largest value', (k) => (k < 20 ? 3 : 1 + k / 1000), 400],
    ['all equal', () => 0.25, 100],
    ['one outlier', (k) => (k === 11 ? 1e6 : Math.sin(k)), 200],
    ['rank 1', (k) => (k === 3 ? 2 : 0), 60],
  ];
  for (const [name, f, n] of spectra) {
    it(`${name}: within its stated error, square, tall and wide`, async () => {
      const values = Float64Array.from({ length: n }, (_, k) => f(k));
      const expected = Math.max(...values.map(Math.abs));
      for (const [rows, columns] of [[n, n], [2 * n, n], [n, n + 50]]) {
        const found = await largestSingularValue(operatorWith(values, rows, columns), { ...settings, random: new RandomGenerator(n) });
        assert.ok(found.converged, `${found.relativeError} after ${found.steps} steps`);
        assert.ok(Math.abs(found.largest - expected) <= found.relativeError * expected);
        assert.ok(Math.abs(found.largest / expected - 1) < 1e-12);
      }
    });
  }

  it('goes on for hundreds of steps without re-orthogonalisation', async () => {
    const n = 3000;
    const values = Float64Array.from({ length: n }, (_, k) => 2 + 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)));
    const found = await largestSingularValue(operatorWith(values, n, n), { tolerance: 1e-15, maximumSteps: 400, random: new RandomGenerator(1) });
    assert.equal(found.steps, 400);
    assert.equal(found.converged, false);
    assert.ok(found.largest <= values[0] * (1 + 1e-14));
    assert.ok(Math.abs(found.largest / values[0] - 1) <= found.relativeError);
    assert.ok(Math.abs(found.largest / values[0] - 1) < 1e-5);
    assert.ok(found.relativeError < 1e-3);
  });

  it('tiny, zero and empty operators', async () => {
    const solve = (values: number[], rows = values.length, columns = values.length) => largestSingularValue(operatorWith(Float64Array.from(values), rows, columns), { ...settings, random: new RandomGenerator(2) });
    assert.ok(Math.abs((await solve([-4], 1, 1)).largest - 4) < 1e-14);
    assert.ok(Math.abs((await solve([3, 4], 9, 2)).largest - 4) < 1e-14);
    assert.equal((await solve([0, 0, 0])).largest, 0);
    assert.equal((await solve([])).largest, 0);
  });
});
