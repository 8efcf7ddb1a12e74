import assert from 'node:assert/strict';
import { bandLength, bandReductionBytes, reduceToBand, reduceToTriangle } from '../../../../server/linalg/dense/bandReduction.js';
import { bandSingularValues, bisectAll } from '../../../../server/linalg/dense/bidiagonal.js';
import { bisectSingularValue, countBelow } from '../../../../server/linalg/dense/bisection.js';
import { blockBytes, blockSingularValues } from '../../../../server/linalg/dense/blockSingularValues.js';
import { alignedBytes, compileKernel, KernelMemory, type CompiledKernel, type KernelExports, type MatrixView } from '../../../../server/linalg/kernel.js';
import { runAtOnce } from '../../../../server/linalg/steps.js';
import { RandomGenerator } from '../../../../server/linalg/random.js';
import plainBytes from '../../../../server/linalg/build/kernel.wasm';
import relaxedBytes from '../../../../server/linalg/build/kernel-relaxed.wasm';
import { jacobiSingularValues } from '../../../support/jacobi.js';
import { frobeniusNorm, gaussian, relativeDifference } from '../../../support/matrices.js';

const builds: [string, () => Promise<CompiledKernel | null>][] = [
  ['plain', async () => ({ module: await WebAssembly.compile(plainBytes), name: 'plain', threads: 1 })],
  ['relaxed', async () => (await compileKernel(), WebAssembly.validate(relaxedBytes) ? { module: await WebAssembly.compile(relaxedBytes), name: 'relaxed', threads: 1 } : null)],
];

/** A memory with `elements` elements; the array of `values` is its first. */
function memoryWith(kernel: CompiledKernel, values: ArrayLike<number>, elements: number): { memory: KernelMemory; address: number } {
  const memory = new KernelMemory(kernel);
  memory.reserve(alignedBytes(values.length) + 8 * elements + 4096);
  const address = memory.take(values.length);
  memory.elements(address, values.length).set(values);
  return { memory, address };
}

