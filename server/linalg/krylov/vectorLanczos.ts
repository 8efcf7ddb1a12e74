import { eigenvaluesInPlace, symmetricEigenvaluesBytes } from '../dense/symmetricEigenvalues.js';
import { alignedBytes, type KernelMemory } from '../kernel.js';
import { type RandomGenerator } from '../random.js';
import { runAtOnce, type Steps } from '../steps.js';
import { arrowVectors, writeArrow } from './arrowMatrix.js';
import { combinationBytes, LanczosRecurrence, recurrenceBytes } from './lanczosRecurrence.js';
import { type BlockOperator, type LinearOperator } from './linearOperator.js';

export interface VectorLanczosSettings {
  /** How many of the largest singular values are wanted; at least 1. */
  count: number;
  /** The iteration ends when the residuals show each of them to this accuracy, relative to σ₁. */
  tolerance: number;
  /** Most products with A, and as many with Aᵀ; those that observe the error come on top. */
  maximumProducts: number;
  /** Rounding of a product, relative to the operator's norm. */
  productError: number;
  random: RandomGenerator;
}

/** The largest singular values of one operator. */
export interface LargestValues {
  /** Descending. */
  singularValues: Float64Array;
  /**
   * Relative to the largest: each value is so close to a singular value, as its observed residual shows, rounding of the
   * products included; and so much the values have changed at last, which tells whether a larger one was still to appear. Of values
   * closer together than this one may stand for several: those that follow are then one of the list further down.
   */
  relativeError: number;
  /** Whether that is within the tolerance, or within what the rounding of the products allows. */
  converged: boolean;
  /** Products with A; there were as many with Aᵀ. */
  products: number;
}

/** First check of the residuals, and how the number of vectors grows from one check to the next. */
const firstCheck = 8;
const checkGrowth = 1.1;
/** Within these bounds basis vectors may overlap; it is this share of the tolerance. */
const leastOverlap = 1e-8;
const mostOverlap = 1e-5;
const overlapOfTolerance = 0.01;
/** An observed residual is right to so many roundings of a product. */
const roundings = 16;
/** Residuals and changes below so many roundings of a product are none: what is left is rounding, which no step makes smaller. */
const negligible = 4;

/** Vectors that a basis has at least: those wanted, and as many beyond that a restart is worth it. */
export function leastBasis(count: number): number {
  return 2 * count + 8;
}

/** Bytes that a run takes from the kernel's memory for good. */
export function vectorLanczosBytes(short: number, long: number, capacity: number): number {
  return recurrenceBytes(short, long, capacity);
}

/** Bytes that it takes for a moment: one run after the other may use them. */
export function vectorLanczosScratchBytes(capacity: number): number {
  return Math.max(combinationBytes(capacity), alignedBytes(capacity * capacity) + symmetricEigenvaluesBytes(capacity));
}

/**
 * The largest singular values of an operator by Lanczos iteration from one random vector (`LanczosRecurrence`), with
 * fewer products than a block needs; a value of multiplicity two is found twice only once rounding has brought its copy
 * in. A full basis is replaced by its best vectors (thick restart).
 *
 * Each value is the length of A·v, and its error what one more product with its vector shows: where ‖AᵀA·v − σ²v‖ = ρ, a
 * singular value lies within √(σ² + ρ) − σ. That is about ρ/2σ, and at worst √ρ: values below the root of the products'
 * rounding are not resolved, and the error says so. A small residual belongs to some singular value, and a larger one may
 * not have appeared yet: such a one grows from step to step, so the values count once the following check has found them
 * unchanged.
 *
 * Cost: a product with A and with Aᵀ a step, and 4·steps·min(rows, columns) operations where a vector is made orthogonal.
 */
export class VectorLanczos {
  private readonly recurrence: LanczosRecurrence;

