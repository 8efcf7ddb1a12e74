import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CheckFailed } from '../../../../server/linalg/dense/blockSingularValues.js';
import { blockRowChoices, streamedKernelBytes, streamedSingularValues } from '../../../../server/linalg/dense/streamedSingularValues.js';
import { factorLinesBytes } from '../../../../server/linalg/dense/triangleByProducts.js';
import { compileKernel, KernelMemory } from '../../../../server/linalg/kernel.js';
import { MatrixWorkspace, predictedStreamedBytes, type StreamedMatrix } from '../../../../server/linalg/matrixWorkspace.js';
import { plainProducts } from '../../../support/plainProducts.js';
import { RandomGenerator } from '../../../../server/linalg/random.js';
import { runSteps } from '../../../../server/linalg/steps.js';

type Entry = (i: number, j: number) => number;

function streamed(rows: number, columns: number, entry: Entry): StreamedMatrix & { asked: [number, number][] } {
  const asked: [number, number][] = [];
  return {
    rows,
    columns,
    asked,
    async read(from, count, target, step, offset) {
      await Promise.resolve();
      asked.push([from, count]);
      for (let j = 0; j < columns; j++) for (let i = 0; i < count; i++) target[j * step + offset + i] = entry(from + i, j);
    },
  };
}

function gaussian(rows: number, columns: number, seed: number): Entry {
  const random = new RandomGenerator(seed);
  const values = Float64Array.from({ length: rows * columns }, () => random.normal());
  return (i, j) => values[i * columns + j];
}

async function direct(workspace: MatrixWorkspace, rows: number, columns: number, entry: Entry): Promise<Float64Array> {
  const target = workspace.allocate(1, rows, columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) target[i * columns + j] = entry(i, j);
  return (await workspace.singularValues()).singularValues;
}

function assertEqualValues(actual: Float64Array, expected: ArrayLike<number>, tolerance = 2e-14): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) assert.ok(Math.abs(actual[i] - expected[i]) <= tolerance * expected[0], `${i}: ${actual[i]} for ${expected[i]}`);
}

