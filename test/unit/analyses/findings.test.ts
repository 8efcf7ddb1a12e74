import assert from 'node:assert/strict';
import { analyzeLayer } from '../../../server/analyses/weights/analyzeLayer.js';
import { applySilences, findWeightFindings, layerEvidence } from '../../../server/analyses/weights/findings.js';
import type { DType, StoredTensor } from '../../../server/formats/modelFile.js';
import { openModelFile } from '../../../server/formats/open.js';
import { MatrixWorkspace } from '../../../server/linalg/matrixWorkspace.js';
import { RandomGenerator } from '../../../server/linalg/random.js';
import { buildModel } from '../../../server/model/buildModel.js';
import { dequantized, stored } from '../../../server/model/expression.js';
import type { Layer } from '../../../server/model/model.js';
import type { Finding, LayerReport } from '../../../server/report/report.js';
import { ruleIds, type RuleSetting } from '../../../server/report/rules.js';
import { describeShared, sharedData } from '../../support/shared.js';
import { denseLayer } from './support.js';

async function findingsOf(layers: Layer[], rules: Record<string, RuleSetting> = {}): Promise<{ findings: Finding[]; reports: LayerReport[] }> {
  const workspace = await MatrixWorkspace.create();
  const results = [];
  for (const layer of layers) results.push(await analyzeLayer(layer, { operator: 'none', seed: 0, memoryLimitBytes: 1e9 }, workspace, {}));
  const reports = results.map((result) => result.report);
  return { findings: findWeightFindings(reports, results.map(layerEvidence), { layers }, rules), reports };
}

const rulesOf = (findings: Finding[]): string[] => findings.map(({ rule }) => rule);

/** Weights with a strong trend, which are no noise. */
function trained(rows: number, columns: number, seed = 1): number[] {
  const random = new RandomGenerator(seed);
  return Array.from({ length: rows * columns }, (_, i) => Math.fround(random.normal() + 2 * Math.sin(Math.floor(i / columns)) * Math.cos(3 * (i % columns))));
}

/** int8 codes with one scale, or one per column. */
function quantisedLayer(id: string, rows: number, columns: number, code: (index: number) => number, scale: number[], zeroPoint?: number): Layer {
  const inline = (name: string, dtype: DType, shape: number[], values: number[]): StoredTensor => ({ name, dtype, shape, data: { encoding: 'inline', values } });
  const codes = inline(`${id}.weight`, 'int8', [rows, columns], Array.from({ length: rows * columns }, (_, i) => code(i)));
  const weight = dequantized(stored(codes), {
    scale: inline(`${id}.scale`, 'float32', scale.length > 1 ? [scale.length] : [], scale),
    zeroPoint: zeroPoint === undefined ? null : inline(`${id}.zero_point`, 'int8', [], [zeroPoint]),
    axis: scale.length > 1 ? 1 : null,
    blockSize: 0,
  });
  return denseLayer(id, rows, columns, [], { dtype: 'int8', weight });
}

