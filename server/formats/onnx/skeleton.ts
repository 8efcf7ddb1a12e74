import path from 'node:path';
import type { ByteSource } from '../byteSource.js';
import { ModelFileError } from '../modelFile.js';
import { formatBytes } from '../sentences.js';
import type { Nesting } from './schema.js';
import { MAX_FIELD_HEADER_BYTES, readField, WIRE, type Field, type FieldProblem } from './wire.js';

/** Payloads up to one page are kept with their message: reading a page costs what reading a byte costs. Longer ones are passed over. */
export const KEPT_BYTES = 4096;
/** Largest description (everything but weights) that is kept in memory; 100,000 nodes take about 30 MB. */
const MAX_SKELETON_BYTES = 128 * 1024 * 1024;
/** Stretches are read one by one; short ones keep the copies small. */
const LONGEST_STRETCH = 128 * 1024;
/** Messages in messages; a graph inside a graph takes three. Real models have two graphs in each other, seldom three. */
const MAX_DEPTH = 48;
/** Fields that are looked at: a few seconds at most, and 100 times what the largest known graph has. */
const MAX_FIELDS = 50_000_000;

/** A stretch of the file that is in memory. */
interface Stretch {
  start: number;
  bytes: Buffer;
}

/** A model's description: the file's bytes without the payloads that were too long to keep. */
export class Skeleton {
  private current = 0;

  constructor(
    readonly file: string,
    readonly size: number,
    private readonly stretches: readonly Stretch[],
  ) {}

  /** The stretch that holds this position, with the position in it; null if it was passed over. */
  private find(position: number): Stretch | null {
    let stretch = this.stretches.at(this.current);
    if (stretch !== undefined && position >= stretch.start && position < stretch.start + stretch.bytes.length) return stretch;
    let low = 0;
    let high = this.stretches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.stretches[middle].start <= position) low = middle + 1;
      else high = middle;
    }
    this.current = Math.max(0, low - 1);
    stretch = this.stretches.at(this.current);
    return stretch !== undefined && position >= stretch.start && position < stretch.start + stretch.bytes.length ? stretch : null;
  }

  /** The bytes of a payload, or null if it was too long to keep. */
  bytes(start: number, length: number): Buffer | null {
    if (length === 0) return Buffer.alloc(0);
    const stretch = this.find(start);
    if (stretch === null || start + length > stretch.start + stretch.bytes.length) return null;
    return stretch.bytes.subarray(start - stretch.start, start - stretch.start + length);
  }

  /** The payload as UTF-8 text, or null if it was too long to keep. */
  text(start: number, length: number): string | null {
    if (length === 0) return '';
    const stretch = this.find(start);
    const at = start - (stretch?.start ?? 0);
    return stretch === null || at + length > stretch.bytes.length ? null : stretch.bytes.toString('utf8', at, at + length);
  }

  /** Visits the fields of the message in [start, end), but those that were left out. The field object is reused. */
  fields(start: number, end: number, visit: (field: Field) => void): void {
    const field: Field = { number: 0, type: WIRE.varint, low: 0, high: 0, start: 0, length: 0 };
    for (let at = start; at < end; ) {
      const stretch = this.find(at);
      if (stretch === null) {
        // What was left out ends where the next stretch begins.
        const next = this.stretches.at(this.current + (this.stretches.length > 0 && this.stretches[this.current].start <= at ? 1 : 0));
        if (next === undefined) return;
        at = next.start;
        continue;
      }
      const problem = readField(stretch.bytes, at - stretch.start, stretch.start, field);
      if (problem !== null) throw fieldError(this.file, this.size, problem, at);
      const next = field.start + field.length;
      if (next > end) throw overrun(this.file, this.size, at, next, end);
      visit(field);
      at = next;
    }
  }
}

/**
 * Walks the messages of a protobuf file once and keeps everything but long payloads, which it passes over unread.
 * Reads about as many bytes as it keeps; what a file costs depends on its graph, not on its weights.
 * @throws ModelFileError when a length leaves its message, for groups, and for files above the limits
 */
export async function loadSkeleton(source: ByteSource, nesting: Nesting): Promise<Skeleton> {
  const walk = new Walk(source);
  await walk.message(0, source.size, nesting, 0);
  return new Skeleton(source.path, source.size, await walk.finish());
}

