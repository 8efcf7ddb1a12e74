import { createHash } from 'node:crypto';
import { endianness } from 'node:os';

/**
 * One cache entry as bytes: magic line, SHA-256 of what follows, length of the header, header (JSON), numbers.
 * Long arrays of numbers, which make up nearly all of a result, lie behind the JSON as float64: exact, and read
 * ten times faster than text.
 */
const magic = Buffer.from(`sigmascope-cache 1 ${endianness()}\n`);
const digestBytes = 32;
const lengthBytes = 4;
/** Shorter arrays stay in the JSON. */
const shortestPackedArray = 16;
/** Property that stands for a packed array in the header: [offset, length] in numbers. */
const packedProperty = '$float64';

/** Encodes plain JSON with finite numbers; O(size). */
export function encodeEntry(key: string, value: unknown): Buffer {
  const numbers: number[] = [];
  const pack = (part: unknown): unknown => {
    if (Array.isArray(part)) {
      if (part.length >= shortestPackedArray && part.every((item) => typeof item === 'number')) {
        const offset = numbers.length;
        for (const item of part) numbers.push(item);
        return { [packedProperty]: [offset, part.length] };
      }
      return part.map(pack);
    }
    if (typeof part === 'object' && part !== null) return Object.fromEntries(Object.entries(part).map(([name, item]) => [name, pack(item)]));
    return part;
  };
  const header = Buffer.from(JSON.stringify({ key, value: pack(value) }));
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32LE(header.length);
  const body = Buffer.concat([length, header, Buffer.from(Float64Array.from(numbers).buffer)]);
  return Buffer.concat([magic, createHash('sha256').update(body).digest(), body]);
}

/** The value of an entry, or undefined when the bytes are not a whole entry of this key. */
export function decodeEntry(bytes: Buffer, key: string): unknown {
  const start = magic.length + digestBytes;
  if (bytes.length < start + lengthBytes || !bytes.subarray(0, magic.length).equals(magic)) return undefined;
  const body = bytes.subarray(start);
  if (!createHash('sha256').update(body).digest().equals(bytes.subarray(magic.length, start))) return undefined;
  const headerEnd = lengthBytes + body.readUInt32LE(0);
  const header = JSON.parse(body.toString('utf8', lengthBytes, headerEnd)) as { key: string; value: unknown };
  if (header.key !== key) return undefined;
  // Copied, because a view of doubles must start at a multiple of eight.
  const numbers = new Float64Array(Uint8Array.prototype.slice.call(body, headerEnd).buffer);
  const unpack = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(unpack);
    if (typeof part !== 'object' || part === null) return part;
    const packed = (part as Record<string, unknown>)[packedProperty];
    if (Array.isArray(packed)) return Array.from(numbers.subarray(Number(packed[0]), Number(packed[0]) + Number(packed[1])));
    return Object.fromEntries(Object.entries(part).map(([name, item]) => [name, unpack(item)]));
  };
  return unpack(header.value);
}
