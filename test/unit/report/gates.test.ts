import assert from 'node:assert/strict';
import { evaluateGates, GateError, parseGate } from '../../../server/report/gates.js';
import type { Report } from '../../../server/report/report.js';
import { cutOff, smallClassifier, troubled } from '../../support/oddReports.js';

const failing = (report: Report, ...failOn: string[]): string[] => evaluateGates(report, failOn, null).failed.map(({ gate, reason }) => `${gate}: ${reason}`);
const worse = (report: Report, baseline: Report): string[] => evaluateGates(report, [], baseline).failed.map(({ gate, reason }) => `${gate}: ${reason}`);

describe('--fail-on', () => {
  it('takes a severity as that one or worse', () => {
    // One error, two warnings, three of information that are not silenced.
    assert.deepEqual(failing(troubled(), 'error'), ['--fail-on error: 1 finding of severity error, at most 0 allowed: encoder.q.']);
    assert.deepEqual(failing(troubled(), 'warning>2'), ['--fail-on warning>2: 3 findings of severity warning or worse, at most 2 allowed: encoder.q, encoder.k, encoder.v.']);
    assert.deepEqual(failing(troubled(), 'warning>3'), []);
    assert.equal(failing(troubled(), 'information>5').length, 1);
    assert.equal(failing(troubled(), 'hint>6').length, 0, 'the silenced one does not count');
    assert.deepEqual(failing(smallClassifier(), 'error'), []);
  });

  it('takes rules by name and by glob', () => {
    assert.deepEqual(failing(smallClassifier(), 'weights/dead-units'), ['--fail-on weights/dead-units: 2 findings of weights/dead-units, at most 0 allowed: layer1.0.conv1, linear1.']);
    assert.equal(failing(smallClassifier(), 'weights/dead-units>2').length, 0);
    assert.equal(failing(smallClassifier(), 'weights/*>2').length, 1);
    assert.equal(failing(smallClassifier(), '*>3').length, 0);
    assert.equal(failing(troubled(), 'weights/duplicate').length, 0, 'silenced');
    assert.equal(failing(smallClassifier(), 'error', 'weights/dead*', 'weights/ill-*').length, 2, 'every gate by itself');
  });

  it('refuses what it cannot read, in a sentence that says what there is', () => {
    for (const text of ['', '>3', 'warning>', 'warning>x', 'warning>=3', 'warning<3', 'warning > 3', 'warning>-1', 'error>1e3', 'a b']) {
      assert.throws(() => parseGate(text), (error) => error instanceof GateError && error.message.includes('is not RULE|SEVERITY[>COUNT]'), text);
    }
    for (const text of ['info', 'weights/nan', 'gsvd/*', 'weights', 'Error', 'weights/dead?units']) {
      assert.throws(() => parseGate(text), (error) => error instanceof GateError && error.message.includes('names no severity (error, warning, information, hint) and no rule (weights/non-finite, '), text);
    }
    assert.throws(() => evaluateGates(troubled(), ['nonsense'], null), GateError);
  });

  it('is not slowed down by a glob of many stars', () => {
    const started = process.cpuUsage().user;
    assert.throws(() => parseGate(`${'*w*e*'.repeat(12)}x`), GateError);
    assert.ok(process.cpuUsage(undefined).user - started < 5e6);
  });
});

describe('--baseline', () => {
  it('passes what is the same or better', () => {
    assert.deepEqual(worse(troubled(), troubled()), []);
    const healed = smallClassifier();
    healed.findings = [];
    assert.deepEqual(worse(healed, smallClassifier()), []);
  });

  it('fails on a new warning, by rule and layer', () => {
    const before = smallClassifier();
    before.findings = before.findings.filter((finding) => finding.layer !== 'linear1');
    assert.deepEqual(worse(smallClassifier(), before), ['--baseline: linear1: new warning weights/dead-units (4 of 100 units are dead).']);
  });

  it('leaves new information alone, and findings that the baseline had silenced', () => {
    const before = smallClassifier();
    before.findings = before.findings.filter((finding) => finding.severity !== 'information').map((finding) => ({ ...finding, silenced: 'known' }));
    assert.deepEqual(worse(smallClassifier(), before), []);
  });

  it('fails on a raised severity', () => {
    const before = smallClassifier();
    before.findings = before.findings.map((finding) => ({ ...finding, severity: 'hint' }));
    assert.deepEqual(worse(smallClassifier(), before), ['--baseline: layer1.0.conv1: weights/dead-units was hint and is warning now.', '--baseline: linear1: weights/dead-units was hint and is warning now.']);
  });

  it('fails on a layer that became non-finite although its rule is off, unless it is silenced', () => {
    const now = smallClassifier();
    Object.assign(now.layers[0], { spectrum: null, metrics: null });
    now.layers[0].health.nonFinite = { count: 2, firstIndex: 0 };
    assert.deepEqual(worse(now, smallClassifier()), ['--baseline: conv1: 2 values that are not finite, none in the baseline.']);
    now.findings.push({ ...now.findings[0], rule: 'weights/non-finite', severity: 'error', layer: 'conv1', silenced: 'a test' });
    assert.deepEqual(worse(now, smallClassifier()), []);
  });

  it('fails on a layer that had numbers and was passed over now, not on one that is gone', () => {
    const now = smallClassifier();
    now.layers = now.layers.slice(2);
    assert.deepEqual(worse(now, smallClassifier()), []);
    now.skipped.push({ layer: 'conv1', reason: 'needs 9 GB' });
    Object.assign(now.layers[0], { spectrum: null, metrics: null });
    assert.deepEqual(worse(now, smallClassifier()), [
      '--baseline: layer1.0.shortcut.0: had numbers in the baseline and was passed over now.',
      '--baseline: conv1: had numbers in the baseline and was passed over now (needs 9 GB).',
    ]);
  });

  it('does not compare with an unfinished baseline', () => {
    assert.throws(() => evaluateGates(smallClassifier(), [], cutOff()), (error) => error instanceof GateError && /^The baseline of resnet_2b\.onnx is incomplete \(timeout after 2 of 5 layers\); save a whole report first\.$/u.test(error.message));
  });
});
