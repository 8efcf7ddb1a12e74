import assert from 'node:assert/strict';
import { renderReport } from '../../../server/report/index.js';
import { artifactLocation } from '../../../server/report/render/sarif.js';
import { ruleIds } from '../../../server/report/rules.js';
import { cutOff, hostile, noLayers, oddReports, skippedOnly, troubled } from '../../support/oddReports.js';

interface Sarif {
  $schema: string;
  version: string;
  runs: {
    tool: { driver: { name: string; semanticVersion: string; rules: { id: string; shortDescription: { text: string }; fullDescription: { text: string }; help: { text: string }; defaultConfiguration: { level: string } }[] } };
    invocations: { executionSuccessful: boolean; toolExecutionNotifications: { level: string; message: { text: string } }[] }[];
    artifacts: { location: { uri: string }; hashes?: Record<string, string> }[];
    results: {
      ruleId: string;
      ruleIndex: number;
      level: string;
      message: { text: string };
      locations: { physicalLocation: { artifactLocation: { uri: string } }; logicalLocations?: { fullyQualifiedName: string }[] }[];
      partialFingerprints: Record<string, string>;
      suppressions?: { kind: string; justification: string }[];
    }[];
  }[];
}
const sarifOf = (report: ReturnType<typeof troubled>): Sarif['runs'][number] => {
  const sarif = JSON.parse(renderReport('sarif', report)) as Sarif;
  assert.equal(sarif.version, '2.1.0');
  assert.match(sarif.$schema, /sarif-2\.1\.0\.json$/u);
  assert.equal(sarif.runs.length, 1);
  return sarif.runs[0];
};

describe('sarif', () => {
  for (const [name, report] of Object.entries(oddReports)) {
    it(`of ${name} refers to its own rules and file`, () => {
      const run = sarifOf(report());
      const { rules } = run.tool.driver;
      assert.deepEqual(rules.map((rule) => rule.id).slice(0, ruleIds.length), ruleIds);
      for (const rule of rules) {
        assert.match(rule.shortDescription.text, /\.$/u);
        assert.ok(['error', 'warning', 'note'].includes(rule.defaultConfiguration.level));
        assert.match(rule.help.text, new RegExp(`docs/rules/${rule.id}\\.md`, 'u'));
      }
      assert.equal(run.results.length, report().findings.length);
      for (const result of run.results) {
        assert.equal(rules[result.ruleIndex].id, result.ruleId);
        assert.ok(['error', 'warning', 'note'].includes(result.level));
        assert.ok(result.message.text.length > 0);
        assert.equal(result.locations[0].physicalLocation.artifactLocation.uri, run.artifacts[0].location.uri);
        assert.doesNotMatch(run.artifacts[0].location.uri, /[\s<>"\\]/u);
      }
    });
  }

  it('maps severities to levels and silenced findings to suppressions', () => {
    const { results } = sarifOf(troubled());
    assert.deepEqual(results.map((result) => result.level), ['error', 'warning', 'warning', 'note', 'note', 'note', 'note']);
    assert.deepEqual(results.map((result) => result.suppressions?.[0].justification), [undefined, undefined, undefined, undefined, undefined, 'tied on purpose', undefined]);
    assert.equal(results[0].locations[0].logicalLocations?.[0].fullyQualifiedName, 'encoder.q');
    for (const kind of ['ruleAndLayer/v1', 'primaryLocationLineHash']) assert.equal(new Set(results.map((result) => result.partialFingerprints[kind])).size, results.length, kind);
    assert.match(results[0].partialFingerprints.primaryLocationLineHash, /^[\da-f]{16}:1$/u);
  });

  it('tells of layers without a result and of runs that were cut off', () => {
    const skipped = sarifOf(skippedOnly()).invocations[0];
    assert.equal(skipped.executionSuccessful, true);
    assert.deepEqual(skipped.toolExecutionNotifications.map((note) => note.message.text), [
      'embedding was passed over: embedding (50\u2009257 × 768) needs 309 MB of memory and the limit is 256 MB; raise --max-memory.',
      'head was passed over: head (50\u2009257 × 1\u2009024) needs 412 MB of memory and the limit is 256 MB; raise --max-memory.',
    ]);
    const told = (name: string): string[] => sarifOf(oddReports[name]()).invocations[0].toolExecutionNotifications.map((note) => note.message.text);
    assert.deepEqual(told('jacobians-refused'), ['The analysis jacobian was passed over: DFT has no derivative rule.']);
    assert.deepEqual(told('jacobians-synthetic'), ['broken (jacobian) was passed over: STFT has no derivative rule.']);
    assert.equal(sarifOf(cutOff()).invocations[0].executionSuccessful, false);
    assert.equal(sarifOf(noLayers()).results.length, 0);
  });

  it('writes paths of every system as URIs', () => {
    const uri = (path: string): string => artifactLocation(path).uri;
    assert.equal(uri('models/a b#1.onnx'), 'models/a%20b%231.onnx');
    assert.equal(uri('./models/./m.onnx'), 'models/m.onnx');
    assert.equal(uri('/home/ü/m.onnx'), 'file:///home/%C3%BC/m.onnx');
    assert.equal(uri('C:\\models\\m.onnx'), 'file:///C:/models/m.onnx');
    assert.equal(uri('\\\\host\\share\\m.onnx'), 'file://host/share/m.onnx');
    assert.equal(uri('a\ud800.onnx'), 'a%EF%BF%BD.onnx');
    assert.equal(sarifOf(hostile()).artifacts[0].location.uri, 'odd/%3Cname%3E%20%26%20co.onnx');
  });
});