for (const [build, compile] of builds) {
  describe(`kernel, ${build} build`, () => {
    let kernel: CompiledKernel;
    before(async function () {
      const compiled = await compile();
      if (compiled) kernel = compiled;
      else this.skip();
    });

    it('gemm: every combination of strides, ragged sizes, α and β', () => {
      const random = new RandomGenerator(1);
      for (let trial = 0; trial < 120; trial++) {
        const [rows, columns, inner] = [1 + random.integer(trial % 5 === 0 ? 180 : 21), 1 + random.integer(21), trial % 7 === 0 ? 250 + random.integer(20) : random.integer(18)];
        const alpha = random.normal();
        const beta = random.integer(2) as 0 | 1;
        const [a, b, c] = [gaussian(rows, inner, trial), gaussian(inner, columns, trial + 1000), gaussian(rows, columns, trial + 2000)];
        const layout = (r: number, k: number) => (random.integer(2) === 0 ? { row: k + 2, column: 1, length: r * (k + 2) } : { row: 1, column: r + 3, length: k * (r + 3) });
        const [la, lb, lc] = [layout(rows, inner), layout(inner, columns), layout(rows, columns)];
        const { memory } = memoryWith(kernel, [], la.length + lb.length + lc.length + 32);
        const place = (l: typeof la, m: Float64Array, r: number, k: number) => {
          const address = memory.take(l.length);
          const target = memory.elements(address, l.length).fill(NaN);
          for (let i = 0; i < r; i++) for (let j = 0; j < k; j++) target[i * l.row + j * l.column] = m[i * k + j];
          return address;
        };
        const [pa, pb, pc] = [place(la, a, rows, inner), place(lb, b, inner, columns), place(lc, beta === 1 ? c : c.map(() => NaN), rows, columns)];
        memory.exports.gemm(rows, columns, inner, alpha, pa, la.row, la.column, pb, lb.row, lb.column, beta, pc, lc.row, lc.column);
        const result = memory.elements(pc, lc.length);
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) {
            let expected = beta === 1 ? c[i * columns + j] : 0;
            for (let k = 0; k < inner; k++) expected += alpha * a[i * inner + k] * b[k * columns + j];
            assert.ok(Math.abs(result[i * lc.row + j * lc.column] - expected) < 1e-11, `${rows} × ${columns} × ${inner}, entry ${i}, ${j}`);
          }
        }
        assert.equal(result.filter((x) => !Number.isNaN(x)).length, rows * columns, 'nothing between the lines is touched');
      }
    });

    it('factorPanel: V is unit lower triangular and (I − VTVᵀ)·[R; 0] is the panel, also where it is wider than tall', () => {
      for (const [rows, width] of [[40, 16], [33, 24], [100, 32], [7, 16], [9, 9], [1, 1], [5, 1], [1, 4], [64, 21]]) {
        const panel = gaussian(rows, width, rows * width);
        const { memory, address } = memoryWith(kernel, new Float64Array(rows * width), 2 * width * width + 32);
        const columns = memory.elements(address, rows * width);
        for (let i = 0; i < rows; i++) for (let j = 0; j < width; j++) columns[j * rows + i] = panel[i * width + j];
        const [rAddress, tAddress] = [memory.take(width * width), memory.take(width * width)];
        memory.exports.factorPanel(address, rows, width, rows, rAddress, tAddress);
        const [r, t] = [memory.elements(rAddress, width * width), memory.elements(tAddress, width * width)];
        const v = (i: number, j: number) => columns[j * rows + i];
        for (let j = 0; j < width; j++) for (let i = 0; i <= Math.min(j, rows - 1); i++) assert.equal(v(i, j), i === j ? 1 : 0);
        for (let i = 0; i < width; i++) for (let j = 0; j < i; j++) assert.equal(r[i * width + j], 0);
        // Q·[R; 0], column by column: x − V·(T·(Vᵀ·x))
        const rebuilt = new Float64Array(rows * width);
        for (let j = 0; j < width; j++) {
          const x = Array.from({ length: rows }, (_, i) => (i < width ? r[i * width + j] : 0));
          const vx = Array.from({ length: width }, (_, k) => x.reduce((s, value, i) => s + v(i, k) * value, 0));
          const tvx = Array.from({ length: width }, (_, k) => vx.reduce((s, value, l) => s + t[k * width + l] * value, 0));
          for (let i = 0; i < rows; i++) rebuilt[i * width + j] = x[i] - tvx.reduce((s, value, k) => s + v(i, k) * value, 0);
        }
        assert.ok(relativeDifference(rebuilt, panel) < 1e-14, `${rows} × ${width}`);
      }
    });

    it('reduceToBand and reduceToTriangle keep the singular values, in rows and in columns', () => {
      for (const [rows, columns, b] of [[30, 30, 8], [45, 20, 16], [33, 32, 16], [90, 10, 4], [12, 12, 16]]) {
        for (const byRows of [true, false]) {
          const matrix = gaussian(rows, columns, rows + columns);
          const expected = jacobiSingularValues(matrix, rows, columns);
          const stored = byRows ? matrix : Float64Array.from(matrix, (_, k) => matrix[(k % rows) * columns + Math.floor(k / rows)]);
          const { memory, address } = memoryWith(kernel, stored, bandLength(columns, b) + bandReductionBytes(rows, columns, b) / 8 + 30 * columns + 100);
          const view: MatrixView = { address, rows, columns, rowStride: byRows ? columns : 1, columnStride: byRows ? 1 : rows };
          // Blocks of 4·columns rows: several of them for the tall shapes.
          const triangle = runAtOnce(reduceToTriangle(memory, view, b, 1));
          for (let i = 0; i < columns; i++) for (let j = 0; j < i; j++) assert.equal(memory.elements(triangle.address, triangle.rowStride * i + triangle.columnStride * j + 1).at(-1), 0);
          const band = memory.take(bandLength(columns, b));
          runAtOnce(reduceToBand(memory, triangle, b, band));
          const values = runAtOnce(bandSingularValues(memory, band, columns, b)).sort().reverse();
          assert.ok(relativeDifference(values, expected) < 1e-14, `${rows} × ${columns}, band ${b}`);
        }
      }
    });

    it('a small band width and a large one give the same values', () => {
      const matrix = gaussian(70, 70, 4);
      const all = [1, 2, 3, 8, 64].map((b) => {
        const { memory, address } = memoryWith(kernel, matrix, bandLength(70, b) + bandReductionBytes(70, 70, b) / 8 + 4000);
        const band = memory.take(bandLength(70, b));
        runAtOnce(reduceToBand(memory, { address, rows: 70, columns: 70, rowStride: 70, columnStride: 1 }, b, band));
        return runAtOnce(bandSingularValues(memory, band, 70, b)).sort().reverse();
      });
      for (const values of all) assert.ok(relativeDifference(values, all[0]) < 1e-14);
    });
  });
}