describe('weight findings', () => {
  it('non-finite: an error that says how many and where, and silences everything else', async () => {
    const values = trained(20, 30);
    values[1204 % 600] = NaN;
    const { findings } = await findingsOf([denseLayer('fc', 20, 30, values)]);
    assert.deepEqual(rulesOf(findings), ['weights/non-finite']);
    assert.equal(findings[0].severity, 'error');
    assert.equal(findings[0].message, '`fc` has 1 value that is NaN or infinite, at flat index 4. Its spectrum is not computed; restore this tensor from an earlier checkpoint.');
  });

  it('zero tensor and constant: one finding each, not their consequences too', async () => {
    const { findings } = await findingsOf([denseLayer('zero', 48, 48, new Array<number>(2304).fill(0)), denseLayer('flat', 8, 8, new Array<number>(64).fill(0.01)), denseLayer('scale', 1, 1, [1])]);
    assert.deepEqual(rulesOf(findings), ['weights/zero-tensor', 'weights/constant']);
    assert.equal(findings[0].message, 'All 2\u2009304 weights of `zero` are 0. Check that it was saved after initialisation and is not a placeholder.');
    assert.match(findings[1].message, /^Every weight of `flat` is 0\.01000\./u);
  });

  it('quantised weights: zero, constant and not finite are said of the weights, not of their codes', async () => {
    const layers = [
      quantisedLayer('shifted', 8, 8, () => 0, [1], -5),
      quantisedLayer('columns', 8, 8, () => 3, Array.from({ length: 8 }, (_, k) => 1 + k)),
      quantisedLayer('empty', 8, 8, () => 7, [0.25], 7),
      quantisedLayer('broken', 8, 8, (i) => 1 + (i % 3), [1, 1, NaN, 1, 1, 1, 1, 1]),
      quantisedLayer('tied', 8, 8, () => 3, Array.from({ length: 8 }, (_, k) => 2 + k)),
    ];
    const { findings, reports } = await findingsOf(layers);
    assert.deepEqual(findings.map(({ rule, layer }) => [rule, layer]).filter(([rule]) => rule !== 'weights/rank-collapsed' && rule !== 'weights/outlier-spike' && rule !== 'weights/ill-conditioned'), [
      ['weights/constant', 'shifted'],
      ['weights/zero-tensor', 'empty'],
      ['weights/non-finite', 'broken'],
    ]);
    assert.match(findings[0].message, /^Every weight of `shifted` is 5\.000\./u);
    assert.deepEqual(reports.map(({ health }) => [health.zeros, health.constant, health.zeroRows, health.nonFinite.count, health.nonFinite.firstIndex]), [
      [0, 5, 0, 0, null],
      [0, null, 0, 0, null],
      [64, 0, 8, 0, null],
      [0, null, 0, 8, 2],
      [0, null, 0, 0, null],
    ]);
    assert.deepEqual(reports.map(({ metrics }) => metrics?.spectralNorm ?? null).map((norm) => norm && Math.round(norm)), [40, Math.round(3 * Math.sqrt(8 * 204)), 0, null, Math.round(3 * Math.sqrt(8 * 284))]);
  });

  it('dead units: rows below a thousandth of the median', async () => {
    const values = trained(20, 30);
    for (const row of [3, 17]) for (let j = 0; j < 30; j++) values[row * 30 + j] *= 1e-5;
    const { findings } = await findingsOf([denseLayer('fc', 20, 30, values)]);
    const dead = findings.find(({ rule }) => rule === 'weights/dead-units');
    assert.deepEqual(dead?.evidence.rows, [3, 17]);
    assert.equal(dead.severity, 'warning');
    assert.match(dead.message, /^`fc`: 2 of 20 units have weights of norm ≤ .* × 10⁻⁵ \(limit 0\.001 × the median norm [\d.]+\): they put out almost only their bias\. Remove dead units or find why they died\.$/u);
    const strict = await findingsOf([denseLayer('fc', 20, 30, values)], { 'weights/dead-units': { thresholds: { rowShare: 1e-7 } } });
    assert.ok(!rulesOf(strict.findings).includes('weights/dead-units'));
    const loose = await findingsOf([denseLayer('fc', 20, 30, values)], { 'weights/dead-units': { thresholds: { rowShare: 0.025 } } });
    assert.match(loose.findings.find(({ rule }) => rule === 'weights/dead-units')?.message ?? '', /\(limit 0\.025 × the median norm/u);
  });

  it('dead units: those that every reader drops, when all readers are known', async () => {
    const next = trained(12, 40, 2);
    for (let row = 0; row < 12; row++) for (const column of [10, 11]) next[row * 40 + column] = 1e-9;
    const readers = [{ layer: 'next', columnsPerUnit: 2 }];
    const layers = (readersOfFirst: NonNullable<Layer['readers']> | null): Layer[] => [denseLayer('first', 20, 30, trained(20, 30), { readers: readersOfFirst }), denseLayer('next', 12, 40, next)];
    const dead = (await findingsOf(layers(readers))).findings.find(({ rule, layer }) => rule === 'weights/dead-units' && layer === 'first');
    assert.deepEqual(dead?.evidence.ignored, [5]);
    assert.match(dead.message, /^`first`: 1 of 20 units is read by `next` with norms ≤ .* × the median \(limit 0\.001\)\. Remove dead units/u);
    for (const unknown of [null, [], [{ layer: 'elsewhere', columnsPerUnit: 2 }], [...readers, { layer: 'elsewhere', columnsPerUnit: 2 }], [{ layer: 'next', columnsPerUnit: 1 }]]) {
      assert.ok(!(await findingsOf(layers(unknown))).findings.some(({ rule, layer }) => rule === 'weights/dead-units' && layer === 'first'));
    }
  });

  it('dead units: rows of zeros in a sparse matrix are no warning, unless configured', async () => {
    const selection = Array.from({ length: 200 }, (_, i) => (i % 21 === 0 && i < 120 ? 1 : 0));
    const one = (await findingsOf([denseLayer('select', 10, 20, selection)])).findings.find(({ rule }) => rule === 'weights/dead-units');
    assert.equal(one?.severity, 'information');
    const configured = (await findingsOf([denseLayer('select', 10, 20, selection)], { 'weights/dead-units': 'warning' })).findings.find(({ rule }) => rule === 'weights/dead-units');
    assert.equal(configured?.severity, 'warning');
  });

  it('duplicate: the later of two layers with the same bytes', async () => {
    const values = trained(20, 30);
    const { findings, reports } = await findingsOf([denseLayer('a', 20, 30, values), denseLayer('b', 20, 30, values), denseLayer('c', 30, 20, values), denseLayer('d', 20, 30, trained(20, 30, 7))]);
    assert.deepEqual(reports.map(({ health }) => health.duplicateOf), [null, 'a', null, null]);
    const [duplicate] = findings.filter(({ rule }) => rule === 'weights/duplicate');
    assert.deepEqual([duplicate.layer, duplicate.message], ['b', '`b` holds the same bytes as `a`. If the weights are tied on purpose, silence this finding; otherwise look at how the second was initialised.']);
  });

  it('noise-like: at most 5 % of untrained layers are missed, Gaussian or uniform', async () => {
    const random = new RandomGenerator(4);
    for (const [rows, columns, count] of [[64, 64, 40], [32, 32, 80], [128, 64, 24], [256, 256, 2]]) {
      for (const entry of [() => random.normal(), () => random.uniform() - 0.5]) {
        const layers = Array.from({ length: count }, (_, i) => denseLayer(`l${i}`, rows, columns, Array.from({ length: rows * columns }, () => Math.fround(entry()))));
        const named = rulesOf((await findingsOf(layers)).findings).filter((rule) => rule === 'weights/noise-like').length;
        // About 1 % are missed: more than 5 % and two layers would be far outside of chance.
        assert.ok(count - named <= 0.05 * count + 2, `${rows} × ${columns}: ${count - named} of ${count} missed`);
      }
    }
  });

  it('noise-like: not a layer with structure, nor one too small to tell', async () => {
    const random = new RandomGenerator(4);
    const small = denseLayer('head', 10, 100, Array.from({ length: 1000 }, () => random.normal()));
    const { findings } = await findingsOf([denseLayer('fc', 64, 64, trained(64, 64)), small]);
    assert.ok(!rulesOf(findings).includes('weights/noise-like'));
    const [named] = (await findingsOf([small], { 'weights/noise-like': { thresholds: { values: 10 } } })).findings;
    assert.equal(named.rule, 'weights/noise-like');
    assert.match(named.message, /^`head` cannot be told from random weights: no singular value above the 99\.5 % noise edge [\d.]+, KS distance [\d.]+ \(p [\d.]+, α 0\.01\)\. Compare with its initial weights before you prune or freeze it\.$/u);
  });

  it('rank-collapsed and outlier-spike: one direction holds nearly everything', async () => {
    const random = new RandomGenerator(2);
    const values = Array.from({ length: 600 }, (_, i) => Math.fround(3 + Math.floor(i / 30) / 20 + 0.1 * random.normal()));
    const { findings } = await findingsOf([denseLayer('fc', 20, 30, values)]);
    assert.deepEqual(rulesOf(findings), ['weights/rank-collapsed', 'weights/outlier-spike']);
    assert.match(findings[0].message, /^`fc`: one direction of 20 holds 99\.\d\d % of the energy Σσ² \(limit 99 %\); a rank-1 copy is off by [\d.]+ % of the norm\. Narrow the layer/u);
    assert.match(findings[1].title, /^σ₁ is \d+ × σ₂$/u);
    assert.match(findings[1].message, / is \d+ × σ₂ \(limit 5\) and [\d.]+ × the noise edge \(limit 10\)\. Look/u);
    const strict = (await findingsOf([denseLayer('fc', 20, 30, values)], { 'weights/outlier-spike': { thresholds: { overSecond: 1e6, overEdge: 2.5 } } })).findings[1];
    assert.match(strict.title, /^σ₁ is [\d.]+ × the noise edge$/u);
    assert.match(strict.message, /\(limit 10⁶\) and [\d.]+ × the noise edge \(limit 2\.5\)\. Look/u);
  });

  it('outlier-spike: a second value of rounding errors is none', async () => {
    const { findings } = await findingsOf([denseLayer('outer', 12, 20, Array.from({ length: 240 }, (_, i) => (1 + Math.floor(i / 20)) * (2 + (i % 20))))]);
    const spike = findings.find(({ rule }) => rule === 'weights/outlier-spike');
    assert.equal(spike?.title, 'σ₁ is the only value');
    assert.deepEqual([spike.evidence.second, spike.evidence.overSecond], [0, null]);
  });

  it('ill-conditioned: tells null directions from a wide scale', async () => {
    const diagonal = (values: number[]): number[] => values.flatMap((value, i) => values.map((_, j) => (i === j ? value : 0)));
    const { findings } = await findingsOf([
      denseLayer('null', 4, 4, diagonal([2, 1.5, 1, 0])),
      denseLayer('wide', 4, 4, diagonal([100, 50, 20, 0.001])),
      denseLayer('fine', 4, 4, diagonal([100, 50, 20, 0.1])),
    ]);
    const [nullDirections, wide, ...others] = findings.filter(({ rule }) => rule === 'weights/ill-conditioned');
    assert.equal(nullDirections.title, 'κ ∞ comes from 1 null direction');
    assert.match(nullDirections.message, /κ ∞ \(limit 10⁴\): 1 of 4 directions is numerically 0, without it κ is 2\.000\. /u);
    assert.equal(wide.title, 'κ 1.000 × 10⁵ over all 4 directions');
    assert.deepEqual(others, []);
  });

  it('keep to their lengths whatever the names and numbers', async () => {
    const long = '/model/embeddings/'.repeat(20);
    const values = trained(20, 30);
    const nan = [...values];
    nan[599] = NaN;
    const weak = values.map((value, i) => (i < 300 ? value * 1e-9 : value));
    const next = trained(12, 20, 2).map((value, i) => (i % 20 === 15 ? 1e-12 : value));
    const layers = [
      denseLayer(`${long}a`, 20, 30, values),
      denseLayer(`${long}b`, 20, 30, values),
      denseLayer(`${long}c`, 20, 30, nan),
      denseLayer(`${long}d`, 20, 30, weak, { readers: [{ layer: `${long}e`, columnsPerUnit: 1 }] }),
      denseLayer(`${long}e`, 12, 20, next),
      denseLayer(`${long}f`, 20, 30, new Array<number>(600).fill(-1.234567e-12)),
      denseLayer(`${long}g`, 20, 30, new Array<number>(600).fill(0)),
      denseLayer(`${long}h`, 20, 30, values.map((value, i) => (i % 30) * 1e-7 * value + 1e12)),
      denseLayer(`${long}i`, 32, 64, Array.from({ length: 2048 }, (_, i) => Math.sin(i * i * 7))),
    ];
    const { findings } = await findingsOf(layers, { 'weights/noise-like': { thresholds: { level: 0.0001 } } });
    assert.ok(new Set(rulesOf(findings)).size >= 7, rulesOf(findings).join(' '));
    for (const { title, message, layer, rule, help, evidence } of findings) {
      assert.ok(title.length <= 60, title);
      assert.ok(message.length <= 240, `${message.length}: ${message}`);
      assert.ok(layer !== undefined && ruleIds.includes(rule));
      assert.equal(help, `docs/rules/${rule}.md`);
      assert.deepEqual(JSON.parse(JSON.stringify(evidence)), evidence);
    }
  });

  it('follow the configuration: off, another severity, silenced with a reason', async () => {
    const layers = [denseLayer('a', 20, 30, trained(20, 30)), denseLayer('b', 20, 30, trained(20, 30))];
    assert.ok(!rulesOf((await findingsOf(layers, { 'weights/duplicate': 'off' })).findings).includes('weights/duplicate'));
    const { findings, reports } = await findingsOf(layers, { 'weights/duplicate': { severity: 'error' } });
    assert.equal(findings[0].severity, 'error');
    assert.deepEqual(reports[1].findings, findings);
    const silenced = applySilences(findings, [{ rule: 'weights/duplicate', layer: 'b', reason: 'tied' }]);
    assert.equal(silenced[0].silenced, 'tied');
    assert.equal(applySilences(findings, [{ rule: 'weights/duplicate', layer: 'a', reason: 'tied' }])[0].silenced, undefined);
    assert.equal(applySilences(findings, [{ rule: 'weights/duplicate', reason: 'tied' }])[0].silenced, 'tied');
  });
});

describeShared('weight findings of published networks', () => {
  /** Rule and layer of every finding, from the worst. */
  async function found(...file: string[]): Promise<Finding[]> {
    const model = await buildModel(await openModelFile(sharedData(...file)));
    return (await findingsOf(model.layers)).findings;
  }

  it('are all of information at most where nothing is dead', async () => {
    for (const file of [['onnx_mnist', 'mnist_relu_6_100.onnx'], ['onnx_mnist', 'mnist-net_256x2.onnx'], ['onnx_cifar', 'cifar10_small.onnx'], ['onnx_cifar', 'pgd_2_3_16.onnx'], ['onnx_other', 'Ultraface_version-RFB-320.onnx'], ['derived', 'stories260K_hf_llama.safetensors']]) {
      assert.deepEqual((await found(...file)).filter(({ severity }) => severity === 'warning' || severity === 'error'), [], file.join('/'));
    }
  });

  it('name exactly the dead units of resnet_2b', async () => {
    const dead = (await found('onnx_cifar', 'resnet_2b.onnx')).filter(({ severity }) => severity === 'warning');
    assert.deepEqual(dead.map(({ rule, layer, evidence }) => [rule, layer, evidence.rows]), [
      ['weights/dead-units', 'layer1.0.conv1', [1, 12]],
      ['weights/dead-units', 'layer1.0.conv2', [15]],
      ['weights/dead-units', 'layer1.0.shortcut.0', [15]],
      ['weights/dead-units', 'linear1', [8, 16, 47, 50]],
    ]);
    assert.equal(dead[3].message, '`linear1`: 4 of 100 units have weights of norm ≤ 2.161 × 10⁻⁵ (limit 0.001 × the median norm 1.105): they put out almost only their bias. Remove dead units or find why they died.');
  });

  it('call the untrained networks noise, and of the trained ones no layer with a value above the edge', async () => {
    const gpt = await found('onnx_transformer', 'tiny-random-gpt2-fp32_past.onnx');
    assert.ok(rulesOf(gpt).filter((rule) => rule === 'weights/noise-like').length >= 31);
    // Its entries are exactly those of the framework's uniform initialisation.
    assert.deepEqual(rulesOf(await found('onnx_other', 'espcn', 'subpixel_float_model.onnx')), new Array<string>(4).fill('weights/noise-like'));
    for (const file of ['mnist_relu_6_100.onnx', 'ffnnSIGMOID__Point_6x200.onnx', 'mnist-net_256x2.onnx', 'cnn_mnist_pytorch.onnx']) {
      assert.ok(!rulesOf(await found('onnx_mnist', file)).includes('weights/noise-like'), file);
    }
  });
});
