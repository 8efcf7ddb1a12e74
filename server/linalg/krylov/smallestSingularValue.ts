import { bandReductionBytes } from '../dense/bandReduction.js';
import { alignedBytes, type KernelMemory, type MatrixView } from '../kernel.js';
import { type LinearOperator } from './linearOperator.js';
import { largestValueSteps, type LargestValueResult, type LargestValueSettings } from './largestSingularValue.js';
import { type Steps } from '../steps.js';

/** Panels of the factorization: narrow, since the profile is recomputed with each. */
const panelWidth = 16;
/** A pivot below this share of the largest is a zero: products of its reciprocal would overflow in the iteration. */
const zeroPivot = 1e-100;

/**
 * Where a matrix has entries: those of row i end before column rowEnds[i], those of column j before row columnEnds[j].
 * Both are made to ascend, which is what fill-in needs and costs nothing for matrices whose entries follow a diagonal.
 */
interface Staircase {
  rowEnds: Int32Array;
  columnEnds: Int32Array;
}

/** Bytes of the kernel's memory that `smallestSingularValue` takes besides the matrix. */
export function smallestValueBytes(rows: number, columns: number): number {
  return bandReductionBytes(rows, columns, panelWidth) + alignedBytes(panelWidth * columns);
}

/**
 * The smallest singular value of a matrix whose entries lie along a (possibly slanted) diagonal, as those of a
 * convolution do: QR factorization that passes over everything outside of the staircase, then Lanczos iteration with
 * R⁻¹, whose largest singular value is 1/σ_min. The small values of a matrix are the well separated ones of its
 * inverse, so a few dozen solves are enough.
 *
 * @param a rows ≥ columns, stored without gaps by rows or by columns; destroyed
 * @returns 0 for a singular matrix; otherwise right to the stated relative error and to a few rounding errors relative
 *   to the largest value, which the factorization makes
 * Cost: 4·columns·(height of the staircase)·(its width) operations, and twice R's entries a step.
 */
export function* smallestSingularValue(memory: KernelMemory, a: MatrixView, settings: LargestValueSettings): Steps<{ smallest: number; relativeError: number; converged: boolean }> {
  const { rows, columns } = a;
  if (columns === 0) return { smallest: 0, relativeError: 0, converged: true };
  const stairs = staircaseOf(memory, a);
  yield rows * columns;
  yield* factorStaircase(memory, a, stairs);
  const triangle = readTriangle(memory, a, stairs);
  if (triangle === null) return { smallest: 0, relativeError: 0, converged: true };
  const found: LargestValueResult = yield* largestValueSteps(triangle, settings);
  // Many small pivots together overflow all the same, and mean a value that is zero beside the others.
  if (!Number.isFinite(found.largest) || !Number.isFinite(found.relativeError) || found.largest === 0) return { smallest: 0, relativeError: 0, converged: true };
  return { smallest: 1 / found.largest, relativeError: found.relativeError, converged: found.converged };
}

function staircaseOf(memory: KernelMemory, { address, rows, columns, columnStride }: MatrixView): Staircase {
  const entries = memory.elements(address, rows * columns);
  const rowEnds = new Int32Array(rows);
  const columnEnds = new Int32Array(columns);
  // In the order of memory, whichever way the matrix is stored.
  const [outer, inner] = columnStride === 1 ? [rowEnds, columnEnds] : [columnEnds, rowEnds];
  let at = 0;
  for (let i = 0; i < outer.length; i++) {
    for (let j = 0; j < inner.length; j++) {
      if (entries[at++] === 0) continue;
      outer[i] = j + 1;
      inner[j] = i + 1;
    }
  }
  for (let i = 1; i < rows; i++) rowEnds[i] = Math.max(rowEnds[i], rowEnds[i - 1]);
  for (let j = 1; j < columns; j++) columnEnds[j] = Math.max(columnEnds[j], columnEnds[j - 1]);
  return { rowEnds, columnEnds };
}

