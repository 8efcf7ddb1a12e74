/** Only norms below this share of the median are kept one by one: thresholds of findings must lie below it. */
const weakShare = 0.1;

/** More weak rows than this are not kept one by one: a result must stay small. */
export const mostWeakEntries = 100_000;

/** Of a power of two that float64 can hold. */
const largestExponent = 1023;

/** The norms of a matrix's rows or columns: the median, and those far below it. */
export interface NormSummary {
  count: number;
  median: number;
  /** Ascending by index; rows or columns of zeros, and those whose norm is at most a tenth of the median. */
  weak: { index: number; norm: number }[];
  /** Rows or columns of zeros that are not listed, since there are too many. */
  unlistedZeros: number;
}

export interface LayerNorms {
  rows: NormSummary;
  columns: NormSummary;
  /** Rows and columns of zeros. */
  zeroRows: number;
  zeroColumns: number;
  /** √ of the mean square of the entries within the blocks. */
  rootMeanSquare: number;
}

/**
 * Norms of the rows and columns of a block-diagonal matrix, in one pass.
 *
 * @param values groups blocks of (rows/groups) × (columns/groups), row-major, one after the other; finite
 * @param matrixShape [rows, columns] of the whole matrix
 * @param largest magnitude of an entry
 */
export function layerNorms(values: Float64Array, matrixShape: readonly [number, number], groups: number, largest: number): LayerNorms {
  const [rows, columns] = matrixShape;
  const blockRows = groups > 0 ? rows / groups : 0;
  const blockColumns = groups > 0 ? columns / groups : 0;
  // A power of two is exact, and keeps squares of very large or small entries inside the floating-point range.
  const scale = largest > 0 ? 2 ** normScaleExponent(largest) : 1;
  const rowSums = new Float64Array(rows);
  const columnSums = new Float64Array(columns);
  for (let block = 0; block < groups; block++) {
    addSquares(values, block * blockRows, blockRows, blockColumns, scale, rowSums, columnSums.subarray(block * blockColumns, (block + 1) * blockColumns));
  }
  const total = rowSums.reduce((sum, square) => sum + square, 0);
  // Where the sum vanishes, the squares may have vanished and not the entries.
  const entry = (row: number, column: number): number => values[row * blockColumns + (column % blockColumns)];
  const zeroRows = rowSums.reduce((count, sum, row) => count + (sum === 0 && everyIndex(blockColumns, (j) => entry(row, j) === 0) ? 1 : 0), 0);
  const zeroColumns = columnSums.reduce((count, sum, column) => {
    const firstRow = Math.floor(column / blockColumns) * blockRows;
    return count + (sum === 0 && everyIndex(blockRows, (i) => entry(firstRow + i, column) === 0) ? 1 : 0);
  }, 0);
  return normsOf(rowSums, columnSums, total, values.length, scale, zeroRows, zeroColumns);
}

/** Sums of the squares of a block, whose first row is number `first` of the whole; four rows at a time share the column's sum. */
function addSquares(values: Float64Array, first: number, rows: number, columns: number, scale: number, rowSums: Float64Array, columnSums: Float64Array): void {
  let row = first;
  for (; row + 4 <= first + rows; row += 4) {
    const [at0, at1, at2, at3] = [row * columns, (row + 1) * columns, (row + 2) * columns, (row + 3) * columns];
    let [sum0, sum1, sum2, sum3] = [0, 0, 0, 0];
    for (let column = 0; column < columns; column++) {
      const [x0, x1, x2, x3] = [values[at0 + column] * scale, values[at1 + column] * scale, values[at2 + column] * scale, values[at3 + column] * scale];
      const [square0, square1, square2, square3] = [x0 * x0, x1 * x1, x2 * x2, x3 * x3];
      sum0 += square0;
      sum1 += square1;
      sum2 += square2;
      sum3 += square3;
      // In the order of the rows, as where they are read in blocks.
      columnSums[column] = columnSums[column] + square0 + square1 + square2 + square3;
    }
    rowSums[row] = sum0;
    rowSums[row + 1] = sum1;
    rowSums[row + 2] = sum2;
    rowSums[row + 3] = sum3;
  }
  for (; row < first + rows; row++) {
    let sum = 0;
    for (let column = 0; column < columns; column++) {
      const scaled = values[row * columns + column] * scale;
      sum += scaled * scaled;
      columnSums[column] += scaled * scaled;
    }
    rowSums[row] = sum;
  }
}

function everyIndex(count: number, holds: (index: number) => boolean): boolean {
  for (let i = 0; i < count; i++) if (!holds(i)) return false;
  return true;
}

/** The exponent of two by which entries are multiplied before they are squared. */
export function normScaleExponent(largest: number): number {
  return Math.min(largestExponent, -Math.floor(Math.log2(largest)));
}

/** Norms from sums of the squares of entries times `scale`: of each row, of each column, of all `count` of them. */
export function normsOf(rowSums: Float64Array, columnSums: Float64Array, total: number, count: number, scale: number, zeroRows: number, zeroColumns: number): LayerNorms {
  return {
    rows: summary(rowSums, scale),
    columns: summary(columnSums, scale),
    zeroRows,
    zeroColumns,
    rootMeanSquare: count > 0 ? Math.sqrt(total / count) / scale : 0,
  };
}

function summary(squares: Float64Array, scale: number): NormSummary {
  const norms = squares.map((square) => Math.sqrt(square) / scale);
  const count = norms.length;
  const median = count > 0 ? norms.slice().sort()[count >> 1] : 0;
  const weak: NormSummary['weak'] = [];
  let unlistedZeros = 0;
  for (let index = 0; index < count; index++) {
    if (norms[index] > weakShare * median) continue;
    if (weak.length < mostWeakEntries) weak.push({ index, norm: norms[index] });
    else if (norms[index] === 0) unlistedZeros++;
  }
  return { count, median, weak, unlistedZeros };
}

/** Flags that are 0. */
export function countZeros(flags: Uint8Array): number {
  let zeros = 0;
  for (const flag of flags) zeros += 1 - flag;
  return zeros;
}
