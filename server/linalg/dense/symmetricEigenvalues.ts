import { bandWidth } from './bandReduction.js';
import { bandEigenvalues, bandEigenvaluesWork, symmetricBandLength, tridiagonalBytes } from './bandEigenvalues.js';
import { frobeniusTolerance, squaresAgree } from './checks.js';
import { delayedSymmetricBytes, reduceSymmetricDelayed } from './delayedSymmetricReduction.js';
import { alignedBytes, type KernelMemory } from '../kernel.js';
import { type MatrixProducts } from '../matrixProducts.js';
import { type Steps } from '../steps.js';

/** Rows of a strip: the kernel's own block, so that a strip of the matrix is packed once. */
const stripRows = 80;
/** From this size on, a native engine's products pay for their calls and for what is copied for them. */
const productsPayFrom = 700;
/** Multiply–adds before the event loop gets its turn. */
const stepWork = 3e7;

/** Bytes that `eigenvaluesInPlace` takes from the kernel's memory besides the matrix. */
export function symmetricEigenvaluesBytes(size: number): number {
  const b = bandWidth(size);
  const own = 2 * alignedBytes(b * size) + 2 * alignedBytes(2 * b * size) + 5 * alignedBytes(b * b);
  const vectors = size >= productsPayFrom ? Math.max(own, delayedSymmetricBytes(size, b)) : own;
  return alignedBytes(symmetricBandLength(size, b)) + vectors + tridiagonalBytes(size);
}

/** Multiply–adds of `eigenvaluesInPlace`, for progress. */
export function symmetricEigenvaluesWork(size: number): number {
  return (2 / 3) * size ** 3 + bandEigenvaluesWork(size, bandWidth(size));
}

/**
 * Eigenvalues of a symmetric matrix, ascending. Two stages as for singular values: dense → band in matrix products
 * (Bischof, Lang and Sun, ACM TOMS 26, 2000), band → tridiagonal by bulge chasing, then root-free QL.
 *
 * @param address of the matrix in the kernel's memory, n × n by rows, of which the upper half is read; destroyed
 * @param products engine for the products of large matrices; null: the kernel's own
 * Throws an Error for NaN and infinity. Cost: 4/3·n³ operations; error a few rounding errors relative to the largest
 * magnitude.
 */
export function* eigenvaluesInPlace(memory: KernelMemory, address: number, n: number, products: MatrixProducts | null = null): Steps<Float64Array> {
  const b = bandWidth(n);
  const entries = memory.elements(address, n * n);
  const largest = upperMaximum(entries, n);
  if (!Number.isFinite(largest)) throw new Error('The matrix holds a value that is not finite (NaN or infinity): it has no eigenvalues.');
  if (largest === 0) return new Float64Array(n);
  const exponent = Math.max(-1000, Math.min(1000, -Math.floor(Math.log2(largest))));
  memory.exports.scale(2 ** exponent, address, n * n);
  let squares = 0;
  for (let i = 0; i < n; i++) squares += 2 * memory.exports.sumOfSquares(address + 8 * (i * n + i), n - i) - entries[i * n + i] ** 2;

  const mark = memory.mark();
  const band = memory.takeZeroed(symmetricBandLength(n, b));
  if (products !== null && n >= productsPayFrom) yield* reduceSymmetricDelayed(memory, address, n, b, band, products);
  else yield* reduceSymmetric(memory, address, n, b, band);
  let values = yield* bandEigenvalues(memory, band, n, b, squares);
  memory.release(mark);
  if (!squaresAgree(values, squares)) throw new Error(`The eigenvalues of a ${n} × ${n} matrix failed their check: the sum of their squares differs from that of the entries by more than ${frobeniusTolerance} of it; please report this matrix.`);
  values = values.map((x) => x * 2 ** -exponent);
  return values;
}

/**
 * Dense → band of width b, from the upper half of the matrix: for each panel A ← (I − VTVᵀ)ᵀ·A·(I − VTVᵀ), written as
 * A − V·Wᵀ − W·Vᵀ with W = AVT − ½V·TᵀVᵀAVT. Products run over strips of rows of the upper half; each serves as a strip
 * of rows and, transposed, as one of columns.
 */
