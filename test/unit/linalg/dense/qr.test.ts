import assert from 'node:assert/strict';
import { leastSquares, thinQr } from '../../../../server/linalg/dense/qr.js';
import { gaussian, relativeDifference, withSingularValues } from '../../../support/matrices.js';

function multiply(a: Float64Array, b: Float64Array, rows: number, inner: number, columns: number): Float64Array {
  const c = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) for (let k = 0; k < inner; k++) for (let j = 0; j < columns; j++) c[i * columns + j] += a[i * inner + k] * b[k * columns + j];
  return c;
}

/** max |QᵀQ − I|. */
function lossOfOrthogonality(q: Float64Array, rows: number, columns: number): number {
  let worst = 0;
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < rows; k++) sum += q[k * columns + i] * q[k * columns + j];
      worst = Math.max(worst, Math.abs(sum - (i === j ? 1 : 0)));
    }
  }
  return worst;
}

describe('thin QR factorization', () => {
  const hilbert = Float64Array.from({ length: 60 * 40 }, (_, k) => 1 / (Math.floor(k / 40) + (k % 40) + 1));
  const matrices: [string, Float64Array, number, number][] = [
    ['gaussian 100 × 70', gaussian(100, 70, 1), 100, 70],
    ['square, several panels', gaussian(97, 97, 2), 97, 97],
    ['one column', gaussian(9, 1, 3), 9, 1],
    ['Hilbert, numerically of rank 13', hilbert, 60, 40],
    ['rank 2', withSingularValues(50, 40, [3, 1, ...new Array<number>(38).fill(0)], 4), 50, 40],
    ['zeros', new Float64Array(60), 12, 5],
    ['huge entries', gaussian(40, 35, 5).map((x) => x * 1e300), 40, 35],
    ['tiny entries', gaussian(40, 35, 6).map((x) => x * 1e-300), 40, 35],
  ];
  for (const [name, a, rows, columns] of matrices) {
    it(`${name}: A = QR, QᵀQ = I, R upper triangular`, async () => {
      const { q, r } = await thinQr(a, rows, columns);
      assert.ok(lossOfOrthogonality(q, rows, columns) < 2e-15 * Math.sqrt(rows) * 4);
      assert.ok(relativeDifference(multiply(q, r, rows, columns, columns), a) < 1e-13);
      for (let i = 0; i < columns; i++) for (let j = 0; j < i; j++) assert.equal(r[i * columns + j], 0);
    });
  }

  it('of a matrix with orthogonal columns has their lengths on the diagonal', async () => {
    const { r } = await thinQr(Float64Array.of(3, 4, 4, -3, 0, 0), 3, 2);
    assert.ok(relativeDifference(r.map(Math.abs), [5, 0, 0, 5]) < 1e-15);
  });

  it('refuses what has none', async () => {
    await assert.rejects(thinQr(new Float64Array(6), 2, 3), { name: 'RangeError', message: /at least as many rows/ });
    await assert.rejects(thinQr(Float64Array.of(1, NaN), 2, 1), /not finite/);
  });
});

describe('least squares', () => {
  it('the line through (0, 1), (1, 2), (2, 2) is 7/6 + x/2, with residual 1/√6', async () => {
    const { solution, residualNorms } = await leastSquares(Float64Array.of(1, 0, 1, 1, 1, 2), 3, 2, Float64Array.of(1, 2, 2), 1);
    assert.ok(relativeDifference(solution, [7 / 6, 0.5]) < 1e-15);
    assert.ok(Math.abs(residualNorms[0] - 1 / Math.sqrt(6)) < 1e-15);
  });

  it('finds the coefficients of a polynomial of degree 8, where normal equations lose all digits but two', async () => {
    const points = 60;
    const degree = 8;
    const coefficients = Array.from({ length: degree + 1 }, (_, k) => k - 4);
    const a = Float64Array.from({ length: points * (degree + 1) }, (_, k) => (1 + Math.floor(k / (degree + 1)) / points) ** (k % (degree + 1)));
    const b = Float64Array.from({ length: points }, (_, i) => coefficients.reduce((sum, c, k) => sum + c * a[i * (degree + 1) + k], 0));
    const { solution, residualNorms } = await leastSquares(a, points, degree + 1, b, 1);
    assert.ok(relativeDifference(solution, coefficients) < 1e-5);
    assert.ok(residualNorms[0] < 1e-10);
  });

  it('the residual is orthogonal to the columns, for several right sides and panels', async () => {
    const [rows, columns, sides] = [120, 70, 3];
    const a = gaussian(rows, columns, 7);
    const b = gaussian(rows, sides, 8);
    const { solution, residualNorms } = await leastSquares(a, rows, columns, b, sides);
    const residual = multiply(a, solution, rows, columns, sides).map((x, i) => b[i] - x);
    for (let s = 0; s < sides; s++) {
      let squares = 0;
      for (let i = 0; i < rows; i++) squares += residual[i * sides + s] ** 2;
      assert.ok(Math.abs(Math.sqrt(squares) / residualNorms[s] - 1) < 1e-13);
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let i = 0; i < rows; i++) sum += a[i * columns + j] * residual[i * sides + s];
        assert.ok(Math.abs(sum) < 1e-12);
      }
    }
  });

  it('says which column depends on the others, and refuses wrong sizes', async () => {
    const dependent = Float64Array.of(1, 2, 3, 2, 4, 1, 3, 6, 0, 4, 8, 5);
    await assert.rejects(leastSquares(dependent, 4, 3, new Float64Array(4), 1), /column 2 of the 4 × 3 matrix depends/);
    await assert.rejects(leastSquares(new Float64Array(12), 4, 3, new Float64Array(3), 1), { name: 'RangeError' });
    await assert.rejects(leastSquares(new Float64Array(12), 4, 2, new Float64Array(4), 1), { name: 'RangeError' });
  });
});
