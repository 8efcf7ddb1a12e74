import { bitsPerElement } from './dtypes.js';
import type { DType } from './modelFile.js';
import { widening } from './widen.js';

/** A 64-bit varint takes at most ten bytes. */
export const MAX_VARINT_BYTES = 10;

/**
 * Decodes a stream of protobuf varints that comes in pieces into float64 elements: 64-bit integers as they are,
 * narrower types by their bit patterns; a varint of a sub-byte type carries one byte, so several elements.
 */
export class VarintDecoder {
  readonly elementsPerVarint: number;
  private readonly toValue: ((low: number, high: number) => number) | null;
  private readonly pattern = new Uint8Array(8);
  private readonly widen;
  private low = 0;
  private high = 0;
  private shift = 0;

  constructor(dtype: DType) {
    const bits = bitsPerElement(dtype);
    this.elementsPerVarint = bits < 8 ? 8 / bits : 1;
    this.widen = widening(dtype);
    this.toValue = wholeNumber(dtype);
  }

  /** Whether the last varint was whole. */
  get complete(): boolean {
    return this.shift === 0;
  }

  /** Fills `values` from the front; returns how many elements ended in these bytes. An overlong varint ends at ten bytes. */
  decode(bytes: Uint8Array, values: Float64Array): number {
    let { low, high, shift } = this;
    let filled = 0;
    for (const byte of bytes) {
      const part = byte & 0x7f;
      if (shift < 28) low |= part << shift;
      else if (shift === 28) {
        low |= part << 28;
        high |= part >>> 4;
      } else high |= part << (shift - 32);
      shift += 7;
      if (byte < 0x80 || shift === 7 * MAX_VARINT_BYTES) {
        if (this.toValue !== null) values[filled] = this.toValue(low, high);
        else {
          this.pattern[0] = low;
          this.pattern[1] = low >>> 8;
          this.widen(this.pattern, values.subarray(filled, filled + this.elementsPerVarint), 0);
        }
        filled += this.elementsPerVarint;
        low = high = shift = 0;
      }
    }
    Object.assign(this, { low, high, shift });
    return filled;
  }
}

function wholeNumber(dtype: DType): ((low: number, high: number) => number) | null {
  switch (dtype) {
    case 'int64':
      return (low, high) => high * 2 ** 32 + (low >>> 0);
    case 'uint64':
      return (low, high) => (high >>> 0) * 2 ** 32 + (low >>> 0);
    case 'int32':
      return (low) => low;
    case 'uint32':
      return (low) => low >>> 0;
    case 'int16':
      return (low) => (low << 16) >> 16;
    case 'uint16':
      return (low) => low & 0xffff;
    case 'int8':
      return (low) => (low << 24) >> 24;
    case 'uint8':
      return (low) => low & 0xff;
    case 'bool':
      return (low, high) => (low === 0 && high === 0 ? 0 : 1);
    default:
      return null;
  }
}