/** QR factorization in place; R takes the upper triangle, below it stays rubbish. */
function* factorStaircase(memory: KernelMemory, a: MatrixView, { rowEnds, columnEnds }: Staircase): Steps<void> {
  const { rows, columns, rowStride, columnStride } = a;
  const kernel = memory.exports;
  const mark = memory.mark();
  const v = memory.take(panelWidth * rows);
  const w = memory.take(panelWidth * columns);
  const y = memory.take(panelWidth * columns);
  const [r, t] = [memory.take(panelWidth * panelWidth), memory.take(panelWidth * panelWidth)];
  const at = (i: number, j: number) => a.address + 8 * (i * rowStride + j * columnStride);
  for (let k = 0; k < columns; k += panelWidth) {
    const width = Math.min(panelWidth, columns - k);
    const end = Math.max(columnEnds[k + width - 1], k + width);
    const height = end - k;
    kernel.copyMatrix(height, width, at(k, k), rowStride, columnStride, v, 1, height);
    kernel.factorPanel(v, height, width, height, r, t);
    kernel.copyMatrix(width, width, r, width, 1, at(k, k), rowStride, columnStride);
    const rest = rowEnds[end - 1] - k - width;
    if (rest > 0) {
      kernel.gemm(rest, width, height, 1, at(k, k + width), columnStride, rowStride, v, 1, height, 0, w, width, 1);
      kernel.gemm(rest, width, width, 1, w, width, 1, t, width, 1, 0, y, width, 1);
      kernel.gemm(height, rest, width, -1, v, 1, height, y, 1, width, 1, at(k, k + width), rowStride, columnStride);
    }
    // Rows of the finished panel reach as far as any row of it did.
    for (let i = k; i < end; i++) rowEnds[i] = rowEnds[end - 1];
    yield 2 * height * width * (width + Math.max(rest, 0));
  }
  memory.release(mark);
}

/** R by rows without its zeros; null where a pivot says that the matrix is singular. */
function readTriangle(memory: KernelMemory, { address, rows, columns, rowStride, columnStride }: MatrixView, { rowEnds }: Staircase): TriangleInverse | null {
  const entries = memory.elements(address, rows * columns);
  const starts = new Int32Array(columns + 1);
  for (let i = 0; i < columns; i++) starts[i + 1] = starts[i] + Math.max(rowEnds[i] - i, 1);
  const packed = new Float64Array(starts[columns]);
  let largest = 0;
  for (let i = 0; i < columns; i++) {
    for (let j = i; j < i + starts[i + 1] - starts[i]; j++) packed[starts[i] + j - i] = entries[i * rowStride + j * columnStride];
    largest = Math.max(largest, Math.abs(packed[starts[i]]));
  }
  for (let i = 0; i < columns; i++) if (!(Math.abs(packed[starts[i]]) > zeroPivot * largest)) return null;
  return new TriangleInverse(packed, starts);
}

/** R⁻¹ by its products: back and forward substitution along the rows of R. */
class TriangleInverse implements LinearOperator {
  readonly rows: number;
  readonly columns: number;

  /** @param starts where each row, from its diagonal on, begins in `packed` */
  constructor(private readonly packed: Float64Array, private readonly starts: Int32Array) {
    this.rows = starts.length - 1;
    this.columns = this.rows;
  }

  apply(x: Float64Array, y: Float64Array): void {
    const { packed, starts } = this;
    for (let i = this.rows - 1; i >= 0; i--) {
      const start = starts[i];
      const length = starts[i + 1] - start;
      let sum = x[i];
      for (let k = 1; k < length; k++) sum -= packed[start + k] * y[i + k];
      y[i] = sum / packed[start];
    }
  }

  applyTransposed(y: Float64Array, x: Float64Array): void {
    const { packed, starts } = this;
    x.set(y);
    for (let i = 0; i < this.rows; i++) {
      const start = starts[i];
      const length = starts[i + 1] - start;
      const value = x[i] / packed[start];
      x[i] = value;
      for (let k = 1; k < length; k++) x[i + k] -= packed[start + k] * value;
    }
  }
}
