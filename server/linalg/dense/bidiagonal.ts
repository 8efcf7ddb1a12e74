import { bandLength } from './bandReduction.js';
import { bisectSingularValue } from './bisection.js';
import { alignedBytes, type KernelMemory } from '../kernel.js';
import { type Steps } from '../steps.js';
import { bandForThreads, chaseSweeps } from './threadedBand.js';

/** One call of dqds may take this many divisions. */
const dqdsStepWork = 1e6;

/** Multiply–adds (in units of the matrix product) of the second and third stage, for progress. */
export function bandToValuesWork(size: number, bandWidth: number): number {
  return 4 * size * size * bandWidth + 20 * size * size;
}

/** Bytes that `bandSingularValues` takes from the kernel's memory. */
export function bandToValuesBytes(size: number): number {
  return 5 * alignedBytes(size) + alignedBytes(4 * size + 4);
}

/**
 * Second and third stage: singular values of an upper band matrix (storage of kernel/bulgeChase.ts; destroyed), by
 * bulge chasing to bidiagonal form and dqds. With `bisect`, or where dqds does not converge, the bidiagonal matrix is
 * bisected instead.
 * @returns `size` values, unordered
 */
export function* bandSingularValues(holder: KernelMemory, address: number, size: number, bandWidth: number, bisect = false): Steps<Float64Array> {
  const { memory, address: band } = bandForThreads(holder, address, bandLength(size, bandWidth), size, bandToValuesBytes(size));
  const kernel = memory.exports;
  yield* chaseSweeps(size - 1, size, 4 * size * bandWidth, (from, to) => kernel.chaseBulges(band, size, bandWidth, from, to));
  const mark = memory.mark();
  const [q, e, qSpare, eSpare, target] = Array.from({ length: 5 }, () => memory.take(size));
  const stack = memory.take(kernel.dqdsStackLength(size));
  kernel.readBidiagonal(band, size, bandWidth, q, e);
  const diagonal = memory.elements(q, size).slice();
  const superdiagonal = memory.elements(e, Math.max(size - 1, 0)).slice();
  memory.release(mark);
  const largest = diagonal.reduce((m, x) => Math.max(m, Math.abs(x)), superdiagonal.reduce((m, x) => Math.max(m, Math.abs(x)), 0));
  if (largest === 0) return new Float64Array(size);
  if (bisect) return yield* bisectAll(diagonal, superdiagonal);
  memory.elements(q, size).set(diagonal.map((x) => (x / largest) ** 2));
  memory.elements(e, Math.max(size - 1, 0)).set(superdiagonal.map((x) => (x / largest) ** 2));
  kernel.dqdsStart(size, q, e, qSpare, eSpare, target, stack);
  for (;;) {
    const state = kernel.dqdsRun(dqdsStepWork);
    if (state === 0) return memory.elements(target, size).map((x) => Math.sqrt(x) * largest);
    if (state < 0) return yield* bisectAll(diagonal, superdiagonal);
    yield 4 * dqdsStepWork;
  }
}

/** All singular values of a bidiagonal matrix by bisection: slow, and sure to end. */
export function* bisectAll(diagonal: Float64Array, superdiagonal: Float64Array): Steps<Float64Array> {
  const values = new Float64Array(diagonal.length);
  for (let i = 0; i < values.length; i++) {
    values[i] = bisectSingularValue(diagonal, superdiagonal, i);
    yield diagonal.length;
  }
  return values;
}
