import { ModelFileError, type DType } from './modelFile.js';

/** Stored bits per element; 0 for strings, which have no fixed width. */
const BITS: Record<DType, number> = {
  float64: 64,
  float32: 32,
  float16: 16,
  bfloat16: 16,
  float8e4m3fn: 8,
  float8e4m3fnuz: 8,
  float8e5m2: 8,
  float8e5m2fnuz: 8,
  float8e8m0: 8,
  float4e2m1: 4,
  int64: 64,
  int32: 32,
  int16: 16,
  int8: 8,
  int4: 4,
  int2: 2,
  uint64: 64,
  uint32: 32,
  uint16: 16,
  uint8: 8,
  uint4: 4,
  uint2: 2,
  bool: 8,
  string: 0,
  complex64: 64,
  complex128: 128,
};

/** More dimensions than any framework makes (NumPy: 64). */
export const MAX_DIMENSIONS = 64;

/** Bits that one stored element takes; 0 for strings. */
export function bitsPerElement(dtype: DType): number {
  return BITS[dtype];
}

/** Bytes of `count` elements; sub-byte types are packed, the last byte padded. */
export function storedBytes(dtype: DType, count: number): number {
  const bits = BITS[dtype];
  return bits >= 8 ? count * (bits / 8) : Math.ceil(count / (8 / bits));
}

/**
 * Elements of a tensor of this shape; [] is a scalar with one.
 * @param subject how a sentence calls the tensor
 * @throws ModelFileError `model/limit` for a size that is no safe integer, or a product above 2^53 − 1
 */
export function elementCount(shape: readonly number[], subject = 'A tensor'): number {
  if (shape.length > MAX_DIMENSIONS) throw new ModelFileError('model/limit', `${subject} has ${shape.length} dimensions, and at most ${MAX_DIMENSIONS} are read: check how the file was made.`);
  let count = 1;
  let empty = false;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) throw new ModelFileError('model/limit', `${subject} has the shape ${formatShape(shape)}, and a size must be an integer from 0 to 2^53 − 1: check how the file was made.`);
    if (size === 0) empty = true;
    else count *= size;
  }
  if (empty) return 0;
  if (count > Number.MAX_SAFE_INTEGER) throw new ModelFileError('model/limit', `${subject} has the shape ${formatShape(shape)}, which is ${count.toExponential(1)} elements, and at most 2^53 − 1 can be counted: check how the file was made.`);
  return count;
}

/** A shape for a sentence: [2, 3]. */
export function formatShape(shape: readonly number[]): string {
  const shown = shape.slice(0, 8).join(', ');
  return `[${shown}${shape.length > 8 ? ', …' : ''}]`;
}

/** Whether an element is one real number: not text, a truth value or a complex number. */
export function isNumeric(dtype: DType): boolean {
  return dtype !== 'string' && dtype !== 'bool' && dtype !== 'complex64' && dtype !== 'complex128';
}
