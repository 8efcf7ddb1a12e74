import assert from 'node:assert/strict';
import { inPieces, type Block, type Products } from '../../../server/runtime/productPieces.js';

const block = (rows: number, columns: number, value: (i: number, j: number) => number = () => 0): Block => ({
  elements: Float64Array.from({ length: rows * columns }, (_, at) => value(Math.floor(at / columns), at % columns)),
  rows,
  columns,
});

describe('products in pieces', () => {
  it('are those of the whole, from calls with a bounded result', async () => {
    const calls: number[] = [];
    /** Outer products only: inner dimension 1. */
    const outer = (sign: number, keep: number) => (a: Block, b: Block, c: Block) => {
      calls.push(c.elements.length);
      assert.deepEqual([a.rows, a.elements.length, c.elements.length], [c.rows, c.rows, c.rows * c.columns]);
      for (let i = 0; i < c.rows; i++) for (let j = 0; j < c.columns; j++) c.elements[i * c.columns + j] = keep * c.elements[i * c.columns + j] + sign * a.elements[i] * b.elements[j];
      return Promise.resolve(c.rows * c.columns);
    };
    const engine: Products = { name: 'outer', multiplyByTransposed: outer(1, 0), multiplyTransposed: outer(1, 0), subtract: outer(-1, 1) };
    const pieces = inPieces(engine);
    assert.equal(pieces.name, 'outer');
    const [rows, columns] = [2500, 2000];
    const a = block(rows, 1, (i) => i + 1);
    for (const [name, b, start, expected] of [
      ['multiplyByTransposed', block(columns, 1, (j) => j), 5, (i: number, j: number) => (i + 1) * j],
      ['subtract', block(1, columns, (_, j) => j), 5, (i: number, j: number) => 5 - (i + 1) * j],
    ] as const) {
      calls.length = 0;
      const c = block(rows, columns, () => start);
      assert.equal(await pieces[name](a, b, c), rows * columns);
      assert.deepEqual(calls.map((length) => length / columns), [1048, 1048, 404]);
      for (let at = 0; at < c.elements.length; at += 997) assert.equal(c.elements[at], expected(Math.floor(at / columns), at % columns));
    }
    calls.length = 0;
    await pieces.multiplyByTransposed(block(3, 1), block(4, 1), block(3, 4));
    assert.deepEqual(calls, [12]);
  });
});
