import assert from 'node:assert/strict';
import { layerDetailOf } from '../../../server/report/layerDetail.js';
import type { LayerDetail } from '../../../server/report/views.js';
import { cutOff, manyLayers, oddReports, smallClassifier, troubled } from '../../support/oddReports.js';
import { geometric, layerOf, quarterCircle, reportOf } from '../../support/reports.js';

function detailOf(report: ReturnType<typeof smallClassifier>, id: string): LayerDetail {
  const detail = layerDetailOf(report, id);
  assert.ok(detail !== null);
  return detail;
}
const close = (actual: number, expected: number, tolerance = 1e-12): void => assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} against ${expected}`);

describe('layerDetailOf', () => {
  it('is null for a layer that the report does not have', () => assert.equal(layerDetailOf(smallClassifier(), 'nobody'), null));

  it('holds the whole spectrum of a small layer and its energy', () => {
    const report = reportOf([layerOf({ id: 'w', shape: [3, 6], values: [3, 2, 1] })]);
    const detail = detailOf(report, 'w');
    assert.deepEqual(detail.spectrum, { curve: { x: [1, 2, 3], y: [3, 2, 1] }, thinned: false });
    assert.ok(detail.energy);
    const { curve, breakEven } = detail.energy;
    assert.deepEqual(curve.x, [1, 2, 3]);
    [9 / 14, 13 / 14, 1].forEach((share, i) => close(curve.y[i], share));
    assert.equal(breakEven, 2);
  });

  it('keeps curves at 2,000 points and tells so', () => {
    const report = reportOf([layerOf({ id: 'large', shape: [5000, 5000], values: geometric(5000, 10, 1e-3), alpha: { value: 2, xmin: 1, ks: 0.1, tail: 1250, sigma: 0.03 } })]);
    const detail = detailOf(report, 'large');
    assert.equal(detail.spectrum?.thinned, true);
    for (const curve of [detail.spectrum.curve, detail.energy?.curve, detail.tail?.curve]) {
      assert.ok(curve !== undefined && curve.x.length <= 2000 && curve.x.length === curve.y.length);
    }
    assert.equal(detail.spectrum.curve.x[detail.spectrum.curve.x.length - 1], 5000);
    assert.ok(JSON.stringify(detail).length < 500_000);
  });

  it('draws the fitted law over the values that are no spikes', () => {
    const report = reportOf([layerOf({ id: 'noise', shape: [100, 100], values: [9, ...quarterCircle(100, 0.1).slice(1)], law: { sigma: 0.1, lambdaMinus: 0, lambdaPlus: 0.04, spikes: 1, softRank: 0.05, ks: 0.03, pValue: 0.4 } })]);
    const noise = detailOf(report, 'noise').noise;
    assert.ok(noise?.law && noise.lawIsFit && noise.above === 1);
    const { x, y } = noise.law;
    let area = 0;
    for (let i = 1; i < x.length; i++) area += ((y[i] + y[i - 1]) / 2) * (x[i] - x[i - 1]);
    const width = noise.binEdges[1] - noise.binEdges[0];
    close(area / width, 99, 0.3);
    close(x[x.length - 1], 2 * 0.1 * 10, 1e-9);
    assert.ok((noise.edge ?? 0) > 1.98 && (noise.edge ?? 9) < 2.15, 'just above the law’s end at 2');
  });

  it('draws the law of equal variance where nothing was fitted, and counts what lies above its edge', () => {
    const detail = detailOf(smallClassifier(), 'linear1');
    assert.ok(detail.noise?.law && !detail.noise.lawIsFit);
    const values = smallClassifier().layers[3].spectrum?.singularValues ?? [];
    assert.equal(detail.noise.above, values.filter((value) => value > (detail.noise?.edge ?? 0)).length);
    const rms = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / (100 * 1024));
    close(detail.noise.law.x[0], rms * (32 - 10), 1e-9);
    assert.match(detail.answer.basis, /No noise law is fitted: no noise bulk\.$/u);
  });

  it('uses the sides of one block for grouped layers', () => {
    const values = geometric(64, 2, 0.5);
    const report = reportOf([layerOf({ id: 'grouped', shape: [64, 1, 3, 3], matrixShape: [64, 576], groups: 64, values }), layerOf({ id: 'blocks', shape: [64, 16, 3, 3], matrixShape: [64, 576], groups: 4, values })]);
    assert.equal(detailOf(report, 'grouped').noise?.law, null, 'one value a block follows no law');
    const rms = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / (64 * 144));
    close(detailOf(report, 'blocks').noise?.law?.x[0] ?? NaN, rms * (12 - 4), 1e-9);
    close(detailOf(report, 'blocks').energy?.breakEven ?? NaN, (64 * 576) / 640);
  });

  it('fits the power law to the tail and marks its first point', () => {
    const { tail } = detailOf(smallClassifier(), 'linear1');
    assert.ok(tail?.fit);
    const alpha = smallClassifier().layers[3].metrics?.alpha;
    assert.ok(alpha);
    assert.equal(tail.curve.x.length, 96, 'the four null directions are left out');
    assert.ok(tail.curve.x[tail.firstFitted] >= alpha.xmin * (1 - 1e-9) && tail.curve.x[tail.firstFitted - 1] < alpha.xmin);
    assert.equal(tail.curve.x.length - tail.firstFitted, alpha.tail);
    close(tail.fit.y[0], 33 / 96);
    // Straight in log–log with slope 1 − α.
    const slope = Math.log(tail.fit.y[1] / tail.fit.y[0]) / Math.log(tail.fit.x[1] / tail.fit.x[0]);
    close(slope, 1 - 2.76, 1e-9);
    assert.equal(tail.curve.y[tail.curve.y.length - 1], 1 / 96);
    assert.equal(tail.curve.y[0], 1);
  });

  it('has no charts where there is nothing to draw', () => {
    const broken = detailOf(troubled(), 'encoder.q');
    assert.deepEqual([broken.spectrum, broken.energy, broken.noise, broken.tail, broken.method], [null, null, null, null, null]);
    const zero = detailOf(troubled(), 'encoder.k');
    assert.ok(zero.spectrum !== null);
    assert.deepEqual([zero.energy, zero.noise, zero.tail], [null, null, null]);
  });

  it('carries operator quantiles as curves and leaves their values in the report', () => {
    const detail = detailOf(smallClassifier(), 'conv1');
    assert.equal(detail.operatorSpectra.length, 2);
    assert.deepEqual(detail.operatorCurves.map((curve) => [curve.convention, curve.curve.x.length, curve.curve.x[0], curve.curve.x[256]]), [['circular', 257, 0, 1]]);
  });

  it('never holds a number that is not finite, and travels as JSON', () => {
    for (const [name, make] of Object.entries(oddReports)) {
      const report = make();
      for (const layer of report.layers.slice(0, 10)) {
        const detail = layerDetailOf(report, layer.id);
        assert.deepEqual(JSON.parse(JSON.stringify(detail)), detail, `${name} ${layer.id}`);
      }
    }
  });

  it('answers in a sentence that names the layer', () => {
    const verdicts = (report: ReturnType<typeof smallClassifier>): string[] => report.layers.map((layer) => `${detailOf(report, layer.id).answer.verdict} ${detailOf(report, layer.id).answer.rest}`.trim());
    assert.deepEqual(verdicts(troubled()), [
      'encoder.q holds 3 values that are not finite, the first at flat index 1\u2009204. Its spectrum is not computed.',
      'All 2\u2009304 weights of encoder.k are 0. There is no spectrum to draw.',
      'Every weight of encoder.v is 0.01000. The matrix has rank 1.',
      'decoder.in cannot be told from random weights. No singular value stands above the 99.5 % noise edge 1.502, and their distribution is that of a random matrix.',
      'decoder.mid has collapsed: 1 direction of 16 holds 99 % of the energy. κ is 999.0; no direction is missing.',
      'decoder.copy uses all of its 16 directions. 1 of 16 directions holds 90 % of the energy. κ is 999.0; no direction is missing.',
      'One direction of head dominates: σ₁ 142.0, 6.12 × the second. 7 of 64 directions hold 90 % of the energy.',
    ]);
    assert.equal(verdicts(smallClassifier())[3], 'linear1 uses 96 of its 100 directions; 4 units are dead. The other 96 are well conditioned: κ 5.923 over the numerical rank.');
    const [, channel] = smallClassifier().layers;
    const dead = reportOf([{ ...layerOf({ id: 'channels', shape: [16, 72], values: geometric(16, 1.778, 0.1) }), findings: channel.findings }]);
    assert.equal(verdicts(dead)[0], '2 of the 16 units of channels are dead. 6 of 16 directions hold 90 % of the energy.');
    assert.equal(verdicts(cutOff()).length, 2);
    const noisy = reportOf([{ ...layerOf({ id: 'noisy', shape: [64, 64], values: [1.48, ...quarterCircle(63, 0.09)], law: { sigma: 0.09, lambdaMinus: 0, lambdaPlus: 0.0324, spikes: 1, softRank: 0.95, ks: 0.04, pValue: 0.6 } }), findings: troubled().layers[3].findings }]);
    assert.match(verdicts(noisy)[0], /99\.5 % noise edge 1\.502, .* The 1 value above the 99 % edge [\d.]+ is what noise shows now and then\.$/u, 'agrees with the chart, which counts one');
    noisy.layers[0].findings = [];
    assert.match(verdicts(noisy)[0], /^1 direction of noisy stands above the 99 % noise edge [\d.]+\. /u);
    assert.match(verdicts(manyLayers())[1], /uses all of its 64 directions\. 16 of 64 directions hold 90 % of the energy\. κ is 100\.0/u);
  });
});
