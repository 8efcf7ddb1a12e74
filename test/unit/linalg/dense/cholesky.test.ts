import assert from 'node:assert/strict';
import { cholesky } from '../../../../server/linalg/dense/cholesky.js';
import { gaussian, relativeDifference } from '../../../support/matrices.js';

const matrix = (size: number, entry: (i: number, j: number) => number): Float64Array => Float64Array.from({ length: size * size }, (_, k) => entry(Math.floor(k / size), k % size));

describe('Cholesky factorization', () => {
  it('min(i, j) has ones below the diagonal, of any size', async () => {
    for (const n of [0, 1, 2, 31, 32, 33, 100]) {
      assert.deepEqual(await cholesky(matrix(n, (i, j) => Math.min(i, j) + 1), n), matrix(n, (i, j) => (j <= i ? 1 : 0)));
    }
  });

  it('the Pascal matrix has Pascal\u2019s triangle', async () => {
    const n = 12;
    const binomial = (a: number, b: number): number => (b === 0 ? 1 : (binomial(a - 1, b - 1) * a) / b);
    const l = await cholesky(matrix(n, (i, j) => binomial(i + j, Math.min(i, j))), n);
    assert.ok(relativeDifference(l ?? [], matrix(n, (i, j) => (j <= i ? binomial(i, j) : 0))) < 1e-9);
  });

  it('L·Lᵀ gives the matrix back, and only its lower half is read', async () => {
    const n = 90;
    const a = gaussian(n + 10, n, 3);
    const gram = matrix(n, (i, j) => {
      let sum = 0;
      for (let k = 0; k < n + 10; k++) sum += a[k * n + i] * a[k * n + j];
      return sum;
    });
    const l = (await cholesky(gram.map((x, k) => (k % n > Math.floor(k / n) ? NaN : x)), n)) ?? new Float64Array();
    const product = matrix(n, (i, j) => {
      let sum = 0;
      for (let k = 0; k <= Math.min(i, j); k++) sum += l[i * n + k] * l[j * n + k];
      return sum;
    });
    assert.ok(relativeDifference(product, gram) < 1e-14);
  });

  it('is null for a matrix that is not positive definite, early and late, and refuses what is no matrix', async () => {
    assert.equal(await cholesky(Float64Array.of(1, 2, 2, 1), 2), null);
    assert.equal(await cholesky(matrix(80, (i, j) => (i === j ? (i === 77 ? -1e-9 : 1) : 0)), 80), null);
    assert.equal(await cholesky(new Float64Array(9), 3), null);
    await assert.rejects(cholesky(Float64Array.of(1, 0, Infinity, 1), 2), /not finite/);
    await assert.rejects(cholesky(new Float64Array(3), 2), { name: 'RangeError' });
  });
});
