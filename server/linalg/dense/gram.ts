import { alignedBytes, type KernelMemory, type MatrixView } from '../kernel.js';
import { blockAt, type MatrixProducts } from '../matrixProducts.js';
import { roundingBound } from './checks.js';
import { eigenvaluesInPlace, symmetricEigenvaluesBytes, symmetricEigenvaluesWork } from './symmetricEigenvalues.js';
import { type Steps } from '../steps.js';

/**
 * Singular values of a tall matrix as the square roots of the eigenvalues of AᵀA, which is half the work of a QR
 * factorization. Squaring costs digits: σ gets the relative error ε·(σ₁/σ)². So the result is taken only where the smallest
 * eigenvalue shows that the error is negligible, and the matrix stays as it was for another route where it is not.
 */

/** Rows that one step of the kernel's own products adds. */
const rowsPerStep = 1024;
/** An engine's products are the faster the more rows they add at a time: as many as a copy of 32 MB holds. */
const copiedElements = 4 * 1024 * 1024;

/** Rows that are copied at a time for an engine. */
function copiedRows(rows: number, columns: number): number {
  return Math.min(rows, Math.max(rowsPerStep, Math.floor(copiedElements / columns)));
}
/** Columns of one product, so that only the upper half is computed. */
const blockColumns = 256;
const ownBlockColumns = 64;
/** Multiply–adds of one product of an engine, which cannot be interrupted: some fifty milliseconds. */
const engineStepWork = 2e9;
/**
 * λ_min ≥ this share of λ_max keeps every singular value as close to σ₁'s rounding as the other routes do (measured:
 * below 1e-14 of σ₁), and the smallest right to about 1e-10 of itself.
 */
const smallestShare = 1e-5;

/** Error of the singular values relative to the largest, where `gramSingularValues` has accepted them. */
export function gramErrorBound(columns: number): number {
  // δσ = δλ / 2σ, and δλ is some rounding errors of λ₁.
  return roundingBound(columns) / (2 * Math.sqrt(smallestShare));
}

/** Bytes that `gramSingularValues` takes from the kernel's memory. */
export function gramBytes(rows: number, columns: number): number {
  const copies = alignedBytes(columns * copiedRows(rows, columns)) + gramProductsBytes(columns);
  return alignedBytes(columns * columns) + Math.max(copies, symmetricEigenvaluesBytes(columns));
}

/** Bytes that `addProducts` takes from the kernel's memory. */
export function gramProductsBytes(columns: number): number {
  return alignedBytes(Math.min(blockColumns, columns) * columns);
}

/** Multiply–adds of `gramSingularValues`, for progress. */
export function gramWork(rows: number, columns: number): number {
  return (rows * columns * (columns + blockColumns)) / 2 + symmetricEigenvaluesWork(columns);
}

/**
 * All singular values of `a` (rows ≥ columns, not changed), ascending; null where they are too far apart for this route.
 * Cost: rows·columns² + 4/3·columns³ operations.
 * @param products engine of the products; null: the kernel's own
 */
export function* gramSingularValues(memory: KernelMemory, a: MatrixView, products: MatrixProducts | null): Steps<Float64Array | null> {
  const n = a.columns;
  if (yield* columnsAreTooFarApart(memory, a)) return null;
  const start = memory.mark();
  const gram = memory.takeZeroed(n * n);
  yield* addUpperGram(memory, a, gram, products);
  const eigenvalues = yield* eigenvaluesInPlace(memory, gram, n, products);
  memory.release(start);
  return acceptedValues(eigenvalues);
}

/** Adds AᵀA, its upper half, to n × n elements at `gram`; an engine's products take a copy of part of the matrix. */
export function* addUpperGram(memory: KernelMemory, a: MatrixView, gram: number, products: MatrixProducts | null): Steps<void> {
  yield* products === null ? ownProducts(memory, a, gram) : productsOfEngine(memory, a, gram, products);
}

