import { elementCount, InputsError } from './inputArray.js';
import { layoutOf, sampleShape } from './layout.js';
import type { PreparedInputs } from './prepare.js';
import { channelScaling, defaultRange, noPreprocessing, type Preprocessing } from './preprocess.js';
import type { ValueInfo } from '../formats/modelFile.js';
import { quote } from '../formats/sentences.js';

/** How many inputs are made where none are given. */
export const SYNTHETIC_INPUTS = 16;

/** A sequence or picture side that a model leaves open is given this size: small, and more than convolutions need. */
export const OPEN_DIMENSION = 32;

export interface SyntheticOptions {
  n?: number;
  preprocessing?: Preprocessing;
  precision?: 'float32' | 'float64';
  /** Sizes for the dimensions that the model leaves open, in order. */
  open?: readonly number[];
}

/**
 * Inputs for a model that got none: standard normal values in input space, always labelled `synthetic`. The numbers do
 * not depend on the precision but for rounding.
 * @param normal a seeded generator of standard normal numbers
 * @throws InputsError `inputs/shape` where the model does not say the input's rank
 */
export function syntheticInputs(variable: Pick<ValueInfo, 'name' | 'shape'>, normal: () => number, { n = SYNTHETIC_INPUTS, preprocessing = noPreprocessing, precision = 'float32', open = [] }: SyntheticOptions = {}): PreparedInputs {
  const { dimensions } = sampleShape(variable);
  if (dimensions === null) throw new InputsError('inputs/shape', `The model does not state the shape of its input ${quote(variable.name)}, so no inputs can be made for it: give inputs with --inputs.`);
  const sizes = [...open];
  const sample = dimensions.map((size) => size ?? sizes.shift() ?? OPEN_DIMENSION);
  const shape = [n, ...sample];
  const inputSpace = precision === 'float32' ? new Float32Array(elementCount(shape)) : new Float64Array(elementCount(shape));
  for (let i = 0; i < inputSpace.length; i++) inputSpace[i] = normal();
  const scaling = channelScaling(preprocessing, shape, layoutOf(sample), null);
  return { n, shape, inputSpace, range: defaultRange(preprocessing, inputSpace), scaling, preprocessing, labels: null, source: 'synthetic' };
}
