import { formatCount, formatNumber } from './numbers.js';
import type { Metrics } from './report.js';

/** What does not exist. */
export const nothing = '–';

/** `1 layer`, `8 layers`. */
export function plural(count: number, singular: string, many = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : many}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[]): string {
  if (items.length < 2) return items.join('');
  return `${items.slice(0, -1).join(', ')} and ${items[items.length - 1]}`;
}

/** `16 × 8 × 3 × 3`; a tensor without axes is a scalar. */
export function shapeText(shape: readonly number[], times = ' × '): string {
  return shape.length === 0 ? 'scalar' : shape.join(times);
}

/** Four significant digits, or a dash for what does not exist. */
export function numberText(value: number | null): string {
  return value === null ? nothing : formatNumber(value);
}

/** Counts, ranks and other whole numbers: never rounded. */
export function rankText(rank: number | null, full: number): string {
  return `${rank ?? nothing}/${full}`;
}

export function conditionText(value: Metrics['conditionNumber']): string {
  return value === 'Infinity' ? '∞' : numberText(value);
}

/** α with three digits, in brackets where the fit is loose. */
export function alphaText(alpha: number | null, loose: boolean): string {
  if (alpha === null) return nothing;
  const text = formatNumber(alpha, 3);
  return loose ? `(${text})` : text;
}

/** First letter in upper case; names in the text keep theirs. */
export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
