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
 */
export function layerNorms(values: Float64Array, matrixShape: readonly [number, number], groups: number): LayerNorms {
  const [rows, columns] = matrixShape;
  const blockRows = groups > 0 ? rows / groups : 0;
  const blockColumns = groups > 0 ? columns / groups : 0;
  let largest = 0;
  for (const value of values) {
    const size = Math.abs(value);
    if (size > largest) largest = size;
  }
  // A power of two is exact, and keeps squares of very large or small entries inside the floating-point range.
  const scale = largest > 0 ? 2 ** normScaleExponent(largest) : 1;
  const rowSums = new Float64Array(rows);
  const columnSums = new Float64Array(columns);
  const rowFilled = new Uint8Array(rows);
  const columnFilled = new Uint8Array(columns);
  let at = 0;
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const firstColumn = Math.floor(row / blockRows) * blockColumns;
    let sum = 0;
    let filled = 0;
    for (let column = firstColumn; column < firstColumn + blockColumns; column++) {
      const value = values[at++];
      if (value === 0) continue;
      filled = 1;
      columnFilled[column] = 1;
      const square = (value * scale) * (value * scale);
      sum += square;
      columnSums[column] += square;
    }
    rowSums[row] = sum;
    rowFilled[row] = filled;
    total += sum;
  }
  return normsOf(rowSums, columnSums, total, values.length, scale, countZeros(rowFilled), countZeros(columnFilled));
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
