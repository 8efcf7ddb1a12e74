import { counted, formatBytes, quote } from '../formats/sentences.js';
import { InputsError } from './inputArray.js';

/** What the header of an .npy file says (numpy.lib.format, NEP 1). */
export interface NpyHeader {
  /** As NumPy writes it: '<f4', '|u1', '>i8'. */
  descr: string;
  fortranOrder: boolean;
  shape: number[];
}

/** NumPy's own limit since 2.0 (NPY_MAXDIMS); more is damage. */
const LARGEST_RANK = 64;

/** One word of the header: a string, a number, True, False, or a sign of punctuation. */
const word = /\s*(?:'([^'\\]*)'|"([^"\\]*)"|(\d+)[lL]?|(True|False|None)\b|([{}()[\]:,]))/y;

type Word = { kind: 'text'; text: string } | { kind: 'number'; value: number } | { kind: 'name'; text: string } | { kind: 'sign'; text: string } | { kind: 'end' };

/**
 * Reads the header's Python dictionary by its grammar, never by executing it.
 * @param text the header, e.g. "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"
 * @param name of the file or member, for sentences
 * @throws InputsError `inputs/objects` for structured types, `inputs/corrupt` for anything but such a dictionary
 */
export function parseNpyHeader(text: string, name: string): NpyHeader {
  const words: Words = new Words(text, name);
  const found = new Map<string, string | boolean | number[]>();
  words.take('{');
  while (!words.skip('}')) {
    const key = words.text();
    if (found.has(key)) words.fail(`${quote(key)} twice`);
    words.take(':');
    found.set(key, readValue(words, key));
    if (!words.skip(',')) {
      words.take('}');
      break;
    }
  }
  words.end();
  const { descr, fortran_order: fortranOrder, shape } = Object.fromEntries(found);
  if (typeof descr !== 'string') words.fail("no 'descr' that names a type");
  if (typeof fortranOrder !== 'boolean') words.fail("no 'fortran_order' that is True or False");
  if (!Array.isArray(shape)) words.fail("no 'shape' that is a tuple");
  return { descr, fortranOrder, shape };
}

function readValue(words: Words, key: string): string | boolean | number[] {
  const next = words.next();
  if (next.kind === 'text') return next.text;
  if (next.kind === 'name' && next.text !== 'None') return next.text === 'True';
  if (next.kind === 'sign' && next.text === '[' && key === 'descr') {
    throw new InputsError('inputs/objects', `${words.name} holds a structured type (records with named fields): save each field as an array of its own.`);
  }
  if (next.kind !== 'sign' || next.text !== '(') return words.fail(`no value that is known for ${quote(key)}`);
  const sizes: number[] = [];
  while (!words.skip(')')) {
    sizes.push(words.number());
    if (sizes.length > LARGEST_RANK) throw new InputsError('inputs/limit', `${words.name} declares more than ${LARGEST_RANK} dimensions, which no NumPy array has: write it again.`);
    if (!words.skip(',')) {
      words.take(')');
      break;
    }
  }
  return sizes;
}

class Words {
  private at = 0;

  constructor(
    private readonly header: string,
    readonly name: string,
  ) {}

  next(): Word {
    word.lastIndex = this.at;
    const match = word.exec(this.header);
    if (match === null) {
      if (this.header.slice(this.at).trim() !== '') this.fail(`${quote(this.header.slice(this.at, this.at + 20).trim())} where it cannot stand`);
      return { kind: 'end' };
    }
    this.at = word.lastIndex;
    const [, single, double, digits, name, sign] = match as (string | undefined)[];
    const text = single ?? double;
    if (text !== undefined) return { kind: 'text', text };
    if (digits !== undefined) return { kind: 'number', value: Number(digits) };
    if (name !== undefined) return { kind: 'name', text: name };
    return { kind: 'sign', text: sign ?? '' };
  }

  skip(sign: string): boolean {
    const before = this.at;
    const next = this.next();
    if (next.kind === 'sign' && next.text === sign) return true;
    this.at = before;
    return false;
  }

  take(sign: string): void {
    if (!this.skip(sign)) this.fail(`no ${quote(sign)} at character ${this.at}`);
  }

  text(): string {
    const next = this.next();
    return next.kind === 'text' ? next.text : this.fail('a key that is no string');
  }

  number(): number {
    const next = this.next();
    if (next.kind !== 'number') return this.fail('a dimension that is no whole number');
    if (!Number.isSafeInteger(next.value)) throw new InputsError('inputs/limit', `${this.name} declares a dimension of ${next.value}, more than can be counted: write it again.`);
    return next.value;
  }

  end(): void {
    if (this.next().kind !== 'end') this.fail('more text after the dictionary');
  }

  fail(what: string): never {
    throw new InputsError('inputs/corrupt', `${this.name} has a header with ${what}: write it again with numpy.save.`);
  }
}

/** For a sentence: '[200, 28, 28] of 4 bytes each: 627.2 kB'. */
export function declaredSize(shape: readonly number[], width: number, bytes: number): string {
  return `[${shape.join(', ')}] of ${counted(width, 'byte')} an element, ${formatBytes(bytes)}`;
}
