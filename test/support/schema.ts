import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';

type Node = Record<string, unknown>;

/** The published schema; `closed` also forbids fields that it does not list, to catch misspelt ones in what we write. */
export function reportValidator(closed: boolean): ValidateFunction {
  const schema = JSON.parse(readFileSync('server/report/report.schema.json', 'utf8')) as Node;
  return new Ajv({ allErrors: false, allowUnionTypes: true }).compile(closed ? close(schema) : schema);
}

let strict: ValidateFunction | null = null;

/** Asserts that a value is a report by the published schema, without any field beside it. */
export function assertValidReport(report: unknown): void {
  strict ??= reportValidator(true);
  // As written to a file: absent fields may be `undefined` in memory.
  const written: unknown = JSON.parse(JSON.stringify(report));
  assert.ok(strict(written), `Not a report by the schema: ${JSON.stringify(strict.errors?.[0])}`);
}

function close(node: unknown): Node {
  if (Array.isArray(node)) return node.map(close) as unknown as Node;
  if (typeof node !== 'object' || node === null) return node as Node;
  const closed: Node = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, close(value)]));
  if (closed.type === 'object' && typeof closed.properties === 'object' && closed.additionalProperties === undefined) closed.additionalProperties = false;
  return closed;
}
