import { alignedBytes, type KernelMemory } from '../kernel.js';
import { blockAt, type Block, type MatrixProducts } from '../matrixProducts.js';
import { type Steps } from '../steps.js';

/** Rows of a strip: a product with it is long enough for an engine, and its square on the diagonal, stored whole, little of it. */
export function stripRows(n: number): number {
  return n < 1500 ? 192 : 256;
}

/** Rows from … from + rows − 1 of the matrix, and all columns from `from` on, without gaps. */
interface Strip {
  from: number;
  rows: number;
  address: number;
}

/** Bytes that a `SymmetricStrips` takes besides the matrix, for products with `width` lines and updates of `depth`. */
export function stripsBytes(n: number, width: number, depth: number): number {
  const h = Math.min(stripRows(n), n);
  return alignedBytes(depth * n) + alignedBytes(h * Math.max(width, depth)) + 2 * alignedBytes(width * n);
}

/**
 * The upper half of a symmetric matrix that loses its first rows and columns bit by bit: strips of rows from their square
 * on the diagonal on, each without gaps, as engines of products want their operands. A strip serves as one of rows and,
 * transposed, as one of columns.
 */
export class SymmetricStrips {
  private readonly strips: Strip[] = [];
  /** Scratch: the part of some lines that a strip meets, its rows of them, and its products with them. */
  private readonly right: number;
  private readonly left: number;
  private readonly product: number;
  private readonly sums: number;

  /**
   * @param a address of the matrix, n × n by rows, of which the upper half is read: its memory is taken over
   * @param width most lines of `linesTimes`
   * @param depth most lines of `subtract`
   * @param rowsPerStrip at most `stripRows(n)`
   */
  constructor(
    private readonly memory: KernelMemory,
    a: number,
    private readonly n: number,
    private readonly width: number,
    depth: number,
    rowsPerStrip: number,
  ) {
    const h = Math.min(rowsPerStrip, n);
    this.right = memory.take(depth * n);
    this.left = memory.take(h * Math.max(width, depth));
    [this.product, this.sums] = [0, 0].map(() => memory.take(width * n));
    let target = 0;
    const entries = memory.elements(a, n * n);
    for (let from = 0; from < n; from += h) {
      const rows = Math.min(h, n - from);
      const strip = { from, rows, address: a + 8 * target };
      for (let i = from; i < from + rows; i++, target += n - from) entries.copyWithin(target, i * n + from, (i + 1) * n);
      this.mirrorSquare(strip);
      this.strips.push(strip);
    }
  }

  /** Forgets the rows and columns before `first`. */
  dropBefore(first: number): void {
    while (this.strips.length > 0 && this.strips[0].from + this.strips[0].rows <= first) this.strips.shift();
    const strip = this.strips.at(0);
    if (strip === undefined || strip.from >= first) return;
    const { elements, rows, columns } = this.block(strip);
    const skipped = first - strip.from;
    for (let i = skipped; i < rows; i++) elements.copyWithin((i - skipped) * (columns - skipped), i * columns + skipped, (i + 1) * columns);
    strip.from = first;
    strip.rows -= skipped;
  }

  /** Copies row `row` from the diagonal on. */
  copyRow(row: number, target: Float64Array): void {
    for (const strip of this.strips) {
      const i = row - strip.from;
      if (i < 0 || i >= strip.rows) continue;
      const { elements, columns } = this.block(strip);
      target.set(elements.subarray(i * columns + i, (i + 1) * columns));
    }
  }

  /**
   * Result ← lines·S, where the lines and the result begin at row `base` of the matrix, and the lines have zeros before
   * row `first`; the result is undefined there.
   */
  *linesTimes(products: MatrixProducts, lines: Block, base: number, first: number, result: Block): Steps<void> {
    const { memory, width } = this;
    const kernel = memory.exports;
    const { rows: count, columns: size, elements } = lines;
    const address = elements.byteOffset;
    const sums = memory.elements(this.sums, width * size).fill(0).byteOffset;
    const at = (row: number): number => sums + 8 * (row - base) * count;
    for (const strip of this.strips) {
      if (strip.from + strip.rows <= first) continue;
      const stored = this.block(strip);
      const { rows, columns } = stored;
      const start = strip.from - base;
      kernel.copyMatrix(count, columns, address + 8 * start, size, 1, this.right, columns, 1);
      yield products.multiplyByTransposed(stored, blockAt(memory, this.right, count, columns), blockAt(memory, this.product, rows, count));
      kernel.axpy(1, this.product, at(strip.from), rows * count);
      if (columns === rows) continue;
      kernel.copyMatrix(count, rows, address + 8 * start, size, 1, this.left, rows, 1);
      yield products.multiplyTransposed(stored, blockAt(memory, this.left, count, rows), blockAt(memory, this.product, columns, count));
      kernel.axpy(1, this.product + 8 * rows * count, at(strip.from + rows), (columns - rows) * count);
    }
    kernel.copyMatrix(count, size, sums, 1, count, result.elements.byteOffset, size, 1);
  }

  /** S ← S − Uᵀ·Y, for lines U and Y that begin at row `base` of the matrix and whose product is symmetric. */
  *subtract(products: MatrixProducts, u: Block, y: Block, base: number): Steps<void> {
    const { memory } = this;
    const { rows: depth, columns: size } = u;
    for (const strip of this.strips) {
      const stored = this.block(strip);
      const start = strip.from - base;
      memory.exports.copyMatrix(strip.rows, depth, u.elements.byteOffset + 8 * start, 1, size, this.left, depth, 1);
      memory.exports.copyMatrix(depth, stored.columns, y.elements.byteOffset + 8 * start, size, 1, this.right, stored.columns, 1);
      yield products.subtract(blockAt(memory, this.left, strip.rows, depth), blockAt(memory, this.right, depth, stored.columns), stored);
    }
  }

  private block({ from, rows, address }: Strip): Block {
    return blockAt(this.memory, address, rows, this.n - from);
  }

  /** Fills the lower half of the square that a strip begins with. */
  private mirrorSquare(strip: Strip): void {
    const { elements, rows, columns } = this.block(strip);
    for (let i = 1; i < rows; i++) for (let j = 0; j < i; j++) elements[i * columns + j] = elements[j * columns + i];
  }
}
