import { isFloat, type FlatGraph } from '../derivatives/graph.js';
import type { SampledInput, Samples } from '../derivatives/samples.js';
import type { ValueInfo } from '../formats/modelFile.js';
import { counted, quote } from '../formats/sentences.js';
import { elementCount, formatShape, InputsError, type InputArray } from './inputArray.js';
import { sampleShape } from './layout.js';
import { asIntegers, isIntegerType, toModelUnits, type PreparedInputs } from './prepare.js';
import { OPEN_DIMENSION } from './synthetic.js';

/** The values of one input of a model. */
export interface GivenInput {
  /** In the units that the graph takes. */
  array: InputArray;
  /** The first axis counts inputs; else the value is held for all. */
  perInput: boolean;
}

/** Prepared inputs as the model's input takes them: mean subtracted, divided by std. */
export function modelInput(prepared: PreparedInputs): GivenInput {
  const data = toModelUnits(prepared.inputSpace, prepared.scaling);
  return { array: { dtype: data instanceof Float64Array ? 'float64' : 'float32', shape: prepared.shape, data }, perInput: true };
}

/**
 * What a graph is fed for n inputs. An input whose first axis is open or fixed counts inputs there and is fed one at a
 * time, [1, ...sample]; a held one is given with that axis or without. Cost: whole numbers and bytes are converted, else
 * nothing is copied.
 * @param inputs of the model, as it declares them
 * @param given values by name of the model's input
 * @throws InputsError `inputs/missing-array` for an input that is given nowhere, `inputs/shape` and `inputs/dtype` for one
 *   whose values the model cannot take
 */
export function networkSamples(inputs: readonly ValueInfo[], n: number, given: ReadonlyMap<string, GivenInput>): Samples {
  const counting = new Set(inputs.flatMap(({ name, shape }) => (given.get(name)?.perInput === true && typeof shape?.[0] === 'string' ? [shape[0]] : [])));
  return { n, inputs: Object.fromEntries(inputs.map((input) => [input.name, sampledInput(input, n, given.get(input.name), counting)])) };
}

function sampledInput(input: ValueInfo, n: number, given: GivenInput | undefined, counting: ReadonlySet<string>): SampledInput {
  if (given === undefined) throw new InputsError('inputs/missing-array', `The model also takes ${describe(input)}, which is given nowhere: put an array of that name into the .npz of the inputs, with one entry for each input or one for all.`);
  const { shape, held, batched } = given.perInput ? perInputShape(input, n, given.array) : heldShape(input, n, given.array, counting);
  return { ...elementsFor(input, given.array), shape, held, batched };
}

type SampleLayout = Pick<SampledInput, 'shape' | 'held' | 'batched'>;

function perInputShape(input: ValueInfo, n: number, { shape }: InputArray): SampleLayout {
  const { dimensions, batched } = sampleShape(input);
  const own = shape.slice(1);
  if (shape[0] !== n || (dimensions !== null && !fits(own, dimensions))) throw mismatch(input, shape, n);
  return { shape: batched ? [1, ...own] : own, held: false, batched };
}

function heldShape(input: ValueInfo, n: number, { shape }: InputArray, counting: ReadonlySet<string>): SampleLayout {
  const declared = input.shape;
  if (declared === null) return { shape, held: true, batched: false };
  const [first] = declared;
  const counts = declared.length > 0 && (typeof first !== 'number' || first === 1);
  if (counts && shape.length === declared.length - 1 && fits(shape, declared.slice(1))) return { shape: [1, ...shape], held: true, batched: true };
  const wrongCount = typeof first === 'string' && counting.has(first) && shape[0] !== 1;
  if (!fits(shape, declared) || wrongCount) throw mismatch(input, shape, n);
  return { shape, held: true, batched: counts && shape[0] === 1 };
}

/** Whether sizes are those that are declared as numbers; the others are open. */
function fits(shape: readonly number[], declared: readonly (number | string | null)[]): boolean {
  return shape.length === declared.length && declared.every((size, axis) => typeof size !== 'number' || size < 0 || size === shape[axis]);
}

function mismatch(input: ValueInfo, shape: readonly number[], n: number): InputsError {
  return new InputsError('inputs/shape', `${quote(input.name)} is given as ${formatShape(shape)} for ${counted(n, 'input')}, and the model takes ${formatShape(input.shape ?? [])}: give one entry for each input, or one for all.`);
}

