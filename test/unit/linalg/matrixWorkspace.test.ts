import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MatrixWorkspace, predictedBytes } from '../../../server/linalg/matrixWorkspace.js';
import { jacobiSingularValues } from '../../support/jacobi.js';
import { gaussian, relativeDifference, withSingularValues } from '../../support/matrices.js';
import { RandomGenerator } from '../../../server/linalg/random.js';
import reference from '../../fixtures/linalg.json';

/** What the kernel is held to, relative to σ₁; LAPACK is within 1e-15 on the same matrices. */
const tolerance = 1.5e-14;

let workspace: MatrixWorkspace;
before(async () => {
  workspace = await MatrixWorkspace.create();
});

async function solve(matrix: ArrayLike<number>, rows: number, columns: number, groups = 1): Promise<Float64Array> {
  workspace.allocate(groups, rows, columns).set(matrix);
  return (await workspace.singularValues()).singularValues;
}

describe('singular values: accuracy', () => {
  const n = 96;
  const power = Float64Array.from({ length: n }, (_, k) => 1 / (k + 1));
  const geometric = Float64Array.from({ length: n }, (_, k) => 10 ** ((-12 * k) / (n - 1)));
  const lowRank = Float64Array.from({ length: n }, (_, k) => (k < 7 ? 7 - k : 0));
  const spectra: [string, ArrayLike<number>][] = [['power law', power], ['geometric 1 … 1e-12', geometric], ['rank 7', lowRank], ['all equal', new Float64Array(n).fill(3)], ['two clusters', Float64Array.from({ length: n }, (_, k) => (k < 40 ? 1 : 1e-7))]];
  for (const [name, values] of spectra) {
    for (const [rows, columns] of [[n, n], [n + 31, n], [n, 4 * n]]) {
      it(`${name}, ${rows} × ${columns}`, async () => {
        assert.ok(relativeDifference(await solve(withSingularValues(rows, columns, values, 7), rows, columns), values) < tolerance);
      });
    }
  }

  it('numbers that are small integers, Hilbert, Kahan and graded matrices, against LAPACK', async () => {
    const kahan = (theta: number) => (i: number, j: number) => Math.sin(theta) ** i * (i === j ? 1 : j > i ? -Math.cos(theta) : 0);
    const entries: Record<keyof typeof reference.matrices, [number, number, (i: number, j: number) => number]> = {
      'integer 7×5': [7, 5, (i, j) => ((i * i + 3 * j) % 11) - 4],
      'integer 40×24': [40, 24, (i, j) => ((7 * i + j * j) % 23) - 11],
      'hilbert 12': [12, 12, (i, j) => 1 / (i + j + 1)],
      'kahan 40': [40, 40, kahan(1.2)],
      'graded 16': [16, 16, (i, j) => 10 ** -(i + j) * Math.cos(1 + 3 * i + 5 * j)],
    };
    for (const [name, [rows, columns, entry]] of Object.entries(entries)) {
      const matrix = Float64Array.from({ length: rows * columns }, (_, k) => entry(Math.floor(k / columns), k % columns));
      assert.ok(relativeDifference(await solve(matrix, rows, columns), reference.matrices[name as keyof typeof entries]) < tolerance, name);
    }
  });

  it('columns a million times larger than the rest', async () => {
    const matrix = gaussian(60, 60, 3).map((x, k) => (k % 60 < 3 ? 1e6 * x : x));
    assert.ok(relativeDifference(await solve(matrix, 60, 60), jacobiSingularValues(matrix, 60, 60)) < tolerance);
  });

  it('a graded diagonal keeps its small values to full relative accuracy', async () => {
    const matrix = new Float64Array(20 * 20);
    for (let i = 0; i < 20; i++) matrix[i * 21] = 10 ** (-5 * i);
    (await solve(matrix, 20, 20)).forEach((x, i) => assert.ok(Math.abs(x / 10 ** (-5 * i) - 1) < 1e-14));
  });

  it('the T10 matrix: √12, √6, 0', async () => {
    assert.ok(relativeDifference(await solve([0, 1, 2, 2, 2, 0, 0, 1, 2], 3, 3), [Math.sqrt(12), Math.sqrt(6), 0]) < 1e-15);
  });

  it('any shape from 1 to 90, any kind of entries, against one-sided Jacobi', async function () {
    this.timeout(20000);
    const kinds = ['gaussian', 'ones', 'identity', 'decaying columns', 'outer product', 'sparse', 'integers', 'tiny', 'huge'] as const;
    const shape = fc.record({ rows: fc.integer({ min: 1, max: 90 }), columns: fc.integer({ min: 1, max: 90 }), kind: fc.constantFrom(...kinds), seed: fc.nat() });
    await fc.assert(
      fc.asyncProperty(shape, async ({ rows, columns, kind, seed }) => {
        const random = new RandomGenerator(seed);
        const matrix = Float64Array.from({ length: rows * columns }, (_, k) => {
          const [i, j, x] = [Math.floor(k / columns), k % columns, random.normal()];
          switch (kind) {
            case 'gaussian': return x;
            case 'ones': return 1;
            case 'identity': return i === j ? 1 : 0;
            case 'decaying columns': return x * 10 ** ((-12 * j) / columns);
            case 'outer product': return (i + 1) * (j + 1);
            case 'sparse': return random.uniform() < 0.9 ? 0 : x;
            case 'integers': return Math.round(3 * x);
            case 'tiny': return x * 1e-300;
            case 'huge': return x * 1e300;
          }
        });
        const values = await solve(matrix, rows, columns);
        assert.equal(values.length, Math.min(rows, columns));
        assert.ok(values.every((x, i) => x >= 0 && (i === 0 || x <= values[i - 1])));
        assert.ok(relativeDifference(values, jacobiSingularValues(matrix, rows, columns)) < tolerance);
      }),
      { numRuns: 60, seed: 11 },
    );
  });

  it('larger shapes keep Σσ² and Σσ⁴ = ‖AᵀA‖²', async () => {
    for (const [rows, columns] of [[420, 410], [1000, 40], [40, 1000], [300, 170]]) {
      const matrix = gaussian(rows, columns, rows);
      const values = await solve(matrix, rows, columns);
      const [small, at] = rows < columns ? [rows, (k: number, i: number) => matrix[i * columns + k]] : [columns, (k: number, i: number) => matrix[k * columns + i]];
      let fourth = 0;
      for (let i = 0; i < small; i++) {
        for (let j = 0; j <= i; j++) {
          let sum = 0;
          for (let k = 0; k < Math.max(rows, columns); k++) sum += at(k, i) * at(k, j);
          fourth += (i === j ? 1 : 2) * sum * sum;
        }
      }
      const squares = matrix.reduce((sum, x) => sum + x * x, 0);
      assert.ok(Math.abs(values.reduce((s, x) => s + x ** 2, 0) / squares - 1) < 1e-13);
      assert.ok(Math.abs(values.reduce((s, x) => s + x ** 4, 0) / fourth - 1) < 1e-13);
    }
  });
});