function* reduceSymmetric(memory: KernelMemory, a: number, n: number, b: number, band: number): Steps<void> {
  const kernel = memory.exports;
  const mark = memory.mark();
  const v = memory.take(b * n);
  const av = memory.take(b * n);
  const left = memory.take(2 * b * n);
  const right = memory.take(2 * b * n);
  const [r, t, s, m] = Array.from({ length: 4 }, () => memory.take(b * b));
  const entries = memory.elements(a, n * n);
  const bandElements = memory.elements(band, symmetricBandLength(n, b));
  let unreported = 0;
  for (let k = 0; k < n; k += b) {
    const width = Math.min(b, n - k);
    const rest = n - k - width;
    for (let i = 0; i < width; i++) for (let j = i; j < width; j++) bandElements[(k + i) * 2 * b + k + j] = entries[(k + i) * n + k + j];
    if (rest === 0) break;
    // The panel below the diagonal block is the transpose of the rows right of it.
    kernel.copyMatrix(width, rest, a + 8 * (k * n + k + width), n, 1, v, rest, 1);
    kernel.factorPanel(v, rest, width, rest, r, t);
    const upper = memory.elements(r, width * width);
    for (let i = 0; i < width && i < rest; i++) for (let j = i; j < width; j++) bandElements[(k + j) * 2 * b + k + width + i] = upper[i * width + j];

    const trailing = a + 8 * ((k + width) * n + k + width);
    memory.elements(av, rest * width).fill(0);
    for (let i = 0; i < rest; i += stripRows) {
      const h = Math.min(stripRows, rest - i);
      const beyond = rest - i - h;
      const corner = trailing + 8 * (i * n + i);
      for (let p = 1; p < h; p++) kernel.copyMatrix(1, p, corner + 8 * p, 1, n, corner + 8 * p * n, n, 1);
      kernel.gemm(h, width, rest - i, 1, corner, n, 1, v + 8 * i, 1, rest, 1, av + 8 * i * width, width, 1);
      if (beyond > 0) kernel.gemm(beyond, width, h, 1, corner + 8 * h, 1, n, v + 8 * i, 1, rest, 1, av + 8 * (i + h) * width, width, 1);
      unreported += 2 * h * width * (rest - i);
      if (unreported > stepWork) {
        yield unreported;
        unreported = 0;
      }
    }
    const pair = 2 * width;
    const w = left + 8 * width;
    kernel.copyMatrix(rest, width, v, 1, rest, left, pair, 1);
    kernel.gemm(rest, width, width, 1, av, width, 1, t, width, 1, 0, w, pair, 1);
    kernel.gemm(width, width, rest, 1, v, rest, 1, w, pair, 1, 0, s, width, 1);
    kernel.gemm(width, width, width, 1, t, 1, width, s, width, 1, 0, m, width, 1);
    kernel.gemm(rest, width, width, -0.5, left, pair, 1, m, width, 1, 1, w, pair, 1);
    // A ← A − [V W]·[W V]ᵀ
    kernel.copyMatrix(rest, width, w, pair, 1, right, pair, 1);
    kernel.copyMatrix(rest, width, left, pair, 1, right + 8 * width, pair, 1);
    for (let i = 0; i < rest; i += stripRows) {
      const h = Math.min(stripRows, rest - i);
      kernel.gemm(h, rest - i, pair, -1, left + 8 * i * pair, pair, 1, right + 8 * i * pair, 1, pair, 1, trailing + 8 * (i * n + i), n, 1);
      unreported += h * pair * (rest - i);
      if (unreported > stepWork) {
        yield unreported;
        unreported = 0;
      }
    }
  }
  yield unreported;
  memory.release(mark);
}

function upperMaximum(matrix: Float64Array, n: number): number {
  let largest = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      const x = Math.abs(matrix[i * n + j]);
      if (!(x <= largest)) largest = x;
      if (Number.isNaN(x)) return x;
    }
  }
  return largest;
}
