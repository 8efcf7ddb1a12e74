import { bandLength, storeColumnPanel, storeRowPanel } from './bandReduction.js';
import { alignedBytes, type KernelMemory, type MatrixView } from '../kernel.js';
import { bringUpToDate, clearStarts, linesTimesMatrix, updateBytes, updateLength } from './delayedUpdate.js';
import { blockAt, type Block, type MatrixProducts } from '../matrixProducts.js';
import { type Steps } from '../steps.js';

/**
 * Dense → upper band as `reduceToBand` does it, for an engine whose products are fast only where all three dimensions
 * are long: the trailing matrix is brought up to date once for several panels (delayed updates: Dongarra, Sorensen and
 * Hammarling, J. Comput. Appl. Math. 27, 1989). Until then A stands for A − Uᵀ·Y, and every product with it is put right by
 * products with the few rows of U and Y:
 *
 *   for each panel of b columns, r rows in U and Y so far
 *     I − V·T·Vᵀ  clears the columns below the diagonal block        W = Tᵀ·(Vᵀ·A − (Vᵀ·Uᵀ)·Y)
 *     I − V₂·T₂·V₂ᵀ clears the rows right of the next block          X = A·V₂ − Uᵀ·(Y·V₂)
 *     U and Y grow by Vᵀ over W and by Xᵀ over T₂·V₂ᵀ
 *   after `panels` panels: A ← A − Uᵀ·Y, and A shrinks by their columns
 *
 * U, V, V₂ and X are stored with a row for each column above, so that a wide matrix is a tall one with the roles of U and
 * Y exchanged.
 */

/** Panels between two updates: more of them make the update faster, and each panel's own corrections dearer. */
export function panelsBetweenUpdates(size: number): number {
  if (size < 1500) return 2;
  return size < 3000 ? 3 : 4;
}

/** Bytes that `reduceToBandDelayed` takes from the kernel's memory. */
export function delayedReductionBytes(rows: number, columns: number, b: number): number {
  const depth = 2 * b * panelsBetweenUpdates(columns);
  const lines = alignedBytes(depth * rows) + alignedBytes(depth * columns);
  return lines + 3 * alignedBytes(b * Math.max(rows, columns)) + 4 * alignedBytes(b * b) + alignedBytes(b * depth) + updateBytes(Math.max(rows, columns), depth);
}

/**
 * Reduces `a` (rows ≥ columns, one of its strides 1 and the other without gaps; destroyed) to an upper band matrix of the
 * same singular values, written to `band`. Cost as `reduceToBand`, all of it but the panels in `products`.
 */
export function* reduceToBandDelayed(memory: KernelMemory, a: MatrixView, b: number, band: number, products: MatrixProducts): Steps<void> {
  const kernel = memory.exports;
  const mark = memory.mark();
  const size = a.columns;
  const depth = 2 * b * panelsBetweenUpdates(size);
  const u = memory.take(depth * a.rows);
  const y = memory.take(depth * a.columns);
  const v2 = memory.take(b * Math.max(a.rows, a.columns));
  const [scratch, turned] = [0, 0].map(() => memory.take(b * Math.max(a.rows, a.columns)));
  const [r, t, r2, t2] = Array.from({ length: 4 }, () => memory.take(b * b));
  const coefficients = memory.take(b * depth);
  const strip = memory.take(updateLength(Math.max(a.rows, a.columns), depth));
  const bandElements = memory.elements(band, bandLength(size, b));
  bandElements.fill(0);
  const block = (address: number, height: number, width: number): Block => blockAt(memory, address, height, width);
  const storedByRows = a.columnStride === 1;

  let [rows, columns] = [a.rows, a.columns];
  /** Columns of the stored matrix that are done, and rows that U and Y hold. */
  let [done, held] = [0, 0];
  for (let k = 0; k < size; ) {
    const width = Math.min(b, size - k);
    const [rowStride, columnStride] = storedByRows ? [columns, 1] : [1, rows];
    const stored = storedByRows ? block(a.address, rows, columns) : block(a.address, columns, rows);
    const at = (i: number, j: number) => a.address + 8 * (i * rowStride + j * columnStride);
    const v = u + 8 * held * rows;
    const w = y + 8 * held * columns;
    const heldU = block(u, held, rows);
    const heldY = block(y, held, columns);

    // The panel's columns, up to date.
    kernel.copyMatrix(width, rows, at(0, done), columnStride, rowStride, v, rows, 1);
    if (held > 0) {
      kernel.copyMatrix(width, held, y + 8 * done, 1, columns, coefficients, held, 1);
      yield products.subtract(block(coefficients, width, held), heldU, block(v, width, rows));
    }
    clearStarts(memory.elements(v, width * rows), rows, done);
    kernel.factorPanel(v + 8 * done, rows - done, width, rows, r, t);
    storeColumnPanel(bandElements, b, k, memory.elements(r, width * width), width);
    const from = done + width;
    const rest = columns - from;
    if (rest === 0) break;
    yield 2 * (rows - done) * width * width;

    // W
    yield* linesTimesMatrix(memory, products, stored, storedByRows, block(v, width, rows), block(scratch, width, columns), turned);
    if (held > 0) {
      yield products.multiplyByTransposed(block(v, width, rows), heldU, block(coefficients, width, held));
      yield products.subtract(block(coefficients, width, held), heldY, block(scratch, width, columns));
    }
    kernel.gemm(width, columns, width, 1, t, 1, width, scratch, columns, 1, 0, w, columns, 1);

    // The next rows, final on the left side.
    kernel.copyMatrix(width, columns, at(done, 0), rowStride, columnStride, v2, columns, 1);
    const reflected = held + width;
    kernel.copyMatrix(width, reflected, u + 8 * done, 1, rows, coefficients, reflected, 1);
    yield products.subtract(block(coefficients, width, reflected), block(y, reflected, columns), block(v2, width, columns));
    clearStarts(memory.elements(v2, width * columns), columns, from);
    kernel.factorPanel(v2 + 8 * from, rest, width, columns, r2, t2);
    storeRowPanel(bandElements, b, k, memory.elements(r2, width * width), width, rest);
    yield 2 * rest * width * width;

    // X
    const x = u + 8 * reflected * rows;
    yield* linesTimesMatrix(memory, products, stored, !storedByRows, block(v2, width, columns), block(x, width, rows), turned);
    yield products.multiplyByTransposed(block(v2, width, columns), block(y, reflected, columns), block(coefficients, width, reflected));
    yield products.subtract(block(coefficients, width, reflected), block(u, reflected, rows), block(x, width, rows));
    kernel.gemm(width, columns, width, 1, t2, width, 1, v2, columns, 1, 0, y + 8 * reflected * columns, columns, 1);

    held += 2 * width;
    done = from;
    k += width;
    if (held + 2 * b > depth) {
      const [lines, partners, lineLength] = storedByRows ? [u, y, rows] : [y, u, columns];
      yield* bringUpToDate(memory, products, stored, done, lines, lineLength, partners, held, strip);
      [rows, columns, done, held] = [rows - done, columns - done, 0, 0];
    }
  }
  memory.release(mark);
}
