import type { ByteSource } from '../formats/byteSource.js';
import { valueTable } from '../formats/floats.js';
import { formatBytes, quote } from '../formats/sentences.js';
import { elementCount, emptyLike, InputsError, type InputArray, type InputDType, type InputElements } from './inputArray.js';
import { LARGEST_ARRAY_BYTES } from './inputFile.js';
import { declaredSize, parseNpyHeader } from './npyHeader.js';

/** The first six bytes of every .npy file. */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Headers of plain arrays have 128 bytes; versions 2 and 3 can declare 4 GiB, which only structured types need. */
const LONGEST_HEADER = 65_536;

/** NumPy's kind and width → the element type and the typed array that takes its bytes. */
const TYPES: Record<string, { dtype: InputDType; make: (buffer: ArrayBuffer) => InputElements }> = {
  b1: { dtype: 'bool', make: (b) => new Uint8Array(b) },
  u1: { dtype: 'uint8', make: (b) => new Uint8Array(b) },
  i1: { dtype: 'int8', make: (b) => new Int8Array(b) },
  u2: { dtype: 'uint16', make: (b) => new Uint16Array(b) },
  i2: { dtype: 'int16', make: (b) => new Int16Array(b) },
  u4: { dtype: 'uint32', make: (b) => new Uint32Array(b) },
  i4: { dtype: 'int32', make: (b) => new Int32Array(b) },
  u8: { dtype: 'uint64', make: (b) => new BigUint64Array(b) },
  i8: { dtype: 'int64', make: (b) => new BigInt64Array(b) },
  f2: { dtype: 'float16', make: (b) => new Uint16Array(b) },
  f4: { dtype: 'float32', make: (b) => new Float32Array(b) },
  f8: { dtype: 'float64', make: (b) => new Float64Array(b) },
};

/** Whether the bytes begin as an .npy file does. */
export function isNpy(head: Uint8Array): boolean {
  return head.length >= MAGIC.length && MAGIC.every((byte, i) => head[i] === byte);
}

export interface NpyOptions {
  /** For sentences; the file's name by default. */
  name: string;
  /** Most bytes that the array may fill. */
  largest?: number;
}

/**
 * The array of an .npy file (NEP 1, versions 1 to 3): either byte order, C or Fortran order (answered row-major), every
 * real numeric type and bool. What follows the array is left alone, as numpy.load leaves it. Cost: one read of the
 * array, one more copy where it is in Fortran order or float16.
 * @throws InputsError `inputs/objects` for Python objects, `inputs/dtype` for other types, `inputs/truncated` and
 *   `inputs/limit` with the declared and the allowed size, `inputs/corrupt` for a damaged header
 */
export async function readNpy(source: ByteSource, { name, largest = LARGEST_ARRAY_BYTES }: NpyOptions): Promise<InputArray> {
  const { text, end } = await readHeader(source, name);
  const { descr, fortranOrder, shape } = parseNpyHeader(text, name);
  const { littleEndian, width, type } = elementType(descr, name);
  const count = elementCount(shape);
  const bytes = count * width;
  if (bytes > largest) throw new InputsError('inputs/limit', `${name} declares ${declaredSize(shape, width, bytes)}, and at most ${formatBytes(largest)} are allowed: save fewer inputs.`);
  if (bytes > source.size - end) throw new InputsError('inputs/truncated', `${name} declares ${declaredSize(shape, width, bytes)}, but only ${formatBytes(source.size - end)} follow its header: copy or write it again.`);
  // A buffer of its own: views of the source may start at any byte, typed arrays may not.
  const own = new Uint8Array(bytes);
  own.set(await source.read(end, bytes));
  if (!littleEndian) reverseBytes(own, width);
  const data = arrayOfBytes(own, type.dtype);
  return { dtype: type.dtype, shape, data: fortranOrder && shape.length > 1 ? fromFortranOrder(data, shape) : data };
}

/** Type and shape that an .npy file declares; its array is not read. @throws InputsError as `readNpy` does for the header */
export async function readNpyForm(source: ByteSource, name: string): Promise<Pick<InputArray, 'dtype' | 'shape'>> {
  const { descr, shape } = parseNpyHeader((await readHeader(source, name)).text, name);
  return { dtype: elementType(descr, name).type.dtype, shape };
}

