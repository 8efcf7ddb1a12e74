import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { ConfigurationError, emptyConfiguration, findConfiguration, inputsFor, mergeRules, parseConfiguration, readConfiguration } from '../../../server/configuration.js';
import { rules } from '../../../server/report/rules.js';

const schema = JSON.parse(readFileSync('server/configuration.schema.json', 'utf8')) as { properties: { rules: { properties: Record<string, { anyOf: [unknown, { properties: { thresholds: { properties: object } } }] }> } } };
const matches = new Ajv({ strict: false }).compile(schema);

const wrong: [unknown, RegExp][] = [
  [[], /the document is \[\]; allowed: an object/],
  [{ rule: {} }, /the document has no "rule"; allowed: rules, silence, gates, models, inputs/],
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
  [{ inputs: { file: 'x.npz' } }, /inputs is \{"file":"x\.npz"\}; allowed: a list/],
  [{ inputs: [{}] }, /inputs\[0\]\.file is missing; allowed: a text/],
  [{ inputs: [{ file: '' }] }, /inputs\[0\]\.file is ""/],
  [{ inputs: [{ file: 'x', model: '*' }] }, /inputs\[0\] has no "model"; allowed: models, file, labels, preprocess, layout, range, resize, samples/],
  [{ inputs: [{ file: 'x', models: ['*'] }] }, /inputs\[0\]\.models is \["\*"\]; allowed: a text/],
  [{ inputs: [{ file: 'x', labels: 3 }] }, /inputs\[0\]\.labels is 3; allowed: a text/],
  [{ inputs: [{ file: 'x' }, { file: 'x', preprocess: true }] }, /inputs\[1\]\.preprocess is true; allowed: a text/],
  [{ inputs: [{ file: 'x', layout: 'NHWC' }] }, /inputs\[0\]\.layout is "NHWC"; allowed: "nchw", "nhwc"/],
  [{ inputs: [{ file: 'x', range: '0,1' }] }, /inputs\[0\]\.range is "0,1"; allowed: the smallest and the largest value, e\.g\. \[0, 1\]/],
  [{ inputs: [{ file: 'x', range: [0] }] }, /inputs\[0\]\.range is \[0\]/],
  [{ inputs: [{ file: 'x', range: [0, 1, 2] }] }, /inputs\[0\]\.range is \[0,1,2\]/],
  [{ inputs: [{ file: 'x', resize: 'yes' }] }, /inputs\[0\]\.resize is "yes"; allowed: true, false/],
  [{ inputs: [{ file: 'x', samples: 0 }] }, /inputs\[0\]\.samples is 0; allowed: a whole number from 1/],
  [{ inputs: [{ file: 'x', samples: 1.5 }] }, /inputs\[0\]\.samples is 1\.5/],
];

