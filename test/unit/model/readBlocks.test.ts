import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import type { DType, StoredTensor } from '../../../server/formats/modelFile.js';
import { concatenated, dequantized, elementsOf, reshaped, scaled, sliced, stored, transposed } from '../../../server/model/expression.js';
import type { Layer, WeightExpression } from '../../../server/model/model.js';
import { blockQuantum, blockReadingBytes, readBlock, scanStored, tallShape } from '../../../server/model/readBlocks.js';
import { readWeight } from '../../../server/model/readWeight.js';
import { tensor } from './graphs.js';

function layerOf(weight: WeightExpression): Layer {
  const [rows, columns] = weight.shape;
  return { id: 'w', name: 'w', kind: 'dense', tensor: 'w', shape: weight.shape, dtype: 'float32', parameters: rows * columns, groups: 1, matrixShape: [rows, columns], weight, convolution: null };
}

/** The tall matrix put together from blocks, column by column, with lines longer than a block. */
async function fromBlocks(layer: Layer, blockRows: number): Promise<number[][]> {
  const { longer, shorter } = tallShape(layer);
  const columns: number[][] = Array.from({ length: shorter }, () => []);
  for (let from = 0; from < longer; from += blockRows) {
    const count = Math.min(blockRows, longer - from);
    const [step, offset] = [count + 5, 3];
    const target = new Float64Array(shorter * step).fill(NaN);
    await readBlock(layer, from, count, { target, step, offset });
    columns.forEach((column, j) => column.push(...target.subarray(j * step + offset, j * step + offset + count)));
    assert.equal(target.filter(Number.isNaN).length, shorter * 5, 'nothing beside the lines is written');
  }
  return columns;
}

async function asAWhole(layer: Layer): Promise<number[][]> {
  const { longer, shorter, wide } = tallShape(layer);
  const target = new Float64Array(longer * shorter);
  await readWeight(layer, target);
  return Array.from({ length: shorter }, (_, j) => Array.from({ length: longer }, (_, i) => (wide ? target[j * longer + i] : target[i * shorter + j])));
}

