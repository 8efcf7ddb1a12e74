import { formatShape, InputsError, type InputArray } from './inputArray.js';
import { layoutOf, type Layout } from './layout.js';
import { channelScaling, defaultRange, noPreprocessing, type ChannelScaling, type InputRange, type Preprocessing } from './preprocess.js';
import type { ModelInputs } from './readInputs.js';

export type FloatElements = Float32Array | Float64Array;

export interface PrepareOptions {
  preprocessing?: Preprocessing;
  /** In input space; from the preprocessing or the inputs by default. */
  range?: InputRange | null;
  /** The file's stated layout: it tells how the channels of a flat sample lie. */
  layout?: Layout | null;
  /** Of the arithmetic that follows; float32 by default. */
  precision?: 'float32' | 'float64';
}

/** Inputs of n samples, ready for a floating-point input of a model. */
export interface PreparedInputs {
  n: number;
  /** [n, ...sample]. */
  shape: number[];
  /** Values in input space: after x/255, before mean and std. Attacks and ranges live here. */
  inputSpace: FloatElements;
  range: InputRange;
  scaling: ChannelScaling;
  preprocessing: Preprocessing;
  labels: number[] | null;
  source: 'file' | 'synthetic';
}

/**
 * Casts inputs to floating-point numbers, in input space. Integers are cast as they are: 0 … 255 stays 0 … 255 without
 * x/255. Cost: one pass.
 * @throws InputsError `inputs/option` where mean and std do not fit the channels, or x/255 does not fit the pictures' depth
 */
export function prepareInputs(inputs: ModelInputs, { preprocessing = noPreprocessing, range = null, layout = null, precision = 'float32' }: PrepareOptions = {}): PreparedInputs {
  const { shape, data, source } = inputs;
  if (preprocessing.divideBy255 && source.kind === 'images' && source.bits === 16) {
    throw new InputsError('inputs/option', `--preprocess has x/255, and the pictures have 16 bits a sample, so that it would leave 0 … 257: save them with 8 bits, or give mean=0 std=65535.`);
  }
  const scaling = channelScaling(preprocessing, shape, layoutOf(shape.slice(1)), layout ?? source.layout);
  const inputSpace = precision === 'float32' ? new Float32Array(data.length) : new Float64Array(data.length);
  const divisor = preprocessing.divideBy255 ? 255 : 1;
  for (let i = 0; i < data.length; i++) inputSpace[i] = Number(data[i]) / divisor;
  return { n: shape[0], shape, inputSpace, range: range ?? defaultRange(preprocessing, inputSpace), scaling, preprocessing, labels: inputs.labels, source: 'file' };
}

/**
 * What the model is fed for values in input space: (value − mean) / std by channel, computed in float64 and rounded
 * once to the values' own type.
 * @param values whole samples, row-major
 */
export function toModelUnits(values: FloatElements, { mean, std, count, inner }: ChannelScaling): FloatElements {
  const result = values.slice();
  if (count === 1) {
    const [centre] = mean;
    const [deviation] = std;
    if (centre !== 0 || deviation !== 1) for (let i = 0; i < values.length; i++) result[i] = (values[i] - centre) / deviation;
    return result;
  }
  for (let start = 0; start < values.length; start += inner) {
    const channel = (start / inner) % count;
    for (let i = start; i < start + inner; i++) result[i] = (values[i] - mean[channel]) / std[channel];
  }
  return result;
}

/** Samples first … end − 1, in model units: [end − first, ...sample]. */
export function modelBatch(prepared: PreparedInputs, first: number, end: number): { shape: number[]; data: FloatElements } {
  const width = prepared.inputSpace.length / prepared.n;
  return { shape: [end - first, ...prepared.shape.slice(1)], data: toModelUnits(prepared.inputSpace.subarray(first * width, end * width), prepared.scaling) };
}

/** Integer types of model inputs (indices of tokens, masks), with the array that holds them and what they can hold. */
const INTEGERS = {
  int64: { make: (n: number) => new BigInt64Array(n), low: -(2 ** 63), high: 2 ** 63 },
  uint64: { make: (n: number) => new BigUint64Array(n), low: 0, high: 2 ** 64 },
  int32: { make: (n: number) => new Int32Array(n), low: -(2 ** 31), high: 2 ** 31 - 1 },
  uint32: { make: (n: number) => new Uint32Array(n), low: 0, high: 2 ** 32 - 1 },
  int16: { make: (n: number) => new Int16Array(n), low: -32_768, high: 32_767 },
  uint16: { make: (n: number) => new Uint16Array(n), low: 0, high: 65_535 },
  int8: { make: (n: number) => new Int8Array(n), low: -128, high: 127 },
  uint8: { make: (n: number) => new Uint8Array(n), low: 0, high: 255 },
  bool: { make: (n: number) => new Uint8Array(n), low: 0, high: 1 },
};
export type IntegerType = keyof typeof INTEGERS;

export function isIntegerType(dtype: string): dtype is IntegerType {
  return Object.hasOwn(INTEGERS, dtype);
}

/**
 * The array in an integer type of a model's input; never rounded.
 * @throws InputsError `inputs/dtype` with the first value that the type cannot hold
 */
export function asIntegers(array: InputArray, dtype: IntegerType, name: string): InputArray {
  if (array.dtype === dtype) return array;
  const { make, low, high } = INTEGERS[dtype];
  const data = make(array.data.length);
  for (let i = 0; i < array.data.length; i++) {
    const value = Number(array.data[i]);
    if (!Number.isInteger(value) || value < low || value > high) throw new InputsError('inputs/dtype', `${name} (${formatShape(array.shape)}) has ${value} at element ${i}, and the model takes ${dtype}: give whole numbers from ${low} to ${high}.`);
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = BigInt(array.data[i]);
    else data[i] = value;
  }
  return { dtype, shape: array.shape, data };
}