/** Bytes of one stored element. */
export function widthOf(dtype: InputDType): number {
  return Number(Object.keys(TYPES).find((key) => TYPES[key].dtype === dtype)?.slice(1));
}

/**
 * Elements out of their bytes, little-endian. The array lies in the same memory but for float16, which is widened.
 * @param bytes the whole of a buffer of its own
 */
export function arrayOfBytes(bytes: Uint8Array<ArrayBuffer>, dtype: InputDType): InputElements {
  if (dtype === 'bool') return bytes.map((value) => Number(value !== 0));
  const type = Object.values(TYPES).find((known) => known.dtype === dtype);
  if (type === undefined) throw new RangeError(`There are no elements of type ${dtype}.`);
  const data = type.make(bytes.buffer);
  return dtype === 'float16' ? widenFloat16(data) : data;
}

async function readHeader(source: ByteSource, name: string): Promise<{ text: string; end: number }> {
  const available = Math.min(source.size, 12);
  const head = await source.read(0, available);
  if (!isNpy(head)) throw new InputsError('inputs/not-recognised', `${name} does not begin as an .npy file does: write it with numpy.save.`);
  const version = head[6];
  if (available > 6 && (version < 1 || version > 3)) throw new InputsError('inputs/not-recognised', `${name} is of .npy version ${version}, and versions 1 to 3 can be read: write it with numpy.save.`);
  const start = version === 1 ? 10 : 12;
  if (available < start) throw new InputsError('inputs/truncated', `${name} ends within its first ${start} bytes (it has ${formatBytes(source.size)}): copy or write it again.`);
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > LONGEST_HEADER) throw new InputsError('inputs/limit', `${name} declares a header of ${formatBytes(length)}, and at most ${formatBytes(LONGEST_HEADER)} are allowed: write it as a plain array.`);
  if (start + length > source.size) throw new InputsError('inputs/truncated', `${name} declares a header of ${formatBytes(length)}, but has only ${formatBytes(source.size - start)} after its first ${start}: copy or write it again.`);
  const text = new TextDecoder(version === 3 ? 'utf-8' : 'latin1').decode(await source.read(start, length));
  return { text, end: start + length };
}

function elementType(descr: string, name: string): { littleEndian: boolean; width: number; type: (typeof TYPES)[string] } {
  const match = /^([<>|=])?([A-Za-z?])(\d{0,6})$/.exec(descr);
  const [, order, kind, digits] = (match ?? ['', '', '', '']) as (string | undefined)[];
  if (kind === 'O') throw new InputsError('inputs/objects', `${name} holds Python objects, which would have to be executed: save it as an array of numbers, e.g. with numpy.asarray(x, dtype=numpy.float32).`);
  if (kind === 'c') throw new InputsError('inputs/dtype', `${name} holds complex numbers (${quote(descr)}), which no model takes: save the real and the imaginary part as arrays of their own.`);
  const key = kind === '?' ? 'b1' : `${kind ?? ''}${digits ?? ''}`;
  if (!Object.hasOwn(TYPES, key)) throw new InputsError('inputs/dtype', `${name} holds elements of type ${quote(descr)}, and only bool, integers of 1 to 8 bytes and floating-point numbers of 2, 4 or 8 bytes can be read: convert it with astype, e.g. to numpy.float32.`);
  const width = Number(key.slice(1));
  return { littleEndian: order !== '>', width, type: TYPES[key] };
}

function reverseBytes(bytes: Uint8Array, width: number): void {
  for (let at = 0; width > 1 && at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
}

function widenFloat16(bits: InputElements): Float32Array {
  const table = valueTable('float16');
  const values = new Float32Array(bits.length);
  for (let i = 0; i < values.length; i++) values[i] = table[Number(bits[i])];
  return values;
}

/** Row-major copy of an array whose first index runs fastest. */
function fromFortranOrder(data: InputElements, shape: readonly number[]): InputElements {
  const ordered = emptyLike(data, data.length);
  const strides = shape.map((_, axis) => elementCount(shape.slice(0, axis)));
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    ordered[to] = data[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      index[axis] += 1;
      if (index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return ordered;
}
