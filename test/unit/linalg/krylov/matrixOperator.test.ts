import assert from 'node:assert/strict';
import { largestSingularValues } from '../../../../server/linalg/krylov/lanczos.js';
import { matrixOperator } from '../../../../server/linalg/krylov/matrixOperator.js';
import { RandomGenerator } from '../../../../server/linalg/random.js';
import { gaussian, relativeDifference, withSingularValues } from '../../../support/matrices.js';

describe('a matrix as an operator', () => {
  it('multiplies by it and by its transpose', async () => {
    for (const [rows, columns] of [[1, 1], [7, 3], [5, 66]]) {
      const [matrix, x, y] = [gaussian(rows, columns, 1), gaussian(columns, 1, 2), gaussian(rows, 1, 3)];
      const operator = await matrixOperator(matrix, rows, columns);
      const [product, transposed] = [new Float64Array(rows), new Float64Array(columns)];
      operator.apply(x, product);
      operator.applyTransposed(y, transposed);
      const expected = Array.from({ length: rows }, (_, i) => x.reduce((sum, value, j) => sum + matrix[i * columns + j] * value, 0));
      const expectedTransposed = Array.from({ length: columns }, (_, j) => y.reduce((sum, value, i) => sum + matrix[i * columns + j] * value, 0));
      assert.ok(relativeDifference(product, expected) < 1e-14 && relativeDifference(transposed, expectedTransposed) < 1e-14);
    }
    await assert.rejects(matrixOperator(new Float64Array(5), 2, 3), /6 entries, and 5 were given/);
  });

  it('gives its largest triplets with residuals below the stated error', async () => {
    const [rows, columns, count] = [300, 170, 10];
    const values = Float64Array.from({ length: columns }, (_, i) => (i + 1) ** -0.5);
    const matrix = withSingularValues(rows, columns, values, 4);
    const operator = await matrixOperator(matrix, rows, columns);
    const result = await largestSingularValues(operator, { count, vectors: true, random: new RandomGenerator(1) });
    assert.ok(result.converged && relativeDifference(result.singularValues, values.subarray(0, count)) < 1e-8);
    assert.ok(result.vectors);
    const image = new Float64Array(columns);
    for (let k = 0; k < count; k++) {
      operator.applyTransposed(result.vectors.left.subarray(k * rows, (k + 1) * rows), image);
      const residual = Math.hypot(...image.map((value, j) => value - result.singularValues[k] * (result.vectors?.right[k * columns + j] ?? 0)));
      assert.ok(residual <= 1.01 * result.relativeError * values[0] + 1e-13, `${k}: ${residual}`);
    }
  });
});
