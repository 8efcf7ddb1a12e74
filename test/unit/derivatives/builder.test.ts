import assert from 'node:assert/strict';
import { broadcastShape, GraphBuilder } from '../../../server/derivatives/builder.js';
import { encodeElements } from '../../../server/derivatives/elements.js';
import type { ShapedGraph, Value } from '../../../server/derivatives/graph.js';
import { GraphSession } from '../../../server/derivatives/session.js';

const x: Value = { name: 'x', shape: [2, 3], dtype: 'float32' };
const empty: ShapedGraph = { nodes: [], constants: new Map(), numbers: new Map(), inputs: [x], outputs: [], values: new Map([['x', x]]), dataDependent: new Set(['x']), opset: { '': 18 }, folder: '.' };

async function evaluate(build: (builder: GraphBuilder, value: Value) => Value): Promise<{ shape: readonly number[]; elements: number[] }> {
  const builder = new GraphBuilder(empty);
  const result = build(builder, x);
  const session = await GraphSession.create(builder.graph([x], [result.name]));
  const answer = (await session.run({ x: { dtype: 'float32', shape: [2, 3], elements: Float32Array.of(1, 2, 3, 4, 5, 6) } })).get(result.name);
  await session.release();
  assert.ok(answer);
  assert.deepEqual(answer.shape, result.shape);
  assert.equal(answer.dtype, result.dtype);
  return { shape: answer.shape, elements: Array.from(answer.elements, Number) };
}

describe('a graph under construction', () => {
  it('broadcasts shapes, or says that they do not', () => {
    assert.deepEqual(broadcastShape([2, 1, 4], [3, 1]), [2, 3, 4]);
    assert.deepEqual(broadcastShape([], [5]), [5]);
    assert.deepEqual(broadcastShape([0], [1]), [0]);
    assert.throws(() => broadcastShape([2, 3], [4]), /\[2, 3\] and \[4\] do not broadcast/);
  });

  it('repeats no operation and no constant', () => {
    const builder = new GraphBuilder(empty);
    assert.equal(builder.add(x, 1), builder.add(x, 1));
    assert.notEqual(builder.add(x, 1), builder.add(x, 2));
    assert.notEqual(builder.sum(x, [0]), builder.sum(x, [0], true));
    assert.equal(builder.graph([x], []).nodes.length, 4);
  });

  it('knows what depends on the data', () => {
    const builder = new GraphBuilder(empty);
    assert.equal(builder.isFixed(builder.scalar(3, x)), true);
    assert.equal(builder.isFixed(builder.multiply(x, 3)), false);
    assert.deepEqual(builder.numbersOf(builder.integers([4, -1])), [4, -1]);
  });

  it('tells the shapes that onnxruntime finds', async () => {
    for (const [build, elements] of [
      [(b, v) => b.slice(v, [1], [2], [-1], [-1]), [3, 2, 1, 6, 5, 4]],
      [(b, v) => b.slice(v, [0, 1], [1, 0], [2, 3], [1, 2]), [4, 6]],
      [(b, v) => b.pad(v, [0, 1], [1, 0]), [0, 1, 2, 3, 0, 4, 5, 6, 0, 0, 0, 0]],
      [(b, v) => b.transposeLast(v), [1, 4, 2, 5, 3, 6]],
      [(b, v) => b.reduce('ReduceMax', v, [1]), [3, 6]],
      [(b, v) => b.mean(v, [0]), [2.5, 3.5, 4.5]],
      [(b, v) => b.concat([v, v], 0), [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]],
      [(b, v) => b.gather(v, b.integers([2, 0]), 1), [3, 1, 6, 4]],
      [(b, v) => b.gemm(v, v, { transposeB: true, alpha: 0.5 }), [7, 16, 16, 38.5]],
      [(b, v) => b.matrixProduct(v, b.constant('float32', [3, 1], [1, 0, -1])), [-2, -2]],
      [(b, v) => b.scatterAdd(b.filled(0, [2, 2], 'float32'), b.constant('int64', [2, 3], [0, 1, 1, 0, 0, 1]), v, 1), [1, 5, 9, 6]],
      [(b, v) => b.where(b.compare('Greater', v, 3), b.negate(v), b.reciprocalRoot(b.multiply(v, v))), [1, 0.5, Math.fround(1 / 3), -4, -5, -6]],
      [(b, v) => b.cast(b.indicator('Less', v, 3), 'int64'), [1, 1, 0, 0, 0, 0]],
    ] as [(builder: GraphBuilder, value: Value) => Value, number[]][]) {
      assert.deepEqual((await evaluate(build)).elements, elements);
    }
  });

  it('writes numbers as every type has them', () => {
    assert.deepEqual([...encodeElements('float16', [1, -2, 0.5, 65504, 2 ** -24, 2 ** -14, Infinity, 0])], [0x00, 0x3c, 0x00, 0xc0, 0x00, 0x38, 0xff, 0x7b, 0x01, 0x00, 0x00, 0x04, 0x00, 0x7c, 0x00, 0x00]);
    // To the nearest, of two that are as near the even one: 1 + 2⁻¹¹, 1 + 3·2⁻¹¹, the largest and beyond, and below the smallest.
    const bits = new Uint16Array(encodeElements('float16', [1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 1.01 * 2 ** -11, 65519, 65520, -1e9, 2 ** -25, 1.01 * 2 ** -25, -0, NaN]).slice().buffer);
    assert.deepEqual([...bits], [0x3c00, 0x3c02, 0x3c01, 0x7bff, 0x7c00, 0xfc00, 0x0000, 0x0001, 0x8000, 0x7e00]);
    assert.deepEqual([...encodeElements('bfloat16', [1, -2])], [0x80, 0x3f, 0x00, 0xc0]);
    assert.deepEqual([...encodeElements('int64', [-1])], new Array(8).fill(255));
    assert.throws(() => encodeElements('float8e5m2', [1]), /float8e5m2 cannot be handed to onnxruntime/);
  });
});
