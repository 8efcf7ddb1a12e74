import { alignedBytes, type KernelMemory } from '../kernel.js';
import { blockAt, type Block, type MatrixProducts } from '../matrixProducts.js';
import { type Steps } from '../steps.js';

/** What the reductions with delayed updates have in common: products with the stored matrix S, and its update. */

/** Rows of S that one product brings up to date: its left operand stays in the cache. */
const updateRows = 256;

/** Elements of the scratch memory that `bringUpToDate` needs. */
export function updateLength(size: number, depth: number): number {
  return Math.min(updateRows, size) * depth;
}

export function updateBytes(size: number, depth: number): number {
  return alignedBytes(updateLength(size, depth));
}

/**
 * Result ← lines·S (`direct`) or lines·Sᵀ, for a few lines, transposed on the way from `turned`: engines copy their right
 * operand into an order of their own, and do Sᵀ·linesᵀ in up to two thirds of the time of lines·S.
 */
export function* linesTimesMatrix(memory: KernelMemory, products: MatrixProducts, s: Block, direct: boolean, lines: Block, result: Block, turned: number): Steps<void> {
  const transposed = blockAt(memory, turned, result.columns, lines.rows);
  yield direct ? products.multiplyTransposed(s, lines, transposed) : products.multiplyByTransposed(s, lines, transposed);
  memory.exports.copyMatrix(lines.rows, result.columns, turned, 1, lines.rows, result.elements.byteOffset, result.columns, 1);
}

/** S ← S − linesᵀ·partners without its first `done` rows and columns, moved to the front of its memory. */
export function* bringUpToDate(memory: KernelMemory, products: MatrixProducts, s: Block, done: number, lines: number, lineLength: number, partners: number, held: number, strip: number): Steps<void> {
  const right = blockAt(memory, partners, held, s.columns);
  const rest = s.columns - done;
  for (let i = done; i < s.rows; i += updateRows) {
    const count = Math.min(updateRows, s.rows - i);
    memory.exports.copyMatrix(count, held, lines + 8 * i, 1, lineLength, strip, held, 1);
    const current = s.elements.subarray(i * s.columns, (i + count) * s.columns);
    yield products.subtract(blockAt(memory, strip, count, held), right, { elements: current, rows: count, columns: s.columns });
    for (let row = i; row < i + count; row++) s.elements.copyWithin((row - done) * rest, row * s.columns + done, (row + 1) * s.columns);
  }
}

/** Clears the first `count` elements of every line of `length`. */
export function clearStarts(lines: Float64Array, length: number, count: number): void {
  for (let i = 0; i < lines.length; i += length) lines.fill(0, i, i + count);
}
