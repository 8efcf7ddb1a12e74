import assert from 'node:assert/strict';
import { findJacobianFindings } from '../../../server/analyses/jacobians/findings.js';
import type { LayerJacobians } from '../../../server/report/jacobians.js';
import { explodingText, saturatedText, vanishingText } from '../../../server/report/jacobianTexts.js';
import type { Finding } from '../../../server/report/report.js';
import type { RuleSetting } from '../../../server/report/rules.js';
import { useOf, type UseSketch } from '../../support/stretchReports.js';

interface Circumstances {
  source?: 'file' | 'synthetic';
  complete?: boolean;
  rules?: Record<string, RuleSetting>;
}

/** The median of the five inputs is the number of the sketch. */
function findingsOf(layers: LayerJacobians[], { source = 'file', complete = true, rules = {} }: Circumstances = {}): Finding[] {
  return findJacobianFindings({ source }, { inputIndices: [0, 1, 2, 3, 4], layers }, complete, rules);
}

const chain = (...sketches: UseSketch[]): LayerJacobians[] => sketches.map((sketch, i) => useOf({ localFrom: i === 0 ? null : sketches[i - 1].layer, ...sketch }));

describe('findings of Jacobians', () => {
  it('names the first layer over the limit, the largest, and where the largest local factor is', () => {
    const layers = chain({ layer: 'a', toLayer: 40, toOutput: 1 }, { layer: 'b', toLayer: 900, local: 30, toOutput: 1 }, { layer: 'c', toLayer: 1001, local: 2, toOutput: 1 }, { layer: 'd', toLayer: 4000, local: 50, toOutput: 1 });
    const [finding, ...others] = findingsOf(layers);
    assert.deepEqual(others, []);
    assert.deepEqual([finding.rule, finding.severity, finding.layer, finding.help], ['jacobian/exploding', 'warning', 'c', 'docs/rules/jacobian/exploding.md']);
    assert.equal(finding.message, 'Up to `c` inputs are stretched 1001-fold (median of 5 inputs, limit 1000), up to `d` 4000-fold. Start at `a`, where the local factor is 40.0.');
    assert.deepEqual(finding.evidence, { stretch: 1001, limit: 1000, largest: 4000, largestLayer: 'd', layersOver: 2, start: 'a', startFactor: 40, inputs: 5, synthetic: false });
  });

  it('looks for the start only on the way to the layer', () => {
    // The branch `side` has the largest factor, but no path to `c` has to go through it.
    const layers = [
      useOf({ layer: 'a', toLayer: 3, toOutput: 1 }),
      useOf({ layer: 'side', toLayer: 900, local: 300, localFrom: 'a', toOutput: 1 }),
      useOf({ layer: 'c', toLayer: 2000, local: 20, localFrom: 'a', toOutput: 1 }),
    ];
    assert.match(findingsOf(layers)[0].message, /Start there, where the local factor is 20\.0\.$/u);
  });

  it('takes the nearest earlier use of a layer that is used again', () => {
    const layers = [
      useOf({ layer: 'shared', toLayer: 5, toOutput: 1 }),
      useOf({ layer: 'between', toLayer: 10, local: 2, localFrom: 'shared', toOutput: 1 }),
      useOf({ layer: 'shared', call: 1, toLayer: 1200, local: 120, localFrom: 'between', toOutput: 1 }),
      useOf({ layer: 'last', toLayer: 5000, local: 4, localFrom: 'shared', toOutput: 1 }),
    ];
    const [finding] = findingsOf(layers);
    assert.deepEqual([finding.layer, finding.evidence.start, finding.evidence.startFactor], ['shared', 'shared', 120]);
  });

  it('says nothing at the limit itself, nor of layers without a Jacobian', () => {
    assert.deepEqual(findingsOf(chain({ layer: 'a', toLayer: 1000, toOutput: 1e-4 }, { layer: 'b', toLayer: null, toOutput: null })), []);
    assert.deepEqual(findingsOf([]), []);
  });

  it('names the first layer from which next to nothing arrives, and where most is lost', () => {
    const layers = chain({ layer: 'a', toLayer: 1, toOutput: 2e-4 }, { layer: 'b', toLayer: 1, toOutput: 2e-5 }, { layer: 'c', toLayer: 1, local: 0.01, toOutput: 0.002 }, { layer: 'd', toLayer: 1, local: 0.2, toOutput: 0.5 });
    const [finding] = findingsOf(layers);
    assert.deepEqual([finding.rule, finding.severity, finding.layer], ['jacobian/vanishing', 'warning', 'b']);
    assert.equal(finding.message, 'From `b` to the output at most 2.000 × 10⁻⁵ of a change arrives (median of 5 inputs, limit 10⁻⁴). Most is lost at `c` (local factor 0.0100): add a skip connection or normalisation before it.');
    assert.match(findingsOf(chain({ layer: 'a', toLayer: 1, toOutput: 1e-6 }, { layer: 'b', toLayer: 1, local: 0.5, toOutput: 1e-5 }))[0].message, /Most is lost behind `b` \(factor 1\.00 × 10⁻⁵\)/u);
    assert.match(findingsOf(chain({ layer: 'a', toLayer: 1, toOutput: 0 }))[0].message, /^From `a` to the output nothing of a change arrives/u);
  });

  it('gives a hint for each layer most of whose units are closed, of the use with the most', () => {
    const closed = (share: number, activation = 'Relu') => ({ activation, share, never: 2, units: 8 });
    const layers = [
      useOf({ layer: 'a', toLayer: 1, toOutput: 1, saturation: closed(0.8) }),
      useOf({ layer: 'a', call: 1, toLayer: 1, toOutput: 1, saturation: closed(0.9) }),
      useOf({ layer: 'b', toLayer: 1, toOutput: 1, saturation: closed(0.75) }),
      useOf({ layer: 'c', toLayer: 1, toOutput: 1, saturation: closed(0.76, 'Tanh') }),
    ];
    const findings = findingsOf(layers);
    assert.deepEqual(findings.map(({ rule, severity, layer }) => [rule, severity, layer]), [['jacobian/saturated', 'hint', 'a'], ['jacobian/saturated', 'hint', 'c']]);
    assert.equal(findings[0].message, '`a`: on average 90 % of units pass no derivative (ReLU, 5 inputs, limit 75 %). Usual for ReLU; look here first only if training has stalled.');
    assert.match(findings[1].message, /76 % of units pass next to no derivative \(Tanh, 5 inputs, limit 75 %\)\. They sit at its ends/u);
  });

  const both = chain({ layer: 'a', toLayer: 2000, toOutput: 1e-5, saturation: { activation: 'Relu', share: 0.9, never: 0, units: 8 } });

  it('is of severity information at most where the inputs are made up, unless configured', () => {
    const severities = (circumstances: Circumstances): string[] => findingsOf(both, circumstances).map(({ severity }) => severity);
    assert.deepEqual(severities({}), ['warning', 'warning', 'hint']);
    assert.deepEqual(severities({ source: 'synthetic' }), ['information', 'information', 'hint']);
    assert.deepEqual(severities({ source: 'synthetic', rules: { 'jacobian/exploding': 'error' } }), ['error', 'information', 'hint']);
    for (const { title, message } of findingsOf(both, { source: 'synthetic' })) {
      assert.match(title, /≈ /u);
      assert.match(message, /5 random inputs/u);
    }
  });

  it('follows the configuration, and speaks of the whole network only where all of it was done', () => {
    assert.deepEqual(findingsOf(both, { rules: { 'jacobian/exploding': 'off', 'jacobian/vanishing': { thresholds: { stretch: 1e-6 } }, 'jacobian/saturated': { severity: 'warning', thresholds: { share: 0.5 } } } }).map(({ rule, severity }) => [rule, severity]), [['jacobian/saturated', 'warning']]);
    assert.deepEqual(findingsOf(both, { complete: false }).map(({ rule }) => rule), ['jacobian/saturated']);
  });

  it('keeps to 60 characters of title and 240 of message, whatever the names are', () => {
    const long = (tail: string): string => `${'encoder.'.repeat(20)}${tail}`;
    const basis = { n: 12_345, synthetic: true, exact: false, limit: 1.234e-5 };
    const start = { layer: long('start'), factor: 1.2345e-7, behind: false };
    const texts = [
      explodingText(long('a'), 1.234567e7, { layer: long('b'), stretch: 1.234567e8 }, start, basis),
      explodingText(long('a'), 1.234567e7, null, null, basis),
      vanishingText(long('a'), 1.234567e-7, start, basis),
      vanishingText(long('a'), 1.234567e-7, { ...start, behind: true }, basis),
      saturatedText(long('a'), 'ThresholdedRelu', 0.999999, basis),
      saturatedText(long('a'), 'HardSigmoid', 0.999999, basis),
    ];
    for (const { title, message } of texts) {
      assert.ok(title.length <= 60, `${title.length}: ${title}`);
      assert.ok(message.length <= 240, `${message.length}: ${message}`);
    }
  });
});
