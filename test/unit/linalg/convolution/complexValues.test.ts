import assert from 'node:assert/strict';
import { compileKernel, KernelMemory } from '../../../../server/linalg/kernel.js';
import { RandomGenerator } from '../../../../server/linalg/random.js';
import { jacobiSingularValues } from '../../../support/jacobi.js';
import { relativeDifference } from '../../../support/matrices.js';

/** Singular values, descending, of a complex matrix given by element. */
async function complexValues(rows: number, columns: number, element: (i: number, j: number) => [number, number]): Promise<Float64Array> {
  const memory = new KernelMemory(await compileKernel());
  const workLength = memory.exports.complexWorkLength(rows, columns);
  memory.reserve(8 * (2 * rows * columns + workLength + columns) + 256);
  const matrix = memory.take(2 * rows * columns);
  const work = memory.take(workLength);
  const target = memory.take(columns);
  const elements = memory.elements(matrix, 2 * rows * columns);
  for (let j = 0; j < columns; j++) for (let i = 0; i < rows; i++) [elements[j * rows + i], elements[rows * columns + j * rows + i]] = element(i, j);
  assert.equal(memory.exports.complexSingularValues(matrix, rows, columns, work, target), 0);
  return memory.elements(target, columns).slice().sort().reverse();
}

describe('singular values of small complex matrices', () => {
  it('the Fourier matrix has √n, n times', async () => {
    for (const n of [1, 2, 3, 4, 7, 16, 33]) {
      const values = await complexValues(n, n, (i, j) => [Math.cos((2 * Math.PI * i * j) / n), -Math.sin((2 * Math.PI * i * j) / n)]);
      assert.ok(relativeDifference(values, new Array<number>(n).fill(Math.sqrt(n))) < 1e-14, `${n}`);
    }
  });

  it('phases on both sides do not change a diagonal', async () => {
    const expected = [5, 3, 1, 1e-3, 1e-9, 0];
    const values = await complexValues(9, 6, (i, j) => (i === j ? [expected[i] * Math.cos(i + 1), expected[i] * Math.sin(i + 1)] : [0, 0]));
    assert.ok(relativeDifference(values, expected) < 1e-15);
  });

  it('any shape, against one-sided Jacobi on [[R, −M], [M, R]], which has each value twice', async () => {
    const random = new RandomGenerator(21);
    for (const [rows, columns] of [[1, 1], [2, 1], [5, 1], [2, 2], [3, 2], [8, 8], [9, 4], [17, 16], [31, 7], [24, 24]]) {
      for (const kind of ['gaussian', 'rank one', 'graded', 'real', 'imaginary']) {
        const left = Array.from({ length: rows }, () => [random.normal(), random.normal()]);
        const right = Array.from({ length: columns }, () => [random.normal(), random.normal()]);
        const entries = Array.from({ length: rows * columns }, (_, k): [number, number] => {
          const [i, j] = [Math.floor(k / columns), k % columns];
          if (kind === 'rank one') return [left[i][0] * right[j][0] - left[i][1] * right[j][1], left[i][0] * right[j][1] + left[i][1] * right[j][0]];
          const scale = kind === 'graded' ? 10 ** -j : 1;
          return [kind === 'imaginary' ? 0 : scale * random.normal(), kind === 'real' ? 0 : scale * random.normal()];
        });
        const doubled = new Float64Array(4 * rows * columns);
        entries.forEach(([re, im], k) => {
          const at = 2 * Math.floor(k / columns) * columns + (k % columns);
          doubled[at] = re;
          doubled[at + columns] = -im;
          doubled[at + 2 * rows * columns] = im;
          doubled[at + 2 * rows * columns + columns] = re;
        });
        const expected = jacobiSingularValues(doubled, 2 * rows, 2 * columns).filter((_, k) => k % 2 === 0);
        assert.ok(relativeDifference(await complexValues(rows, columns, (i, j) => entries[i * columns + j]), expected) < 2e-14, `${kind} ${rows} × ${columns}`);
      }
    }
  });

  it('zeros have zeros', async () => {
    assert.deepEqual([...(await complexValues(4, 3, () => [0, 0]))], [0, 0, 0]);
  });
});
