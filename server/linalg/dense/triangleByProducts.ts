import { alignedBytes, type KernelMemory, type MatrixView } from '../kernel.js';
import { blockAt, type MatrixProducts } from '../matrixProducts.js';
import { clearStarts } from './delayedUpdate.js';
import { type Steps } from '../steps.js';

/** Columns that one panel clears: the kernel's widest. */
const panelWidth = 64;
/** A tall matrix is taken in blocks of this many times its columns, so that the copy of a block stays small. */
const blockRatio = 4;

/** Rows of the matrix that are factored at a time, below the triangle of those before. */
function blockRows(columns: number): number {
  return blockRatio * columns;
}

/** Bytes that `triangleByProducts` takes from the kernel's memory. */
export function triangleByProductsBytes(rows: number, columns: number): number {
  const length = Math.min(rows, columns + blockRows(columns));
  return alignedBytes(columns * length) + factorLinesBytes(columns, length);
}

/**
 * QR factorization, R only, of a matrix with rows ≥ columns (not changed), as `reduceToTriangle` does it, for an engine
 * of products whose operands have no gaps: blocks of rows are copied transposed, so that the columns that are still
 * to be cleared are lines of memory, one after the other. The triangle of the rows before takes part in each block
 * (Demmel, Grigori, Hoemmen and Langou, SIAM J. Sci. Comput. 34, 2012).
 * @returns R, columns × columns with zeros below the diagonal, stored by columns at the start of the memory taken here:
 *   what is taken after the caller's own mark must be released before R is
 */
export function* triangleByProducts(memory: KernelMemory, a: MatrixView, products: MatrixProducts): Steps<MatrixView> {
  const n = a.columns;
  const longest = Math.min(a.rows, n + blockRows(n));
  const lines = memory.take(n * longest);
  for (let from = 0; from < a.rows; ) {
    const kept = from > 0 ? n : 0;
    const count = Math.min(a.rows - from, longest - kept);
    const length = kept + count;
    if (kept > 0) spreadTriangle(memory.elements(lines, n * length), n, length);
    memory.exports.copyMatrix(n, count, a.address + 8 * from * a.rowStride, a.columnStride, a.rowStride, lines + 8 * kept, length, 1);
    yield n * count;
    yield* factorLines(memory, lines, n, length, products);
    from += count;
    gatherTriangle(memory.elements(lines, n * length), n, length);
  }
  return { address: lines, rows: n, columns: n, rowStride: 1, columnStride: n };
}

/** Bytes that `factorLines` takes from the kernel's memory. */
export function factorLinesBytes(n: number, length: number): number {
  return alignedBytes(panelWidth * length) + 2 * alignedBytes(panelWidth * n) + 2 * alignedBytes(panelWidth * panelWidth);
}

/** QR factorization of n columns, lines of `length` ≥ n elements without gaps; R takes their first elements, and what lies below it is undefined. */
export function* factorLines(memory: KernelMemory, lines: number, n: number, length: number, products: MatrixProducts): Steps<void> {
  const kernel = memory.exports;
  const mark = memory.mark();
  const panel = memory.take(panelWidth * length);
  const [w, wt] = [0, 0].map(() => memory.take(panelWidth * n));
  const [r, t] = [0, 0].map(() => memory.take(panelWidth * panelWidth));
  for (let k = 0; k < n; k += panelWidth) {
    const width = Math.min(panelWidth, n - k);
    const height = length - k;
    const rest = n - k - width;
    const current = lines + 8 * k * length;
    kernel.copyMatrix(width, length, current, length, 1, panel, length, 1);
    clearStarts(memory.elements(panel, width * length), length, k);
    kernel.factorPanel(panel + 8 * k, height, width, length, r, t);
    kernel.copyMatrix(width, Math.min(width, height), r, 1, width, current + 8 * k, length, 1);
    yield 2 * height * width * width;
    if (rest === 0) break;
    const trailing = blockAt(memory, current + 8 * width * length, rest, length);
    const v = blockAt(memory, panel, width, length);
    yield products.multiplyByTransposed(trailing, v, blockAt(memory, wt, rest, width));
    kernel.gemm(rest, width, width, 1, wt, width, 1, t, width, 1, 0, w, width, 1);
    yield products.subtract(blockAt(memory, w, rest, width), v, trailing);
  }
  memory.release(mark);
}

/** The triangle out of lines of `length`, to lines of n; what lies below its diagonal is zero. */
export function gatherTriangle(lines: Float64Array, n: number, length: number): void {
  for (let j = 0; j < n; j++) {
    lines.copyWithin(j * n, j * length, j * length + j + 1);
    lines.fill(0, j * n + j + 1, (j + 1) * n);
  }
}

/** The triangle to the first n elements of lines of `length`. */
export function spreadTriangle(lines: Float64Array, n: number, length: number): void {
  for (let j = n - 1; j > 0; j--) lines.copyWithin(j * length, j * n, (j + 1) * n);
}
