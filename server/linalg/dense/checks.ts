/** What every decomposition is held against, and what its values are off by at most. */

/** Largest tolerated disagreement of the squares of the values and those of the entries, relative. */
export const frobeniusTolerance = 1e-11;

/** Rounding errors of orthogonal transformations, relative to the largest value: they grow about as the square root of the dimension. */
export function roundingBound(size: number): number {
  return (20 + 4 * Math.sqrt(size)) * Number.EPSILON;
}

export function sumOfSquares(values: Float64Array): number {
  return values.reduce((sum, x) => sum + x * x, 0);
}

/** Whether Σσ² (or Σλ²) is ‖A‖_F², the sum of the squared entries. */
export function squaresAgree(values: Float64Array, squares: number): boolean {
  return Math.abs(sumOfSquares(values) - squares) <= frobeniusTolerance * squares;
}