/** What a schema cannot say. */
const wrongOptions: [unknown, RegExp][] = [
  [{ inputs: [{ file: 'x', preprocess: 'x/256' }] }, /: inputs\[0\]\.preprocess has 'x\/256', which is no step of "\[x\/255\]/],
  [{ inputs: [{ file: 'x', preprocess: 'mean=0.5 x/255' }] }, /: inputs\[0\]\.preprocess has x\/255 after mean/],
  [{ inputs: [{ file: 'x', range: [1, 0] }] }, /: inputs\[0\]\.range 1,0 begins at 1 and ends at 0/],
];

describe('configuration', () => {
  it('takes what the schema and the documentation show', () => {
    const value = {
      $schema: './configuration.schema.json',
      rules: { 'weights/duplicate': 'off', 'weights/ill-conditioned': { severity: 'warning', thresholds: { conditionNumber: 1e6 } }, 'weights/constant': {} },
      silence: [{ rule: 'weights/duplicate', layer: 'decoder', reason: 'tied on purpose' }, { rule: 'weights/constant', reason: 'x' }],
      gates: ['error', 'weights/dead-units>2'],
      models: { exclude: ['**/old/**'] },
      inputs: [{ models: 'models/*.onnx', file: 'data/test.npz#x', labels: 'data/labels.npy', preprocess: 'x/255 mean=0.1307 std=0.3081', layout: 'nhwc', range: [0, 1], resize: true, samples: 20 }, { file: 'pictures' }],
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

  it('refuses what the options of the same names would', () => {
    for (const [value, sentence] of wrongOptions) assert.throws(() => parseConfiguration(JSON.stringify(value), 'sigmascope.json'), (error) => error instanceof ConfigurationError && error.message.startsWith('sigmascope.json: ') && sentence.test(error.message), JSON.stringify(value));
  });

  it('gives a model the first inputs that match it, from its own folder', async () => {
    const configuration = parseConfiguration(JSON.stringify({ inputs: [
      { models: 'models/*.onnx', file: 'data/test.npz#x', labels: '../labels.npy', preprocess: 'x/255', layout: 'nhwc', range: [-1, 0.5], resize: true, samples: 20 },
      { models: '**/[ab].onnx', file: '/absolute.npz' },
      { models: 'odd[1].onnx', file: 'odd' },
      { models: '**/late/**', file: 'late' },
      { models: '/apart/c.onnx', file: 'named' },
    ] }), 'x');
    const at = async (model: string): Promise<string | undefined> => (await inputsFor(configuration, '/project/sigmascope.json', model))?.request.file;
    assert.deepEqual(await inputsFor(configuration, '/project/sigmascope.json', '/project/models/a.onnx'), {
      request: { file: '/project/data/test.npz#x', labels: '/labels.npy', preprocess: 'x/255', layout: 'nhwc', range: '-1,0.5', resize: true },
      samples: 20,
    });
    assert.deepEqual(await inputsFor(configuration, '/project/sigmascope.json', '/project/other/deep/a.onnx'), { request: { file: '/absolute.npz', labels: null, preprocess: null, layout: null, range: null, resize: false }, samples: null });
    assert.equal(await at('/project/a.onnx'), '/absolute.npz');
    assert.equal(await at('/project/odd[1].onnx'), '/project/odd');
    assert.equal(await at('/project/x/late/c.onnx'), '/project/late');
    assert.equal(await at('/apart/c.onnx'), '/project/named');
    assert.equal(await at('/project/models/deeper/c.onnx'), undefined);
    assert.equal(await at('/models/a.onnx'), undefined);
    assert.equal(await inputsFor(emptyConfiguration, '/project/sigmascope.json', '/project/a.onnx'), null);
    assert.notEqual(await inputsFor(parseConfiguration('{"inputs":[{"file":"x"}]}', 'x'), '/project/sigmascope.json', '/elsewhere/a.onnx'), null);
  });

  it('tells the line of a mistake in the JSON', () => {
    assert.throws(() => parseConfiguration('{\n  "rules": {\n}', 'a.json'), /^ConfigurationError: a\.json is not JSON: line 3: /);
    assert.throws(() => parseConfiguration('{\n  "gates": [,]\n}', 'a.json'), /line 2: /);
  });

  it('knows in its schema every rule and every threshold, and no other', () => {
    const described = Object.fromEntries(Object.entries(schema.properties.rules.properties).map(([rule, { anyOf }]) => [rule, Object.keys(anyOf[1].properties.thresholds.properties).sort()]));
    assert.deepEqual(described, Object.fromEntries(Object.values(rules).map(({ id, thresholds }) => [id, Object.keys(thresholds).sort()])));
  });

  it('never fails in another way', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.record({ rules: fc.jsonValue(), silence: fc.array(fc.jsonValue()), gates: fc.jsonValue(), inputs: fc.array(fc.oneof(fc.jsonValue(), fc.record({ file: fc.string(), preprocess: fc.string(), range: fc.jsonValue() }, { requiredKeys: ['file'] }))) }).map((value) => JSON.stringify(value))), (text) => {
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
