import { usageError } from './errors.js';
import { suggestion } from './suggestion.js';

/** Values by option name, in the order given; true for switches. */
export type Given = Map<string, (string | true)[]>;

/** Bounds of numbers that several commands take. */
export const largestSeed = 2 ** 32 - 1;
export const mostThreads = 256;
export const longestTimeoutSeconds = 2e6;
/** Of perturbations and steps, in the inputs' own units. */
const largestLength = 1e9;

/** Of an option given several times the last one holds. */
export function text(given: Given, name: string): string | null {
  const value = given.get(name)?.at(-1);
  if (value === '') throw usageError(`--${name} needs a value, and an empty one is given.`);
  return typeof value === 'string' ? value : null;
}

/** One of some words. @throws CommandError with what is allowed, and what was probably meant */
export function choice<T extends string>(given: Given, name: string, allowed: readonly T[]): T | null {
  const value = text(given, name);
  if (value === null) return null;
  const found = allowed.find((item) => item === value);
  if (found === undefined) throw usageError(`--${name} "${value}" is not one of ${allowed.join(', ')}${suggestion(value, allowed) || '.'}`);
  return found;
}

/** A length in the inputs' own units; pixels are often counted in fractions: 8/255. */
export function length(given: Given, name: string, smallest: number): number | null {
  const value = text(given, name);
  if (value === null) return null;
  const match = /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?(?:\/(\d+\.?\d*|\.\d+))?$/i.exec(value);
  const parsed = match === null ? NaN : Number(match[1] + (match.at(2) ?? '')) / Number(match.at(3) ?? 1);
  if (!(parsed >= smallest && parsed <= largestLength)) throw usageError(`--${name} "${value}" is not a number ${smallest === 0 ? 'from 0' : 'above 0'} to ${largestLength}: write it as 0.03 or 8/255.`);
  return parsed;
}

/** @throws CommandError with the value and the limits */
export function number(given: Given, name: string, smallest: number, largest: number, whole: boolean, unit = ''): number | null {
  const value = text(given, name);
  if (value === null) return null;
  const parsed = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : NaN;
  if (!(parsed >= smallest && parsed <= largest) || (whole && !Number.isInteger(parsed))) {
    const suffix = unit === '' ? '' : ` ${unit}`;
    throw usageError(`--${name} "${value}" is not a ${whole ? 'whole ' : ''}number from ${smallest} to ${largest}${suffix}.`);
  }
  return parsed;
}

/** a, b and c. */
export function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}
