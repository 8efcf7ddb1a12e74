import type { Report } from './report.js';
import schema from './report.schema.json';

/** Larger files are refused before they are read: V8's longest string is 512 MB, and a report of 10,000 layers has about 100 MB. */
export const maximumReportBytes = 500e6;

/** A file that is not a report which this version reads: one sentence for the user. */
export class ReportFileError extends Error {
  /** @param code stable, for programs */
  constructor(
    readonly code: 'report/not-json' | 'report/not-a-report' | 'report/version' | 'report/invalid',
    message: string,
  ) {
    super(message);
    this.name = 'ReportFileError';
  }
}

/** Where a value breaks the schema: its path in the document, what stands there, what may stand there. */
export interface SchemaProblem {
  path: string;
  found: string;
  expected: string;
}

/** The keywords of JSON Schema that report.schema.json uses; a test keeps it at these. */
export interface SchemaNode {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: SchemaNode[];
  properties?: Record<string, SchemaNode>;
  required?: string[];
  additionalProperties?: SchemaNode | boolean;
  items?: SchemaNode | SchemaNode[];
  minItems?: number;
  maxItems?: number;
  definitions?: Record<string, SchemaNode>;
}

/**
 * Reads a saved report. Fields that this version does not know are passed over, so that reports of later
 * versions with the same `schemaVersion` open.
 *
 * @param text content of the file
 * @param name how the sentence names the file
 * @throws ReportFileError naming the first wrong field and its value
 */
export function parseReport(text: string, name: string): Report {
  let value: unknown;
  try {
    value = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  } catch (error) {
    const detail = error instanceof Error ? ` (${oneLine(error.message)})` : '';
    throw new ReportFileError('report/not-json', `${name} is not JSON${detail}; give a report saved with --format json.`);
  }
  if (!isRecord(value) || !('schemaVersion' in value)) {
    throw new ReportFileError('report/not-a-report', `${name} is not a Sigmascope report: schemaVersion is missing; give a report saved with --format json.`);
  }
  if (value.schemaVersion !== 1) {
    throw new ReportFileError('report/version', `${name} has schemaVersion ${show(value.schemaVersion)}, and this version of Sigmascope reads 1; analyse the model again.`);
  }
  const problem = schemaProblem(value);
  if (problem !== null) {
    throw new ReportFileError('report/invalid', `${name} is not a whole Sigmascope report: ${problem.path} is ${problem.found}, expected ${problem.expected}.`);
  }
  return value as unknown as Report;
}

/** The first place where `value` is not a Report, or null. Cost: one pass over the document. */
export function schemaProblem(value: unknown): SchemaProblem | null {
  return check(value, schema, '');
}

function check(value: unknown, node: SchemaNode, path: string): SchemaProblem | null {
  if (node.$ref !== undefined) return check(value, definition(node.$ref), path);
  if (node.anyOf !== undefined) return checkAnyOf(value, node.anyOf, path);
  if ('const' in node) return value === node.const ? null : problem(value, path, show(node.const));
  if (node.enum !== undefined) return node.enum.includes(value) ? null : problem(value, path, `one of ${node.enum.map(show).join(', ')}`);
  if (node.type !== undefined) {
    const types = Array.isArray(node.type) ? node.type : [node.type];
    if (!types.some((type) => hasType(value, type))) return problem(value, path, types.map(article).join(' or '));
  }
  if (Array.isArray(value)) return checkArray(value, node, path);
  return isRecord(value) ? checkObject(value, node, path) : null;
}

/** Of several wrong branches the one that got furthest is told: it is the one that was meant. */
function checkAnyOf(value: unknown, branches: SchemaNode[], path: string): SchemaProblem | null {
  let deepest: SchemaProblem | null = null;
  const expected: string[] = [];
  for (const branch of branches) {
    const found = check(value, branch, path);
    if (found === null) return null;
    if (found.path === (path === '' ? 'the document' : path)) expected.push(found.expected);
    if (deepest === null || found.path.length > deepest.path.length) deepest = found;
  }
  if (deepest === null || expected.length === branches.length) return problem(value, path, expected.join(' or '));
  return deepest;
}

function checkArray(value: unknown[], node: SchemaNode, path: string): SchemaProblem | null {
  if (value.length < (node.minItems ?? 0) || value.length > (node.maxItems ?? Infinity)) {
    const { minItems, maxItems } = node;
    const expected = minItems === maxItems ? `exactly ${minItems ?? 0}` : `at least ${minItems ?? 0}`;
    return { path: place(path), found: `an array of ${value.length}`, expected };
  }
  const { items } = node;
  if (items === undefined) return null;
  for (let i = 0; i < value.length; i++) {
    const item = Array.isArray(items) ? items[i] : items;
    // Long arrays of numbers are most of a report: they are passed without building their paths.
    if (!Array.isArray(items) && items.type === 'number' && typeof value[i] === 'number' && Number.isFinite(value[i])) continue;
    const found = check(value[i], item, `${path}[${i}]`);
    if (found !== null) return found;
  }
  return null;
}

function checkObject(value: Record<string, unknown>, node: SchemaNode, path: string): SchemaProblem | null {
  for (const key of node.required ?? []) {
    if (!Object.hasOwn(value, key)) return { path: join(path, key), found: 'missing', expected: expectation(node.properties?.[key]) };
  }
  for (const [key, property] of Object.entries(node.properties ?? {})) {
    if (!Object.hasOwn(value, key)) continue;
    const found = check(value[key], property, join(path, key));
    if (found !== null) return found;
  }
  const others = node.additionalProperties;
  if (typeof others !== 'object') return null;
  for (const [key, item] of Object.entries(value)) {
    if (node.properties !== undefined && Object.hasOwn(node.properties, key)) continue;
    const found = check(item, others, join(path, key));
    if (found !== null) return found;
  }
  return null;
}

function definition(reference: string): SchemaNode {
  const definitions = schema.definitions as Record<string, SchemaNode>;
  return definitions[decodeURIComponent(reference.slice('#/definitions/'.length))];
}

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isRecord(value);
    case 'number':
      return typeof value === 'number' && Number.isFinite(value);
    default:
      return typeof value === type;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function problem(value: unknown, path: string, expected: string): SchemaProblem {
  return { path: place(path), found: show(value), expected };
}

function place(path: string): string {
  return path === '' ? 'the document' : path;
}

function join(path: string, key: string): string {
  const step = /^[A-Za-z_][A-Za-z0-9_]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}${step}`;
}

function expectation(node: SchemaNode | undefined): string {
  if (node === undefined) return 'a value';
  if (node.$ref !== undefined) return expectation(definition(node.$ref));
  if (node.anyOf !== undefined) return node.anyOf.map(expectation).join(' or ');
  if ('const' in node) return show(node.const);
  if (node.enum !== undefined) return `one of ${node.enum.map(show).join(', ')}`;
  const types = node.type === undefined ? [] : Array.isArray(node.type) ? node.type : [node.type];
  return types.length === 0 ? 'a value' : types.map(article).join(' or ');
}

function article(type: string): string {
  if (type === 'null') return 'null';
  return type === 'array' || type === 'object' ? `an ${type}` : `a ${type}`;
}

/** A value in at most 60 characters of one line. */
function show(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : `an array of ${value.length}`;
  if (isRecord(value)) return 'an object';
  if (typeof value === 'number') return String(value);
  const text = oneLine(JSON.stringify(value));
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function oneLine(text: string): string {
  return Array.from(text, (character) => ((character.codePointAt(0) ?? 0) < 0x20 ? ' ' : character)).join('');
}
