import { elementsOf, isFloat } from './graph.js';
import type { Elements, TensorData } from './session.js';
import type { OnnxType } from '../runtime/onnxWriter.js';

/** One input of a network for n samples. */
export interface SampledInput {
  dtype: OnnxType;
  /** As the graph takes it for one sample, its batch axis included where it has one. */
  shape: readonly number[];
  /** n samples one after the other, or the one value that is held for all. */
  elements: Elements;
  /** Held inputs have the same value for every sample. */
  held: boolean;
  /** The first axis counts samples. */
  batched: boolean;
}

/** Everything that a network is fed, for n samples. */
export interface Samples {
  n: number;
  inputs: Readonly<Record<string, SampledInput>>;
}

/** What the graph is fed for some of the samples, given by their places; one sample is fed in the shape it has. */
export function batchOf(samples: Samples, places: readonly number[]): Record<string, TensorData> {
  return Object.fromEntries(Object.entries(samples.inputs).map(([name, input]) => [name, inputOf(input, places)]));
}

function inputOf(input: SampledInput, places: readonly number[]): TensorData {
  const { dtype, shape, elements, held, batched } = input;
  if (held && !batched) return { dtype, shape, elements };
  return { dtype, shape: batched ? [places.length, ...shape.slice(1)] : shape, elements: gathered(input, places) };
}

/** Elements of the given samples, one after the other; a held value for each of them. */
function gathered({ shape, elements, held }: SampledInput, places: readonly number[]): Elements {
  const length = elementsOf(shape);
  const values = new (elements.constructor as new (length: number) => Elements)(places.length * length);
  for (const [i, place] of places.entries()) {
    const from = held ? 0 : place * length;
    // Both arrays are of one type, which the union does not show.
    (values as Float64Array).set((elements as Float64Array).subarray(from, from + length), i * length);
  }
  return values;
}

/** The same samples with other values of one input. */
export function withValues(samples: Samples, name: string, elements: Elements): Samples {
  const input = samples.inputs[name];
  return { ...samples, inputs: { ...samples.inputs, [name]: { ...input, elements, dtype: isFloat(input.dtype) && elements instanceof Float64Array ? 'float64' : input.dtype } } };
}

/** Some of the samples, by their places, in that order. */
export function samplesAt(samples: Samples, places: readonly number[]): Samples {
  const inputs = Object.entries(samples.inputs).map(([name, input]) => [name, input.held ? input : { ...input, elements: gathered(input, places) }] as const);
  return { n: places.length, inputs: Object.fromEntries(inputs) };
}
