// Writes server/report/report.schema.json from the type Report of server/report/report.ts.
//   node tools/schema.mjs [--check]      --check: compare only, exit code 1 where the committed schema is old
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createFormatter, createParser, SchemaGenerator } from 'ts-json-schema-generator';
import ts from 'typescript';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const target = path.join(root, 'server', 'report', 'report.schema.json');

/** The schema as text, keys sorted, so that two generations of one type are the same bytes. */
export function generateSchema() {
  const source = path.join(root, 'server', 'report', 'report.ts');
  // A program of our own: the report's types use nothing but the language, and createGenerator() would read all of @types.
  const program = ts.createProgram([source], { strict: true, noEmit: true, lib: ['lib.es5.d.ts'], types: [] });
  const settings = {
    path: source,
    type: 'Report',
    sortProps: true,
    expose: 'export',
    topRef: true,
    jsDoc: 'extended',
    // Reports of later versions carry more fields: an older reader passes over what it does not know.
    additionalProperties: true,
    extraTags: [],
    encodeRefs: true,
    functions: 'comment',
    discriminatorType: 'json-schema',
  };
  const schema = new SchemaGenerator(program, createParser(program, settings), createFormatter(settings), settings).createSchema('Report');
  const titled = {
    $schema: schema.$schema,
    $id: 'report.schema.json',
    title: 'Sigmascope report, schemaVersion 1',
    $ref: schema.$ref,
    definitions: schema.definitions,
  };
  return `${JSON.stringify(titled, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = generateSchema();
  const current = existsSync(target) ? readFileSync(target, 'utf8') : '';
  if (process.argv.includes('--check')) {
    if (text !== current) {
      console.error('server/report/report.schema.json is older than report.ts: run node tools/schema.mjs');
      process.exitCode = 1;
    }
  } else if (text !== current) {
    writeFileSync(target, text);
  }
}
