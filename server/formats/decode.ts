import { openFile, type FileSource } from './byteSource.js';
import { bitsPerElement, elementCount, formatShape, storedBytes } from './dtypes.js';
import { ModelFileError, type ByteRange, type StoredTensor } from './modelFile.js';
import { Scanner, type TensorScan } from './scan.js';
import { counted, formatBytes, quote } from './sentences.js';
import { VarintDecoder } from './varints.js';
import { widening } from './widen.js';

export { elementCount, isNumeric } from './dtypes.js';
export type { TensorScan } from './scan.js';

/** 2 MB of float64: large enough for the disk, small enough to stop soon. A multiple of 4, so that chunks of sub-byte types end with a byte. */
const CHUNK_ELEMENTS = 256 * 1024;
/** Varints have no fixed width: their stored bytes are read in pieces of this size. */
const VARINT_CHUNK_BYTES = 256 * 1024;

/** Receives float64 values of the elements start … start + values.length − 1, row-major; the buffer is reused. */
export type Visit = (values: Float64Array, start: number) => void;

export interface ReadOptions {
  signal?: AbortSignal;
  /** First element (0) and number of elements (the rest), flat and row-major. */
  start?: number;
  count?: number;
}

/**
 * Decodes a stored tensor in chunks of at most 2 MB, in order, leaving the event loop free between them. Every type
 * widens exactly to float64; 64-bit integers beyond 2^53 become the nearest float64. The scan speaks of the elements
 * that were read. float32: about 1 GB/s of stored bytes from the page cache.
 * @throws ModelFileError when the file changed or does not hold what its header says, and for text and complex
 *   numbers; RangeError for a part outside the tensor; the signal's reason when aborted
 */
export async function readTensor(tensor: StoredTensor, visit: Visit, options: ReadOptions = {}): Promise<TensorScan> {
  const total = elementCount(tensor.shape);
  const { signal, start = 0, count = total - start } = options;
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(count) || start < 0 || count < 0 || start + count > total) {
    throw new RangeError(`elements ${start} … ${start + count} of a tensor with ${total}`);
  }
  signal?.throwIfAborted();
  const part = { start, count, ...(signal === undefined ? {} : { signal }) };
  const { data } = tensor;
  if (data.encoding === 'inline') return readInline(tensor, data.values, visit, part);
  if (data.encoding === 'raw') checkLength(tensor, data.range, storedBytes(tensor.dtype, total));
  const scanner = new Scanner(tensor.dtype);
  if (count === 0) return scanner.result();
  const source = await openFile(data.range.path);
  try {
    if (data.encoding === 'raw') await readRaw(source, tensor, data.range, visit, part, scanner);
    else await readVarints(source, tensor, data.range, visit, part, scanner);
  } finally {
    await source.close();
  }
  return scanner.result();
}

/**
 * Decodes parts of a tensor, [first element, count] ascending, as `readTensor` does, with the file opened once and nothing
 * scanned or hashed. Parts of tensors whose elements have no fixed place in the file (varints) cost a pass over it each.
 * @throws as readTensor
 */
export async function readParts(tensor: StoredTensor, visit: Visit, parts: Iterable<readonly [start: number, count: number]>, options: { signal?: AbortSignal } = {}): Promise<void> {
  const { data } = tensor;
  const total = elementCount(tensor.shape);
  if (data.encoding !== 'raw') {
    for (const [start, count] of parts) await readTensor(tensor, visit, { ...options, start, count });
    return;
  }
  checkLength(tensor, data.range, storedBytes(tensor.dtype, total));
  options.signal?.throwIfAborted();
  const source = await openFile(data.range.path);
  try {
    const room = new ReadingRoom();
    for (const [start, count] of parts) {
      if (start < 0 || start + count > total) throw new RangeError(`elements ${start} … ${start + count} of a tensor with ${total}`);
      if (count > 0) await readRaw(source, tensor, data.range, visit, { start, count, ...options }, null, room);
    }
  } finally {
    await source.close();
  }
}

/** Buffers of one reading after another. */
class ReadingRoom {
  private decoded = new Float64Array();
  private readonly stored = [new Uint8Array(), new Uint8Array()];

  values(count: number): Float64Array {
    if (this.decoded.length < count) this.decoded = new Float64Array(count);
    return this.decoded.subarray(0, count);
  }

  bytes(turn: 0 | 1, count: number): Uint8Array {
    if (this.stored[turn].length < count) this.stored[turn] = new Uint8Array(count);
    return this.stored[turn].subarray(0, count);
  }
}

interface Part {
  signal?: AbortSignal;
  start: number;
  count: number;
}

function checkLength(tensor: StoredTensor, range: ByteRange, expected: number): void {
  if (range.length !== expected) {
    throw new ModelFileError('model/corrupt', `Tensor ${quote(tensor.name)} of ${tensor.dtype} ${formatShape(tensor.shape)} takes ${formatBytes(expected)}, but ${formatBytes(range.length)} are stored: export the model again.`);
  }
}