  /**
   * @param memory with room for `vectorLanczosBytes` now, and for `vectorLanczosScratchBytes` at any later time
   * @param capacity basis vectors, at least `leastBasis` of the count or the smaller side
   */
  constructor(
    private readonly memory: KernelMemory,
    operator: LinearOperator | BlockOperator,
    private readonly settings: VectorLanczosSettings,
    private readonly capacity: number,
  ) {
    const { productError, tolerance, random } = settings;
    const allowedOverlap = Math.max(leastOverlap, productError, Math.min(mostOverlap, overlapOfTolerance * tolerance));
    this.recurrence = new LanczosRecurrence(memory, operator, { capacity, productError, allowedOverlap, random });
  }

  /** One step of work is a product. null where a product is not finite. */
  *solve(): Steps<LargestValues | null> {
    const { settings, capacity, recurrence } = this;
    const count = Math.min(settings.count, recurrence.short);
    let nextCheck = Math.max(firstCheck, count + 2);
    let before = new Float64Array(count);
    for (;;) {
      yield* recurrence.extend();
      if (!Number.isFinite(recurrence.norm)) return null;
      const { size, matrix, coupling } = recurrence;
      const ended = size === recurrence.short || recurrence.products >= settings.maximumProducts;
      if (size < nextCheck && size < capacity && !ended) continue;
      nextCheck = Math.ceil(checkGrowth * size);
      const eigenvalues = this.eigenvalues();
      const kept = Math.max(Math.floor((count + size) / 2), count);
      const vectors = arrowVectors(matrix, eigenvalues.slice(0, size === capacity ? kept : count), settings.random);
      const residuals = vectors.slice(0, count).map((x) => Math.abs(coupling * x[size - 1]));
      const floor = negligible * settings.productError * eigenvalues[0];
      const change = size === recurrence.short ? 0 : largestChange(before, eigenvalues.subarray(0, count), floor);
      const errors = residuals.map((residual, k) => (residual <= floor ? 0 : errorOfValue(Math.max(eigenvalues[k], 0), residual)));
      const converged = Math.max(...errors) + change <= settings.tolerance * Math.sqrt(eigenvalues[0]);
      if (converged || ended) return yield* this.observed(vectors.slice(0, count), converged, change);
      before = eigenvalues.slice(0, count);
      if (size === capacity) {
        recurrence.restart(eigenvalues.slice(0, kept), vectors);
        nextCheck = Math.ceil(checkGrowth * kept) + firstCheck;
      }
    }
  }

  /** Of T, descending. */
  private eigenvalues(): Float64Array {
    const { memory, recurrence } = this;
    const { size, matrix } = recurrence;
    const mark = memory.mark();
    const address = memory.take(size * size);
    writeArrow(matrix, memory.elements(address, size * size));
    const values = runAtOnce(eigenvaluesInPlace(memory, address, size)).reverse();
    memory.release(mark);
    return values;
  }

  /** The values of the given vectors with what products of their own show. */
  private *observed(vectors: readonly Float64Array[], reached: boolean, change: number): Steps<LargestValues> {
    const { recurrence, settings } = this;
    recurrence.combine(vectors);
    const values = new Float64Array(vectors.length);
    let worst = 0;
    for (const k of values.keys()) {
      const { lambda, residual } = yield* recurrence.observe(k);
      values[k] = Math.sqrt(lambda);
      worst = Math.max(worst, errorOfValue(lambda, residual));
    }
    values.sort().reverse();
    const relativeError = values[0] > 0 ? (worst + change) / values[0] + roundings * (settings.productError + Number.EPSILON) : 0;
    const allowed = Math.max(settings.tolerance, Math.sqrt(roundings * settings.productError));
    return { singularValues: values, relativeError, converged: reached && relativeError <= allowed, products: recurrence.products };
  }
}

/** Largest difference of the roots of two lists, of entries that differ by more than the floor. */
function largestChange(before: Float64Array, after: Float64Array, floor: number): number {
  return before.reduce((most, x, k) => (Math.abs(x - after[k]) <= floor ? most : Math.max(most, Math.abs(Math.sqrt(Math.max(x, 0)) - Math.sqrt(Math.max(after[k], 0))))), 0);
}

/** How far σ = √λ is from a singular value at most, where λ is that close to an eigenvalue of AᵀA. */
function errorOfValue(lambda: number, residual: number): number {
  return residual === 0 ? 0 : residual / (Math.sqrt(lambda + residual) + Math.sqrt(lambda));
}
