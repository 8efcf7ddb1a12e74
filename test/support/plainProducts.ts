import assert from 'node:assert/strict';
import type { Block, MatrixProducts } from '../../server/linalg/matrixProducts.js';

/** An engine of products by definition, in plain loops; refuses operands that do not fit together. */
export const plainProducts: MatrixProducts = {
  name: 'plain loops',
  multiplyByTransposed: (a, b, c) => Promise.resolve(product(a, transposed(b), c, 0, 1)),
  multiplyTransposed: (a, b, c) => Promise.resolve(product(transposed(a), transposed(b), c, 0, 1)),
  subtract: (a, b, c) => Promise.resolve(product(a, b, c, 1, -1)),
};

function transposed({ elements, rows, columns }: Block): Block {
  assert.equal(elements.length, rows * columns);
  return { elements: elements.map((_, k) => elements[(k % rows) * columns + Math.floor(k / rows)]), rows: columns, columns: rows };
}

function product(a: Block, b: Block, c: Block, keep: 0 | 1, sign: 1 | -1): number {
  for (const { elements, rows, columns } of [a, b, c]) assert.equal(elements.length, rows * columns);
  assert.deepEqual([a.columns, c.rows, c.columns], [b.rows, a.rows, b.columns]);
  for (let i = 0; i < c.rows; i++) {
    for (let j = 0; j < c.columns; j++) {
      let sum = 0;
      for (let k = 0; k < a.columns; k++) sum += a.elements[i * a.columns + k] * b.elements[k * b.columns + j];
      c.elements[i * c.columns + j] = keep * c.elements[i * c.columns + j] + sign * sum;
    }
  }
  return c.rows * c.columns * a.columns;
}