async function readRaw(source: FileSource, tensor: StoredTensor, range: ByteRange, visit: Visit, part: Part, scanner: Scanner | null, room = new ReadingRoom()): Promise<void> {
  const widen = widening(tensor.dtype);
  const bits = bitsPerElement(tensor.dtype);
  const perByte = Math.max(1, 8 / bits);
  const { signal } = part;
  const end = part.start + part.count;
  const firstByte = bits >= 8 ? part.start * (bits / 8) : Math.floor(part.start / perByte);
  const endByte = storedBytes(tensor.dtype, end);
  const chunkBytes = storedBytes(tensor.dtype, CHUNK_ELEMENTS);
  const values = room.values(Math.min(CHUNK_ELEMENTS, part.count));
  // Two buffers in turn: the next piece is read while this one is decoded.
  const pieceBytes = Math.min(chunkBytes, endByte - firstByte);
  const buffers = [room.bytes(0, pieceBytes), room.bytes(1, endByte - firstByte > chunkBytes ? pieceBytes : 0)];
  const load = async (at: number, turn: number): Promise<Uint8Array> => {
    const bytes = buffers[turn].subarray(0, Math.min(chunkBytes, endByte - at));
    await source.readInto(bytes, range.offset + at);
    return bytes;
  };
  let next: Promise<Uint8Array> | null = load(firstByte, 0);
  let element = part.start;
  try {
    for (let at = firstByte, turn = 1; next !== null; at += chunkBytes, turn = 1 - turn) {
      const bytes: Uint8Array = await next;
      next = at + chunkBytes < endByte ? load(at + chunkBytes, turn) : null;
      signal?.throwIfAborted();
      scanner?.bytes(bytes);
      const skip = bits >= 8 ? 0 : element % perByte;
      const inPiece = Math.min(end - element, (bits >= 8 ? bytes.length / (bits / 8) : bytes.length * perByte) - skip);
      const piece = values.subarray(0, inPiece);
      widen(bytes, piece, skip);
      scanner?.values(piece, element);
      visit(piece, element);
      element += inPiece;
    }
  } finally {
    // A read that was begun must end before the file is closed; its error would come too late to matter.
    await next?.catch(() => undefined);
  }
}

async function readVarints(source: FileSource, tensor: StoredTensor, range: ByteRange, visit: Visit, part: Part, scanner: Scanner): Promise<void> {
  const decoder = new VarintDecoder(tensor.dtype);
  const total = elementCount(tensor.shape);
  const end = part.start + part.count;
  const stored = new Uint8Array(Math.min(VARINT_CHUNK_BYTES, range.length));
  const values = new Float64Array(stored.length * decoder.elementsPerVarint);
  const mismatch = (found: string) =>
    new ModelFileError('model/corrupt', `Tensor ${quote(tensor.name)} has the shape ${formatShape(tensor.shape)} with ${counted(total, 'element')}, but ${found} are stored: export the model again.`);
  let element = 0;
  for (let at = 0; at < range.length; at += stored.length) {
    part.signal?.throwIfAborted();
    const bytes = stored.subarray(0, Math.min(stored.length, range.length - at));
    await source.readInto(bytes, range.offset + at);
    scanner.bytes(bytes);
    let decoded = decoder.decode(bytes, values);
    // The last varint of a packed sub-byte tensor may hold padding.
    if (decoded > total - element && decoded - (total - element) < decoder.elementsPerVarint && at + bytes.length === range.length) decoded = total - element;
    if (element + decoded > total) throw mismatch('more');
    const from = Math.max(part.start, element);
    const to = Math.min(end, element + decoded);
    if (from < to) {
      const piece = values.subarray(from - element, to - element);
      scanner.values(piece, from);
      visit(piece, from);
    }
    element += decoded;
  }
  if (element !== total || !decoder.complete) throw mismatch(`${element}`);
}

function readInline(tensor: StoredTensor, stored: readonly (number | null)[], visit: Visit, part: Part): TensorScan {
  const total = elementCount(tensor.shape);
  widening(tensor.dtype);
  if (stored.length !== total) {
    throw new ModelFileError('model/corrupt', `Tensor ${quote(tensor.name)} has the shape ${formatShape(tensor.shape)} with ${counted(total, 'element')}, but ${stored.length} are stored: export the model again.`);
  }
  const scanner = new Scanner(tensor.dtype);
  // JSON turns NaN and infinities into null on the way to a worker.
  const values = Float64Array.from(stored.slice(part.start, part.start + part.count), (value) => value ?? NaN);
  scanner.bytes(new Uint8Array(values.buffer));
  scanner.values(values, part.start);
  if (values.length > 0) visit(values, part.start);
  return scanner.result();
}
