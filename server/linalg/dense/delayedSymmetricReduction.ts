import { symmetricBandLength } from './bandEigenvalues.js';
import { panelsBetweenUpdates } from './delayedBandReduction.js';
import { clearStarts } from './delayedUpdate.js';
import { alignedBytes, type KernelMemory } from '../kernel.js';
import { blockAt, type Block, type MatrixProducts } from '../matrixProducts.js';
import { type Steps } from '../steps.js';
import { stripRows, stripsBytes, SymmetricStrips } from './symmetricStrips.js';

/** Bytes that `reduceSymmetricDelayed` takes from the kernel's memory. */
export function delayedSymmetricBytes(size: number, b: number): number {
  const depth = 2 * b * panelsBetweenUpdates(size);
  return 2 * alignedBytes(depth * size) + 2 * alignedBytes(b * size) + 4 * alignedBytes(b * b) + alignedBytes(b * depth) + stripsBytes(size, b, depth);
}

/**
 * Symmetric → band as `reduceSymmetric` does it, for an engine whose products are fast only where all three dimensions
 * are long, with delayed updates as in delayedBandReduction.ts: A stands for A − Uᵀ·Y until it is brought up to date.
 *
 *   for each panel of b columns
 *     I − V·T·Vᵀ clears the columns below the next block            P = Vᵀ·A − (Vᵀ·Uᵀ)·Y
 *     Wᵀ = Tᵀ·P − ½·(Tᵀ·P·V·T)ᵀ·Vᵀ, so that the matrix becomes A − V·Wᵀ − W·Vᵀ
 *     U grows by Vᵀ over Wᵀ, Y by Wᵀ over Vᵀ
 *
 * @param a address of the matrix, n × n by rows, of which the upper half is read; destroyed
 * @param band storage of kernel/symmetricChase.ts, cleared
 */
export function* reduceSymmetricDelayed(memory: KernelMemory, a: number, n: number, b: number, band: number, products: MatrixProducts, rowsPerStrip = stripRows(n)): Steps<void> {
  const kernel = memory.exports;
  const mark = memory.mark();
  const depth = 2 * b * panelsBetweenUpdates(n);
  const [u, y] = [0, 0].map(() => memory.take(depth * n));
  const [panel, p] = [0, 0].map(() => memory.take(b * n));
  const [r, t, s, m] = Array.from({ length: 4 }, () => memory.take(b * b));
  const coefficients = memory.take(b * depth);
  const bandElements = memory.elements(band, symmetricBandLength(n, b));
  const block = (address: number, rows: number, columns: number): Block => blockAt(memory, address, rows, columns);
  const strips = new SymmetricStrips(memory, a, n, b, depth, rowsPerStrip);

  /** First row and column of what U and Y stand for, and the rows that they hold. */
  let [base, held] = [0, 0];
  for (let k = 0; k < n; ) {
    const width = Math.min(b, n - k);
    const size = n - base;
    const done = k - base;
    const lines = block(panel, width, size);
    const [heldU, heldY] = [block(u, held, size), block(y, held, size)];

    // The panel's columns, up to date; by symmetry its rows, from the diagonal on.
    lines.elements.fill(0);
    for (let i = 0; i < width; i++) strips.copyRow(k + i, lines.elements.subarray(i * size + done + i, (i + 1) * size));
    if (held > 0) {
      kernel.copyMatrix(width, held, u + 8 * done, 1, size, coefficients, held, 1);
      yield products.subtract(block(coefficients, width, held), heldY, lines);
    }
    for (let i = 0; i < width; i++) for (let j = i; j < width; j++) bandElements[(k + i) * 2 * b + k + j] = lines.elements[i * size + done + j];
    const from = done + width;
    const rest = size - from;
    if (rest === 0) break;
    clearStarts(lines.elements, size, from);
    kernel.factorPanel(panel + 8 * from, rest, width, size, r, t);
    const upper = memory.elements(r, width * width);
    for (let i = 0; i < width && i < rest; i++) for (let j = i; j < width; j++) bandElements[(k + j) * 2 * b + k + width + i] = upper[i * width + j];
    yield 2 * rest * width * width;

    const projected = block(p, width, size);
    yield* strips.linesTimes(products, lines, base, k + width, projected);
    if (held > 0) {
      yield products.multiplyByTransposed(lines, heldU, block(coefficients, width, held));
      yield products.subtract(block(coefficients, width, held), heldY, projected);
    }
    const [v, w] = [u + 8 * held * size, u + 8 * (held + width) * size];
    memory.elements(v, width * size).set(lines.elements);
    kernel.gemm(width, size, width, 1, t, 1, width, p, size, 1, 0, w, size, 1);
    kernel.gemm(width, width, size, 1, w, size, 1, v, 1, size, 0, s, width, 1);
    kernel.gemm(width, width, width, 1, s, width, 1, t, width, 1, 0, m, width, 1);
    kernel.gemm(width, size, width, -0.5, m, 1, width, v, size, 1, 1, w, size, 1);
    memory.elements(y + 8 * held * size, width * size).set(memory.elements(w, width * size));
    memory.elements(y + 8 * (held + width) * size, width * size).set(lines.elements);
    yield 3 * size * width * width;

    held += 2 * width;
    k += width;
    if (held + 2 * b > depth) {
      strips.dropBefore(k);
      yield* strips.subtract(products, block(u, held, size), block(y, held, size), base);
      [base, held] = [k, 0];
    }
  }
  memory.release(mark);
}
