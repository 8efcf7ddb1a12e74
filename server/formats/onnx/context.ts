import path from 'node:path';
import { ModelFileError, type StoredTensor } from '../modelFile.js';
import { KEPT_BYTES, type Skeleton } from './skeleton.js';
import { KEY_VALUE } from './schema.js';
import type { Field } from './wire.js';

/** A tensor whose data lie in another file; its `data` is set once that file is found. */
export interface ExternalTensor {
  tensor: StoredTensor;
  location: string;
  offset: number;
  /** null: not told. */
  length: number | null;
}

/** What the parsers of the single messages share while one file is read. */
export interface Context {
  readonly skeleton: Skeleton;
  readonly external: ExternalTensor[];
  /** Tensors that are not analysed, with the reason. */
  readonly skipped: { tensor: string; reason: string }[];
  nodes: number;
  tensors: number;
  names: number;
  numbers: number;
}

/** Graphs in graphs: control flow in control flow; real models have two, seldom three. */
export const MAX_GRAPH_DEPTH = 16;
/** Several times the largest known exports; about 1 kB of memory each. */
export const MAX_NODES = 250_000;
export const MAX_TENSORS = 250_000;
/** Names of values, nodes and attributes: twelve for each of so many nodes. */
const MAX_NAMES = 3_000_000;
/** Numbers in attributes and small constants, 8 bytes of memory each; two bytes of a file can ask for two of them. */
const MAX_NUMBERS = 16_000_000;

/** @throws ModelFileError `model/limit` for a name of more than 4,096 bytes */
export function text(context: Context, field: Field): string {
  const name = context.skeleton.text(field.start, field.length);
  if (name === null) throw new ModelFileError('model/limit', `${modelName(context)} has a name of ${field.length} bytes at byte ${field.start}, and names of at most ${KEPT_BYTES} bytes are read: it is damaged, or its names must be shortened.`);
  if (++context.names > MAX_NAMES) throw new ModelFileError('model/limit', `${modelName(context)} has more than ${MAX_NAMES} names: it is damaged, or too large to be shown.`);
  return name;
}

/** Counts numbers that are kept in memory. @throws ModelFileError `model/limit` */
export function countNumbers(context: Context, count: number): void {
  context.numbers += count;
  if (context.numbers > MAX_NUMBERS) throw new ModelFileError('model/limit', `${modelName(context)} has more than ${MAX_NUMBERS} numbers in the attributes of its nodes: it is damaged, or too large to be shown.`);
}

/** The model's file name, for sentences. */
export function modelName(context: Context): string {
  return path.basename(context.skeleton.file);
}

/** "ai.onnx" is another way to write the standard domain. */
export function normalisedDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

/** Sets a member that the file names: assigning to `__proto__` would change the object's prototype instead. */
export function setOwn<Value>(record: Record<string, Value>, name: string, value: Value): void {
  if (name === '__proto__') Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
  else record[name] = value;
}

/** A StringStringEntryProto; null where a part is too long to keep. */
export function keyValue(context: Context, field: Field): { key: string; value: string } | null {
  const { skeleton } = context;
  const entry: { key: string; value: string | null } = { key: '', value: '' };
  skeleton.fields(field.start, field.start + field.length, (part) => {
    if (part.number === KEY_VALUE.key) entry.key = text(context, part);
    else if (part.number === KEY_VALUE.value) entry.value = skeleton.text(part.start, part.length);
  });
  const { key, value } = entry;
  return value === null ? null : { key, value };
}
