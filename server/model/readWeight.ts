import { elementsOf, quantisationTensors, weightTensors } from './expression.js';
import type { Layer } from './model.js';
import { ScanCollector } from './scanCollector.js';
import { Tracing } from './tracing.js';
import { planView } from './viewPlan.js';
import { Reading, type ReadWeightOptions } from './weightReading.js';

export { intermediateBytes } from './viewPlan.js';

export type { ReadWeightOptions } from './weightReading.js';

/** What reading a layer tells besides its matrix. */
export interface WeightScan {
  /** Weights that are NaN or infinite; `firstIndex` is flat, row-major in the whole stored tensor, also where a part of it is used. */
  nonFinite: { count: number; firstIndex: number | null };
  /** Weights equal to 0. */
  zeros: number;
  /** Stored elements that are subnormal in their own type. */
  denormals: number;
  /** The finite value that all weights have, or null. */
  constant: number | null;
  /** Of the stored bytes, scales and zero points included. */
  digest: string;
}

/** The same of a matrix as a whole. */
export interface MatrixScan extends WeightScan {
  /** Largest magnitude of a weight, NaN aside. */
  largest: number;
}

/**
 * Reads a layer's matrix into `target`: groups × (rows/groups) × (columns/groups), row-major, float64. The stored tensor
 * is streamed in chunks straight to its places; no second copy of it is held, except where a reshape cuts an axis
 * unevenly or several tensors are concatenated. Quantised weights come out as (x − zeroPoint)·scale.
 *
 * The scan speaks of the weights as they are in the matrix, after scales and zero points: stored zeros with a zero point
 * are no zeros, and a finite element can overflow with its scale. Only `denormals` and `digest` are of what is stored.
 * @throws RangeError when `target` has not one element per weight; what readTensor throws; the signal's reason
 */
export async function readWeight(layer: Layer, target: Float64Array, options: ReadWeightOptions = {}): Promise<MatrixScan> {
  const elements = elementsOf(layer.weight.shape);
  if (target.length !== elements) throw new RangeError(`Layer ${layer.id} has ${elements} weights; the target has room for ${target.length}.`);
  const scans = new ScanCollector();
  const view = planView(layer.weight);
  const whole = { length: elements, step: elements, offset: 0 };
  await new Reading(options, scans).fill(view, target, whole);
  const { nonFinite: stored, denormals, digest } = scans.result();
  const { nonFinite, zeros, constant, largest } = scanWeights(target);
  // What is not finite as stored stays so; more of it comes from scales.
  const firstIndex = nonFinite === stored.count ? stored.firstIndex : await new Tracing(options).first(view, target, whole);
  return { nonFinite: { count: nonFinite, firstIndex }, zeros, denormals, constant, largest, digest };
}

/** Counts over the matrix; about 1 ns a weight. */
function scanWeights(weights: Float64Array): Pick<MatrixScan, 'zeros' | 'constant' | 'largest'> & { nonFinite: number } {
  let nonFinite = 0;
  let zeros = 0;
  let largest = 0;
  const count = weights.length;
  // By index: V8 takes twice as long through the iterator of millions.
  for (let i = 0; i < count; i++) {
    const size = Math.abs(weights[i]);
    if (size > largest) largest = size;
    if (size === 0) zeros++;
    else if (!(size <= Number.MAX_VALUE)) nonFinite++;
  }
  const first = weights.length > 0 ? weights[0] : NaN;
  const constant = Number.isFinite(first) && weights.every((weight) => weight === first);
  // −0 is 0.
  return { nonFinite, zeros, constant: constant ? first + 0 : null, largest };
}

/** Bytes of the layer's stored weights and scales: what an analysis reads from disk. */
export function weightBytes(layer: Layer): number {
  const { scales, zeroPoints } = quantisationTensors(layer.weight);
  const tensors = new Set([...weightTensors(layer.weight), ...scales, ...zeroPoints]);
  let bytes = 0;
  for (const { data } of tensors) bytes += data.encoding === 'inline' ? 8 * data.values.length : data.range.length;
  return bytes;
}
