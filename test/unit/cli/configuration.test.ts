import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { ConfigurationError, emptyConfiguration, findConfiguration, mergeRules, parseConfiguration, readConfiguration } from '../../../server/configuration.js';
import { weightRules } from '../../../server/report/rules.js';

const schema = JSON.parse(readFileSync('server/configuration.schema.json', 'utf8')) as { properties: { rules: { properties: Record<string, { anyOf: [unknown, { properties: { thresholds: { properties: object } } }] }> } } };
const matches = new Ajv({ strict: false }).compile(schema);

const wrong: [unknown, RegExp][] = [
  [[], /the document is \[\]; allowed: an object/],
  [{ rule: {} }, /the document has no "rule"; allowed: rules, silence, gates, models/],
  [{ rules: { 'weights/dead': 'off' } }, /a name in rules is "weights\/dead"; allowed: weights\/non-finite,/],
  [{ rules: { 'weights/constant': 'loud' } }, /rules\["weights\/constant"\] is "loud"; allowed: "off", "error"/],
  [{ rules: { 'weights/constant': 3 } }, /rules\["weights\/constant"\] is 3; allowed: a severity or an object/],
  [{ rules: { 'weights/constant': { level: 3 } } }, /has no "level"; allowed: severity, thresholds/],
  [{ rules: { 'weights/constant': { thresholds: { level: 3 } } } }, /thresholds has no "level"; allowed: elements/],
  [{ rules: { 'weights/duplicate': { thresholds: { level: 3 } } } }, /thresholds has no "level"; nothing is allowed here/],
  [{ rules: { 'weights/constant': { thresholds: { elements: 'many' } } } }, /thresholds\.elements is "many"; allowed: a number/],
  [{ silence: {} }, /silence is \{\}; allowed: a list/],
  [{ silence: [{ rule: 'weights/constant' }] }, /silence\[0\]\.reason is missing/],
  [{ silence: [{ rule: 'weights/constant', reason: '  ' }] }, /silence\[0\]\.reason is " {2}"; allowed: why/],
  [{ silence: [{ rule: 'weights/none', reason: 'x' }] }, /silence\[0\]\.rule is "weights\/none"/],
  [{ silence: [{ rule: 'weights/constant', reason: 'x', layer: '' }] }, /silence\[0\]\.layer is ""/],
  [{ gates: ['error', 1] }, /gates\[1\] is 1; allowed: a text/],
  [{ models: { exclude: 'x' } }, /models\.exclude is "x"; allowed: a list/],
];

describe('configuration', () => {
  it('takes what the schema and the documentation show', () => {
    const value = {
      $schema: './configuration.schema.json',
      rules: { 'weights/duplicate': 'off', 'weights/ill-conditioned': { severity: 'warning', thresholds: { conditionNumber: 1e6 } }, 'weights/constant': {} },
      silence: [{ rule: 'weights/duplicate', layer: 'decoder', reason: 'tied on purpose' }, { rule: 'weights/constant', reason: 'x' }],
      gates: ['error', 'weights/dead-units>2'],
      models: { exclude: ['**/old/**'] },
    };
    assert.ok(matches(value), JSON.stringify(matches.errors));
    const parsed = parseConfiguration(JSON.stringify(value), 'sigmascope.json');
    assert.deepEqual({ $schema: value.$schema, ...parsed }, value);
    assert.deepEqual(parseConfiguration('\uFEFF{}', 'sigmascope.json'), emptyConfiguration);
  });

  it('refuses the rest with the place, the value and what is allowed, as the schema does', () => {
    for (const [value, sentence] of wrong) {
      const text = JSON.stringify(value);
      assert.throws(() => parseConfiguration(text, 'sigmascope.json'), (error) => error instanceof ConfigurationError && error.message.startsWith('sigmascope.json: ') && sentence.test(error.message), text);
      assert.ok(!matches(value), `${text} passes the schema`);
    }
  });

  it('tells the line of a mistake in the JSON', () => {
    assert.throws(() => parseConfiguration('{\n  "rules": {\n}', 'a.json'), /^ConfigurationError: a\.json is not JSON: line 3: /);
    assert.throws(() => parseConfiguration('{\n  "gates": [,]\n}', 'a.json'), /line 2: /);
  });

  it('knows in its schema every rule and every threshold, and no other', () => {
    const described = Object.fromEntries(Object.entries(schema.properties.rules.properties).map(([rule, { anyOf }]) => [rule, Object.keys(anyOf[1].properties.thresholds.properties).sort()]));
    assert.deepEqual(described, Object.fromEntries(Object.values(weightRules).map(({ id, thresholds }) => [id, Object.keys(thresholds).sort()])));
  });

  it('never fails in another way', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.record({ rules: fc.jsonValue(), silence: fc.array(fc.jsonValue()), gates: fc.jsonValue() }).map((value) => JSON.stringify(value))), (text) => {
        try {
          parseConfiguration(text, 'x');
        } catch (error) {
          assert.ok(error instanceof ConfigurationError, String(error));
          assert.ok(!error.message.includes('\n'));
        }
      }),
    );
  });

  it('is the nearest one above the model, and none above the workspace folder', () => {
    const root = mkdtempSync(path.join(tmpdir(), 'configuration-'));
    try {
      const deep = path.join(root, 'a', 'b', 'c');
      mkdirSync(deep, { recursive: true });
      const model = path.join(deep, 'model.onnx');
      writeFileSync(path.join(root, 'sigmascope.json'), '{"gates":["hint"]}');
      assert.equal(findConfiguration(model), path.join(root, 'sigmascope.json'));
      assert.equal(findConfiguration(model, path.join(root, 'a')), null);
      assert.equal(findConfiguration(model, root), path.join(root, 'sigmascope.json'));
      writeFileSync(path.join(root, 'a', 'sigmascope.json'), '{"gates":["error"]}');
      assert.deepEqual(readConfiguration(findConfiguration(model) ?? '').gates, ['error']);
      assert.throws(() => readConfiguration(path.join(root, 'none.json')), /does not exist/);
      assert.throws(() => readConfiguration(root), /cannot be read \(EISDIR\)/);
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  it('comes before the editor\u2019s settings', () => {
    assert.deepEqual(mergeRules({ a: 'off', b: 'hint' }, { b: 'error' }), { a: 'off', b: 'error' });
  });
});
