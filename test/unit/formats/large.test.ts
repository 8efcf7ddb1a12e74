import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { openModelFile } from '../../../server/formats/open.js';
import { bytesField, DATA_TYPE, node, numberField, varint } from './protobuf.js';
import { f32, safetensorsOf } from './safetensorsFiles.js';
import { temporaryFolder, valuesOf } from './support.js';

const GIGABYTE = 1_000_000_000;

/** Header bytes and the places of file content that is not zero; the rest of a sparse file takes no disk. */
function writeSparse(file: string, size: number, parts: readonly (readonly [number, Uint8Array])[]): void {
  const descriptor = openSync(file, 'w');
  ftruncateSync(descriptor, size);
  for (const [at, bytes] of parts) writeSync(descriptor, bytes, 0, bytes.length, at);
  closeSync(descriptor);
}

describe('files larger than memory', () => {
  const temporary = temporaryFolder();
  const last = new Uint8Array(Float32Array.of(42).buffer);

  it('safetensors of 5 GB: the header, and any tensor by its range', async () => {
    const rows = 1_249_999_999;
    const header = safetensorsOf(JSON.stringify({ big: f32(0, rows), last: f32(4 * rows, 1) }), 0);
    const size = header.length + 4 * rows + 4;
    writeSparse(temporary('big.safetensors'), size, [
      [0, header],
      [size - 4, last],
    ]);
    const file = await openModelFile(temporary('big.safetensors'));
    assert.ok(file.bytes > 5 * GIGABYTE - 8);
    assert.deepEqual(file.tensors[0].shape, [rows]);
    assert.deepEqual((await valuesOf(file.tensors[1])).values, [42]);
    assert.deepEqual((await valuesOf(file.tensors[0], { start: rows - 2, count: 2 })).values, [0, 0]);
  });

  it('ONNX of 5 GB: weights are passed over by their lengths', async () => {
    const tensorHead = (name: string, rows: number) => Buffer.concat([numberField(1, rows), numberField(2, DATA_TYPE.float32), bytesField(8, name), varint((9 << 3) | 2), varint(4 * rows)]);
    const parts: [number, Uint8Array][] = [];
    let at = 0;
    const put = (bytes: Uint8Array, skip = 0) => {
      parts.push([at, bytes]);
      at += bytes.length + skip;
    };
    const tensors = Array.from({ length: 10 }, (_, i) => ({ head: tensorHead(`w${i}`, 125_000_000), length: 500_000_000 }));
    const nodes = node('MatMul', ['w0', 'w9'], ['y']);
    const lastTensor = bytesField(5, numberField(2, DATA_TYPE.float32), bytesField(8, 'last'), bytesField(9, last));
    const inGraph = tensors.map(({ head, length }) => Buffer.concat([varint((5 << 3) | 2), varint(head.length + length), head]));
    const graphLength = nodes.length + inGraph.reduce((sum, head) => sum + head.length + 500_000_000, 0) + lastTensor.length;
    put(Buffer.concat([numberField(1, 8), varint((7 << 3) | 2), varint(graphLength), nodes]));
    for (const head of inGraph) put(head, 500_000_000);
    put(Buffer.concat([lastTensor, bytesField(8, numberField(2, 15))]));
    writeSparse(temporary('big.onnx'), at, parts);
    const file = await openModelFile(temporary('big.onnx'));
    assert.ok(file.bytes > 5 * GIGABYTE);
    assert.equal(file.tensors.length, 11);
    assert.deepEqual((await valuesOf(file.tensors[10])).values, [42]);
    assert.deepEqual((await valuesOf(file.tensors[9], { start: 124_999_999 })).values, [0]);
  });
});
