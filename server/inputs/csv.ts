import path from 'node:path';
import type { ByteSource } from '../formats/byteSource.js';
import { counted, formatBytes, quote } from '../formats/sentences.js';
import { InputsError } from './inputArray.js';
import { LARGEST_ARRAY_BYTES } from './inputFile.js';

/** A million numbers of 17 digits; a longer line is no table. */
const LONGEST_LINE = 32 * 2 ** 20;

/** Read at once: a line of an image has a few kB. */
const BLOCK_BYTES = 2 ** 20;

const NEWLINE = 10;
const SEPARATORS = [',', ';', '\t'] as const;
type Separator = (typeof SEPARATORS)[number];

const number = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
/** What begins like a number is one, or a mistake in one. */
const title = /^[^\d.+-]/;
const special = new Map([['nan', NaN], ['inf', Infinity], ['infinity', Infinity]]);

/** Rows of numbers. */
export interface Table {
  /** Column titles; null without a header line. */
  header: string[] | null;
  rows: number;
  columns: number;
  /** [rows, columns] row-major. */
  values: Float64Array;
}

/**
 * Reads a table of numbers: separated by commas, semicolons or tabs (whichever the first line has), with or without a
 * header line; numbers may be quoted; empty lines are skipped. Cost: one pass, 8 bytes a number.
 * @param largest most bytes that the numbers may fill
 * @throws InputsError `inputs/corrupt` with line and column of what is no number, `inputs/limit`, `inputs/empty`
 */
export async function readTable(source: ByteSource, largest = LARGEST_ARRAY_BYTES): Promise<Table> {
  const table = new TableReader(path.basename(source.path), largest);
  let rest = Buffer.alloc(0);
  for (let at = 0; at < source.size; at += BLOCK_BYTES) {
    const block = await source.read(at, Math.min(BLOCK_BYTES, source.size - at));
    const bytes = rest.length === 0 ? Buffer.from(block.buffer, block.byteOffset, block.length) : Buffer.concat([rest, block]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      table.line(bytes.toString('utf8', start, end));
      start = end + 1;
    }
    // A copy: the next block may be read into the same memory.
    rest = Buffer.from(bytes.subarray(start));
    if (rest.length > LONGEST_LINE) throw new InputsError('inputs/limit', `${path.basename(source.path)} has a line of more than ${formatBytes(LONGEST_LINE)}, which no table has: write one input a line.`);
  }
  table.line(rest.toString('utf8'));
  return table.finish();
}

class TableReader {
  private header: string[] | null = null;
  private separator: Separator = ',';
  private columns = 0;
  private rows = 0;
  private lines = 0;
  private values = new Float64Array(1024);

  constructor(
    private readonly name: string,
    private readonly largest: number,
  ) {}

  line(text: string): void {
    this.lines += 1;
    const line = (this.lines === 1 ? text.replace(/^\ufeff/, '') : text).replace(/\r$/, '');
    if (line.trim() === '') return;
    if (this.columns === 0) {
      this.separator = separatorOf(line);
      const titles = line.split(this.separator).map(unquoted);
      this.columns = titles.length;
      // The first title tells: the others may be column numbers ("label,0,1,2"), and a slip in a number is no title.
      if (parseNumber(titles[0]) === null && title.test(titles[0])) {
        this.header = titles;
        return;
      }
    }
    this.row(line.split(this.separator));
  }

  private row(fields: string[]): void {
    if (fields.length !== this.columns) throw new InputsError('inputs/corrupt', `${this.name} has ${counted(fields.length, 'column')} in line ${this.lines}, and ${this.columns} in the line before it: give every line the same number of values.`);
    this.reserve();
    const start = this.rows * this.columns;
    for (let column = 0; column < fields.length; column++) {
      const value = parseNumber(unquoted(fields[column]));
      if (value === null) throw new InputsError('inputs/corrupt', `${this.name} has ${fields[column].trim() === '' ? 'nothing' : quote(fields[column].trim())} where a number belongs, in line ${this.lines}, column ${column + 1}: write numbers as 0.5 or 5e-1.`);
      this.values[start + column] = value;
    }
    this.rows += 1;
  }

  private reserve(): void {
    const needed = (this.rows + 1) * this.columns;
    if (needed * Float64Array.BYTES_PER_ELEMENT > this.largest) throw new InputsError('inputs/limit', `${this.name} holds more numbers than ${formatBytes(this.largest)} of memory take, from line ${this.lines} on: save fewer inputs, or save them as .npy.`);
    if (needed <= this.values.length) return;
    const grown = new Float64Array(Math.max(needed, 2 * this.values.length));
    grown.set(this.values);
    this.values = grown;
  }

  finish(): Table {
    if (this.rows === 0) throw new InputsError('inputs/empty', `${this.name} holds no line of numbers${this.header === null ? '' : ' after its header'}: write one input a line.`);
    return { header: this.header, rows: this.rows, columns: this.columns, values: this.values.subarray(0, this.rows * this.columns) };
  }
}

/** The one that occurs most in the first line; a comma where none does. */
function separatorOf(line: string): Separator {
  const occurrences = SEPARATORS.map((separator) => line.split(separator).length);
  return SEPARATORS[occurrences.indexOf(Math.max(...occurrences))];
}

function unquoted(field: string): string {
  const text = field.trim();
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).trim() : text;
}

function parseNumber(text: string): number | null {
  if (number.test(text)) return Number(text);
  const value = special.get(text.replace(/^[+-]/, '').toLowerCase());
  return value === undefined ? null : text.startsWith('-') ? -value : value;
}
