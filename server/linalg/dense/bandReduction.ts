import { alignedBytes, type KernelMemory, type MatrixView } from '../kernel.js';
import { type Steps } from '../steps.js';

/**
 * First stage: dense → upper band of width b by orthogonal transformations, Qᵀ·A·P = B (Großer and Lang, Parallel
 * Computing 25, 1999). LAPACK goes to bidiagonal form at once, and half of its arithmetic is matrix–vector products,
 * which wait for memory. Stopping at a band turns all of it into matrix–matrix products:
 *
 *   for each panel of b columns
 *     I − V·T·Vᵀ  clears the columns below the diagonal block (QR)      Y = Tᵀ·Vᵀ·A
 *     I − V₂·T₂·V₂ᵀ clears the rows right of the next block (LQ)       X = A·V₂ − V·(Y·V₂)
 *     A ← A − V·Y − X·T₂·V₂ᵀ                                            one product with inner dimension 2b
 */

/** One product may take this many multiply–adds before the event loop gets its turn: some ten milliseconds. */
const stepWork = 3e7;
/** Rows are split at multiples of the kernel's inner block, so that the pieces add up in the same order. */
const rowQuantum = 256;

/** Panels longer than this would keep the event loop waiting. */
const defaultBlockHeight = 32768;

/** Width of the band for a matrix with smaller side `size`: the optimum moves up as the products dominate. */
export function bandWidth(size: number): number {
  if (size < 400) return 16;
  if (size < 700) return 20;
  return size < 1500 ? 24 : 32;
}

/** Elements of band storage: see kernel/bulgeChase.ts. */
export function bandLength(size: number, width: number): number {
  return (size + 2 * width) * 3 * width;
}

/** Multiply–adds of `reduceToBand`, for progress. */
export function bandReductionWork(rows: number, columns: number): number {
  return 2 * rows * columns * columns - (2 / 3) * columns ** 3;
}

/** Bytes that `reduceToBand` and `reduceToTriangle` take from the kernel's memory. */
export function bandReductionBytes(rows: number, columns: number, b: number): number {
  return alignedBytes(b * rows) + alignedBytes(2 * b * rows) + 2 * alignedBytes(b * columns) + alignedBytes(2 * b * columns) + 5 * alignedBytes(b * b);
}

/**
 * Reduces `a` (rows ≥ columns; destroyed) to an upper band matrix of the same singular values, written to `band`.
 * Cost: 4·rows·columns² − 4/3·columns³ operations, nearly all in `gemm`.
 */
export function* reduceToBand(memory: KernelMemory, a: MatrixView, b: number, band: number): Steps<void> {
  const { rows, columns, rowStride, columnStride } = a;
  const kernel = memory.exports;
  const mark = memory.mark();
  const v = memory.take(b * rows);
  const u = memory.take(2 * b * rows);
  const v2 = memory.take(b * columns);
  const w = memory.take(b * columns);
  const yz = memory.take(2 * b * columns);
  const [r, t, r2, t2, s] = Array.from({ length: 5 }, () => memory.take(b * b));
  const bandElements = memory.elements(band, bandLength(columns, b));
  bandElements.fill(0);
  const at = (i: number, j: number) => a.address + 8 * (i * rowStride + j * columnStride);

  for (let k = 0; k < columns; k += b) {
    const width = Math.min(b, columns - k);
    const height = rows - k;
    const rest = columns - k - width;
    const pair = 2 * width;

    kernel.copyMatrix(height, width, at(k, k), rowStride, columnStride, v, 1, height);
    kernel.factorPanel(v, height, width, height, r, t);
    storeColumnPanel(bandElements, b, k, memory.elements(r, width * width), width);
    yield 2 * height * width * width;
    if (rest === 0) break;

    // Yᵀ = (Aᵀ·V)·T, kept beside Zᵀ: each row holds one column of Y and one of Z.
    const rowsPerStep = stepRows(rest * width);
    yield* transposedTimesPanel(memory, { ...a, address: at(k, k + width), rows: height, columns: rest }, v, width, w, rowsPerStep);
    kernel.gemm(rest, width, width, 1, w, width, 1, t, width, 1, 0, yz, pair, 1);

    // The next `width` rows are final on the left side: bring them up to date and factor them.
    kernel.gemm(width, rest, width, -1, v, 1, height, yz, 1, pair, 1, at(k, k + width), rowStride, columnStride);
    kernel.copyMatrix(rest, width, at(k, k + width), columnStride, rowStride, v2, 1, rest);
    kernel.factorPanel(v2, rest, width, rest, r2, t2);
    storeRowPanel(bandElements, b, k, memory.elements(r2, width * width), width, rest);
    kernel.gemm(rest, width, width, 1, v2, 1, rest, t2, 1, width, 0, yz + 8 * width, pair, 1);
    kernel.gemm(width, width, rest, 1, yz, 1, pair, v2, 1, rest, 0, s, width, 1);
    yield 2 * rest * width * width;

    // U = [V X] for the rows below, then A ← A − U·[Y; Z].
    const below = height - width;
    if (below === 0) continue;
    kernel.copyMatrix(below, width, v + 8 * width, 1, height, u, pair, 1);
    for (let i = 0; i < below; i += rowsPerStep) {
      const count = Math.min(rowsPerStep, below - i);
      const x = u + 8 * (i * pair + width);
      kernel.gemm(count, width, rest, 1, at(k + width + i, k + width), rowStride, columnStride, v2, 1, rest, 0, x, pair, 1);
      kernel.gemm(count, width, width, -1, u + 8 * i * pair, pair, 1, s, width, 1, 1, x, pair, 1);
      yield count * rest * width;
      kernel.gemm(count, rest, pair, -1, u + 8 * i * pair, pair, 1, yz, 1, pair, 1, at(k + width + i, k + width), rowStride, columnStride);
      yield count * rest * pair;
    }
  }
  memory.release(mark);
}