describe('dqds', () => {
  let kernel: CompiledKernel;
  before(async () => {
    kernel = await compileKernel();
  });

  /** Values of the bidiagonal matrix by dqds, descending, in runs of `budget` elements. */
  function dqds(diagonal: number[], superdiagonal: number[], budget = 1e9): number[] {
    const n = diagonal.length;
    const { memory } = memoryWith(kernel, [], 5 * (n + 8) + 4 * n + 16);
    const [q, e, q2, e2, target] = Array.from({ length: 5 }, () => memory.take(n));
    const stack = memory.take(memory.exports.dqdsStackLength(n));
    memory.elements(q, n).set(diagonal.map((x) => x * x));
    memory.elements(e, n - 1).set(superdiagonal.map((x) => x * x));
    memory.exports.dqdsStart(n, q, e, q2, e2, target, stack);
    let state = 1;
    while (state === 1) state = memory.exports.dqdsRun(budget);
    assert.equal(state, 0);
    return [...memory.elements(target, n)].map(Math.sqrt).sort((a, b) => b - a);
  }

  it('has the closed form of [1, −1] bidiagonals: 2 sin((2k − 1)π/(4n + 2)), smallest values to full relative accuracy', () => {
    for (const n of [1, 2, 3, 10, 101, 400]) {
      const values = dqds(new Array<number>(n).fill(1), new Array<number>(n - 1).fill(-1));
      values.reverse().forEach((x, k) => assert.ok(Math.abs(x / (2 * Math.sin(((2 * k + 1) * Math.PI) / (4 * n + 2))) - 1) < 2e-14, `${n} ${k}`));
    }
  });

  it('agrees with bisection to full relative accuracy on graded, split, zero and clustered matrices', () => {
    const random = new RandomGenerator(2);
    const cases: [string, (i: number) => number, (i: number) => number][] = [
      ['random', () => random.normal(), () => random.normal()],
      ['graded down', (i) => 2 ** (-3 * i), (i) => 2 ** (-3 * i) * random.normal()],
      ['graded up', (i) => 2 ** (3 * (i - 40)), (i) => 2 ** (3 * (i - 40))],
      ['split', () => 1 + random.uniform(), (i) => (i % 5 === 4 ? 0 : random.normal())],
      ['zeros on the diagonal', (i) => (i % 6 === 2 ? 0 : random.normal()), () => random.normal()],
      ['nearly equal', () => 1, () => 1e-9],
      ['all zero', () => 0, () => 0],
      ['zero diagonal', () => 0, () => 1],
      ['Wilkinson', (i) => Math.abs(20 - i) / 20, () => 0.05],
    ];
    for (const [name, d, e] of cases) {
      const n = 41;
      const diagonal = Array.from({ length: n }, (_, i) => d(i));
      const superdiagonal = Array.from({ length: n - 1 }, (_, i) => e(i));
      const values = dqds(diagonal, superdiagonal);
      assert.deepEqual(dqds(diagonal, superdiagonal, 1), values, 'pieces change nothing');
      values.forEach((x, i) => {
        const expected = bisectSingularValue(Float64Array.from(diagonal), Float64Array.from(superdiagonal), i);
        assert.ok(Math.abs(x - expected) <= 4e-14 * expected + 1e-30, `${name}: value ${i} is ${x}, bisection ${expected}`);
      });
    }
  });
});

