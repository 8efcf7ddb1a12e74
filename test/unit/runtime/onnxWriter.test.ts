import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { elementTypeNumber, elementTypeOf, onnxModelBytes, type OnnxGraph } from '../../../server/runtime/onnxWriter.js';
import { readTensor } from '../../../server/formats/decode.js';
import { openModelFile } from '../../../server/formats/open.js';
import { temporaryFolder } from '../formats/support.js';

describe('written ONNX models', () => {
  const temporary = temporaryFolder();

  const inner: OnnxGraph = {
    nodes: [{ operator: 'Identity', domain: '', inputs: ['x'], outputs: ['inside'], attributes: {} }],
    inputs: [],
    outputs: ['inside'],
    initializers: [],
  };
  const graph: OnnxGraph = {
    nodes: [
      {
        operator: 'Odd',
        domain: 'com.example',
        inputs: ['x', '', 'weights'],
        outputs: ['y', 'z'],
        attributes: {
          float: { type: 'float', value: 0.5 },
          int: { type: 'int', value: -3 },
          large: { type: 'int', value: 2 ** 40 },
          floats: { type: 'floats', value: [1, -0.25] },
          ints: { type: 'ints', value: [0, -1, 300] },
          none: { type: 'ints', value: [] },
          string: { type: 'string', value: 'größe' },
          strings: { type: 'strings', value: ['a', 'b'] },
          tensor: { type: 'tensor', value: { name: 't', elementType: 'int64', shape: [2], data: new Uint8Array(BigInt64Array.of(7n, -8n).buffer) } },
          graph: { type: 'graph', value: inner },
        },
      },
    ],
    inputs: [{ name: 'x', elementType: 'float32', shape: ['batch', 3] }],
    outputs: [{ name: 'y', elementType: 'float64', shape: null }, 'z'],
    initializers: [
      { name: 'weights', elementType: 'float32', shape: [2, 2], data: new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer) },
      { name: 'outside', elementType: 'float32', shape: [3], data: { location: 'weights.bin', offset: 4, length: 12 } },
    ],
  };

  it('are read back as they were', async () => {
    writeFileSync(temporary('weights.bin'), new Uint8Array(Float32Array.of(0, 5, 6, 7).buffer));
    const file = temporary('model.onnx');
    writeFileSync(file, onnxModelBytes(graph, { '': 18, 'com.example': 2 }));
    const model = await openModelFile(file);
    assert.deepEqual(model.opset, { 'ai.onnx': 18, 'com.example': 2 });
    assert.deepEqual(model.inputs, [{ name: 'x', dtype: 'float32', shape: ['batch', 3] }]);
    assert.deepEqual(model.outputs.map(({ name, dtype }) => [name, dtype]), [['y', 'float64'], ['z', 'unknown']]);
    const node = model.graph?.nodes[0];
    assert.ok(node);
    const { tensor, graph: body, ...plain } = node.attributes;
    assert.deepEqual(plain, { float: 0.5, int: -3, large: 2 ** 40, floats: [1, -0.25], ints: [0, -1, 300], none: [], string: 'größe', strings: ['a', 'b'] });
    assert.deepEqual([node.opType, node.domain, node.inputs, node.outputs, node.floatAttributes], ['Odd', 'com.example', ['x', '', 'weights'], ['y', 'z'], ['float', 'floats']]);
    assert.deepEqual((body as { nodes: { opType: string }[] }).nodes.map(({ opType }) => opType), ['Identity']);
    const values = async (stored: Parameters<typeof readTensor>[0]): Promise<number[]> => {
      const list: number[] = [];
      await readTensor(stored, (chunk) => void list.push(...chunk));
      return list;
    };
    assert.deepEqual(await values(tensor as never), [7, -8]);
    assert.deepEqual(await Promise.all(model.tensors.map(values)), [[1, 2, 3, 4], [5, 6, 7]]);
  });

  it('know the numbers of element types', () => {
    for (const dtype of ['float32', 'float64', 'int64', 'bool', 'bfloat16'] as const) assert.equal(elementTypeOf(elementTypeNumber(dtype)), dtype);
    assert.throws(() => elementTypeOf(99), /99 is no element type/);
  });
});
