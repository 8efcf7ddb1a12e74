/** A matrix that is known by its products only. Neither function may keep its arguments. */
export interface LinearOperator {
  rows: number;
  columns: number;
  /** y ← A·x; x has `columns` elements, y `rows`. */
  apply(x: Float64Array, y: Float64Array): void;
  /** x ← Aᵀ·y. */
  applyTransposed(y: Float64Array, x: Float64Array): void;
}

/** Singular vectors, a row each: uₖ (count × rows) and vₖ (count × columns), of unit length; zero where σₖ is zero. */
export interface SingularVectors {
  left: Float64Array;
  right: Float64Array;
}
