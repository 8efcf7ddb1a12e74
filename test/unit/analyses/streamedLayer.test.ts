import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { planAnalysis, estimateCost, type UnitSettings } from '../../../server/analyses/plan.js';
import { memoryRoute } from '../../../server/analyses/memoryRoute.js';
import { unitExecutor } from '../../../server/analyses/unit.js';
import { analyzeLayer, LayerRefused, type WeightResult, type WeightSettings } from '../../../server/analyses/weights/analyzeLayer.js';
import { CheckFailed } from '../../../server/linalg/dense/blockSingularValues.js';
import type { DType, StoredTensor } from '../../../server/formats/modelFile.js';
import { MatrixWorkspace, predictedBytes } from '../../../server/linalg/matrixWorkspace.js';
import { RandomGenerator } from '../../../server/linalg/random.js';
import { concatenated, dequantized, stored, transposed } from '../../../server/model/expression.js';
import type { Layer, WeightExpression } from '../../../server/model/model.js';
import { convolutionLayer, denseLayer } from './support.js';

const settings: WeightSettings = { operator: 'none', seed: 0, memoryLimitBytes: 1e9 };
const unitSettings: UnitSettings = { operator: 'none', seed: 0, weightWatcher: true, threads: 1 };

function inline(name: string, shape: number[], values: number[], dtype: DType = 'float32'): StoredTensor {
  return { name, dtype, shape, data: { encoding: 'inline', values } };
}

function normals(count: number, seed: number): number[] {
  const random = new RandomGenerator(seed);
  return Array.from({ length: count }, () => Math.fround(random.normal()));
}