class Walk {
  private readonly ranges: { start: number; end: number }[] = [];
  private kept = 0;
  private visited = 0;
  private window: Uint8Array = new Uint8Array(0);
  private windowStart = 0;

  constructor(private readonly source: ByteSource) {}

  async message(start: number, end: number, nesting: Nesting, depth: number): Promise<void> {
    const { source } = this;
    if (depth > MAX_DEPTH) throw new ModelFileError('model/limit', `${path.basename(source.path)} nests more than ${MAX_DEPTH} messages in each other at byte ${start}: it is damaged or no ONNX model.`);
    const field: Field = { number: 0, type: WIRE.varint, low: 0, high: 0, start: 0, length: 0 };
    for (let at = start; at < end; ) {
      if (++this.visited > MAX_FIELDS) throw new ModelFileError('model/limit', `${path.basename(source.path)} has more than ${MAX_FIELDS} fields: it is damaged or no ONNX model.`);
      const within = at - this.windowStart;
      let problem: FieldProblem | null = within >= 0 && within < this.window.length ? readField(this.window, within, this.windowStart, field) : 'incomplete';
      if (problem === 'incomplete') {
        await this.moveWindow(at, end);
        problem = readField(this.window, 0, this.windowStart, field);
      }
      if (problem !== null) throw fieldError(source.path, source.size, problem, at);
      const next = field.start + field.length;
      if (next > end) throw overrun(source.path, source.size, at, next, end);
      const child = field.type === WIRE.bytes && field.length > KEPT_BYTES ? nesting.children[field.number] : undefined;
      if (child !== undefined) {
        this.keep(at, field.start);
        await this.message(field.start, next, child(), depth + 1);
      } else if (nesting.leftOut.includes(field.number)) {
        // A list of single elements: not even its tags are kept.
      } else {
        this.keep(at, field.type === WIRE.bytes && field.length > KEPT_BYTES ? field.start : next);
      }
      at = next;
    }
  }

  /** At most as far as the message goes: a header that leaves its message is cut, and so found to be wrong. */
  private async moveWindow(at: number, end: number): Promise<void> {
    this.windowStart = at;
    this.window = await this.source.read(at, Math.min(Math.max(MAX_FIELD_HEADER_BYTES, KEPT_BYTES), end - at));
  }

  private keep(start: number, end: number): void {
    const last = this.ranges.at(-1);
    if (last?.end === start && last.end - last.start < LONGEST_STRETCH) last.end = end;
    else this.ranges.push({ start, end });
    this.kept += end - start;
    if (this.kept > MAX_SKELETON_BYTES) {
      throw new ModelFileError('model/limit', `The description of ${path.basename(this.source.path)} without its weights takes more than ${formatBytes(MAX_SKELETON_BYTES)}: store small tensors together or leave attribute data out.`);
    }
  }

  async finish(): Promise<Stretch[]> {
    const stretches: Stretch[] = [];
    for (const { start, end } of this.ranges) {
      const bytes = await this.source.read(start, end - start);
      // A copy: a view would keep the whole window of the source alive.
      stretches.push({ start, bytes: Buffer.from(bytes) });
    }
    return stretches;
  }
}

/** The sentence for a field that cannot be read. */
function fieldError(file: string, size: number, problem: FieldProblem, at: number): ModelFileError {
  const name = path.basename(file);
  switch (problem) {
    case 'incomplete':
      return new ModelFileError('model/truncated', `${name} breaks off within a field at byte ${at} of ${size}: it is cut off or damaged, so copy or export it again.`);
    case 'group':
      return new ModelFileError('model/corrupt', `${name} has a group at byte ${at}, and ONNX has no groups: it is damaged or no ONNX model.`);
    case 'tag':
    case 'varint':
    case 'length':
      return new ModelFileError('model/corrupt', `${name} has no valid field at byte ${at} of ${size}: it is damaged, so copy or export it again.`);
  }
}

function overrun(file: string, size: number, at: number, next: number, end: number): ModelFileError {
  const name = path.basename(file);
  if (next > size) return new ModelFileError('model/truncated', `${name} has ${formatBytes(size)}, but a field at byte ${at} goes on to byte ${next}: it is cut off or damaged, so copy or export it again.`);
  return new ModelFileError('model/corrupt', `${name} has a field at byte ${at} that ends at byte ${next}, after its message (${end}): it is damaged, so copy or export it again.`);
}
