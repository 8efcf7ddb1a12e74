/**
 * Numbers as people read them. Four significant digits in tables, three in labels, two for p and KS; plain
 * between 10⁻³ and 10⁴, else a power of ten. NaN is never shown.
 */
export const minusSign = '\u2212';
const thinSpace = '\u2009';
export const missing = '–';
export const notYet = '·';
const superscriptDigits = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** Exponents inside this range are written plainly. */
const plainExponent = { smallest: -3, largest: 3 };

/** An integer in superscript characters: −5 → ⁻⁵. */
export function superscript(value: number): string {
  const digits = String(Math.abs(value)).replace(/\d/g, (digit) => superscriptDigits[Number(digit)]);
  return value < 0 ? `⁻${digits}` : digits;
}

/** `value` with that many significant digits; trailing zeros stay. ∞ for infinite values, – for NaN. */
export function significant(value: number, digits = 4): string {
  if (Number.isNaN(value)) return missing;
  if (!Number.isFinite(value)) return value > 0 ? '∞' : `${minusSign}∞`;
  if (value === 0) return '0';
  const [mantissa, power] = Math.abs(value).toExponential(digits - 1).split('e');
  const exponent = Number(power);
  const sign = value < 0 ? minusSign : '';
  if (exponent >= plainExponent.smallest && exponent <= plainExponent.largest) {
    return sign + Number(`${mantissa}e${exponent}`).toFixed(Math.max(0, digits - 1 - exponent));
  }
  return `${sign}${mantissa} × 10${superscript(exponent)}`;
}

/** A count, thousands apart by a thin space: 102 400. */
export function integer(value: number): string {
  const digits = String(Math.abs(Math.round(value))).replace(/\B(?=(\d{3})+$)/g, thinSpace);
  return value < 0 ? minusSign + digits : digits;
}

/** A condition number, which may be infinite by definition. */
export function condition(value: number | 'Infinity' | null, digits = 4): string {
  if (value === null) return missing;
  return value === 'Infinity' ? '∞' : significant(value, digits);
}

/** Three significant digits without trailing zeros, in B, kB, MB or GB of powers of 1000. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let scaled = value;
  let unit = 0;
  while (unit < units.length - 1 && Number(scaled.toPrecision(3)) >= 1000) {
    scaled /= 1000;
    unit += 1;
  }
  return `${Number(scaled.toPrecision(3))} ${units[unit]}`;
}

/** A share 0…1 in percent, one decimal. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** Full float64 precision for files and the clipboard; ∞ is Infinity, null is empty. */
export function exact(value: number | string | null): string {
  return value === null ? '' : String(value);
}

/** 16 × 8 × 3 × 3 */
export function dimensions(shape: readonly (number | string | null)[]): string {
  return shape.length === 0 ? '1' : shape.map((size) => size ?? '?').join(' × ');
}
