import assert from 'node:assert/strict';
import { analyzeLayer, LayerRefused, type WeightResult, type WeightSettings } from '../../../server/analyses/weights/analyzeLayer.js';
import { layerNorms, mostWeakEntries, type LayerNorms } from '../../../server/analyses/weights/layerScan.js';
import { MatrixWorkspace } from '../../../server/linalg/matrixWorkspace.js';
import { RandomGenerator } from '../../../server/linalg/random.js';
import type { Layer } from '../../../server/model/model.js';
import { assertClose, convolutionLayer, denseLayer } from './support.js';

const settings: WeightSettings = { operator: 'none', seed: 0, memoryLimitBytes: 1e9 };

async function analyze(layer: Layer, rest: Partial<WeightSettings> = {}): Promise<WeightResult> {
  return analyzeLayer(layer, { ...settings, ...rest }, await MatrixWorkspace.create(), {});
}

function normals(count: number, seed: number): number[] {
  const random = new RandomGenerator(seed);
  return Array.from({ length: count }, () => Math.fround(random.normal()));
}

describe('analysis of a layer', () => {
  it('is plain JSON, whole after a journey between processes', async () => {
    const result = await analyze(denseLayer('fc', 30, 20, normals(600, 1)));
    assert.deepEqual(JSON.parse(JSON.stringify(result)), result);
    assert.equal(result.report.id, 'fc');
    assert.equal(result.report.spectrum?.singularValues.length, 20);
    assert.equal(result.report.findings.length, 0);
    assert.equal(result.report.operatorSpectra, undefined);
  });

  it('finds closed-form singular values', async () => {
    // T10
    const { report } = await analyze(denseLayer('k', 3, 3, [0, 1, 2, 2, 2, 0, 0, 1, 2]));
    assertClose(report.metrics?.spectralNorm, Math.sqrt(12), 1e-14);
    assertClose(report.spectrum?.singularValues[1], Math.sqrt(6), 1e-14);
    assert.equal(report.metrics?.numericalRank, 2);
    assert.equal(report.metrics.conditionNumber, 'Infinity');
  });

  it('does not change under reflection of rows and columns, and scales with the weights', async () => {
    const values = normals(600, 2);
    const before = (await analyze(denseLayer('a', 30, 20, values))).report.metrics;
    const mirrored = Array.from({ length: 30 }, (_, i) => Array.from({ length: 20 }, (_, j) => (j % 2 === 0 ? -1 : 1) * values[(29 - i) * 20 + (19 - j)])).flat();
    const after = (await analyze(denseLayer('b', 30, 20, mirrored.map((x) => 4 * x)))).report.metrics;
    assert.ok(before !== null && after !== null);
    assertClose(after.spectralNorm, 4 * before.spectralNorm, 1e-13);
    for (const name of ['stableRank', 'effectiveRank', 'cartan'] as const) assertClose(after[name], before[name], 1e-12);
    assertClose(after.alpha?.value, before.alpha?.value, 1e-9);
    assertClose(after.alphaHat, (before.alpha?.value ?? 0) * ((before.logSpectralNorm ?? 0) + 2 * Math.log10(4)), 1e-9);
    assertClose(after.marchenkoPastur.sigma, 4 * (before.marchenkoPastur.sigma ?? 0), 1e-12);
    assertClose(after.marchenkoPastur.ks, before.marchenkoPastur.ks, 1e-9);
    assert.equal(after.marchenkoPastur.pValue?.toFixed(9), before.marchenkoPastur.pValue?.toFixed(9));
  });

  it('gives no numbers for NaN, but says where it is and counts zero rows', async () => {
    const values = normals(600, 3).fill(0, 40, 60);
    values[73] = NaN;
    values[99] = Infinity;
    const { report, rowNorms } = await analyze(denseLayer('fc', 30, 20, values));
    assert.equal(report.spectrum, null);
    assert.equal(report.metrics, null);
    assert.deepEqual(report.health.nonFinite, { count: 2, firstIndex: 73 });
    assert.equal(report.health.zeroRows, 1);
    assert.equal(rowNorms, null);
  });

  it('handles degenerate layers', async () => {
    const zero = (await analyze(denseLayer('zero', 4, 6, new Array<number>(24).fill(0)))).report;
    assert.deepEqual([zero.metrics?.spectralNorm, zero.metrics?.stableRank, zero.metrics?.effectiveRank, zero.metrics?.alpha], [0, 0, 0, null]);
    assert.equal(zero.metrics?.marchenkoPastur.reason, 'all values are zero');
    assert.deepEqual([zero.health.constant, zero.health.zeroRows, zero.health.zeroColumns, zero.health.zeros], [0, 4, 6, 24]);

    const scalar = (await analyze(denseLayer('one', 1, 1, [-3]))).report;
    assert.deepEqual([scalar.metrics?.spectralNorm, scalar.metrics?.conditionNumber, scalar.metrics?.cartan], [3, 1, 0]);
    assert.equal(scalar.metrics?.marchenkoPastur.reason, 'a single value');
    assert.equal(scalar.health.constant, -3);

    const ones = (await analyze(denseLayer('ones', 64, 64, new Array<number>(4096).fill(1)))).report;
    assertClose(ones.metrics?.spectralNorm, 64, 1e-13);
    assert.equal(ones.metrics?.numericalRank, 1);
    assert.equal(ones.metrics.alpha, null);
    assert.equal(ones.metrics.powerLaw.betaKl, null);
    assert.equal(ones.metrics.marchenkoPastur.reason, 'no noise bulk');

    const identity = (await analyze(denseLayer('identity', 12, 12, Array.from({ length: 144 }, (_, i) => (i % 13 === 0 ? 1 : 0))))).report;
    assert.equal(identity.metrics?.alpha, null);
    assert.equal(identity.metrics.conditionNumber, 1);
  });

  it('gives no number that is not one for weights near the ends of the range of float64', async () => {
    const random = new RandomGenerator(9);
    for (const size of [1e300, 1e-300, 1e-318]) {
      const layer = denseLayer('ends', 20, 30, Array.from({ length: 600 }, () => size * random.normal()), { dtype: 'float64' });
      const result = await analyze(layer, { weightWatcher: true });
      const { metrics } = result.report;
      assert.ok(metrics !== null);
      assertClose(metrics.marchenkoPastur.sigma, size, 0.1);
      assert.deepEqual([metrics.marchenkoPastur.lambdaMinus, metrics.marchenkoPastur.lambdaPlus, result.weightWatcher], [null, null, null]);
      // JSON has no infinities: it writes null for what is none.
      assert.deepEqual(JSON.parse(JSON.stringify(result)), result);
    }
    const refused = denseLayer('beyond', 20, 30, new Array<number>(600).fill(1e307), { dtype: 'float64' });
    await assert.rejects(analyze(refused), (error) => error instanceof LayerRefused && error.message === 'The norms of beyond are larger than float64\u2019s largest number, 1.8 × 10³⁰⁸. Scale its weights down.');
  });

  it('joins the spectra of groups', async () => {
    const { report } = await analyze(convolutionLayer('grouped', [4, 1, 2], [1, 0, 0, 2, 3, 0, 0, 4], 2));
    assert.deepEqual(report.spectrum?.singularValues.map((value) => Math.round(value * 1e9) / 1e9), [4, 3, 2, 1]);
    assert.deepEqual(report.matrixShape, [4, 4]);
    assert.match(report.metrics?.marchenkoPastur.reason ?? '', /^blocks of fewer than 10/u);
  });

  it('computes both operators where the input size is known, and says why not where it is not', async () => {
    const kernel = [1, 2, 1, 2, 4, 2, 1, 2, 1].map((value) => value / 16);
    const known = await analyze(convolutionLayer('blur', [1, 1, 3, 3], kernel, 1, [5, 5]), { operator: 'norms' });
    assert.deepEqual(known.report.operatorSpectra?.map(({ convention }) => convention), ['circular', 'declared']);
    assertClose(known.report.operatorSpectra[0].largest, 1, 1e-12);
    assert.deepEqual(known.skipped, []);
    const unknown = await analyze(convolutionLayer('blur', [1, 1, 3, 3], kernel), { operator: 'norms' });
    assert.deepEqual(unknown.report.operatorSpectra, []);
    assert.deepEqual(unknown.skipped.map(({ layer, operator }) => [layer, operator]), [['blur', 'circular'], ['blur', 'declared']]);
    const strided = convolutionLayer('strided', [1, 1, 3, 3], kernel, 1, [5, 5]);
    assert.ok(strided.convolution !== null);
    strided.convolution.strides = [2, 2];
    assert.deepEqual((await analyze(strided, { operator: 'norms' })).skipped.map(({ operator }) => operator), ['circular']);
  });

  it('passes over operators that take too long for two norms, with the reason', async () => {
    const layer = convolutionLayer('large', [24, 24, 3, 3], normals(24 * 24 * 9, 5), 1, [2048, 2048]);
    const { skipped, report } = await analyze(layer, { operator: 'norms' });
    assert.deepEqual(report.operatorSpectra, []);
    assert.equal(skipped.length, 2);
    for (const { reason } of skipped) assert.match(reason, /2048 × 2048 points takes about .* --operator full computes it\.$/u);
  });

  it('refuses a layer that does not fit, with both numbers, before reading it', async () => {
    const layer = denseLayer('big', 2000, 2000, []);
    await assert.rejects(analyze(layer, { memoryLimitBytes: 2e6 }), (error) => error instanceof LayerRefused && /needs [\d.]+ MB; the memory limit leaves 2\.00 MB/u.test(error.message));
  });

  it('stops with the reason of its signal', async () => {
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    await assert.rejects(analyzeLayer(denseLayer('fc', 30, 20, normals(600, 1)), settings, await MatrixWorkspace.create(), { signal: controller.signal }), /enough/u);
  });

  it('reports progress that only rises, up to 1', async () => {
    const seen: number[] = [];
    await analyzeLayer(denseLayer('fc', 200, 150, normals(30_000, 1)), settings, await MatrixWorkspace.create(), { progress: (fraction) => seen.push(fraction) });
    assert.deepEqual(seen, [...seen].sort((a, b) => a - b));
    assert.equal(seen.at(-1), 1);
  });
});

