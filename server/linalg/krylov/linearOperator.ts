/** A matrix that is known by its products only. Neither function may keep its arguments. */
export interface LinearOperator {
  rows: number;
  columns: number;
  /** y ← A·x; x has `columns` elements, y `rows`. */
  apply(x: Float64Array, y: Float64Array): void;
  /** x ← Aᵀ·y. */
  applyTransposed(y: Float64Array, x: Float64Array): void;
}

/**
 * The same for an operator that is computed elsewhere, several vectors at once: `count` of them, one after the other.
 * The arrays are the caller's; they are used until the promise is settled.
 */
export interface BlockOperator {
  rows: number;
  columns: number;
  applyBlock(x: Float64Array, y: Float64Array, count: number): Promise<void>;
  applyTransposedBlock(y: Float64Array, x: Float64Array, count: number): Promise<void>;
}

/** Y ← A·X, or X ← Aᵀ·Y for `transposed`, for `count` vectors. A promise where the operator is computed elsewhere. */
export function multiplyBlock(operator: LinearOperator | BlockOperator, transposed: boolean, from: Float64Array, to: Float64Array, count: number): Promise<void> | null {
  if ('applyBlock' in operator) return transposed ? operator.applyTransposedBlock(from, to, count) : operator.applyBlock(from, to, count);
  const { rows, columns } = operator;
  const [given, made] = transposed ? [rows, columns] : [columns, rows];
  for (let i = 0; i < count; i++) {
    const [x, y] = [from.subarray(i * given, (i + 1) * given), to.subarray(i * made, (i + 1) * made)];
    if (transposed) operator.applyTransposed(x, y);
    else operator.apply(x, y);
  }
  return null;
}

/** Singular vectors, a row each: uₖ (count × rows) and vₖ (count × columns), of unit length; zero where σₖ is zero. */
export interface SingularVectors {
  left: Float64Array;
  right: Float64Array;
}