describe('singular values: numerical ranks', () => {
  it('an exact rank below full is found at the tolerance max(m, n)·ε·σ₁, also for tall matrices', async () => {
    for (const [rows, columns, rank] of [[80, 80, 5], [300, 50, 20], [50, 300, 49], [64, 64, 1], [700, 20, 19]]) {
      const random = new RandomGenerator(rank);
      // Products of small integers: the rank is exact in floating point.
      const left = Int32Array.from({ length: rows * rank }, () => random.integer(17) - 8);
      const right = Int32Array.from({ length: rank * columns }, () => random.integer(17) - 8);
      const matrix = new Float64Array(rows * columns);
      for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) for (let k = 0; k < rank; k++) matrix[i * columns + j] += left[i * rank + k] * right[k * columns + j];
      const values = await solve(matrix, rows, columns);
      const floor = Math.max(rows, columns) * Number.EPSILON * values[0];
      assert.equal(values.filter((x) => x > floor).length, rank, `${rows} × ${columns}`);
    }
  });
});

describe('singular values: degenerate matrices and guards', () => {
  it('all ones, 64 × 64: 64 and zeros', async () => {
    const values = await solve(new Float64Array(4096).fill(1), 64, 64);
    assert.ok(relativeDifference(values, [64, ...new Array<number>(63).fill(0)]) < tolerance);
  });

  it('zero, empty, 1 × 1, one row, one column', async () => {
    assert.deepEqual([...await solve([], 5, 0)], []);
    assert.deepEqual([...await solve([], 0, 0)], []);
    assert.deepEqual([...await solve([], 7, 3, 0)], []);
    assert.deepEqual([...await solve(new Float64Array(12), 4, 3)], [0, 0, 0]);
    assert.deepEqual([...await solve([-2.5], 1, 1)], [2.5]);
    assert.ok(relativeDifference(await solve([3, -4, 12], 1, 3), [13]) < 1e-15);
    assert.ok(relativeDifference(await solve([3, -4, 12], 3, 1), [13]) < 1e-15);
  });

  it('repeated values of permutation, identity and Hadamard matrices', async () => {
    const size = 32;
    const hadamard = Float64Array.from({ length: size * size }, (_, k) => (bits(Math.floor(k / size) & k % size) % 2 === 0 ? 1 : -1));
    assert.ok(relativeDifference(await solve(hadamard, size, size), new Float64Array(size).fill(Math.sqrt(size))) < tolerance);
    const permutation = new Float64Array(size * size);
    for (let i = 0; i < size; i++) permutation[i * size + ((5 * i + 3) % size)] = i % 2 === 0 ? 1 : -1;
    assert.ok(relativeDifference(await solve(permutation, size, size), new Float64Array(size).fill(1)) < tolerance);
  });

  it('scales by a power of two at 1e300, 1e-300 and among the subnormal numbers', async () => {
    const base = gaussian(20, 12, 9);
    const expected = await solve(base, 20, 12);
    for (const factor of [2 ** 996, 2 ** -996]) assert.deepEqual([...await solve(base.map((x) => x * factor), 20, 12)], [...expected].map((x) => x * factor));
    const subnormal = Float64Array.from({ length: 30 }, (_, k) => (1 + ((7 * k) % 11)) * Number.MIN_VALUE);
    const integers = subnormal.map((x) => x / Number.MIN_VALUE);
    const unscaled = await solve(integers, 6, 5);
    (await solve(subnormal, 6, 5)).forEach((x, i) => assert.ok(Math.abs(x / Number.MIN_VALUE - unscaled[i]) <= 0.5));
  });

  it('entries of 1e300 beside entries of 1e-300', async () => {
    assert.ok(relativeDifference(await solve([1e300, 1e-300, 1e-300, 2e300], 2, 2), [2e300, 1e300]) < 1e-15);
  });

  it('blocks of very different sizes do not disturb each other', async () => {
    const block = gaussian(5, 4, 2);
    const one = await solve(block, 5, 4);
    const union = await solve([...block, ...block.map((x) => x * 2 ** -700), ...new Float64Array(20), ...block.map((x) => x * 2 ** 600)], 5, 4, 4);
    assert.deepEqual([...union], [...[...one].map((x) => x * 2 ** 600), ...one, ...[...one].map((x) => x * 2 ** -700), 0, 0, 0, 0]);
  });

  it('refuses NaN and infinity with a sentence', async () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      for (const at of [0, 7, 34]) {
        const matrix = gaussian(7, 5, 1);
        matrix[at] = bad;
        await assert.rejects(solve(matrix, 7, 5), /not finite/);
      }
    }
    assert.ok(relativeDifference(await solve([2], 1, 1), [2]) === 0, 'and works afterwards');
  });

  it('refuses impossible sizes and use out of turn', async () => {
    assert.throws(() => workspace.allocate(1, -1, 3), /at least 0/);
    assert.throws(() => workspace.allocate(1, 2.5, 3), /integer/);
    assert.throws(() => workspace.allocate(1, 100000, 100000), /MB of memory/);
    await assert.rejects(workspace.singularValues(), /holds no matrix/);
    workspace.allocate(1, 3, 3).fill(1);
    const running = workspace.singularValues();
    assert.throws(() => workspace.allocate(1, 3, 3), /is computing/);
    await running;
  });

  it('storage is zero at every allocation', async () => {
    workspace.allocate(2, 30, 20).fill(7);
    assert.ok(workspace.allocate(1, 40, 20).every((x) => x === 0));
    await workspace.singularValues();
    assert.ok(workspace.allocate(3, 50, 60).every((x) => x === 0));
  });
});