function elementsFor({ name, dtype }: ValueInfo, array: InputArray): Pick<SampledInput, 'dtype' | 'elements'> {
  if (isIntegerType(dtype)) return { dtype, elements: asIntegers(array, dtype, quote(name)).data };
  if (dtype !== 'unknown' && !isFloat(dtype)) throw new InputsError('inputs/dtype', `The model takes ${quote(name)} as ${dtype}, and only numbers can be given: export the network with numbers as its inputs.`);
  const { data } = array;
  if (data instanceof Float32Array) return { dtype: 'float32', elements: data };
  return { dtype: 'float64', elements: data instanceof Float64Array ? data : Float64Array.from(data, Number) };
}

function describe({ name, dtype, shape }: ValueInfo): string {
  return `${quote(name)} (${dtype}${shape === null ? '' : ` ${formatShape(shape)}`})`;
}

/**
 * The network for one input a run: where the file fixes how many it takes at once, that axis is left open. Operations that
 * have the number built in refuse when it runs.
 */
export function forSingleInputs(network: FlatGraph, samples: Samples): FlatGraph {
  return {
    ...network,
    inputs: network.inputs.map((input) => (Object.hasOwn(samples.inputs, input.name) && samples.inputs[input.name].batched && typeof input.shape?.[0] === 'number' && input.shape[0] !== 1 ? { ...input, shape: null } : input)),
  };
}

/** An attention mask by its name: all ones, since nothing is left out. */
const maskName = /mask/i;

export interface SyntheticSettings {
  /** A seeded generator of numbers that are uniform over [0, 1). */
  uniform: () => number;
  /** Number of entries of the embedding that an input of whole numbers indexes; null where that is not known. */
  entries?: (input: string) => number | null;
}

/**
 * Values for the inputs of a model that have none, for runs on made-up inputs: floating-point numbers are 0, masks (by
 * their name) 1, indices of an embedding's entries random, other whole numbers 0. Named sizes are those of the inputs that
 * are given; other open ones 32.
 * @param given those that have values
 * @throws InputsError `inputs/shape` where the model does not state an input's rank
 */
export function syntheticOthers(inputs: readonly ValueInfo[], n: number, given: ReadonlyMap<string, GivenInput>, { uniform, entries = () => null }: SyntheticSettings): Map<string, GivenInput> {
  const sizes = namedSizes(inputs, given);
  const batches = new Set(inputs.flatMap(({ name, shape }) => (given.get(name)?.perInput === true && typeof shape?.[0] === 'number' ? [shape[0]] : [])));
  return new Map(
    inputs.filter(({ name }) => !given.has(name)).map((input) => {
      if (input.shape === null) throw new InputsError('inputs/shape', `The model does not state the shape of its input ${quote(input.name)}, so no values can be made for it: give inputs with --inputs.`);
      const whole = input.shape.map((size) => (typeof size === 'number' && size >= 0 ? size : (sizes.get(size) ?? OPEN_DIMENSION)));
      // A first axis of another fixed size is no batch: the layers of a recurrent state, the two of a pair.
      const [first] = input.shape;
      const perInput = input.shape.length > 0 && (typeof first !== 'number' || first === 1 || batches.has(first));
      const shape = perInput ? [n, ...whole.slice(1)] : whole;
      const data = new Float64Array(elementCount(shape));
      const limit = isIntegerType(input.dtype) && !maskName.test(input.name) ? entries(input.name) : null;
      if (maskName.test(input.name)) data.fill(1);
      else if (limit !== null) for (let i = 0; i < data.length; i++) data[i] = Math.floor(uniform() * limit);
      return [input.name, { array: { dtype: 'float64', shape, data }, perInput }];
    }),
  );
}

/** Sizes by the names that the model gives them; of the axis that counts inputs 1, as many as a run takes. */
function namedSizes(inputs: readonly ValueInfo[], given: ReadonlyMap<string, GivenInput>): Map<number | string | null, number> {
  const sizes = new Map<number | string | null, number>();
  for (const { name, shape } of inputs) {
    const known = given.get(name);
    if (known === undefined && typeof shape?.[0] === 'string' && !sizes.has(shape[0])) sizes.set(shape[0], 1);
    if (shape === null || known?.array.shape.length !== shape.length) continue;
    for (const [axis, size] of shape.entries()) if (typeof size === 'string') sizes.set(size, axis === 0 && known.perInput ? 1 : known.array.shape[axis]);
  }
  return sizes;
}
