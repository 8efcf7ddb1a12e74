import assert from 'node:assert/strict';
import { parseReport, ReportFileError } from '../../../server/report/validate.js';
import { smallClassifier } from '../../support/oddReports.js';

/** The sentence for a file with this content. */
function refusal(content: unknown): ReportFileError {
  try {
    parseReport(typeof content === 'string' ? content : JSON.stringify(content), 'saved.json');
  } catch (error) {
    assert.ok(error instanceof ReportFileError);
    assert.doesNotMatch(error.message, /\n/u, 'one sentence on one line');
    return error;
  }
  return assert.fail('the file was accepted');
}

describe('parseReport', () => {
  it('reads back what was written, also with a byte order mark', () => {
    const report = smallClassifier();
    assert.deepEqual(parseReport(`\uFEFF${JSON.stringify(report)}`, 'saved.json'), report);
  });

  it('says that a file is not JSON', () => {
    for (const text of ['', 'not json', '{"schemaVersion":1', '\u0000\u0001', JSON.stringify(smallClassifier()).slice(0, 500)]) {
      const error = refusal(text);
      assert.equal(error.code, 'report/not-json');
      assert.match(error.message, /^saved\.json is not JSON .*--format json\.$/u);
    }
  });

  it('says that JSON is not a report', () => {
    for (const text of ['null', '3', '"text"', '[]', '{}', '{"layers":[]}']) assert.equal(refusal(text).code, 'report/not-a-report');
  });

  it('names the version of a report from another time', () => {
    const error = refusal({ ...smallClassifier(), schemaVersion: 2 });
    assert.equal(error.code, 'report/version');
    assert.match(error.message, /schemaVersion 2, and this version of Sigmascope reads 1/u);
  });

  it('names the first wrong field with its value', () => {
    const report = smallClassifier();
    const cases: [change: (copy: ReturnType<typeof smallClassifier>) => unknown, message: string][] = [
      [(copy) => Reflect.deleteProperty(copy, 'layers'), 'layers is missing, expected an array'],
      [(copy) => Object.assign(copy.layers[1], { matrixShape: '16 × 72' }), 'layers[1].matrixShape is "16 × 72", expected an array'],
      [(copy) => Object.assign(copy.layers[1], { matrixShape: [1] }), 'layers[1].matrixShape is an array of 1, expected exactly 2'],
      [(copy) => Object.assign(copy.layers[0].spectrum ?? {}, { singularValues: [1, null] }), 'layers[0].spectrum.singularValues[1] is null, expected a number'],
      [(copy) => Object.assign(copy.layers[0].metrics ?? {}, { conditionNumber: 'inf' }), 'layers[0].metrics.conditionNumber is "inf", expected a number or "Infinity" or null'],
      [(copy) => Object.assign(copy.model, { opset: { 'ai.onnx': '9' } }), 'model.opset["ai.onnx"] is "9", expected a number'],
      [(copy) => Object.assign(copy.layers[1].findings[0], { severity: 'fatal' }), 'layers[1].findings[0].severity is "fatal", expected one of "error", "warning", "information", "hint"'],
    ];
    for (const [change, message] of cases) {
      const copy = structuredClone(report);
      change(copy);
      assert.equal(refusal(copy).message, `saved.json is not a whole Sigmascope report: ${message}.`);
    }
  });

  it('refuses numbers beyond float64 and keeps strange keys harmless', () => {
    const text = JSON.stringify(smallClassifier());
    assert.match(refusal(text.replace('"seed":0', '"seed":1e999')).message, /settings\.seed is Infinity, expected a number/u);
    const polluted = parseReport(text.replace('"seed":0', '"seed":0,"__proto__":{"polluted":true}'), 'saved.json');
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    assert.equal(polluted.settings.seed, 0);
  });

  it('cuts long values', () => {
    const report = smallClassifier();
    assert.ok(refusal({ ...report, model: { ...report.model, format: 'x'.repeat(1e5) } }).message.length < 300);
  });
});
