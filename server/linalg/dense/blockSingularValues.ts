import { alignedBytes, type KernelMemory, type MatrixView } from '../kernel.js';
import { type MatrixProducts } from '../matrixProducts.js';
import { frobeniusTolerance, squaresAgree, sumOfSquares } from './checks.js';
import { otherRoute, routeBytes, routeWork, usualRoute, valuesByRoute, type Method, type Route } from './routes.js';
import { type Steps } from '../steps.js';

/** Entries outside this range are scaled by a power of two first: their squares would overflow or vanish. */
const largestUnscaled = 2 ** 200;
const smallestUnscaled = 2 ** -200;
/** Elements that one pass over the matrix reads before the event loop gets its turn: some milliseconds. */
const passLength = 4 * 1024 * 1024;
/** Up to this many bytes a copy is kept, so that a result that fails its check can be computed again; larger ones are read again. */
const copyBytes = 4 * 1024 * 1024;

/** Singular values that disagree with the entries of their matrix: a miscomputation, by whatever cause. */
export class CheckFailed extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CheckFailed';
  }
}

/** Bytes of the kernel's memory that `blockSingularValues` takes besides the matrix, by whichever route. */
export function blockBytes(large: number, small: number): number {
  const copy = large * small * 8 <= copyBytes ? alignedBytes(large * small) : 0;
  return copy + routeBytes(large, small);
}

/** Multiply–adds of one block, for progress. */
export function blockWork(large: number, small: number): number {
  return routeWork(large, small) + 2 * large * small;
}

export interface BlockResult {
  /** Unordered. */
  values: Float64Array;
  method: Method;
}

/**
 * All singular values of one matrix (destroys it). The result is held against Σσ² = ‖A‖_F²; where that
 * fails, everything is done again from a copy by another route, which shares as little as possible with the first.
 * Throws an Error for NaN and infinity, and CheckFailed when the check fails twice, or once for a matrix too large to
 * keep a copy of.
 * @param again take the other route at once: for a matrix that failed and has been stored again
 */
export function* blockSingularValues(memory: KernelMemory, a: MatrixView, products: MatrixProducts | null = null, again = false): Steps<BlockResult> {
  const length = a.rows * a.columns;
  const exponent = yield* prescale(memory, a.address, length);
  if (exponent === null) return { values: new Float64Array(a.columns), method: 'two-stage' };
  const { values, method } = yield* checkedValues(memory, a, length, again ? otherRoute(usualRoute(a.rows, a.columns, null)) : usualRoute(a.rows, a.columns, products));
  return { values: exponent === 0 ? values : values.map((x) => timesPowerOfTwo(x, -exponent)), method };
}

function* checkedValues(memory: KernelMemory, a: MatrixView, length: number, route: Route): Steps<BlockResult> {
  let squares = 0;
  for (const [from, count] of passes(length)) {
    squares += memory.exports.sumOfSquares(a.address + 8 * from, count);
    yield count;
  }
  const mark = memory.mark();
  const copy = length * 8 <= copyBytes ? memory.take(length) : null;
  if (copy !== null) memory.elements(copy, length).set(memory.elements(a.address, length));
  let result = yield* valuesByRoute(memory, a, route);
  if (copy !== null && !squaresAgree(result.values, squares)) {
    memory.elements(a.address, length).set(memory.elements(copy, length));
    result = yield* valuesByRoute(memory, a, otherRoute(route));
  }
  memory.release(mark);
  checkSquares(result.values, squares, a);
  return result;
}

/** Throws CheckFailed where Σσ² and the sum of the squared entries disagree. */
export function checkSquares(values: Float64Array, squares: number, { rows, columns }: { rows: number; columns: number }): void {
  if (squaresAgree(values, squares)) return;
  throw new CheckFailed(`The singular values of a ${rows} × ${columns} matrix failed their check: the sum of their squares is ${sumOfSquares(values)} and that of the entries ${squares}, further apart than ${frobeniusTolerance} of it; please report this matrix.`);
}

/**
 * Multiplies all entries by a power of two where their squares would leave the range of doubles.
 * @returns the exponent; null for a matrix of zeros. Throws for NaN and infinity.
 */
function* prescale(memory: KernelMemory, address: number, length: number): Steps<number | null> {
  const kernel = memory.exports;
  let largest = 0;
  for (const [from, count] of passes(length)) {
    const found = kernel.maximumAbsolute(address + 8 * from, count);
    if (!Number.isFinite(found)) throw new Error('The matrix holds a value that is not finite (NaN or infinity): it has no singular values.');
    largest = Math.max(largest, found);
    yield count;
  }
  if (largest === 0) return null;
  const exponent = scalingExponent(largest);
  if (exponent === 0) return 0;
  for (const [from, count] of passes(length)) {
    scaleByPowerOfTwo(memory, address + 8 * from, count, exponent);
    yield count;
  }
  return exponent;
}

/** The power of two that brings a matrix with this largest entry (> 0) into the range where squares neither overflow nor vanish; 0 where it is there. */
export function scalingExponent(largest: number): number {
  return largest <= largestUnscaled && largest >= smallestUnscaled ? 0 : -Math.floor(Math.log2(largest));
}

/** Elements times 2^exponent. */
export function scaleByPowerOfTwo(memory: KernelMemory, address: number, count: number, exponent: number): void {
  // 2^exponent itself is out of range for subnormal entries: two factors.
  const half = Math.trunc(exponent / 2);
  memory.exports.scale(2 ** half, address, count);
  memory.exports.scale(2 ** (exponent - half), address, count);
}

function* passes(length: number): Generator<[from: number, count: number]> {
  for (let from = 0; from < length; from += passLength) yield [from, Math.min(passLength, length - from)];
}

/** x·2^exponent, where 2^exponent alone may be out of range. */
export function timesPowerOfTwo(x: number, exponent: number): number {
  const half = Math.trunc(exponent / 2);
  return x * 2 ** half * 2 ** (exponent - half);
}
