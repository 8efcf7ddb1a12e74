import type { Value } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';

/** Matrices of more rows have more than 2^n minors too many. */
const mostRows = 6;

/**
 * The determinant by its cofactors (Laplace's expansion along the first row), each minor computed once: n·2^(n−1) products.
 * It is exact for singular matrices too, unlike det(A)·A⁻ᵀ.
 */
const determinant: Lowering = (operation) => {
  const { graph } = operation;
  const x = operation.input(0);
  const batch = x.shape.slice(0, -2);
  const size = x.shape[x.shape.length - 1];
  if (size > mostRows) return operation.fail(`is of matrices with ${size} rows, and its derivative is known for up to ${mostRows}`);
  const [rows, columns] = [batch.length, batch.length + 1];
  const element = (row: number, column: number): Value => graph.reshape(graph.slice(x, [rows, columns], [row, column], [row + 1, column + 1]), batch);
  /** Of the rows from `row` on and the given columns. */
  const minor = (row: number, left: readonly number[]): Value => {
    if (left.length === 1) return element(row, left[0]);
    const terms = left.map((column) => graph.multiply(element(row, column), minor(row + 1, left.filter((other) => other !== column))));
    return terms.reduce((sum, term, i) => (i % 2 === 1 ? graph.subtract(sum, term) : graph.add(sum, term)));
  };
  return [minor(0, Array.from({ length: size }, (_, column) => column))];
};

export const linearAlgebra: Lowerings = { Det: determinant };
