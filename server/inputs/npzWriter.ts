import { formatBytes } from '../formats/sentences.js';
import { crc32 } from './crc32.js';
import { elementCount, InputsError, type InputElements } from './inputArray.js';

/** Types as numpy writes them. */
const descriptions = { float32: '<f4', float64: '<f8', int64: '<i8', bool: '|b1' } as const;

export interface NpzArray {
  dtype: keyof typeof descriptions;
  /** [] for a scalar. */
  shape: readonly number[];
  /** Row-major; bytes 0 and 1 for bool. */
  data: InputElements;
}

/** An .npy header is padded so that the numbers begin at a multiple of this. */
const ALIGNMENT = 64;
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];

const LOCAL_HEADER = 0x04034b50;
const DIRECTORY_ENTRY = 0x02014b50;
const DIRECTORY_END = 0x06054b50;
/** Version 2.0 of the zip specification: stored members. */
const VERSION = 20;
/** Names are UTF-8. */
const FLAGS = 0x800;
/** 1 January 1980, midnight, the first time that zip knows: the same arrays are the same bytes at any time. */
const DATE = 0x21;
/** Offsets of a zip archive without extensions have 32 bits. */
const LARGEST_ARCHIVE = 2 ** 32 - 1;

/**
 * An .npz archive as `numpy.savez` writes it: stored .npy members of version 1.0, little-endian, row-major.
 * Cost: one copy of the arrays and a checksum over them.
 * @throws InputsError `inputs/limit` for an archive of 4 GiB and more
 */
export function npzBytes(arrays: Readonly<Record<string, NpzArray>>): Uint8Array {
  const members = Object.entries(arrays).map(([name, array]) => ({ name: Buffer.from(`${name}.npy`, 'utf8'), header: npyHeader(array), bytes: littleEndianBytes(array) }));
  const fixed = 30 + 46;
  const total = members.reduce((sum, { name, header, bytes }) => sum + fixed + 2 * name.length + header.length + bytes.length, 22);
  if (total > LARGEST_ARCHIVE) throw new InputsError('inputs/limit', `The archive would have ${formatBytes(total)}, and at most ${formatBytes(LARGEST_ARCHIVE)} can be written: take fewer inputs with --samples.`);
  const archive = Buffer.alloc(total);
  const directory: { name: Buffer; facts: Buffer; offset: number }[] = [];
  let at = 0;
  for (const { name, header, bytes } of members) {
    const offset = at;
    archive.writeUInt32LE(LOCAL_HEADER, at);
    const contents = archive.subarray(at + 30 + name.length, at + 30 + name.length + header.length + bytes.length);
    contents.set(header);
    contents.set(bytes, header.length);
    const facts = memberFacts(name, contents);
    archive.set(facts, at + 4);
    archive.set(name, at + 30);
    at += 30 + name.length + contents.length;
    directory.push({ name, facts, offset });
  }
  const start = at;
  for (const { name, facts, offset } of directory) {
    archive.writeUInt32LE(DIRECTORY_ENTRY, at);
    archive.writeUInt16LE(VERSION, at + 4);
    archive.set(facts, at + 6);
    archive.writeUInt32LE(offset, at + 42);
    archive.set(name, at + 46);
    at += 46 + name.length;
  }
  archive.writeUInt32LE(DIRECTORY_END, at);
  archive.writeUInt16LE(members.length, at + 8);
  archive.writeUInt16LE(members.length, at + 10);
  archive.writeUInt32LE(at - start, at + 12);
  archive.writeUInt32LE(start, at + 16);
  return archive;
}

/** What the header of a member and its entry in the directory have in common: 26 bytes from the version on. */
function memberFacts(name: Buffer, contents: Buffer): Buffer {
  const facts = Buffer.alloc(26);
  facts.writeUInt16LE(VERSION, 0);
  facts.writeUInt16LE(FLAGS, 2);
  facts.writeUInt16LE(DATE, 8);
  facts.writeUInt32LE(crc32(contents), 10);
  facts.writeUInt32LE(contents.length, 14);
  facts.writeUInt32LE(contents.length, 18);
  facts.writeUInt16LE(name.length, 22);
  return facts;
}

function npyHeader({ dtype, shape, data }: NpzArray): Buffer {
  if (elementCount(shape) !== data.length) throw new RangeError(`An array of shape [${shape.join(', ')}] does not hold ${data.length} elements.`);
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${descriptions[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const prefix = MAGIC.length + 2;
  const length = Math.ceil((prefix + text.length + 1) / ALIGNMENT) * ALIGNMENT - prefix;
  return Buffer.concat([Buffer.from([...MAGIC, length & 0xff, length >> 8]), Buffer.from(`${text.padEnd(length - 1)}\n`, 'latin1')]);
}

/** The machine's own bytes: every platform that runs this is little-endian. */
function littleEndianBytes({ data }: NpzArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
