import { quote } from '../formats/sentences.js';
import { formatShape, InputsError } from './inputArray.js';
import type { Layout } from './layout.js';

/** v ↦ ((v or v/255) − mean) / std, by channel: input space is behind the division and before mean and std. */
export interface Preprocessing {
  divideBy255: boolean;
  /** One value for all channels, or one each. */
  mean: number[];
  std: number[];
}

export const noPreprocessing: Preprocessing = { divideBy255: false, mean: [0], std: [1] };

/** Smallest and largest value that an input may take, in input space. */
export interface InputRange {
  low: number;
  high: number;
}

const number = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const grammar = '"[x/255] [mean=a[,b,…]] [std=a[,b,…]]"';
/** A step's place in the order in which all of them are applied. */
const order = ['x/255', 'mean', 'std'];

/**
 * Reads the text of `--preprocess`: `[x/255] [mean=a[,b,…]] [std=a[,b,…]]` in this order, or `none`.
 * @throws InputsError `inputs/option` with what is wrong in it
 */
export function parsePreprocess(text: string): Preprocessing {
  const steps = text.trim().split(/\s+/).filter((step) => step !== '');
  const result: Preprocessing = { divideBy255: false, mean: [...noPreprocessing.mean], std: [...noPreprocessing.std] };
  if (steps.length === 0 || (steps.length === 1 && steps[0] === 'none')) return result;
  let last = -1;
  for (const step of steps) {
    const [name, values] = split(step);
    const place = order.indexOf(name);
    if (place < 0) throw mistake(`has ${quote(step)}, which is no step of ${grammar}${/^[-+.\d]/.test(step) ? ': write lists without spaces' : ''}`);
    if (place === last) throw mistake(`has ${name} twice: give it once`);
    if (place < last) throw mistake(`has ${name} after ${order[last]}, and the order is ${grammar}: values are divided by 255 first, then the mean is subtracted, then they are divided by std`);
    last = place;
    if (name === 'x/255') result.divideBy255 = true;
    else if (name === 'mean') result.mean = parseList(step, values);
    else result.std = parseList(step, values);
  }
  const zero = result.std.find((value) => value <= 0);
  if (zero !== undefined) throw mistake(`has std=${result.std.join(',')}, and a deviation of ${zero} cannot be divided by: give numbers above 0`);
  const { mean, std } = result;
  if (mean.length > 1 && std.length > 1 && mean.length !== std.length) throw mistake(`has ${mean.length} means and ${std.length} deviations: give one for all channels, or one for each in both`);
  return result;
}

/** The text that parsePreprocess reads back to the same. */
export function formatPreprocess({ divideBy255, mean, std }: Preprocessing): string {
  const steps = [divideBy255 ? 'x/255' : '', mean.some((value) => value !== 0) ? `mean=${mean.join(',')}` : '', std.some((value) => value !== 1) ? `std=${std.join(',')}` : ''].filter((step) => step !== '');
  return steps.length === 0 ? 'none' : steps.join(' ');
}

function split(step: string): [string, string] {
  const at = step.indexOf('=');
  return at < 0 ? [step === 'x/255' ? step : '', ''] : [step.slice(0, at), step.slice(at + 1)];
}

function parseList(step: string, text: string): number[] {
  return text.split(',').map((item) => {
    if (!number.test(item) || !Number.isFinite(Number(item))) throw mistake(`has ${quote(step)}, where ${item === '' ? 'a number is missing' : `${quote(item)} is no number`}: write mean=0.5 or mean=0.4914,0.4822,0.4465`);
    return Number(item);
  });
}

function mistake(what: string): InputsError {
  return new InputsError('inputs/option', `--preprocess ${what}.`);
}

/**
 * Reads the text of `--range`, LO,HI in input space.
 * @throws InputsError `inputs/option`
 */
export function parseRange(text: string): InputRange {
  const parts = text.split(',').map((part) => part.trim());
  const [low, high] = parts.map(Number);
  if (parts.length !== 2 || !parts.every((part) => number.test(part)) || !Number.isFinite(low) || !Number.isFinite(high)) throw new InputsError('inputs/option', `--range ${text} is no pair of numbers: write LO,HI, e.g. --range 0,1.`);
  if (low >= high) throw new InputsError('inputs/option', `--range ${text} begins at ${low} and ends at ${high}: give the smaller number first.`);
  return { low, high };
}

/** The range that holds where none is given: 0 … 1 after x/255, else the smallest and largest of the inputs. */
export function defaultRange({ divideBy255 }: Preprocessing, inputSpace: Iterable<number>): InputRange {
  if (divideBy255) return { low: 0, high: 1 };
  let low = Infinity;
  let high = -Infinity;
  for (const value of inputSpace) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

/** Mean and std by channel for an array, and where an element's channel lies: ⌊index / inner⌋ mod count. */
export interface ChannelScaling {
  mean: number[];
  std: number[];
  count: number;
  inner: number;
}

/**
 * Spreads mean and std over the channels of [n, ...sample]: the second axis or, for nhwc first of all, the last one,
 * whichever has as many entries. For a flat sample the file's stated layout says how its channels lie.
 * @throws InputsError `inputs/option` where no axis has that many entries
 */
export function channelScaling({ mean, std }: Preprocessing, shape: readonly number[], layout: Layout | null, stated: Layout | null): ChannelScaling {
  const count = Math.max(mean.length, std.length);
  const spread = (values: readonly number[]): number[] => Array.from({ length: count }, (_, channel) => values[values.length === 1 ? 0 : channel]);
  const answer = (inner: number): ChannelScaling => ({ mean: spread(mean), std: spread(std), count, inner });
  if (count === 1) return answer(1);
  const sample = shape.slice(1);
  const axes = layout === 'nhwc' ? [sample.length - 1, 0] : [0, sample.length - 1];
  const axis = axes.find((candidate) => sample[candidate] === count);
  if (axis !== undefined) return answer(sample.slice(axis + 1).reduce((product, size) => product * size, 1));
  if (sample.length === 1 && sample[0] % count === 0 && stated !== null) return answer(stated === 'nchw' ? sample[0] / count : 1);
  const advice = sample.length === 1 ? `state with --layout how the channels lie in its ${sample[0]} numbers` : 'give one value for all, or one for each';
  throw new InputsError('inputs/option', `--preprocess has ${count} values by channel, and the model takes ${formatShape(['n', ...sample])}, where the channels are ${sample[axes[0]] ?? 0}: ${advice}.`);
}
