/** A matrix that is read in blocks of rows. */
export interface StreamedMatrix {
  /** rows ≥ columns ≥ 1. */
  rows: number;
  columns: number;
  /**
   * Writes rows from … from + count − 1: element (from + i, j) to `target[j·step + offset + i]`. Rows are asked for in ascending
   * order, once, or in several passes, each from row 0 on. `target` is valid until the promise is settled.
   */
  read(from: number, count: number, target: Float64Array, step: number, offset: number): Promise<void>;
}
