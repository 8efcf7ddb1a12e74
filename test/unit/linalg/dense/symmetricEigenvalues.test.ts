import assert from 'node:assert/strict';
import { bisectEigenvalue } from '../../../../server/linalg/dense/bisection.js';
import { MatrixWorkspace, type EigenvalueResult, type SolveControl } from '../../../../server/linalg/matrixWorkspace.js';
import { jacobiSingularValues } from '../../../support/jacobi.js';
import { gaussian, relativeDifference, withSingularValues } from '../../../support/matrices.js';
import reference from '../../../fixtures/linalg.json';

const tolerance = 1.5e-14;

function symmetric(size: number, entry: (i: number, j: number) => number): Float64Array {
  return Float64Array.from({ length: size * size }, (_, k) => entry(Math.min(Math.floor(k / size), k % size), Math.max(Math.floor(k / size), k % size)));
}

let workspace: MatrixWorkspace;
before(async () => (workspace = await MatrixWorkspace.create()));

function symmetricEigenvalues(matrix: Float64Array, size: number, control?: SolveControl): Promise<EigenvalueResult> {
  workspace.allocateSymmetric(size).set(matrix);
  return workspace.symmetricEigenvalues(control);
}

describe('eigenvalues of symmetric matrices', () => {
  it('the second difference has 2 − 2 cos(kπ/(n + 1))', async () => {
    for (const n of [1, 2, 3, 15, 16, 17, 100, 333]) {
      const { eigenvalues } = await symmetricEigenvalues(symmetric(n, (i, j) => (i === j ? 2 : j === i + 1 ? -1 : 0)), n);
      const expected = Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)));
      assert.ok(relativeDifference(eigenvalues, expected) < tolerance, `${n}`);
    }
  });

  it('integers, against LAPACK', async () => {
    const entry = (i: number, j: number) => ((5 * i + j * j) % 17) - 8;
    const matrix = symmetric(30, (i, j) => entry(i, j) + entry(j, i));
    assert.ok(relativeDifference((await symmetricEigenvalues(matrix, 30)).eigenvalues, reference['symmetric 30']) < tolerance);
  });

  it('a Gram matrix has the squared singular values', async () => {
    const [rows, columns] = [70, 43];
    const a = gaussian(rows, columns, 3);
    const gram = symmetric(columns, (i, j) => {
      let sum = 0;
      for (let k = 0; k < rows; k++) sum += a[k * columns + i] * a[k * columns + j];
      return sum;
    });
    const expected = jacobiSingularValues(a, rows, columns).map((x) => x * x).reverse();
    assert.ok(relativeDifference((await symmetricEigenvalues(gram, columns)).eigenvalues, expected) < tolerance);
  });

  it('an indefinite matrix: [[0, A], [Aᵀ, 0]] has ±σ, in several strips', async () => {
    const n = 110;
    const values = Float64Array.from({ length: n }, (_, k) => 1 / (k + 1));
    const a = withSingularValues(n, n, values, 5);
    const { eigenvalues } = await symmetricEigenvalues(symmetric(2 * n, (i, j) => (i < n && j >= n ? a[i * n + j - n] : 0)), 2 * n);
    assert.ok(relativeDifference(eigenvalues, [...values].map((x) => -x).concat([...values].reverse())) < tolerance);
  });

  it('diagonal, zero, ones, huge and tiny', async () => {
    assert.deepEqual([...(await symmetricEigenvalues(symmetric(4, (i, j) => (i === j ? [3, -1, 0, 2][i] : 0)), 4)).eigenvalues], [-1, 0, 2, 3]);
    assert.deepEqual([...(await symmetricEigenvalues(new Float64Array(9), 3)).eigenvalues], [0, 0, 0]);
    assert.deepEqual([...(await symmetricEigenvalues(new Float64Array(0), 0)).eigenvalues], []);
    assert.ok(relativeDifference((await symmetricEigenvalues(new Float64Array(64 * 64).fill(1), 64)).eigenvalues, [...new Array<number>(63).fill(0), 64]) < tolerance);
    for (const scale of [1e300, 1e-300]) {
      const { eigenvalues } = await symmetricEigenvalues(Float64Array.of(2, 1, 1, 2).map((x) => x * scale), 2);
      assert.ok(relativeDifference(eigenvalues, [scale, 3 * scale]) < 1e-15);
    }
  });

  it('reads the upper half only and refuses what it cannot solve', async () => {
    assert.ok(relativeDifference((await symmetricEigenvalues(Float64Array.of(2, 1, NaN, 2), 2)).eigenvalues, [1, 3]) < 1e-15);
    await assert.rejects(symmetricEigenvalues(Float64Array.of(2, Infinity, 1, 2), 2), /not finite/);
    assert.throws(() => workspace.allocateSymmetric(-1), /size -1 cannot be stored/);
    await assert.rejects(workspace.symmetricEigenvalues(), /holds no symmetric matrix/);
    await assert.rejects(symmetricEigenvalues(gaussian(50, 50, 1), 50, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  });

  it('bisection finds the same eigenvalues of a tridiagonal matrix', () => {
    const n = 9;
    for (let k = 0; k < n; k++) {
      const value = bisectEigenvalue(new Float64Array(n).fill(2), new Float64Array(n).fill(1), k);
      assert.ok(Math.abs(value - (2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)))) < 4e-15);
    }
  });
});