describe('singular values of a streamed matrix', () => {
  let workspace: MatrixWorkspace;
  before(async () => (workspace = await MatrixWorkspace.create()));

  it('are those of the whole matrix, whatever the blocks', async () => {
    const cases = fc.record({ columns: fc.integer({ min: 1, max: 40 }), extra: fc.integer({ min: 0, max: 200 }), blockRows: fc.integer({ min: 1, max: 120 }), seed: fc.nat(1000) });
    await fc.assert(
      fc.asyncProperty(cases, async ({ columns, extra, blockRows, seed }) => {
        const rows = columns + extra;
        const entry = gaussian(rows, columns, seed);
        const matrix = streamed(rows, columns, entry);
        const result = await workspace.streamedSingularValues(matrix, blockRows);
        assert.equal(result.method, 'qr-first');
        let next = 0;
        for (const [from, count] of matrix.asked) {
          assert.equal(from, next);
          next += count;
        }
        assert.equal(next, rows);
        assertEqualValues(result.singularValues, await direct(workspace, rows, columns, entry));
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it('closed forms: one value, one row more than a block, repeated rows, rank one, zero', async () => {
    // m copies of a row of the identity each: all values √m.
    const identity = await workspace.streamedSingularValues(streamed(96 * 5 + 96, 96, (i, j) => (i % 96 === j ? 1 : 0)), 96);
    assertEqualValues(identity.singularValues, new Float64Array(96).fill(Math.sqrt(6)));
    const ones = await workspace.streamedSingularValues(streamed(4 * 32 + 1, 32, () => 1), 64);
    assertEqualValues(ones.singularValues, Float64Array.from({ length: 32 }, (_, i) => (i === 0 ? Math.sqrt(129 * 32) : 0)));
    const column = await workspace.streamedSingularValues(streamed(1000, 1, (i) => i), 37);
    assertEqualValues(column.singularValues, [Math.sqrt((999 * 1000 * 1999) / 6)]);
    assert.deepEqual([...(await workspace.streamedSingularValues(streamed(50, 3, () => 0), 8)).singularValues], [0, 0, 0]);
    // Discrete cosines: columns of norm √(rows/2), orthogonal.
    const [rows, columns] = [700, 60];
    const cosines = await workspace.streamedSingularValues(streamed(rows, columns, (i, j) => Math.cos((Math.PI * (2 * i + 1) * (j + 1)) / (2 * rows)) * 2 ** -j), 100);
    assertEqualValues(cosines.singularValues, Float64Array.from({ length: columns }, (_, j) => Math.sqrt(rows / 2) * 2 ** -j));
    // Small values keep their digits: the columns are orthogonal, whatever their sizes.
    for (let j = 0; j < 20; j++) assert.ok(Math.abs(cosines.singularValues[j] / (Math.sqrt(rows / 2) * 2 ** -j) - 1) < 1e-8);
  });

  it('entries near the ends of the range, also where only a later block has the large ones', async () => {
    const entry = gaussian(300, 20, 5);
    const usual = await direct(workspace, 300, 20, entry);
    for (const size of [1e-310, 1e-250, 1e250]) {
      const { singularValues } = await workspace.streamedSingularValues(streamed(300, 20, (i, j) => size * entry(i, j)), 64);
      for (let j = 0; j < 20; j++) assert.ok(Math.abs(singularValues[j] / size / usual[j] - 1) < 1e-11, `${size}: ${singularValues[j]}`);
    }
    const later = await direct(workspace, 150, 20, (i, j) => entry(150 + i, j));
    for (const [early, late] of [[1e-300, 1], [1e-300, 1e-280], [1, 1e280], [1e-300, 1e300]]) {
      const { singularValues } = await workspace.streamedSingularValues(streamed(300, 20, (i, j) => (i < 150 ? early : late) * entry(i, j)), 50);
      for (let j = 0; j < 20; j++) assert.ok(Math.abs(singularValues[j] / late / later[j] - 1) < 1e-12, `${early}, ${late}: ${singularValues[j]}`);
    }
  });

  it('with the products of another engine', async () => {
    const [rows, columns, blockRows] = [500, 150, 120];
    const entry = gaussian(rows, columns, 7);
    const graded = (i: number, j: number): number => entry(i, j) * 2 ** (-j / 4);
    const memory = new KernelMemory(await compileKernel());
    memory.reserve(streamedKernelBytes(rows, columns, blockRows) + factorLinesBytes(columns, columns + blockRows));
    const { values } = await runSteps(streamedSingularValues(memory, streamed(rows, columns, graded), blockRows, plainProducts), 1);
    assertEqualValues(values.sort().reverse(), await direct(workspace, rows, columns, graded));
  });

  it('takes no more memory than it says', async () => {
    const kernel = await compileKernel();
    for (const [rows, columns, blockRows, exponent] of [[900, 60, 240, 0], [900, 60, 9, 0], [700, 200, 700, 0], [2300, 260, 520, 0], [2300, 260, 300, -1 / 8], [2300, 260, 40, -1 / 8], [530, 260, 1040, 0]]) {
      const entry = gaussian(rows, columns, 15);
      const memory = new KernelMemory(kernel);
      const bytes = streamedKernelBytes(rows, columns, blockRows);
      memory.reserve(bytes);
      const start = memory.mark();
      let peak = start;
      const take = memory.take.bind(memory);
      memory.take = (length) => {
        const address = take(length);
        peak = Math.max(peak, memory.mark());
        return address;
      };
      await runSteps(streamedSingularValues(memory, streamed(rows, columns, (i, j) => entry(i, j) * 2 ** (exponent * j)), blockRows), 1);
      assert.ok(peak - start <= bytes && peak - start > bytes / 2, `${rows} × ${columns}: ${peak - start} of ${bytes}`);
      assert.equal(memory.mark(), start);
    }
  });

  it('takes the Gram matrix where that is exact enough, and looks at no more than it must where not', async () => {
    const [rows, columns, blockRows] = [2100, 256, 300];
    const entry = gaussian(rows, columns, 13);
    const well = streamed(rows, columns, entry);
    const result = await workspace.streamedSingularValues(well, blockRows);
    assert.equal(result.method, 'gram');
    assert.equal(well.asked.length, 7);
    assert.ok(result.relativeError > 1e-14);
    assertEqualValues(result.singularValues, await direct(workspace, rows, columns, entry));
    const passes = async (matrix: ReturnType<typeof streamed>, of: Entry): Promise<number[]> => {
      const { method, singularValues } = await workspace.streamedSingularValues(matrix, blockRows);
      assert.equal(method, 'qr-first');
      assertEqualValues(singularValues, await direct(workspace, matrix.rows, columns, of));
      const begins = matrix.asked.flatMap(([from], i) => (from === 0 ? [i] : []));
      return begins.map((begin, i) => (begins[i + 1] ?? matrix.asked.length) - begin);
    };
    const graded: Entry = (i, j) => entry(i, j) * 2 ** (-j / 8);
    assert.deepEqual(await passes(streamed(rows, columns, graded), graded), [2, 7]);
    const late: Entry = (i, j) => (i === 2000 ? 1e6 : entry(i, j));
    assert.deepEqual(await passes(streamed(rows, columns, late), late), [7, 7]);
    const few: Entry = (i, j) => graded(i % 900, j);
    assert.deepEqual(await passes(streamed(900, columns, few), few), [3, 3]);
    const vast: Entry = (i, j) => 1e250 * entry(i, j);
    assert.deepEqual(await passes(streamed(900, columns, vast), vast), [1, 3]);
    // By request, as after a failed check.
    assert.equal((await workspace.streamedSingularValues(streamed(rows, columns, entry), blockRows, {}, true)).method, 'qr-first');
  });

  it('refuses what is not finite, and passes on what reading throws', async () => {
    const entry = gaussian(300, 10, 8);
    for (const bad of [NaN, Infinity, -Infinity]) await assert.rejects(workspace.streamedSingularValues(streamed(300, 10, (i, j) => (i === 250 && j === 3 ? bad : entry(i, j))), 64), /not finite/);
    const broken = streamed(300, 10, entry);
    const read = broken.read.bind(broken);
    broken.read = (from, ...rest) => (from > 100 ? Promise.reject(new Error('the file became shorter')) : read(from, ...rest));
    await assert.rejects(workspace.streamedSingularValues(broken, 64), /became shorter/);
    assertEqualValues((await workspace.streamedSingularValues(streamed(300, 10, entry), 64)).singularValues, await direct(workspace, 300, 10, entry));
  });

  it('notices values that disagree with what was read', async () => {
    const entry = gaussian(300, 10, 8);
    const lying = streamed(300, 10, entry);
    let kept: Float64Array | null = null;
    const read = lying.read.bind(lying);
    lying.read = async (from, count, target, step, offset) => {
      await read(from, count, target, step, offset);
      // What stands for a fault: the triangle of the rows before is damaged.
      if (from > 100 && kept === null) (kept = target)[0] *= 1 + 1e-9;
    };
    await assert.rejects(workspace.streamedSingularValues(lying, 64), CheckFailed);
    assertEqualValues((await workspace.streamedSingularValues(streamed(300, 10, entry), 64, {}, true)).singularValues, await direct(workspace, 300, 10, entry));
  });

  it('reports progress and stops between blocks', async () => {
    const entry = gaussian(4000, 100, 9);
    const seen: number[] = [];
    await workspace.streamedSingularValues(streamed(4000, 100, entry), 400, { progress: (part) => seen.push(part) });
    assert.equal(seen.at(-1), 1);
    assert.ok(seen.every((part, i) => part <= 1 && (i === 0 || part >= seen[i - 1])));
    const abort = new AbortController();
    const matrix = streamed(4000, 100, entry);
    const read = matrix.read.bind(matrix);
    matrix.read = async (from, ...rest) => {
      await read(from, ...rest);
      // A read that takes as long as a slice lets the signal be seen after it.
      await new Promise((resolve) => setTimeout(resolve, 25));
      if (from > 1000) abort.abort(new Error('enough'));
    };
    await assert.rejects(workspace.streamedSingularValues(matrix, 400, { signal: abort.signal }), /enough/);
    assert.ok(matrix.asked.length < 6);
  });

  it('offers blocks from fast to small, all multiples of the quantum, and says what they need', async () => {
    for (const [rows, columns, quantum] of [[60_000, 1024, 1], [50_257, 12_288, 1], [10_000_000, 4, 1], [4096, 512, 32], [96, 96, 96], [5, 5, 1]]) {
      const choices = blockRowChoices(rows, columns, quantum);
      assert.ok(choices.length > 0 && choices.every((count, i) => count % quantum === 0 && count > 0 && (i === 0 || count < choices[i - 1])), choices.join());
      const bytes = choices.map((count) => streamedKernelBytes(rows, columns, count));
      assert.ok(bytes.every((needed, i) => i === 0 || needed <= bytes[i - 1]), bytes.join());
    }
    // The triangle and a quarter of its rows: far less than the matrix.
    assert.ok(predictedStreamedBytes(128_256, 4096, blockRowChoices(128_256, 4096).at(-1) ?? 0) < 8 * 4096 * 4096 * 1.5 + 2 ** 25);
    for (const count of blockRowChoices(900, 60)) await workspace.streamedSingularValues(streamed(900, 60, gaussian(900, 60, 3)), count);
  });
});
