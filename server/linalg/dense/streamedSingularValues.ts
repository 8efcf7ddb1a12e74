import { alignedBytes, type KernelMemory } from '../kernel.js';
import { type MatrixProducts } from '../matrixProducts.js';
import { type Steps } from '../steps.js';
import { bandWidth, factorRows, factorRowsBytes } from './bandReduction.js';
import { blockBytes, blockSingularValues, blockWork, checkSquares, timesPowerOfTwo, type BlockResult } from './blockSingularValues.js';
import { EntryRange } from './entryRange.js';
import { streamedGramBytes, streamedGramPays, streamedGramValues } from './streamedGram.js';
import { factorLines, factorLinesBytes, gatherTriangle, spreadTriangle } from './triangleByProducts.js';
import { productsPayFrom } from './routes.js';
import { type StreamedMatrix } from './streamedMatrix.js';

/**
 * Singular values of a tall matrix that is never in memory as a whole: by its Gram matrix where that is exact enough
 * (streamedGram.ts), else blocks of rows are folded into the triangle R of a
 * QR factorization one after the other, each below the R of those before (Demmel, Grigori, Hoemmen and Langou, SIAM J.
 * Sci. Comput. 34, 2012; the sequential case), and R has the singular values of the matrix. Every step is orthogonal, so
 * that nothing is lost against a factorization at once. It takes columns² elements and one block.
 *
 * The columns of R and of the block below it are lines of memory, one after the other:
 *
 *   line j:   r₀ⱼ … rⱼⱼ 0 … 0 | block, column j
 *             columns elements | count elements
 */

/** Of this many times the columns R adds a quarter to the work, and longer blocks save little more. */
const largestBlockRatio = 4;
/** Blocks of a narrow matrix hold this many elements, so that reading them is worth its calls … */
const blockElements = 4 * 1024 * 1024;
/** … but no more rows than a panel can have before it keeps the event loop waiting. */
const mostBlockRows = 32768;
/** With blocks of fewer rows than this share of the columns, nearly all work would go into R again and again. */
const smallestBlockShare = 1 / 8;
const fewestBlockRows = 32;

/**
 * Rows per block that `streamedSingularValues` may be given, the fastest first and the smallest in memory last: multiples of
 * `quantum`.
 */
export function blockRowChoices(rows: number, columns: number, quantum = 1): number[] {
  const multiple = (count: number): number => Math.ceil(Math.min(count, rows) / quantum) * quantum;
  const largest = multiple(Math.max(largestBlockRatio * columns, Math.min(mostBlockRows, Math.floor(blockElements / columns))));
  const smallest = Math.min(largest, multiple(Math.max(fewestBlockRows, Math.ceil(smallestBlockShare * columns))));
  const choices: number[] = [];
  for (let count = largest; count > smallest; count = multiple(Math.floor(count / 2 / quantum) * quantum)) choices.push(count);
  return [...choices, smallest];
}

/** The first block has no triangle above it, and must have enough rows to give one. */
function firstRows(rows: number, columns: number, blockRows: number): number {
  return Math.min(rows, blockRows * Math.ceil(columns / blockRows));
}

function longestLine(rows: number, columns: number, blockRows: number): number {
  const first = firstRows(rows, columns, blockRows);
  return first < rows ? Math.max(first, columns + Math.min(blockRows, rows - first)) : first;
}

/** Bytes that `streamedSingularValues` takes from the kernel's memory. */
export function streamedKernelBytes(rows: number, columns: number, blockRows: number): number {
  const longest = longestLine(rows, columns, blockRows);
  const factoring = Math.max(factorRowsBytes(longest, columns, bandWidth(columns)), columns >= productsPayFrom ? factorLinesBytes(columns, longest) : 0);
  const triangle = Math.max(alignedBytes(columns * longest) + factoring, alignedBytes(columns * columns) + blockBytes(columns, columns));
  return streamedGramPays(columns) ? Math.max(triangle, streamedGramBytes(columns, Math.min(blockRows, rows))) : triangle;
}

/** Multiply–adds of `streamedSingularValues`, for progress: by the triangle, of which the Gram matrix takes less than half. */
export function streamedWork(rows: number, columns: number, blockRows: number): number {
  const blocks = Math.ceil(rows / blockRows);
  const factored = rows + (blocks - 1) * columns;
  return 3 * rows * columns + factored * columns ** 2 - (blocks * columns ** 3) / 3 + blockWork(columns, columns);
}

/**
 * All singular values of a matrix that is read in blocks, unordered. They are held against the sum of the squares of what
 * was read. Cost: rows·columns² operations by the Gram matrix; by the triangle 2·rows·columns², and up to 2·columns³ for
 * each block beyond the first, since R is factored again with each; then those of the small matrix.
 *
 * @param blockRows rows per block, but for the first and the last
 * @param products engine of the products; null: the kernel's own
 * @param again the values have failed their check: by the triangle, and from there by another route
 * @throws Error for NaN and infinity, CheckFailed, and what reading throws
 */
export function* streamedSingularValues(memory: KernelMemory, matrix: StreamedMatrix, blockRows: number, products: MatrixProducts | null = null, again = false): Steps<BlockResult> {
  if (!again && streamedGramPays(matrix.columns)) {
    const values = yield* streamedGramValues(memory, matrix, blockRows, products);
    if (values !== null) return { values, method: 'gram' };
  }
  return { values: yield* valuesByTriangle(memory, matrix, blockRows, products, again), method: 'qr-first' };
}

function* valuesByTriangle(memory: KernelMemory, matrix: StreamedMatrix, blockRows: number, products: MatrixProducts | null, again: boolean): Steps<Float64Array> {
  const { rows, columns: n } = matrix;
  const start = memory.mark();
  const lines = memory.take(n * longestLine(rows, n, blockRows));
  const range = new EntryRange(memory);
  for (let from = 0; from < rows; ) {
    const kept = from > 0 ? n : 0;
    const count = from > 0 ? Math.min(blockRows, rows - from) : firstRows(rows, n, blockRows);
    const length = kept + count;
    if (kept > 0) spreadTriangle(memory.elements(lines, n * length), n, length);
    yield matrix.read(from, count, memory.elements(lines, n * length), length, kept).then(() => n * count);
    yield* range.take(lines, n, length, kept);
    if (products === null) yield* factorRows(memory, { address: lines, rows: length, columns: n, rowStride: 1, columnStride: length }, bandWidth(n));
    else yield* factorLines(memory, lines, n, length, products);
    gatherTriangle(memory.elements(lines, n * length), n, length);
    from += count;
  }
  memory.release(lines + alignedBytes(n * n));
  const { values } = yield* blockSingularValues(memory, { address: lines, rows: n, columns: n, rowStride: 1, columnStride: n }, products, again);
  memory.release(start);
  checkSquares(values, range.squares, matrix);
  return range.exponent === 0 ? values : values.map((x) => timesPowerOfTwo(x, -range.exponent));
}
