import { alignedBytes, type KernelMemory, type MatrixView } from '../kernel.js';
import { blockAt, type Block, type MatrixProducts } from '../matrixProducts.js';
import { clearStarts } from './delayedUpdate.js';
import { type Steps } from '../steps.js';

/** Columns that one panel clears: the kernel's widest. */
const panelWidth = 64;
/** Columns whose reflections are applied together. */
const blockWidth = 192;
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
  return alignedBytes(blockWidth * length) + 2 * alignedBytes(blockWidth * n) + 4 * alignedBytes(blockWidth * blockWidth);
}

/**
 * QR factorization of n columns, lines of `length` ≥ n elements without gaps; R takes their first elements, and what lies
 * below it is undefined. On two levels: panels as wide as the kernel factors them, and blocks of some panels, whose
 * reflections are applied to the columns behind them at once, as I − V·T·Vᵀ with
 *   (I − V₁T₁V₁ᵀ)·(I − V₂T₂V₂ᵀ) = I − [V₁ V₂]·[[T₁, −T₁V₁ᵀV₂T₂], [0, T₂]]·[V₁ V₂]ᵀ
 */
export function* factorLines(memory: KernelMemory, lines: number, n: number, length: number, products: MatrixProducts): Steps<void> {
  const kernel = memory.exports;
  const mark = memory.mark();
  const panel = memory.take(blockWidth * length);
  const [w, wt] = [0, 0].map(() => memory.take(blockWidth * n));
  const [r, t, t2, s] = Array.from({ length: 4 }, () => memory.take(blockWidth * blockWidth));
  const at = (address: number, rows: number, columns: number): Block => blockAt(memory, address, rows, columns);
  /** Lines ← lines·(I − V·T·Vᵀ), where V has `width` lines and T lies at `factor`, `stride` elements a row. */
  const reflect = function* (target: Block, v: Block, factor: number, stride: number): Steps<void> {
    const [rows, width] = [target.rows, v.rows];
    yield products.multiplyByTransposed(target, v, at(wt, rows, width));
    kernel.gemm(rows, width, width, 1, wt, width, 1, factor, stride, 1, 0, w, width, 1);
    yield products.subtract(at(w, rows, width), v, target);
  };
  for (let k = 0; k < n; k += blockWidth) {
    const count = Math.min(blockWidth, n - k);
    const current = lines + 8 * k * length;
    const elements = memory.elements(panel, count * length);
    elements.set(memory.elements(current, count * length));
    clearStarts(elements, length, k);
    memory.elements(t, count * count).fill(0);
    for (let j = 0; j < count; j += panelWidth) {
      const width = Math.min(panelWidth, count - j);
      const v = panel + 8 * j * length;
      const height = length - k - j;
      // What the panels before have left of these columns above their own rows belongs to R.
      kernel.copyMatrix(width, j, v + 8 * k, length, 1, current + 8 * (j * length + k), length, 1);
      clearStarts(elements.subarray(j * length, (j + width) * length), length, k + j);
      kernel.factorPanel(v + 8 * (k + j), height, width, length, r, t2);
      kernel.copyMatrix(width, Math.min(width, height), r, 1, width, current + 8 * (j * length + k + j), length, 1);
      kernel.copyMatrix(width, width, t2, width, 1, t + 8 * (j * count + j), count, 1);
      yield 2 * height * width * width;
      if (j > 0) {
        yield products.multiplyByTransposed(at(panel, j, length), at(v, width, length), at(s, j, width));
        kernel.gemm(j, width, width, 1, s, width, 1, t2, width, 1, 0, r, width, 1);
        kernel.gemm(j, width, j, -1, t, count, 1, r, width, 1, 0, t + 8 * j, count, 1);
      }
      const behind = count - j - width;
      if (behind > 0) yield* reflect(at(v + 8 * width * length, behind, length), at(v, width, length), t2, width);
    }
    const rest = n - k - count;
    if (rest > 0) yield* reflect(at(current + 8 * count * length, rest, length), at(panel, count, length), t, count);
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
