import { alignedBytes, compileKernel, KernelMemory } from '../kernel.js';
import { type LinearOperator } from './linearOperator.js';

/**
 * A matrix that is there, as an operator: for a few singular triplets of one whose full decomposition would cost more.
 * The matrix is copied to the kernel's memory, rows × columns in float64. A product costs rows·columns multiply–adds and
 * is bound by reading the matrix once.
 * @param matrix row-major
 * Throws a RangeError where the lengths do not fit or memory is short.
 */
export async function matrixOperator(matrix: Float64Array, rows: number, columns: number): Promise<LinearOperator> {
  if (matrix.length !== rows * columns) throw new RangeError(`A matrix of ${rows} × ${columns} has ${rows * columns} entries, and ${matrix.length} were given.`);
  const memory = new KernelMemory(await compileKernel());
  memory.reserve(alignedBytes(matrix.length) + alignedBytes(rows) + alignedBytes(columns));
  const [a, left, right] = [matrix.length, rows, columns].map((length) => memory.take(length));
  memory.elements(a, matrix.length).set(matrix);
  const kernel = memory.exports;
  const [leftElements, rightElements] = [memory.elements(left, rows), memory.elements(right, columns)];
  return {
    rows,
    columns,
    apply(x, y) {
      rightElements.set(x);
      for (let i = 0; i < rows; i++) y[i] = kernel.dot(a + 8 * i * columns, right, columns);
    },
    applyTransposed(y, x) {
      leftElements.set(y);
      rightElements.fill(0);
      for (let i = 0; i < rows; i++) kernel.axpy(leftElements[i], a + 8 * i * columns, right, columns);
      x.set(rightElements);
    },
  };
}