describe('reading a matrix in blocks', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'sigmascope-'))));
  after(() => rmSync(folder, { recursive: true }));

  let files = 0;
  function onDisk(bytes: Uint8Array, dtype: DType, shape: number[]): StoredTensor {
    const file = path.join(folder, `${files++}.bin`);
    writeFileSync(file, Buffer.concat([Buffer.alloc(12), bytes, Buffer.alloc(3)]));
    return { name: 'w', dtype, shape, data: { encoding: 'raw', range: { path: file, offset: 12, length: bytes.length } } };
  }

  const bytesOf = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => (i * 37 + (i >> 3)) % 120);

  it('gives the same elements as reading it at once: types, orientations, scales, parts', async () => {
    const shapes = fc.record({ rows: fc.integer({ min: 1, max: 9 }), columns: fc.integer({ min: 1, max: 9 }), block: fc.integer({ min: 1, max: 10 }), kind: fc.nat(7), flip: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(shapes, async ({ rows, columns, block, kind, flip }) => {
        const dtype = (['float32', 'float16', 'bfloat16', 'int8', 'uint4'] as const)[kind % 5];
        const bits = { float32: 32, float16: 16, bfloat16: 16, int8: 8, uint4: 4 }[dtype];
        const shape = flip ? [columns, rows] : [rows, columns];
        const whole = stored(onDisk(bytesOf(Math.ceil((rows * columns * bits) / 8)), dtype, shape));
        const turned = flip ? transposed(whole, [1, 0]) : whole;
        const perRow = tensor('s', [rows], Array.from({ length: rows }, (_, i) => 1 + i));
        const perColumn = tensor('t', [columns], Array.from({ length: columns }, (_, i) => 1 + i / 8));
        const expressions: WeightExpression[] = [
          turned,
          scaled(turned, 3),
          dequantized(turned, { scale: perRow, zeroPoint: tensor('z', [rows]), axis: 0, blockSize: 0 }),
          dequantized(turned, { scale: perColumn, zeroPoint: null, axis: 1, blockSize: 0 }),
          dequantized(turned, { scale: tensor('u', [1], [0.5]), zeroPoint: null, axis: null, blockSize: 0 }),
          concatenated([turned, stored(tensor('v', [rows, columns]))], 0),
          concatenated([turned, stored(tensor('v', [rows, columns]))], 1),
          sliced(concatenated([turned, turned, turned], 0), 0, Math.floor(rows / 2), rows),
        ];
        const layer = layerOf(expressions[kind]);
        assert.equal(blockQuantum(layer), 1);
        assert.deepEqual(await fromBlocks(layer, block), await asAWhole(layer));
      }),
      { numRuns: 200, seed: 4 },
    );
  });

  it('cuts where neighbours share a scale', async () => {
    const whole = stored(tensor('w', [12, 5]));
    const blocked = layerOf(dequantized(whole, { scale: tensor('s', [3, 5]), zeroPoint: null, axis: 0, blockSize: 4 }));
    assert.equal(blockQuantum(blocked), 4);
    assert.deepEqual(await fromBlocks(blocked, 4), await asAWhole(blocked));
    assert.deepEqual(await fromBlocks(blocked, 8), await asAWhole(blocked));
    assert.equal(blockReadingBytes(blocked, 4), 8 * 5);
    assert.equal(blockReadingBytes(blocked, 8), 8 * 10);
  });

  it('reads ranges of each line of a wide matrix, and nothing that lies far between', async () => {
    const [rows, columns] = [3, 100_000];
    const values = Float32Array.from({ length: rows * columns }, (_, i) => i);
    const layer = layerOf(stored(onDisk(new Uint8Array(values.buffer), 'float32', [rows, columns])));
    const target = new Float64Array(rows * 7);
    await readBlock(layer, 99_000, 7, { target, step: 7, offset: 0 });
    for (let j = 0; j < rows; j++) for (let i = 0; i < 7; i++) assert.equal(target[j * 7 + i], j * columns + 99_000 + i);
  });

  it('needs no memory beside the block but for scales, parts that meet in it, and what cannot be cut', () => {
    const whole = stored(tensor('w', [40, 6]));
    assert.equal(blockReadingBytes(layerOf(whole), 8), 0);
    assert.equal(blockReadingBytes(layerOf(transposed(whole, [1, 0])), 8), 0);
    const quantised = layerOf(dequantized(whole, { scale: tensor('s', [40]), zeroPoint: tensor('z', [40]), axis: 0, blockSize: 0 }));
    assert.equal(blockReadingBytes(quantised, 8), 2 * 8 * 8);
    assert.equal(blockReadingBytes(layerOf(concatenated([whole, whole], 0)), 20), 0);
    assert.equal(blockReadingBytes(layerOf(concatenated([whole, whole], 0)), 16), 8 * 16 * 6);
    assert.equal(blockQuantum({ ...layerOf(whole), groups: 2 }), null);
  });

  it('scans what is stored as a reading of the whole does', async () => {
    const values = Float32Array.from([1, NaN, 0, 1e-40, 5, 6, 7, Infinity, 0, 0, 11, 12]);
    const whole = stored(onDisk(new Uint8Array(values.buffer), 'float32', [4, 3]));
    const scale = { scale: tensor('s', [4]), zeroPoint: null, axis: 0, blockSize: 0 };
    for (const weight of [whole, transposed(whole, [1, 0]), sliced(whole, 0, 1, 2), sliced(whole, 1, 1, 2), dequantized(whole, scale), concatenated([whole, sliced(whole, 0, 0, 2)], 0), reshaped(transposed(whole, [1, 0]), [2, 6])]) {
      const layer = layerOf(weight);
      const { nonFinite, denormals, digest } = await readWeight(layer, new Float64Array(elementsOf(weight.shape)));
      assert.deepEqual(await scanStored(layer), { nonFinite, denormals, digest });
    }
  });

  it('stops when the signal is aborted', async () => {
    const layer = layerOf(stored(onDisk(bytesOf(48), 'float32', [4, 3])));
    const lines = { target: new Float64Array(6), step: 2, offset: 0 };
    await assert.rejects(readBlock(layer, 0, 2, lines, { signal: AbortSignal.abort(new Error('enough')) }), /enough/);
  });
});