function normsOf(values: number[], matrixShape: [number, number], groups: number): LayerNorms {
  return layerNorms(Float64Array.from(values), matrixShape, groups, Math.max(...values.map(Math.abs)));
}

describe('norms of rows and columns', () => {
  it('name the weak ones and count the empty ones, in blocks too', () => {
    // Two blocks of 2 × 2; the second block's last column is empty.
    const norms = normsOf([3, 4, 0.01, 0, 5, 0, 12, 0], [4, 4], 2);
    assert.deepEqual(norms.rows.weak, [{ index: 1, norm: 0.01 }]);
    assertClose(norms.rows.median, 5, 1e-15);
    assert.equal(norms.zeroRows, 0);
    assert.equal(norms.zeroColumns, 1);
    assertClose(norms.rootMeanSquare, Math.sqrt((9 + 16 + 0.0001 + 25 + 144) / 8), 1e-14);
  });

  it('are those of plain loops, whatever the number of rows', () => {
    for (const [groups, blockRows, blockColumns] of [[1, 1, 7], [1, 4, 3], [1, 5, 6], [1, 9, 2], [3, 6, 4], [2, 7, 1]]) {
      const values = Array.from({ length: groups * blockRows * blockColumns }, (_, k) => Math.sin(k * k) * (k % 5));
      const norms = normsOf(values, [groups * blockRows, groups * blockColumns], groups);
      const rows = Array.from({ length: groups * blockRows }, (_, i) => Math.hypot(...values.slice(i * blockColumns, (i + 1) * blockColumns)));
      const columns = Array.from({ length: groups * blockColumns }, (_, j) =>
        Math.hypot(...Array.from({ length: blockRows }, (_, i) => values[(Math.floor(j / blockColumns) * blockRows + i) * blockColumns + (j % blockColumns)])),
      );
      const median = (all: number[]) => [...all].sort((a, b) => a - b)[all.length >> 1];
      assertClose(norms.rows.median, median(rows), 1e-14);
      assertClose(norms.columns.median, median(columns), 1e-14);
      assert.deepEqual([norms.zeroRows, norms.zeroColumns], [rows, columns].map((all) => all.filter((norm) => norm === 0).length));
      for (const [summary, all] of [[norms.rows, rows], [norms.columns, columns]] as const) {
        const weak = all.flatMap((norm, index) => (norm <= 0.1 * median(all) ? [{ index, norm }] : []));
        assert.deepEqual(summary.weak.map(({ index }) => index), weak.map(({ index }) => index));
        summary.weak.forEach(({ norm }, i) => assertClose(norm, weak[i].norm, 1e-13));
      }
    }
  });

  it('survive very large and very small entries', () => {
    for (const size of [1e300, 1e-300]) assertClose(normsOf([3 * size, 4 * size], [1, 2], 1).rows.median, 5 * size, 1e-14);
    // Below the smallest normal number, where 2^1074 is no float64.
    const { rows, rootMeanSquare } = normsOf([3e-320, 4e-320], [1, 2], 1);
    assertClose(rows.median, 5e-320, 1e-3);
    assertClose(rootMeanSquare, 5e-320 / Math.SQRT2, 1e-3);
  });

  it('count the rows of zeros that are too many to list', () => {
    const rows = mostWeakEntries + 10;
    const { weak, unlistedZeros } = layerNorms(new Float64Array(rows), [rows, 1], 1, 0).rows;
    assert.deepEqual([weak.length, unlistedZeros], [mostWeakEntries, 10]);
  });
});