/** Whether the lengths of the columns alone tell that λ_min is too small: σ_n is at most the shortest, σ₁ at least the longest. */
function* columnsAreTooFarApart(memory: KernelMemory, a: MatrixView): Steps<boolean> {
  const { rows, columns } = a;
  const kernel = memory.exports;
  const mark = memory.mark();
  const sums = memory.takeZeroed(columns);
  const squares = memory.elements(sums, columns);
  if (a.rowStride === 1) {
    for (let j = 0; j < columns; j++) squares[j] = kernel.sumOfSquares(a.address + 8 * j * a.columnStride, rows);
    yield rows * columns;
  } else {
    for (let from = 0; from < rows; from += rowsPerStep) {
      const count = Math.min(rowsPerStep, rows - from);
      for (let i = from; i < from + count; i++) kernel.addSquares(a.address + 8 * i * a.rowStride, sums, columns);
      yield count * columns;
    }
  }
  memory.release(mark);
  const longest = squares.reduce((most, square) => Math.max(most, square), 0);
  return squares.some((square) => square < smallestShare * longest);
}

/** σ = √λ of ascending eigenvalues of AᵀA; null where they are too far apart. */
export function acceptedValues(eigenvalues: Float64Array): Float64Array | null {
  return eigenvalues[0] >= smallestShare * eigenvalues[eigenvalues.length - 1] ? eigenvalues.map(Math.sqrt) : null;
}

/** Adds AᵀA, its upper half, where the columns of A are lines of `length` elements without gaps. */
export function* addProducts(memory: KernelMemory, lines: number, n: number, length: number, gram: number, products: MatrixProducts | null): Steps<void> {
  if (products === null) {
    yield* ownProducts(memory, { address: lines, rows: length, columns: n, rowStride: 1, columnStride: length }, gram);
    return;
  }
  const mark = memory.mark();
  const strip = memory.take(Math.min(blockColumns, n) * n);
  const lineBlock = (from: number, count: number) => blockAt(memory, lines + 8 * from * length, count, length);
  for (let j = 0; j < n; j += blockColumns) {
    const width = Math.min(blockColumns, n - j);
    const perStep = Math.max(blockColumns, Math.floor(engineStepWork / (width * length)));
    for (let k = j; k < n; k += perStep) {
      const count = Math.min(perStep, n - k);
      yield products.multiplyByTransposed(lineBlock(j, width), lineBlock(k, count), blockAt(memory, strip, width, count));
      for (let i = 0; i < width; i++) memory.exports.axpy(1, strip + 8 * i * count, gram + 8 * ((j + i) * n + k), count);
    }
  }
  memory.release(mark);
}

/** Upper half of AᵀA, by the kernel. */
function* ownProducts(memory: KernelMemory, a: MatrixView, gram: number): Steps<void> {
  const n = a.columns;
  for (let from = 0; from < a.rows; from += rowsPerStep) {
    const count = Math.min(rowsPerStep, a.rows - from);
    const rows = a.address + 8 * from * a.rowStride;
    for (let j = 0; j < n; j += ownBlockColumns) {
      const width = Math.min(ownBlockColumns, n - j);
      const columns = rows + 8 * j * a.columnStride;
      memory.exports.gemm(width, n - j, count, 1, columns, a.columnStride, a.rowStride, columns, a.rowStride, a.columnStride, 1, gram + 8 * (j * n + j), n, 1);
      yield width * (n - j) * count;
    }
  }
}

/** Upper half of AᵀA, by an engine whose operands have no gaps: rows of A are copied transposed. */
function* productsOfEngine(memory: KernelMemory, a: MatrixView, gram: number, products: MatrixProducts): Steps<void> {
  const n = a.columns;
  const kernel = memory.exports;
  const mark = memory.mark();
  const step = copiedRows(a.rows, n);
  const lines = memory.take(n * step);
  for (let from = 0; from < a.rows; from += step) {
    const count = Math.min(step, a.rows - from);
    kernel.copyMatrix(n, count, a.address + 8 * from * a.rowStride, a.columnStride, a.rowStride, lines, count, 1);
    yield n * count;
    yield* addProducts(memory, lines, n, count, gram, products);
  }
  memory.release(mark);
}