describe('a layer that is streamed', () => {
  let workspace: MatrixWorkspace;
  let folder: string;
  before(async () => {
    workspace = await MatrixWorkspace.create();
    folder = mkdtempSync(path.join(os.tmpdir(), 'sigmascope-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  let files = 0;
  function onDisk(bytes: Uint8Array, dtype: DType, shape: number[]): StoredTensor & { file: string } {
    const file = path.join(folder, `${files++}.bin`);
    writeFileSync(file, bytes);
    return { name: 'w', dtype, shape, data: { encoding: 'raw', range: { path: file, offset: 0, length: bytes.length } }, file };
  }

  const analyze = (layer: Layer, rest: Partial<WeightSettings> = {}): Promise<WeightResult> => analyzeLayer(layer, { ...settings, weightWatcher: true, ...rest }, workspace, {});

  function layerOf(weight: WeightExpression, id = 'fc'): Layer {
    const [rows, columns] = weight.shape;
    return denseLayer(id, rows, columns, [], { weight });
  }

  /** Everything but σ and what is computed from it is the same; σ agrees to its last digits. */
  async function assertSame(layer: Layer, streamedRows: number, method = 'qr-first'): Promise<WeightResult> {
    const whole = await analyze(layer, { streamedRows: null });
    const streamed = await analyze(layer, { streamedRows });
    const { spectrum, metrics, ...rest } = streamed.report;
    const { spectrum: expected, metrics: expectedMetrics, ...expectedRest } = whole.report;
    assert.deepEqual(rest, expectedRest);
    assert.equal(streamed.digest, whole.digest);
    if (expected === null || whole.rowNorms === null) {
      assert.deepEqual([spectrum, metrics, streamed.rowNorms, streamed.weightWatcher], [null, null, null, null]);
      return streamed;
    }
    assert.equal(spectrum?.method, method);
    const largest = expected.singularValues[0];
    spectrum.singularValues.forEach((value, i) => assert.ok(Math.abs(value - expected.singularValues[i]) <= 1e-14 * largest, `${i}: ${value} for ${expected.singularValues[i]}`));
    const { bulkEdge: edge, ...norms } = streamed.rowNorms ?? assert.fail();
    const { bulkEdge, ...expectedNorms } = whole.rowNorms;
    assert.deepEqual(norms, expectedNorms);
    assert.ok(Math.abs((edge ?? 0) - (bulkEdge ?? 0)) <= 1e-9 * (bulkEdge ?? 0));
    assert.equal(metrics?.numericalRank, expectedMetrics?.numericalRank);
    assert.equal(streamed.weightWatcher === null, whole.weightWatcher === null);
    return streamed;
  }

  it('has the same results as one that is not: tall, wide, transposed in the file, one row more than a block', async () => {
    const values = normals(341 * 20, 1).map((value, i) => (i % 20 === 7 || Math.floor(i / 20) === 100 ? 0 : value));
    values[50] = 1e-41;
    const tall = layerOf(stored(inline('w', [341, 20], values)));
    for (const rows of [20, 34, 170, 340, 341]) await assertSame(tall, rows);
    const { report } = await assertSame(tall, 85);
    assert.deepEqual([report.health.zeroRows, report.health.zeroColumns, report.health.denormals], [1, 1, 1]);
    await assertSame(layerOf(stored(inline('w', [20, 341], values))), 34);
    await assertSame(layerOf(transposed(stored(inline('w', [20, 341], values)), [1, 0])), 34);
    await assertSame(layerOf(transposed(stored(inline('w', [341, 20], values)), [1, 0])), 34);
    await assertSame(layerOf(concatenated([stored(inline('v', [20, 20], normals(400, 2))), stored(inline('w', [341, 20], values))], 0)), 30);
  });

  it('by the Gram matrix and, where that is refused, in a second pass', async () => {
    const values = normals(600 * 260, 14);
    await assertSame(layerOf(stored(inline('w', [600, 260], values))), 130, 'gram');
    await assertSame(layerOf(stored(inline('w', [260, 600], values))), 130, 'gram');
    await assertSame(layerOf(stored(inline('w', [600, 260], values.map((value, i) => Math.fround(value * 2 ** (-(i % 260) / 16)))))), 130);
  });

  it('narrow types from a file, with scales', async () => {
    const [rows, columns] = [130, 24];
    const random = new RandomGenerator(3);
    const finite = (bits: number): number => (Math.floor(random.uniform() * 2) << 15) | (0x3000 + Math.floor(random.uniform() * bits));
    const halves = Uint16Array.from({ length: rows * columns }, () => finite(0x0fff));
    const bytes = Int8Array.from({ length: rows * columns }, () => Math.floor(random.uniform() * 256) - 128);
    const scales = (count: number): number[] => Array.from({ length: count }, () => 0.5 + random.uniform());
    for (const shape of [[rows, columns], [columns, rows]]) {
      for (const dtype of ['float16', 'bfloat16'] as const) await assertSame(layerOf(stored(onDisk(new Uint8Array(halves.buffer), dtype, shape))), 40);
      const codes = stored(onDisk(new Uint8Array(bytes.buffer), 'int8', shape));
      for (const axis of [0, 1]) {
        const count = shape[axis];
        const zeroPoint = inline('z', [count], Array.from({ length: count }, (_, i) => (i % 7) - 3), 'int8');
        await assertSame(layerOf(dequantized(codes, { scale: inline('s', [count], scales(count)), zeroPoint, axis, blockSize: 0 })), 40);
      }
      const blocked = dequantized(codes, { scale: inline('s', [shape[0] / 2, shape[1]], scales((shape[0] * shape[1]) / 2)), zeroPoint: null, axis: 0, blockSize: 2 });
      await assertSame(layerOf(blocked), 40);
    }
  });

  it('special matrices: constant, zero, one column, beyond float32', async () => {
    const constant = await assertSame(layerOf(stored(inline('w', [70, 8], new Array<number>(560).fill(-3)))), 16);
    assert.equal(constant.report.health.constant, -3);
    const zero = await assertSame(layerOf(stored(inline('w', [8, 70], new Array<number>(560).fill(-0)))), 16);
    assert.deepEqual([zero.report.health.constant, zero.report.health.zeros], [0, 560]);
    await assertSame(layerOf(stored(inline('w', [70, 1], normals(70, 4)))), 16);
    for (const size of [1e300, 1e-300, 1e-318]) await assertSame(layerOf(stored(inline('w', [70, 8], normals(560, 5).map((value) => size * value), 'float64'))), 16);
    const growing = normals(560, 6).map((value, i) => value * 2 ** Math.floor(i / 16));
    await assertSame(layerOf(stored(inline('w', [70, 8], growing, 'float64'))), 16);
  });

  it('says where a value is not finite, in the third block, stored or by its scale', async () => {
    const values = normals(100 * 10, 7);
    values[10 * 55 + 3] = NaN;
    values[10 * 83 + 1] = -Infinity;
    values.fill(0, 100, 110);
    for (const shape of [[100, 10], [10, 100]]) {
      const { report } = await assertSame(layerOf(stored(inline('w', shape, values))), 20);
      assert.deepEqual(report.health.nonFinite, { count: 2, firstIndex: 553 });
      await assertSame(layerOf(transposed(stored(inline('w', shape, values)), [1, 0])), 20);
      const large = stored(inline('w', shape, normals(1000, 8).map((value) => 1e300 * value), 'float64'));
      for (const axis of [0, 1]) {
        const scale = new Array<number>(shape[axis]).fill(1).with(shape[axis] - 4, 1e30);
        const scaledUp = await assertSame(layerOf(dequantized(large, { scale: inline('s', [shape[axis]], scale, 'float64'), zeroPoint: null, axis, blockSize: 0 })), 20);
        assert.equal(scaledUp.report.health.nonFinite.count, 1000 / shape[axis]);
      }
    }
    // Of several tensors the first one that has such a value counts, though its block comes later.
    const good = stored(inline('a', [30, 4], normals(120, 9)));
    const late = dequantized(stored(inline('b', [30, 4], new Array<number>(120).fill(1e200).with(90, 1e300), 'float64')), { scale: inline('s', [1], [1e20], 'float64'), zeroPoint: null, axis: null, blockSize: 0 });
    const { report } = await assertSame(layerOf(concatenated([good, late, late], 0)), 16);
    assert.deepEqual(report.health.nonFinite, { count: 2, firstIndex: 90 });
  });

  it('is read again and solved by another route when its values fail their check', async () => {
    const failing = await MatrixWorkspace.create();
    const original = failing.streamedSingularValues.bind(failing);
    const routes: boolean[] = [];
    failing.streamedSingularValues = async (matrix, rows, control, again) => {
      routes.push(again === true);
      const result = await original(matrix, rows, control, again);
      if (again !== true) throw new CheckFailed('The singular values failed their check.');
      return result;
    };
    const layer = layerOf(stored(inline('w', [90, 8], normals(720, 10))));
    const { report } = await analyzeLayer(layer, { ...settings, streamedRows: 16 }, failing, {});
    assert.deepEqual(routes, [false, true]);
    assert.deepEqual(report.health, (await analyze(layer)).report.health);
  });

  it('ends with one sentence when the file shrinks in between, and at once when cancelled', async () => {
    const values = Float32Array.from(normals(40_000 * 8, 11));
    const tensor = onDisk(new Uint8Array(values.buffer), 'float32', [40_000, 8]);
    const { file, ...weight } = tensor;
    const layer = layerOf(stored(weight));
    const control = new AbortController();
    const cancelled = analyzeLayer(layer, { ...settings, streamedRows: 64 }, workspace, { signal: control.signal, progress: (part) => part > 0.3 && control.abort(new Error('enough')) });
    await assert.rejects(cancelled, /enough/);

    const seen: number[] = [];
    const run = unitExecutor();
    const outcome = await run({ analysis: 'weights', layer, ...unitSettings, memoryLimitBytes: 1e9, streamedRows: 64 }, new AbortController().signal, (part) => {
      if (part > 0.3 && seen.length === 0) truncateSync(file, 4 * 8 * 20_000);
      if (part > 0.3) seen.push(part);
    });
    assert.ok(seen.length > 0 && outcome !== 'cancelled' && outcome.state === 'failed', JSON.stringify(outcome).slice(0, 300));
    assert.equal(outcome.code, 'unreadable');
    assert.match(outcome.reason, /^[^\n]*(expected at byte|became shorter)[^\n]*$/);
  });
});

describe('the choice between the whole matrix and blocks of it', () => {
  const megabyte = 2 ** 20;
  const embedding = denseLayer('wte', 50_257, 768, []);

  it('takes the whole matrix where it fits, blocks where they do, and refuses with what blocks need', () => {
    const whole = predictedBytes(1, 50_257, 768);
    assert.deepEqual(memoryRoute(embedding, whole), { route: { streamedRows: null, bytes: whole }, fits: true });
    const streamed = memoryRoute(embedding, whole - 1);
    assert.ok(streamed.fits && (streamed.route.streamedRows ?? 0) >= 4 * 768);
    assert.ok(streamed.route.bytes < 64 * megabyte && 4 * streamed.route.bytes < whole, String(streamed.route.bytes));
    let last = Infinity;
    for (let limit = 64; ; limit -= 4) {
      const { route, fits } = memoryRoute(embedding, limit * megabyte);
      assert.ok(route.bytes <= last);
      last = route.bytes;
      if (!fits) break;
      assert.ok(route.bytes <= limit * megabyte);
    }
    assert.ok(last > 8 * 768 * 768 && last < 24 * megabyte, String(last));
  });

  it('needs as little as it says for a matrix of a few more rows than columns, where blocks save nothing', () => {
    const square = denseLayer('square', 1000, 1000, []);
    const { route, fits } = memoryRoute(square, megabyte);
    assert.ok(!fits && route.bytes <= predictedBytes(1, 1000, 1000));
  });

  it('never streams convolutions and blocks', () => {
    const convolution = convolutionLayer('conv', [4000, 1, 3, 3], new Array<number>(36_000).fill(1));
    assert.equal(memoryRoute(convolution, 1).route.streamedRows, null);
    assert.equal(memoryRoute(denseLayer('grouped', 4000, 20, [], { groups: 2 }), 1).route.streamedRows, null);
  });

  it('streams what float64 in 4 GB cannot hold, and says so where not even that is possible', () => {
    const vast = denseLayer('lm_head', 128_256, 8192, []);
    const limit = 64 * 1024 * megabyte;
    assert.ok(predictedBytes(1, 128_256, 8192) > 4096 * megabyte);
    const { route, fits } = memoryRoute(vast, limit);
    assert.ok(fits && route.streamedRows !== null && route.bytes < 4200 * megabyte);
    const plan = planAnalysis([denseLayer('square', 40_000, 40_000, []), vast], unitSettings, limit);
    assert.deepEqual(plan.units.map(({ unit }) => unit.streamedRows), [route.streamedRows]);
    assert.match(plan.refused[0].reason, /^square \(40000 × 40000\) needs \d+ MB of memory and WebAssembly has at most 4096 MB: .*\.$/);
  });

  it('is in the plan: unit, bytes, seconds, refusals with two numbers', () => {
    const limit = 40 * megabyte;
    const layers = [denseLayer('fc', 30, 20, []), embedding, denseLayer('head', 4096, 4096, [])];
    const plan = planAnalysis(layers, unitSettings, limit);
    assert.deepEqual(plan.units.map(({ layer, unit }) => [layer, typeof unit.streamedRows]), [['fc', 'object'], ['wte', 'number']]);
    assert.ok(plan.units[1].predictedBytes <= limit && plan.units[1].predictedSeconds > 1);
    assert.deepEqual(plan.refused.map(({ layer }) => layer.id), ['head']);
    assert.match(plan.refused[0].reason, /^head \(4096 × 4096\) needs \d+ MB of memory( even when it is read in blocks)? and the limit is 40 MB; raise --max-memory/);
    assert.deepEqual(estimateCost(layers, unitSettings, limit), plan.cost);
  });

  it('is followed by the analysis, and refused there too', async () => {
    const random = new RandomGenerator(12);
    const layer = denseLayer('emb', 9000, 64, Array.from({ length: 9000 * 64 }, () => Math.fround(random.normal())));
    const workspace = await MatrixWorkspace.create();
    const limit = predictedBytes(1, 9000, 64) - 1;
    const { report } = await analyzeLayer(layer, { ...settings, memoryLimitBytes: limit }, workspace, {});
    assert.equal(report.spectrum?.method, 'qr-first');
    const big = denseLayer('big', 6000, 2000, []);
    await assert.rejects(analyzeLayer(big, { ...settings, memoryLimitBytes: 2e6 }, workspace, {}), (error) => error instanceof LayerRefused && /^The matrix, even when it is read in blocks, of big, 6.000 × 2.000 in float64, needs [\d.]+ MB; the memory limit leaves 2\.00 MB/u.test(error.message));
  });
});