describe('bisection', () => {
  it('counts and finds the values of a bidiagonal matrix', () => {
    const n = 12;
    const diagonal = new Float64Array(n).fill(1);
    const superdiagonal = new Float64Array(n - 1).fill(-1);
    const expected = Array.from({ length: n }, (_, k) => 2 * Math.sin(((2 * (n - k) - 1) * Math.PI) / (4 * n + 2)));
    expected.forEach((x, i) => {
      assert.ok(Math.abs(bisectSingularValue(diagonal, superdiagonal, i) / x - 1) < 4e-15);
      assert.equal(countBelow(diagonal, superdiagonal, x * (1 - 1e-9)), n - 1 - i);
      assert.equal(countBelow(diagonal, superdiagonal, x * (1 + 1e-9)), n - i);
    });
    assert.equal(bisectSingularValue(new Float64Array(3), new Float64Array(2), 0), 0);
  });

  it('solves a whole matrix', () => {
    const values = runAtOnce(bisectAll(Float64Array.of(3, 2, 1), Float64Array.of(0.5, 0.25)));
    assert.ok(relativeDifference(values, jacobiSingularValues([3, 0.5, 0, 0, 2, 0.25, 0, 0, 1], 3, 3)) < 1e-15);
  });
});

describe('the check of a result', () => {
  /** A memory whose kernel has some functions replaced. */
  async function faulty(matrix: Float64Array, size: number, replaced: Partial<KernelExports>): Promise<{ memory: KernelMemory; view: MatrixView }> {
    const { memory, address } = memoryWith(await compileKernel(), matrix, blockBytes(size, size) / 8);
    const exports: KernelExports = { ...memory.exports, ...replaced };
    Object.defineProperty(memory, 'exports', { value: exports });
    return { memory, view: { address, rows: size, columns: size, rowStride: size, columnStride: 1 } };
  }
  const size = 40;
  const matrix = gaussian(size, size, 12);
  const expected = jacobiSingularValues(matrix, size, size);

  it('bisects where dqds does not converge', async () => {
    const { memory, view } = await faulty(matrix, size, { dqdsRun: () => -1 });
    assert.ok(relativeDifference(runAtOnce(blockSingularValues(memory, view)).values.sort().reverse(), expected) < 1e-14);
  });

  it('does everything again by another route when Σσ² is wrong once', async () => {
    const { memory, view } = await faulty(matrix, size, {});
    const original = { ...memory.exports };
    let calls = 0;
    Object.defineProperty(memory.exports, 'chaseBulges', {
      value: (band: number, ...rest: [number, number, number, number]) => {
        if (calls++ === 0) memory.elements(band, 4 * size)[2 * size] += 0.1;
        original.chaseBulges(band, ...rest);
      },
    });
    assert.ok(relativeDifference(runAtOnce(blockSingularValues(memory, view)).values.sort().reverse(), expected) < 1e-14);
    assert.equal(calls, 2);
  });

  it('fails with a sentence when Σσ² is wrong again', async () => {
    const { memory, view } = await faulty(matrix, size, { sumOfSquares: () => frobeniusNorm(matrix) ** 2 * (1 + 1e-9) });
    assert.throws(() => runAtOnce(blockSingularValues(memory, view)), /failed their check/);
  });
});
