import { bandLength, bandReductionBytes, bandReductionWork, bandWidth, reduceToBand, reduceToTriangle, triangleReductionWork } from './bandReduction.js';
import { bandSingularValues, bandToValuesBytes, bandToValuesWork } from './bidiagonal.js';
import { delayedReductionBytes, reduceToBandDelayed } from './delayedBandReduction.js';
import { alignedBytes, type KernelMemory, type MatrixView } from './kernel.js';
import { type MatrixProducts } from './matrixProducts.js';
import { type Steps } from './steps.js';
import { triangleByProducts, triangleByProductsBytes } from './triangleByProducts.js';

/** How one matrix is reduced. */
export interface Route {
  bandWidth: number;
  /** QR factorization first, the band reduction on R. */
  triangleFirst: boolean;
  /** Third stage by bisection instead of dqds: slow, with nothing in common but the bidiagonal matrix. */
  bisect: boolean;
  /** Engine of the first stage; null: the kernel's own products. */
  products: MatrixProducts | null;
}

/** From this ratio of the sides on, a QR factorization before the band reduction saves work. */
const triangleRatio = 1.7;
/** Largest tolerated disagreement of Σσ² and the sum of the squared entries, relative. */
const frobeniusTolerance = 1e-11;
/** Entries outside this range are scaled by a power of two first: their squares would overflow or vanish. */
const largestUnscaled = 2 ** 200;
const smallestUnscaled = 2 ** -200;
/** Elements that one pass over the matrix reads before the event loop gets its turn: some milliseconds. */
const passLength = 4 * 1024 * 1024;
/** Up to this many bytes a copy is kept, so that a result that fails its check can be computed again. */
export const copyBytes = 32 * 1024 * 1024;

/** From this smaller side on, a native engine's products pay for their calls and for what is copied for them. */
export const productsPayFrom = 700;

/** The route for a matrix with the given longer and smaller side. */
export function usualRoute(large: number, small: number, products: MatrixProducts | null): Route {
  return { bandWidth: bandWidth(small), triangleFirst: large >= triangleRatio * small && small > 1, bisect: false, products: small >= productsPayFrom ? products : null };
}

function otherRoute(route: Route): Route {
  return { bandWidth: route.bandWidth === 16 ? 24 : 16, triangleFirst: !route.triangleFirst, bisect: true, products: null };
}

/** Bytes of the kernel's memory that `blockSingularValues` takes besides the matrix, by whichever route. */
export function blockBytes(large: number, small: number): number {
  const widest = Math.max(bandWidth(small), 24);
  const copy = large * small * 8 <= copyBytes ? alignedBytes(large * small) : 0;
  const own = bandReductionBytes(large, small, widest);
  return copy + alignedBytes(bandLength(small, widest)) + Math.max(own, small >= productsPayFrom ? bytesOfProducts(large, small) : 0) + bandToValuesBytes(small);
}

function bytesOfProducts(large: number, small: number): number {
  const { bandWidth, triangleFirst } = usualRoute(large, small, null);
  return triangleFirst ? triangleByProductsBytes(large, small) + delayedReductionBytes(small, small, bandWidth) : delayedReductionBytes(large, small, bandWidth);
}

/** Multiply–adds of one block, for progress. */
export function blockWork(large: number, small: number): number {
  const route = usualRoute(large, small, null);
  const reduction = route.triangleFirst ? triangleReductionWork(large, small) + bandReductionWork(small, small) : bandReductionWork(large, small);
  return reduction + bandToValuesWork(small, route.bandWidth) + 2 * large * small;
}

/**
 * All singular values of one matrix, unordered (destroys it). The result is held against Σσ² = ‖A‖_F²; where that
 * fails, everything is done again from a copy by another route, which shares as little as possible with the first.
 * Throws an Error for NaN and infinity, when the check fails twice, or once for a matrix too large to keep a copy of.
 */
export function* blockSingularValues(memory: KernelMemory, a: MatrixView, products: MatrixProducts | null = null): Steps<Float64Array> {
  const length = a.rows * a.columns;
  const exponent = yield* prescale(memory, a.address, length);
  if (exponent === null) return new Float64Array(a.columns);
  const values = yield* checkedValues(memory, a, length, products);
  return exponent === 0 ? values : values.map((x) => timesPowerOfTwo(x, -exponent));
}

function* checkedValues(memory: KernelMemory, a: MatrixView, length: number, products: MatrixProducts | null): Steps<Float64Array> {
  let squares = 0;
  for (const [from, count] of passes(length)) {
    squares += memory.exports.sumOfSquares(a.address + 8 * from, count);
    yield count;
  }
  const mark = memory.mark();
  const copy = length * 8 <= copyBytes ? memory.take(length) : null;
  if (copy !== null) memory.elements(copy, length).set(memory.elements(a.address, length));
  const route = usualRoute(a.rows, a.columns, products);
  let values = yield* byRoute(memory, a, route);
  if (copy !== null && !agrees(values, squares)) {
    memory.elements(a.address, length).set(memory.elements(copy, length));
    values = yield* byRoute(memory, a, otherRoute(route));
  }
  memory.release(mark);
  if (!agrees(values, squares)) {
    throw new Error(`The singular values of a ${a.rows} × ${a.columns} matrix failed their check: the sum of their squares is ${sumOfSquares(values)} and that of the entries ${squares}, further apart than ${frobeniusTolerance} of it; please report this matrix.`);
  }
  return values;
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
  if (largest <= largestUnscaled && largest >= smallestUnscaled) return 0;
  const exponent = -Math.floor(Math.log2(largest));
  // 2^exponent itself is out of range for subnormal entries: two factors.
  const half = Math.trunc(exponent / 2);
  for (const [from, count] of passes(length)) {
    kernel.scale(2 ** half, address + 8 * from, count);
    kernel.scale(2 ** (exponent - half), address + 8 * from, count);
    yield count;
  }
  return exponent;
}

function* passes(length: number): Generator<[from: number, count: number]> {
  for (let from = 0; from < length; from += passLength) yield [from, Math.min(passLength, length - from)];
}

function timesPowerOfTwo(x: number, exponent: number): number {
  const half = Math.trunc(exponent / 2);
  return x * 2 ** half * 2 ** (exponent - half);
}

function* byRoute(memory: KernelMemory, a: MatrixView, route: Route): Steps<Float64Array> {
  const mark = memory.mark();
  const band = memory.take(bandLength(a.columns, route.bandWidth));
  if (route.products !== null) {
    const reduced = route.triangleFirst ? yield* triangleByProducts(memory, a, route.products) : a;
    yield* reduceToBandDelayed(memory, reduced, route.bandWidth, band, route.products);
  } else {
    const reduced = route.triangleFirst ? yield* reduceToTriangle(memory, a, route.bandWidth) : a;
    yield* reduceToBand(memory, reduced, route.bandWidth, band);
  }
  const values = yield* bandSingularValues(memory, band, a.columns, route.bandWidth, route.bisect);
  memory.release(mark);
  return values;
}

function agrees(values: Float64Array, squares: number): boolean {
  return Math.abs(sumOfSquares(values) - squares) <= frobeniusTolerance * squares;
}

function sumOfSquares(values: Float64Array): number {
  return values.reduce((sum, x) => sum + x * x, 0);
}
