import { MAX_VARINT_BYTES } from '../varints.js';

/** Protobuf wire types (encoding specification); 3 and 4 are groups, which ONNX never had. */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
export type WireType = (typeof WIRE)[keyof typeof WIRE];

/** A tag of five bytes and a varint of ten are the most that stands before a field's payload. */
export const MAX_FIELD_HEADER_BYTES = 5 + MAX_VARINT_BYTES;

/** One field of a message. For bytes: the payload's range; for numbers: their 64 bits in two halves. */
export interface Field {
  number: number;
  type: WireType;
  low: number;
  high: number;
  /** Of the payload, absolute in the file; where the next field begins is start + length. */
  start: number;
  length: number;
}

export type FieldProblem = 'incomplete' | 'group' | 'tag' | 'varint' | 'length';

/**
 * Reads the field that begins at `at` in `bytes`, whose first byte has the position `base` in the file, into `field`.
 * Returns what is wrong with it, or null. `incomplete`: the bytes end within the field's header.
 */
export function readField(bytes: Uint8Array, at: number, base: number, field: Field): FieldProblem | null {
  let position = readVarint(bytes, at, field);
  if (position < 0) return position === ENDS ? 'incomplete' : 'varint';
  const type = field.low & 7;
  field.number = field.low >>> 3;
  if (field.high !== 0 || field.number === 0) return 'tag';
  switch (type) {
    case WIRE.varint:
    case WIRE.bytes: {
      const payload = position;
      position = readVarint(bytes, position, field);
      if (position < 0) return position === ENDS ? 'incomplete' : 'varint';
      field.type = type;
      if (type === WIRE.varint) {
        field.start = base + payload;
        field.length = position - payload;
        return null;
      }
      field.start = base + position;
      field.length = (field.high >>> 0) * 2 ** 32 + (field.low >>> 0);
      return Number.isSafeInteger(field.start + field.length) ? null : 'length';
    }
    case WIRE.fixed64:
    case WIRE.fixed32: {
      const length = type === WIRE.fixed64 ? 8 : 4;
      if (position + length > bytes.length) return 'incomplete';
      field.type = type;
      field.low = readInt32(bytes, position);
      field.high = length === 8 ? readInt32(bytes, position + 4) : 0;
      field.start = base + position;
      field.length = length;
      return null;
    }
    case 3:
    case 4:
      return 'group';
    default:
      return 'tag';
  }
}

const ENDS = -1;
const OVERLONG = -2;

/** Reads 64 bits in base 128 into field.low and field.high; returns the position after them, or a negative problem. */
export function readVarint(bytes: Uint8Array, at: number, field: { low: number; high: number }): number {
  let low = 0;
  let high = 0;
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    if (at + i >= bytes.length) return ENDS;
    const byte = bytes[at + i];
    const part = byte & 0x7f;
    if (i < 4) low |= part << (7 * i);
    else if (i === 4) {
      low |= part << 28;
      high = part >>> 4;
    } else high |= part << (7 * i - 32);
    if (byte < 0x80) {
      field.low = low;
      field.high = high;
      return at + i + 1;
    }
  }
  return OVERLONG;
}

function readInt32(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

/** The field's number as a signed 64-bit integer, to the nearest float64. */
export function signed64({ low, high }: { low: number; high: number }): number {
  return (high | 0) * 2 ** 32 + (low >>> 0);
}

const floatBits = new DataView(new ArrayBuffer(8));

/** The field's number as the float32 (fixed32) or float64 (fixed64) with these bits. */
export function floatingPoint({ type, low, high }: Field): number {
  floatBits.setInt32(0, low, true);
  floatBits.setInt32(4, high, true);
  return type === WIRE.fixed64 ? floatBits.getFloat64(0, true) : floatBits.getFloat32(0, true);
}
