import type { SampleDerivatives } from '../../derivatives/sampleDerivatives.js';
import { elementsOf } from '../../derivatives/graph.js';
import { samplesAt, withValues, type Samples } from '../../derivatives/samples.js';
import { classesOf } from '../accuracy.js';
import { formatShape, InputsError } from '../inputArray.js';
import { toModelUnits } from '../prepare.js';
import type { ChannelScaling } from '../preprocess.js';

/** What an attack asks of a network. Inputs are rows of [m, width] in input space; `places` says which of the n inputs they are. */
export interface AttackedNetwork {
  readonly classes: number;
  /** Elements of an input. */
  readonly width: number;
  /** [m, classes] */
  logits(inputs: Float32Array, places: readonly number[]): Promise<Float64Array>;
  /** Jᵀ·c of every input, [m, width], for cotangents [m, classes] of the logits. */
  gradients(inputs: Float32Array, places: readonly number[], cotangents: Float64Array): Promise<Float64Array>;
  /** ∂logits/∂input of every input, classes × width row-major, handed over one by one; `row` counts 0 … m − 1. */
  jacobians(inputs: Float32Array, places: readonly number[], each: (row: number, jacobian: Float64Array) => void): Promise<void>;
}

export interface AttackedSettings {
  derivatives: SampleDerivatives;
  /** What the graph is fed for the clean inputs. */
  samples: Samples;
  /** Name of the input that is perturbed, and of the value that holds the logits. */
  variable: string;
  logits: string;
  scaling: ChannelScaling;
  precision: 'float32' | 'float64';
  signal: AbortSignal;
}

/**
 * A network as attacks see it: the input in input space, before mean and std. Between runs of the network the signal is
 * looked at, and its reason thrown.
 * @throws InputsError `inputs/shape` where the logits are no vector of at least 2
 */
export function attackedNetwork({ derivatives, samples, variable, logits, scaling, precision, signal }: AttackedSettings): AttackedNetwork {
  const shape = derivatives.shapeOf(logits);
  const classes = classesOf(shape);
  if (classes === null) {
    throw new InputsError('inputs/shape', `An attack needs one vector of at least 2 logits an input, and the network answers ${formatShape(shape)}: choose a classifier, or its output with --output.`);
  }
  const width = elementsOf(samples.inputs[variable].shape);
  const fed = (inputs: Float32Array, places: readonly number[]): Samples => withValues(samplesAt(samples, places), variable, toModelUnits(precision === 'float32' ? inputs : Float64Array.from(inputs), scaling));
  return {
    classes,
    width,
    logits: async (inputs, places) => (await derivatives.values([logits], fed(inputs, places), signal)).get(logits) ?? new Float64Array(),
    gradients: async (inputs, places, cotangents) => inInputSpace(await derivatives.vectorJacobianProducts(logits, variable, cotangents, fed(inputs, places), signal), scaling),
    jacobians: async (inputs, places, each) => await derivatives.jacobians(logits, variable, fed(inputs, places), (row, jacobian) => each(row, inInputSpace(jacobian, scaling)), signal),
  };
}

/** Derivatives by the fed tensor as derivatives by the input before mean and std: divided by the channel's std. In place. */
function inInputSpace(gradients: Float64Array, { std, count, inner }: ChannelScaling): Float64Array {
  if (count === 1 && std[0] === 1) return gradients;
  for (let i = 0; i < gradients.length; i++) gradients[i] /= std[Math.floor(i / inner) % count];
  return gradients;
}
