import { hasTable, valueTable } from './floats.js';
import { ModelFileError, type DType } from './modelFile.js';

/**
 * Widens stored little-endian elements to float64, exactly except for 64-bit integers beyond 2^53 (nearest float64).
 * `bytes` starts at a multiple of 8 in its buffer; `skip` elements of the first byte belong to before `values[0]`
 * (sub-byte types only, else 0). Fills the whole of `values`.
 */
export type Widen = (bytes: Uint8Array, values: Float64Array, skip: number) => void;

const TWO_32 = 2 ** 32;

/**
 * The widening of one element type; a few nanoseconds an element at most.
 * @throws ModelFileError for text and complex numbers, whose elements are no single number
 */
export function widening(dtype: DType): Widen {
  switch (dtype) {
    case 'float64':
      return (bytes, values) => values.set(new Float64Array(bytes.buffer, bytes.byteOffset, values.length));
    case 'float32':
      return (bytes, values) => values.set(new Float32Array(bytes.buffer, bytes.byteOffset, values.length));
    case 'int64':
      return (bytes, values) => {
        const words = new Int32Array(bytes.buffer, bytes.byteOffset, 2 * values.length);
        // The product is exact and the sum rounds once: the nearest float64.
        for (let i = 0; i < values.length; i++) values[i] = words[2 * i + 1] * TWO_32 + (words[2 * i] >>> 0);
      };
    case 'uint64':
      return (bytes, values) => {
        const words = new Uint32Array(bytes.buffer, bytes.byteOffset, 2 * values.length);
        for (let i = 0; i < values.length; i++) values[i] = words[2 * i + 1] * TWO_32 + words[2 * i];
      };
    case 'int32':
      return (bytes, values) => values.set(new Int32Array(bytes.buffer, bytes.byteOffset, values.length));
    case 'uint32':
      return (bytes, values) => values.set(new Uint32Array(bytes.buffer, bytes.byteOffset, values.length));
    case 'int16':
      return (bytes, values) => values.set(new Int16Array(bytes.buffer, bytes.byteOffset, values.length));
    case 'uint16':
      return (bytes, values) => values.set(new Uint16Array(bytes.buffer, bytes.byteOffset, values.length));
    case 'int8':
      return (bytes, values) => values.set(new Int8Array(bytes.buffer, bytes.byteOffset, values.length));
    case 'uint8':
      return (bytes, values) => values.set(bytes.subarray(0, values.length));
    case 'bool':
      return (bytes, values) => {
        for (let i = 0; i < values.length; i++) values[i] = bytes[i] === 0 ? 0 : 1;
      };
    case 'uint4':
    case 'int4':
    case 'float4e2m1':
      return packed(dtype, 4);
    case 'uint2':
    case 'int2':
      return packed(dtype, 2);
    case 'string':
    case 'complex64':
    case 'complex128':
      throw new ModelFileError('model/limit', `Elements of type ${dtype} are no real numbers, and only those have a spectrum: leave this tensor out.`);
    default: {
      const table = valueTable(dtype);
      if (table.length === 256) {
        return (bytes, values) => {
          for (let i = 0; i < values.length; i++) values[i] = table[bytes[i]];
        };
      }
      return (bytes, values) => {
        const patterns = new Uint16Array(bytes.buffer, bytes.byteOffset, values.length);
        for (let i = 0; i < values.length; i++) values[i] = table[patterns[i]];
      };
    }
  }
}

/** Sub-byte elements, the first in the lowest bits. */
function packed(dtype: DType, bits: 2 | 4): Widen {
  const table = packedTable(dtype, bits);
  const perByte = 8 / bits;
  const mask = (1 << bits) - 1;
  return (bytes, values, skip) => {
    let filled = 0;
    for (let at = 0, shift = skip * bits; filled < values.length; at++, shift = 0) {
      const byte = bytes[at];
      for (const end = Math.min(values.length, filled + perByte - shift / bits); filled < end; shift += bits) values[filled++] = table[(byte >>> shift) & mask];
    }
  };
}

function packedTable(dtype: DType, bits: 2 | 4): Float64Array {
  if (hasTable(dtype)) return valueTable(dtype);
  const size = 1 << bits;
  const signed = dtype === 'int4' || dtype === 'int2';
  return Float64Array.from({ length: size }, (_, pattern) => (signed && pattern >= size / 2 ? pattern - size : pattern));
}