describe('singular values: control', () => {
  it('reports progress that rises to 1', async () => {
    workspace.allocate(1, 700, 600).set(gaussian(700, 600, 5));
    const seen: number[] = [];
    await workspace.singularValues({ progress: (fraction) => seen.push(fraction) });
    assert.equal(seen[seen.length - 1], 1);
    assert.ok(seen.length > 1);
    assert.ok(seen.every((x, i) => x >= 0 && x <= 1 && (i === 0 || x >= seen[i - 1])));
  });

  it('an aborted signal ends the computation with an AbortError, before or during it', async () => {
    workspace.allocate(1, 900, 900).set(gaussian(900, 900, 6));
    await assert.rejects(workspace.singularValues({ signal: AbortSignal.abort() }), { name: 'AbortError' });
    workspace.allocate(1, 900, 900).set(gaussian(900, 900, 6));
    const controller = new AbortController();
    let turns = 0;
    await assert.rejects(workspace.singularValues({ signal: controller.signal, progress: () => { if (++turns === 2) controller.abort(); } }), { name: 'AbortError' });
    assert.equal(turns, 2);
    assert.ok(relativeDifference(await solve([5], 1, 1), [5]) === 0, 'and works afterwards');
  });

  it('gives the same bits every time', async () => {
    const matrix = gaussian(150, 140, 8);
    assert.deepEqual([...await solve(matrix, 150, 140)], [...await solve(matrix, 150, 140)]);
  });

  it('names its engine and method', async () => {
    assert.match(workspace.engine, /^wasm (relaxed-)?simd$/);
    workspace.allocate(1, 30, 10).fill(1);
    assert.equal((await workspace.singularValues()).method, 'qr-first');
    workspace.allocate(1, 10, 10).fill(1);
    const result = await workspace.singularValues();
    assert.equal(result.method, 'two-stage');
    assert.ok(result.exact && result.relativeError > 0 && result.relativeError < 1e-13);
  });

  it('needs at most twice the matrix, and a little', () => {
    for (const [rows, columns] of [[4096, 4096], [50257, 768], [768, 50257], [2048, 2048]]) {
      const matrix = 8 * rows * columns;
      assert.ok(predictedBytes(1, rows, columns) < 2 * matrix + 12 * 1024 * 1024, `${rows} × ${columns}: ${predictedBytes(1, rows, columns) / matrix}`);
    }
    assert.ok(predictedBytes(1, 8, 8) < 4 * 1024 * 1024);
  });
});

function bits(x: number): number {
  return x.toString(2).replaceAll('0', '').length;
}
