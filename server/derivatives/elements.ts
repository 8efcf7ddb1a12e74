import { valueTable } from '../formats/floats.js';
import type { OnnxType } from '../runtime/onnxWriter.js';
import { NotDifferentiable } from './graph.js';
import { asFloats, type TensorData } from './session.js';

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
    case 'int4':
    case 'uint4':
      return nibbles(values);
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

/** Two elements a byte, the first in the lower half. */
function nibbles(values: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(values.length / 2));
  for (let i = 0; i < values.length; i++) bytes[i >> 1] |= (values[i] & 15) << (4 * (i & 1));
  return bytes;
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

const float16Fraction = 2 ** 10;
const float16Infinity = 0x7c00;
const float16NaN = 0x7e00;
/** Halfway from the largest number to what would be the next. */
const float16Overflow = 65520;
const leastFloat16Exponent = -14;

/** The bits of the float16 nearest to a value, of two that are as near the even one (IEEE 754, round to nearest). */
function float16Bits(value: number): number {
  if (Number.isNaN(value)) return float16NaN;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= float16Overflow) return sign | float16Infinity;
  const [, high] = new Uint32Array(Float64Array.of(magnitude).buffer);
  const exponent = Math.max(leastFloat16Exponent, (high >>> 20) - 1023);
  const steps = (magnitude / 2 ** exponent) * float16Fraction;
  const whole = Math.floor(steps);
  const isUp = steps - whole > 0.5 || (steps - whole === 0.5 && whole % 2 === 1);
  // The leading one of a normal number counts as one more of the exponent.
  return sign | ((exponent - leastFloat16Exponent) * float16Fraction + whole + (isUp ? 1 : 0));
}

/**
 * A floating-point tensor in another floating-point type. Elements of float16 are bit patterns, or numbers where the
 * runtime has an array type for them.
 */
export function inFloatType(tensor: TensorData, dtype: 'float16' | 'float32' | 'float64'): TensorData {
  const numbers = floatsOf(tensor, dtype === 'float64' ? 'float64' : 'float32');
  return { ...tensor, dtype, elements: dtype === 'float16' ? Uint16Array.from(numbers, float16Bits) : numbers };
}

/** The elements of a tensor as numbers. Those of float16 may be bit patterns. */
export function floatsOf({ dtype, elements }: Pick<TensorData, 'dtype' | 'elements'>, as: 'float32' | 'float64'): Float32Array | Float64Array {
  if (dtype !== 'float16' || !(elements instanceof Uint16Array)) return asFloats(elements, as);
  const values = valueTable('float16');
  return as === 'float32' ? Float32Array.from(elements, (bits) => values[bits]) : Float64Array.from(elements, (bits) => values[bits]);
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
    case 'float16':
    case 'bfloat16':
      return Array.from(new Uint16Array(buffer), (bits) => valueTable(dtype)[bits]);
    default:
      return null;
  }
}
