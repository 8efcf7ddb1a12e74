import { alignedBytes, type KernelMemory } from '../kernel.js';
import { type MatrixProducts } from '../matrixProducts.js';
import { type Steps } from '../steps.js';
import { checkSquares } from './blockSingularValues.js';
import { EntryRange } from './entryRange.js';
import { acceptedValues, addProducts, gramProductsBytes } from './gram.js';
import { gramPaysFrom } from './routes.js';
import { type StreamedMatrix } from './streamedMatrix.js';
import { eigenvaluesInPlace, symmetricEigenvaluesBytes } from './symmetricEigenvalues.js';

/**
 * Singular values of a matrix that is read in blocks of rows as the square roots of the eigenvalues of AᵀA, the sum of the
 * Gram matrices of its blocks: less than half the work of a triangle, and taken only where the smallest eigenvalue shows
 * that nothing is lost (gram.ts). Rows of a matrix are mostly alike, so that the first of them already show whether it
 * will be taken, and no more is read where it will not.
 */

/** From this many rows per column on, looking at the first rows costs less than the work that it may save. */
const lookRatio = 8;
/** Rows per column that are looked at: of a square matrix, or a little more, the smallest value says nothing of the whole. */
const lookedAtRatio = 2;

/** Whether the Gram matrix is tried at all. */
export function streamedGramPays(columns: number): boolean {
  return columns >= gramPaysFrom;
}

/** Bytes that `streamedGramValues` takes from the kernel's memory. */
export function streamedGramBytes(columns: number, blockRows: number): number {
  const gram = alignedBytes(columns * columns);
  const look = blockRows >= columns ? gram + symmetricEigenvaluesBytes(columns) : 0;
  return gram + Math.max(symmetricEigenvaluesBytes(columns), alignedBytes(columns * blockRows) + gramProductsBytes(columns), look);
}

/**
 * All singular values, ascending; null where they are too far apart for this route, or the entries too large or too small
 * to be squared. Cost: rows·columns² + 4/3·columns³ operations.
 * @throws Error for NaN and infinity, CheckFailed, and what reading throws
 */
export function* streamedGramValues(memory: KernelMemory, matrix: StreamedMatrix, blockRows: number, products: MatrixProducts | null): Steps<Float64Array | null> {
  const { rows, columns: n } = matrix;
  const start = memory.mark();
  const gram = memory.takeZeroed(n * n);
  const afterGram = memory.mark();
  const lines = memory.take(n * Math.min(blockRows, rows));
  const range = new EntryRange(memory);
  let looked = rows < lookRatio * n || blockRows < n;
  for (let from = 0; from < rows; from += blockRows) {
    const count = Math.min(blockRows, rows - from);
    yield matrix.read(from, count, memory.elements(lines, n * count), count, 0).then(() => n * count);
    yield* range.take(lines, n, count, 0);
    if (range.exponent !== 0) return giveUp(memory, start);
    yield* addProducts(memory, lines, n, count, gram, products);
    if (!looked && from + count >= lookedAtRatio * n) {
      looked = true;
      // The block is used up: its place is that of a copy.
      memory.release(afterGram);
      const copy = memory.take(n * n);
      memory.elements(copy, n * n).set(memory.elements(gram, n * n));
      if (acceptedValues(yield* eigenvaluesInPlace(memory, copy, n, products)) === null) return giveUp(memory, start);
      memory.release(afterGram);
      memory.take(n * Math.min(blockRows, rows));
    }
  }
  memory.release(afterGram);
  const values = acceptedValues(yield* eigenvaluesInPlace(memory, gram, n, products));
  memory.release(start);
  if (values !== null) checkSquares(values, range.squares, matrix);
  return values;
}

function giveUp(memory: KernelMemory, start: number): null {
  memory.release(start);
  return null;
}