/** Multiply–adds of `reduceToTriangle`, for progress. */
export function triangleReductionWork(rows: number, columns: number): number {
  return rows * columns * columns - columns ** 3 / 3;
}

/**
 * QR factorization, R only (rows ≥ columns; `a` is destroyed): R has the singular values of `a`. For tall matrices this
 * comes before `reduceToBand`, which would otherwise carry all rows through both of its products (Chan, ACM TOMS 8,
 * 1982). Very tall ones are taken in blocks of rows, each with the R of the rows above it on top (Demmel, Grigori,
 * Hoemmen and Langou, SIAM J. Sci. Comput. 34, 2012), so that no panel is longer than `blockHeight`.
 * Cost: 2·rows·columns² − 2/3·columns³ operations.
 * @returns R, columns × columns with zeros below the diagonal, within the memory of `a`
 */
export function* reduceToTriangle(memory: KernelMemory, a: MatrixView, b: number, blockHeight = defaultBlockHeight): Steps<MatrixView> {
  const { columns, rowStride } = a;
  const step = Math.max(blockHeight, 4 * columns);
  let top = 0;
  for (let end = Math.min(step, a.rows); ; end = Math.min(end + step, a.rows)) {
    const block = { ...a, address: a.address + 8 * top * rowStride, rows: end - top };
    yield* factorRows(memory, block, b);
    if (end === a.rows) return { ...block, rows: columns };
    // The rows just above the next block are used up: R moves there.
    const next = end - columns;
    memory.exports.copyMatrix(columns, columns, block.address, rowStride, a.columnStride, a.address + 8 * next * rowStride, rowStride, a.columnStride);
    top = next;
  }
}

/** Bytes that `factorRows` takes from the kernel's memory. */
export function factorRowsBytes(rows: number, columns: number, b: number): number {
  return alignedBytes(b * rows) + 2 * alignedBytes(b * columns) + 2 * alignedBytes(b * b);
}

/** QR factorization of one block of rows in place, in panels of b columns; R takes its first rows. */
export function* factorRows(memory: KernelMemory, a: MatrixView, b: number): Steps<void> {
  const { rows, columns, rowStride, columnStride } = a;
  const kernel = memory.exports;
  const mark = memory.mark();
  const v = memory.take(b * rows);
  const w = memory.take(b * columns);
  const y = memory.take(b * columns);
  const [r, t] = [memory.take(b * b), memory.take(b * b)];
  const at = (i: number, j: number) => a.address + 8 * (i * rowStride + j * columnStride);
  for (let k = 0; k < columns; k += b) {
    const width = Math.min(b, columns - k);
    const height = rows - k;
    const rest = columns - k - width;
    kernel.copyMatrix(height, width, at(k, k), rowStride, columnStride, v, 1, height);
    kernel.factorPanel(v, height, width, height, r, t);
    kernel.copyMatrix(width, width, r, width, 1, at(k, k), rowStride, columnStride);
    for (let i = k + width; i < columns; i++) kernel.clear(width, at(i, k), columnStride);
    yield 2 * height * width * width;
    if (rest === 0) break;
    const rowsPerStep = stepRows(rest * width);
    yield* transposedTimesPanel(memory, { ...a, address: at(k, k + width), rows: height, columns: rest }, v, width, w, rowsPerStep);
    kernel.gemm(rest, width, width, 1, w, width, 1, t, width, 1, 0, y, width, 1);
    for (let i = 0; i < height; i += rowsPerStep) {
      const count = Math.min(rowsPerStep, height - i);
      kernel.gemm(count, rest, width, -1, v + 8 * i, 1, height, y, 1, width, 1, at(k + i, k + width), rowStride, columnStride);
      yield count * rest * width;
    }
  }
  memory.release(mark);
}

/** w ← Aᵀ·V, a row for each column of A; V is a panel of `width` columns, one after the other. */
function* transposedTimesPanel(memory: KernelMemory, a: MatrixView, v: number, width: number, w: number, rowsPerStep: number): Steps<void> {
  for (let i = 0; i < a.rows; i += rowsPerStep) {
    const count = Math.min(rowsPerStep, a.rows - i);
    memory.exports.gemm(a.columns, width, count, 1, a.address + 8 * i * a.rowStride, a.columnStride, a.rowStride, v + 8 * i, 1, a.rows, i > 0 ? 1 : 0, w, width, 1);
    yield count * a.columns * width;
  }
}

/** Writes the triangle of the QR factorization of columns k … k + width − 1 into a band of width b. */
export function storeColumnPanel(band: Float64Array, b: number, k: number, triangle: Float64Array, width: number): void {
  const stride = 3 * b - 1;
  for (let i = 0; i < width; i++) for (let j = i; j < width; j++) band[(k + i) * stride + k + j + b] = triangle[i * width + j];
}

/** The same for rows k … k + width − 1 right of the diagonal block, whose transpose was factored; `rest` columns are left there. */
export function storeRowPanel(band: Float64Array, b: number, k: number, triangle: Float64Array, width: number, rest: number): void {
  const stride = 3 * b - 1;
  for (let i = 0; i < width; i++) for (let j = 0; j <= i && j < rest; j++) band[(k + i) * stride + k + width + j + b] = triangle[j * width + i];
}

/** Rows per step where each row costs `perRow` multiply–adds. */
function stepRows(perRow: number): number {
  return Math.max(1, Math.floor(stepWork / Math.max(perRow, 1) / rowQuantum)) * rowQuantum;
}
