import type { DType } from './modelFile.js';

/** A binary floating-point format of at most 16 bits: [sign][exponent][mantissa]. */
interface SmallFloat {
  exponentBits: number;
  mantissaBits: number;
  bias: number;
  /**
   * ieee: the largest exponent holds infinities and NaNs. finite: only all ones is NaN, no infinity.
   * unsignedZero: NaN is the pattern of −0, no infinity. none: every pattern is a number.
   */
  special: 'ieee' | 'finite' | 'unsignedZero' | 'none';
}

/**
 * IEEE 754 binary16; bfloat16; the 8-bit formats of arXiv:2209.05433 (fn) and arXiv:2206.02915 (fnuz); E2M1 of the
 * OCP Microscaling Formats specification 1.0.
 */
const FORMATS = {
  float16: { exponentBits: 5, mantissaBits: 10, bias: 15, special: 'ieee' },
  bfloat16: { exponentBits: 8, mantissaBits: 7, bias: 127, special: 'ieee' },
  float8e4m3fn: { exponentBits: 4, mantissaBits: 3, bias: 7, special: 'finite' },
  float8e4m3fnuz: { exponentBits: 4, mantissaBits: 3, bias: 8, special: 'unsignedZero' },
  float8e5m2: { exponentBits: 5, mantissaBits: 2, bias: 15, special: 'ieee' },
  float8e5m2fnuz: { exponentBits: 5, mantissaBits: 2, bias: 16, special: 'unsignedZero' },
  float4e2m1: { exponentBits: 2, mantissaBits: 1, bias: 1, special: 'none' },
} satisfies Partial<Record<DType, SmallFloat>>;

export type TableDType = keyof typeof FORMATS | 'float8e8m0';

function decode(format: SmallFloat, bits: number): number {
  const { exponentBits, mantissaBits, bias, special } = format;
  const mantissa = bits & ((1 << mantissaBits) - 1);
  const largestExponent = (1 << exponentBits) - 1;
  const exponent = (bits >>> mantissaBits) & largestExponent;
  const negative = ((bits >>> (mantissaBits + exponentBits)) & 1) === 1;
  if (special === 'unsignedZero' && negative && exponent === 0 && mantissa === 0) return NaN;
  if (exponent === largestExponent) {
    if (special === 'ieee') return mantissa !== 0 ? NaN : negative ? -Infinity : Infinity;
    if (special === 'finite' && mantissa === (1 << mantissaBits) - 1) return NaN;
  }
  const magnitude = exponent === 0 ? mantissa * 2 ** (1 - bias - mantissaBits) : (mantissa + (1 << mantissaBits)) * 2 ** (exponent - bias - mantissaBits);
  return negative ? -magnitude : magnitude;
}

const tables = new Map<TableDType, Float64Array>();

/** All values of a format of at most 16 bits by bit pattern; 2^bits float64, exact, made once. */
export function valueTable(dtype: TableDType): Float64Array {
  let table = tables.get(dtype);
  if (table === undefined) {
    if (dtype === 'float8e8m0') {
      // A power of two without sign or zero; all ones is NaN (OCP Microscaling Formats 1.0, section 5.4.1).
      table = Float64Array.from({ length: 256 }, (_, bits) => (bits === 255 ? NaN : 2 ** (bits - 127)));
    } else {
      const format = FORMATS[dtype];
      table = Float64Array.from({ length: 2 ** (1 + format.exponentBits + format.mantissaBits) }, (_, bits) => decode(format, bits));
    }
    tables.set(dtype, table);
  }
  return table;
}

/** Whether values of this type come from a table by bit pattern. */
export function hasTable(dtype: DType): dtype is TableDType {
  return dtype === 'float8e8m0' || dtype in FORMATS;
}

/** The smallest normal magnitude of a floating-point type; what is smaller and not zero is denormal. 0: the type has none. */
export function smallestNormal(dtype: DType): number {
  if (dtype === 'float64') return 2 ** -1022;
  if (dtype === 'float32') return 2 ** -126;
  if (dtype in FORMATS) return 2 ** (1 - FORMATS[dtype as keyof typeof FORMATS].bias);
  return 0;
}
