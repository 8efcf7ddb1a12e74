import { bisectEigenvalue } from './bisection.js';
import { squaresAgree } from './checks.js';
import { alignedBytes, type KernelMemory } from '../kernel.js';
import { type Steps } from '../steps.js';
import { bandForThreads, chaseSweeps } from './threadedBand.js';

/** One call of QL may take this many rotations. */
const qlStepWork = 2e5;

/** Elements of the storage of a symmetric band: see kernel/symmetricChase.ts, where a column begins 2·width + 1 after the one before. */
export function symmetricBandLength(size: number, width: number): number {
  return (size + 2 * width) * (2 * width + 1);
}

/** Bytes that `bandEigenvalues` takes from the kernel's memory. */
export function tridiagonalBytes(size: number): number {
  return 2 * alignedBytes(size);
}

/** Multiply–adds (in units of the matrix product) of `bandEigenvalues`, for progress. */
export function bandEigenvaluesWork(size: number, bandWidth: number): number {
  return 6 * size * size * bandWidth + 20 * size * size;
}

/**
 * Second and third stage: eigenvalues of a symmetric band matrix (storage of kernel/symmetricChase.ts; destroyed), by
 * bulge chasing to tridiagonal form and root-free QL. Where that does not converge or its values do not have the sum of
 * squares that they must have, the tridiagonal matrix is bisected instead.
 * @returns `size` values, ascending
 */
export function* bandEigenvalues(holder: KernelMemory, address: number, size: number, bandWidth: number, squares: number): Steps<Float64Array> {
  const { memory, address: band } = bandForThreads(holder, address, symmetricBandLength(size, bandWidth), size, tridiagonalBytes(size));
  const kernel = memory.exports;
  yield* chaseSweeps(size - 2, size, 6 * size * bandWidth, (from, to) => kernel.chaseSymmetric(band, size, bandWidth, from, to));
  const mark = memory.mark();
  const diagonal = memory.take(size);
  const offSquares = memory.take(size);
  kernel.readTridiagonal(band, size, bandWidth, diagonal, offSquares);
  const keptDiagonal = memory.elements(diagonal, size).slice();
  const keptSquares = memory.elements(offSquares, size).slice();
  const perStep = Math.max(1, Math.floor(qlStepWork / size));
  let failed = false;
  for (let i = 0; i < size && !failed; i += perStep) {
    failed = kernel.rationalQl(diagonal, offSquares, size, i, Math.min(i + perStep, size)) < 0;
    yield 20 * perStep * size;
  }
  const values = memory.elements(diagonal, size).slice().sort();
  memory.release(mark);
  if (!failed && squaresAgree(values, squares)) return values;
  for (let i = 0; i < size; i++) {
    values[i] = bisectEigenvalue(keptDiagonal, keptSquares, i);
    yield size;
  }
  return values;
}
