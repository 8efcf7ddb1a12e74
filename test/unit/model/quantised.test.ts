import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { modelOf, node, onlyLayer, reasonFor, rowsOf, tensor, transpose } from './graphs.js';

describe('quantised dense layers of a graph', () => {
  const bytes = tensor('fc.weight_quantized', [2, 3], [1, 2, 3, 4, 5, 6], 'int8');

  it('DequantizeLinear per row, per column and in blocks', async () => {
    const matrix = async (scale: ReturnType<typeof tensor>, attributes: Record<string, number>) =>
      rowsOf(await onlyLayer({ nodes: [node('DequantizeLinear', [bytes.name, 'scale'], ['w'], attributes), node('MatMul', ['w', 'x'], ['y'])], initializers: [bytes, scale] }));
    assert.deepEqual(await matrix(tensor('scale', [2], [1, 10]), { axis: 0 }), [[1, 2, 3], [40, 50, 60]]);
    assert.deepEqual(await matrix(tensor('scale', [3], [1, 10, 100]), { axis: -1 }), [[1, 20, 300], [4, 50, 600]]);
    // Blocks of 2 along the columns: the last block holds one.
    assert.deepEqual(await matrix(tensor('scale', [2, 2], [1, 10, 100, 1000]), { axis: 1, block_size: 2 }), [[1, 2, 30], [400, 500, 6000]]);
  });

  it('float8 weights are scaled, float32 ones pass straight through', async () => {
    const parts = (dtype: 'float8e4m3fn' | 'float32') => ({ nodes: [node('DequantizeLinear', ['w8', 'scale'], ['w']), node('MatMul', ['w', 'x'], ['y'])], initializers: [tensor('w8', [1, 2], [1, 2], dtype), tensor('scale', [], [3])] });
    assert.deepEqual(await rowsOf(await onlyLayer(parts('float8e4m3fn'))), [[3, 6]]);
    assert.deepEqual(await rowsOf(await onlyLayer(parts('float32'))), [[1, 2]]);
  });

  it('QLinearMatMul, MatMulInteger with the scale after it, DynamicQuantizeMatMul', async () => {
    const scales = [tensor('s', [], [0.5]), tensor('z', [], [1], 'int8'), tensor('one', [], [1]), tensor('zero', [], [0], 'int8')];
    const expected = transpose([[0, 0.5, 1], [1.5, 2, 2.5]]);
    const qlinear = await modelOf({ nodes: [node('QLinearMatMul', ['x', 'one', 'zero', bytes.name, 's', 'z', 'one', 'zero'], ['y'])], initializers: [bytes, ...scales] });
    assert.deepEqual(await rowsOf(qlinear.layers[0]), expected);
    assert.equal(reasonFor(qlinear, 's'), 'quantisation scale of fc');
    const dynamic = await onlyLayer({
      nodes: [node('DynamicQuantizeLinear', ['x'], ['xq', 'xs', 'xz']), node('MatMulInteger', ['xq', bytes.name, 'xz', 'z'], ['i']), node('Cast', ['i'], ['f'], { to: 1 }), node('Mul', ['xs', 's'], ['both']), node('Mul', ['f', 'both'], ['y'])],
      initializers: [bytes, ...scales],
    });
    assert.deepEqual(await rowsOf(dynamic), expected);
    const fused = await onlyLayer({ nodes: [node('DynamicQuantizeMatMul', ['x', bytes.name, 's', 'z'], ['y'], {}, '', 'com.microsoft')], initializers: [bytes, ...scales] });
    assert.deepEqual(await rowsOf(fused), expected);
    const unscaled = await onlyLayer({ nodes: [node('MatMulInteger', ['x', bytes.name], ['y'])], initializers: [bytes] });
    assert.deepEqual(await rowsOf(unscaled), transpose([[1, 2, 3], [4, 5, 6]]));
  });

  describe('MatMulNBits', () => {
    let folder: string;
    before(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'sigmascope-'))));
    after(() => rmSync(folder, { recursive: true }));

    /** N = 2 rows, K = 3 of 4 columns, blocks of 2: bytes hold two 4-bit values, the first in the low bits. */
    function parts(more: { zeroPoints?: number[]; blockSize?: number } = {}) {
      const file = path.join(folder, 'weights.bin');
      writeFileSync(file, Buffer.from([0x98, 0x0a, 0x10, 0x0f]));
      const packed = { name: 'lm.weight', dtype: 'uint8' as const, shape: [2, 2, 1], data: { encoding: 'raw' as const, range: { path: file, offset: 0, length: 4 } } };
      const zeros = more.zeroPoints ? [{ ...tensor('zeros', [2, 2], more.zeroPoints, 'float32') }] : [];
      return {
        nodes: [node('MatMulNBits', ['x', 'lm.weight', 'scales', ...zeros.map(({ name }) => name)], ['y'], { K: 3, N: 2, bits: 4, block_size: more.blockSize ?? 2 }, '', 'com.microsoft')],
        initializers: [packed, tensor('scales', [4], [1, 10, 100, 1000]), ...zeros],
      };
    }

    it('(value − 8)·scale in blocks, columns beyond K left out', async () => {
      const layer = await onlyLayer(parts());
      assert.deepEqual([layer.id, layer.dtype, layer.matrixShape, layer.parameters], ['lm', 'uint4', [2, 3], 6]);
      assert.deepEqual(await rowsOf(layer), [[0, 1, 20], [-800, -700, 7000]]);
    });

    it('with zero points of its own', async () => {
      assert.deepEqual(await rowsOf(await onlyLayer(parts({ zeroPoints: [8, 10, 0, 15] }))), [[0, 1, 0], [0, 100, 0]]);
    });

    it('says why it is none where sizes do not fit', async () => {
      const model = await modelOf(parts({ blockSize: 16 }));
      assert.match(reasonFor(model, 'lm.weight'), /do not fit together/);
    });
  });
});
