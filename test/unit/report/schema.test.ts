import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { schemaProblem, type SchemaNode } from '../../../server/report/validate.js';
import { oddReports, smallClassifier } from '../../support/oddReports.js';
import { assertValidReport, reportValidator } from '../../support/schema.js';

const schemaPath = path.join('server', 'report', 'report.schema.json');

describe('report schema', () => {
  it('is what tools/schema.mjs generates from report.ts', async function () {
    this.timeout(30000);
    const tool = (await import(pathToFileURL(path.resolve('tools', 'schema.mjs')).href)) as { generateSchema: () => string };
    assert.equal(readFileSync(schemaPath, 'utf8'), tool.generateSchema(), 'run npm run schema');
  });

  it('uses only the keywords that the reader of saved reports knows', () => {
    const known = new Set(['$schema', '$id', '$ref', 'title', 'description', 'definitions', 'type', 'const', 'enum', 'anyOf', 'properties', 'required', 'additionalProperties', 'items', 'minItems', 'maxItems']);
    const visit = (node: SchemaNode): void => {
      for (const key of Object.keys(node)) assert.ok(known.has(key), `unknown keyword ${key}`);
      for (const child of [...Object.values(node.properties ?? {}), ...Object.values(node.definitions ?? {}), ...(node.anyOf ?? [])]) visit(child);
      for (const item of Array.isArray(node.items) ? node.items : node.items ? [node.items] : []) visit(item);
      if (typeof node.additionalProperties === 'object') visit(node.additionalProperties);
    };
    visit(JSON.parse(readFileSync(schemaPath, 'utf8')) as SchemaNode);
  });

  for (const [name, report] of Object.entries(oddReports)) {
    it(`holds for the report ${name}, without a field beside it`, () => assertValidReport(report()));
  }

  it('notices a misspelt field of our own reports', () => {
    assert.throws(() => assertValidReport({ ...smallClassifier(), finding: [] }), /additional/u);
  });
});

describe('reader of saved reports', () => {
  const ajv = reportValidator(false);
  const base = smallClassifier();
  base.layers = base.layers.slice(0, 2);
  const places = pathsOf(JSON.parse(JSON.stringify(base)), []);
  const replacements: unknown[] = [null, 0, -1, 1e308, '', 'x', 'Infinity', 'onnx', true, [], [1], [1, 2], ['a'], {}, { extra: 1 }];

  it('agrees with ajv on reports with a field replaced or removed', () => {
    let wrong = 0;
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.constantFrom(...replacements, undefined), (place, value) => {
        const report: unknown = JSON.parse(JSON.stringify(base));
        change(report, place, value);
        const expected = ajv(report);
        const problem = schemaProblem(report);
        if (problem !== null) wrong++;
        assert.equal(problem === null, expected, `${place.join('.')} := ${JSON.stringify(value)}: ${JSON.stringify(problem)} against ${JSON.stringify(ajv.errors?.[0])}`);
      }),
      { numRuns: 1500, seed: 7 },
    );
    assert.ok(wrong > 300, 'most changes should break the report');
  });

  it('passes over fields that it does not know, at every depth', () => {
    const report = smallClassifier();
    const later = { ...report, novelty: { a: 1 }, model: { ...report.model, colour: 'blue' }, layers: report.layers.map((layer) => ({ ...layer, extra: [null] })) };
    assert.equal(schemaProblem(later), null);
  });
});

type Place = (string | number)[];

/** Paths of all fields and of the first two items of arrays. */
function pathsOf(value: unknown, at: Place): Place[] {
  if (typeof value !== 'object' || value === null) return [at];
  const children = Array.isArray(value) ? value.slice(0, 2).map((item, i) => [i, item] as const) : Object.entries(value);
  return [...(at.length > 0 ? [at] : []), ...children.flatMap(([key, child]) => pathsOf(child, [...at, key]))];
}

function change(root: unknown, place: Place, value: unknown): void {
  let at = root as Record<string | number, unknown>;
  for (const key of place.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  const last = place[place.length - 1];
  if (value === undefined && !Array.isArray(at)) Reflect.deleteProperty(at, last);
  else at[last] = value ?? null;
}
