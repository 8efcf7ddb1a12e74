/**
 * Numbers as people read them. Copying gives full precision elsewhere; here they are rounded, with a true minus,
 * thin spaces in thousands and powers of ten outside [10⁻³, 10⁴).
 */

/** From here on a number is written as a power of ten. */
const plainUpperLimit = 1e4;
/** Below this size a number is written as a power of ten. */
const plainLowerLimit = 1e-3;

const thinSpace = '\u2009';
const trueMinus = '\u2212';
const superscriptDigits = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** Significant digits of tables and findings. */
const tableDigits = 4;
/** Significant digits of p-values, Kolmogorov–Smirnov distances and ratios to a limit. */
export const statisticDigits = 2;
/** Limits are settings: nobody sets more digits than this. */
const limitDigits = 12;

/**
 * A number with a fixed count of significant digits, trailing zeros kept: `5.923`, `0.08430`, `1.433 × 10⁵`.
 *
 * @param digits 1…15
 * @returns "∞" for infinity, "–" for NaN, "0" for zero
 */
export function formatNumber(value: number, digits = tableDigits): string {
  if (Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : `${trueMinus}∞`;
  if (value === 0) return '0';
  // Rounding first: 9999.7 with four digits is 1.000 × 10⁴, not 10000.
  const size = Math.abs(Number(value.toPrecision(digits)));
  const sign = value < 0 ? trueMinus : '';
  if (size < plainLowerLimit || size >= plainUpperLimit) return sign + powerOfTen(Math.abs(value), digits);
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  return sign + size.toFixed(decimals);
}

/** A limit as it was set, without trailing zeros: `5`, `0.001`, `10⁴`, `2.5 × 10⁻⁶`. */
export function formatLimit(limit: number): string {
  // What a product such as 100 · 0.07 adds in its last bits was not set by anyone.
  const [mantissa] = Number(limit.toPrecision(limitDigits)).toExponential().split('e');
  return formatNumber(limit, mantissa.replace(/\D/gu, '').length || 1).replace(/^(\u2212?)1 × /u, '$1');
}

/** A count in full, with thin spaces in thousands: `102 400`. */
export function formatCount(count: number): string {
  const digits = String(Math.abs(Math.trunc(count)));
  return (count < 0 ? trueMinus : '') + digits.replace(/\B(?=(\d{3})+$)/gu, thinSpace);
}

/** Bytes in decimal units with three significant digits: `450 kB`, `1.22 MB`. */
export function formatBytes(bytes: number): string {
  return withUnit(bytes, ['B', 'kB', 'MB', 'GB', 'TB'], 1000);
}

/** Seconds of wall time: `0.034 s`, `2.4 s`, `95 s`, `12 min`. */
export function formatSeconds(seconds: number): string {
  // Past two minutes nobody counts seconds.
  if (seconds >= 120) return `${formatCount(Math.round(seconds / 60))} min`;
  if (seconds >= 10) return `${seconds.toFixed(0)} s`;
  return `${seconds === 0 ? '0' : formatNumber(seconds, statisticDigits)} s`;
}

/** A share as percent with four significant digits, fewer where it is a round number: `99.90 %`, `99 %`. */
export function formatShare(share: number, digits = tableDigits): string {
  // 99.9996 % must not become 100 % while it is less.
  const percent = share * 100;
  const shown = Number(percent.toPrecision(digits));
  return `${share < 1 && shown >= 100 ? '> 99.99' : formatNumber(percent, digits)} %`;
}

function powerOfTen(size: number, digits: number): string {
  const [mantissa, exponent] = size.toExponential(digits - 1).split('e');
  const superscript = exponent.replace(/./gu, (c) => (c === '-' ? '⁻' : c === '+' ? '' : superscriptDigits[Number(c)]));
  return `${mantissa} × 10${superscript}`;
}

function withUnit(value: number, units: readonly string[], base: number): string {
  let index = 0;
  let size = value;
  // Rounded to three digits 999.6 kB is 1.00 MB.
  while (index < units.length - 1 && Number(size.toPrecision(3)) >= base) {
    size /= base;
    index++;
  }
  return `${index === 0 ? formatCount(size) : formatNumber(size, 3)} ${units[index]}`;
}
