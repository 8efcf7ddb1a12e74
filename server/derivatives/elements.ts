import type { OnnxType } from '../runtime/onnxWriter.js';
import { NotDifferentiable } from './graph.js';

/** Little-endian elements of a tensor from their numbers. @throws NotDifferentiable for types that are no plain numbers */
export function encodeElements(dtype: OnnxType, values: ArrayLike<number>): Uint8Array {
  switch (dtype) {
    case 'float32':
      return bytesOf(Float32Array.from(values));
    case 'float64':
      return bytesOf(Float64Array.from(values));
    case 'int64':
      return bytesOf(BigInt64Array.from(Array.from(values, saturated)));
    case 'uint64':
      return bytesOf(BigUint64Array.from(Array.from(values, BigInt)));
    case 'int32':
      return bytesOf(Int32Array.from(values));
    case 'uint32':
      return bytesOf(Uint32Array.from(values));
    case 'int16':
      return bytesOf(Int16Array.from(values));
    case 'uint16':
      return bytesOf(Uint16Array.from(values));
    case 'int8':
      return bytesOf(Int8Array.from(values));
    case 'uint8':
    case 'bool':
      return Uint8Array.from(values);
    case 'float16':
      return bytesOf(Uint16Array.from(values, float16Bits));
    case 'bfloat16':
      return bytesOf(Uint16Array.from(values, (value) => new Uint32Array(Float32Array.of(value).buffer)[0] >>> 16));
    default:
      throw new NotDifferentiable(`A constant of type ${dtype} cannot be handed to onnxruntime: convert the network to float32.`);
  }
}

/** Ends of slices are often the largest integer, 2⁶³ − 1, which as a number is 2⁶³. */
function saturated(value: number): bigint {
  return value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value);
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** The bits of a value that float16 can hold exactly, as those read from a file are. */
function float16Bits(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0];
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 127;
  const fraction = bits & 0x7fffff;
  if (exponent === 128) return sign | 0x7c00 | (fraction >>> 13);
  if (exponent < -24) return sign;
  if (exponent < -14) return sign | ((fraction | 0x800000) >>> (-exponent - 1));
  return sign | ((exponent + 15) << 10) | (fraction >>> 13);
}

/** The numbers of little-endian elements; null for types that are no plain numbers. */
export function decodeElements(dtype: OnnxType, data: Uint8Array): number[] | null {
  const { buffer } = data.slice();
  switch (dtype) {
    case 'float32':
      return [...new Float32Array(buffer)];
    case 'float64':
      return [...new Float64Array(buffer)];
    case 'int64':
      return Array.from(new BigInt64Array(buffer), Number);
    case 'int32':
      return [...new Int32Array(buffer)];
    case 'int8':
      return [...new Int8Array(buffer)];
    case 'uint8':
    case 'bool':
      return [...data];
    default:
      return null;
  }
}
