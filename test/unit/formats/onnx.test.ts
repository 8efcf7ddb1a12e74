import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DType, Graph, ModelFile, StoredTensor } from '../../../server/formats/modelFile.js';
import { openModelFile } from '../../../server/formats/open.js';
import { bytesField, DATA_TYPE, floatField, model, node, numberField, rawData, tensor, varint } from './protobuf.js';
import { FIXTURES, refusalOf, temporaryFolder, valuesOf } from './support.js';

interface ExpectedTensor {
  dtype: DType;
  shape: number[];
  values: (number | string)[];
  scan: { nonFinite: { count: number; firstIndex: number | null }; zeros: number; denormals: number };
  digest?: string;
}
const expected = JSON.parse(readFileSync(path.join(FIXTURES, 'expected.json'), 'utf8')) as { types: Record<string, ExpectedTensor>; external: Record<string, number[]> };
const numbers = (values: readonly (number | string)[]) => values.map((value) => (value === 'inf' ? Infinity : value === '-inf' ? -Infinity : Number(value)));

function tensorOf(file: ModelFile, name: string): StoredTensor {
  const found = file.tensors.find((each) => each.name === name);
  assert.ok(found, name);
  return found;
}

describe('ONNX files', () => {
  const temporary = temporaryFolder();
  const open = async (...graph: Uint8Array[]) => {
    writeFileSync(temporary('made.onnx'), model(...graph));
    return openModelFile(temporary('made.onnx'));
  };

  it('hold every element type, raw and typed, as NumPy reads it', async () => {
    const file = await openModelFile(path.join(FIXTURES, 'types.onnx'));
    for (const [name, { dtype, shape, values, scan, digest }] of Object.entries(expected.types)) {
      const stored = tensorOf(file, name);
      assert.equal(stored.dtype, dtype, name);
      assert.deepEqual(stored.shape, shape, name);
      const read = await valuesOf(stored);
      assert.deepEqual(read.values, numbers(values), name);
      const { nonFinite, denormals } = read.scan;
      const zeros = read.values.filter((value) => value === 0).length;
      assert.deepEqual({ nonFinite, zeros, denormals }, scan, name);
      if (digest !== undefined) assert.equal(read.scan.digest, digest, name);
    }
    assert.equal(tensorOf(file, 'string').dtype, 'string');
    assert.deepEqual(tensorOf(file, 'complex64').shape, [2]);
    assert.deepEqual((await valuesOf(tensorOf(file, 'scalar'))).values, [Math.fround(0.1)]);
    assert.deepEqual((await valuesOf(tensorOf(file, 'empty'))).values, []);
  });

  it('become a graph with attributes of every kind, control flow and functions', async () => {
    const file = await openModelFile(path.join(FIXTURES, 'graph.onnx'));
    assert.equal(file.format, 'onnx');
    assert.equal(file.producer, 'fixture 1.2');
    assert.deepEqual(file.opset, { 'ai.onnx': 15, custom: 1, local: 1 });
    assert.deepEqual(file.metadata, { author: 'Σ' });
    assert.deepEqual(file.inputs, [
      { name: 'x', dtype: 'float32', shape: ['batch', 4] },
      { name: 'flag', dtype: 'float32', shape: [] },
    ]);
    assert.deepEqual(file.outputs, [{ name: 'y', dtype: 'float32', shape: null }]);
    assert.deepEqual(file.files, [path.resolve(FIXTURES, 'graph.onnx')]);
    assert.deepEqual(file.skipped, [{ tensor: 'sparse', reason: 'stored in sparse format, which is not analysed' }]);
    const { graph } = file;
    assert.ok(graph);
    assert.deepEqual(graph.values, [{ name: 'hidden', dtype: 'float32', shape: [null, 3] }]);
    assert.equal(graph.initializers[0], file.tensors[0]);
    const [gemm, shape, one, , condition, , pad, call] = graph.nodes;
    assert.deepEqual(gemm, { name: '/fc/Gemm', opType: 'Gemm', domain: '', inputs: ['x', 'weight', 'bias'], outputs: ['hidden'], attributes: { alpha: 0.5, beta: 1, transB: 1 }, floatAttributes: ['alpha', 'beta'] });
    assert.deepEqual(shape.attributes.value, { name: 'shape', dtype: 'int64', shape: [2], data: { encoding: 'inline', values: [-1, 3] } });
    assert.equal(one.attributes.value_float, 1);
    const then = condition.attributes.then_branch as Graph;
    assert.deepEqual(then.nodes, [{ name: '', opType: 'Relu', domain: '', inputs: ['hidden'], outputs: ['then_out'], attributes: {} }]);
    assert.equal(pad.domain, 'custom');
    assert.deepEqual(pad.attributes, { mode: 'constant', pads: [0, 1, 0, 1], weights: [0.5, -0.25], names: ['a', 'b'] });
    assert.deepEqual(call.inputs, ['padded', '']);
    assert.deepEqual(file.functions, [{ name: 'Double', domain: 'local', inputs: ['a'], outputs: ['b'], attributes: ['scale'], nodes: [{ name: '', opType: 'Add', domain: '', inputs: ['a', 'a'], outputs: ['b'], attributes: {} }] }]);
  });

  it('may hold the newest element types', async () => {
    const bytes = Uint8Array.of(0x01, 0x7f, 0x80, 0xc3);
    for (const dtype of ['float8e4m3fn', 'float8e5m2', 'float8e8m0', 'int4', 'uint4', 'float4e2m1', 'int2', 'uint2'] as const) {
      const perByte = dtype.endsWith('4') || dtype === 'float4e2m1' ? 2 : dtype.endsWith('int2') ? 4 : 1;
      const file = await open(tensor('t', DATA_TYPE[dtype], [4 * perByte], rawData(bytes)), tensor('typed', DATA_TYPE[dtype], [4 * perByte], bytesField(5, ...[...bytes].map(varint))));
      assert.equal(file.tensors[0].dtype, dtype);
      const { values } = await valuesOf(file.tensors[0]);
      assert.equal(values.length, 4 * perByte);
      assert.deepEqual((await valuesOf(file.tensors[1])).values, values, dtype);
    }
  });

  it('may hold elements one by one or in several pieces', async () => {
    const floats = [1.5, -2, NaN];
    const file = await open(
      tensor('floats', DATA_TYPE.float32, [3], ...floats.map((value) => floatField(4, value))),
      tensor('integers', DATA_TYPE.int64, [3], numberField(7, -5), numberField(7, 2n ** 40n), numberField(7, 7)),
      tensor('pieces', DATA_TYPE.int32, [2, 2], bytesField(5, varint(1), varint(2)), bytesField(5, varint(3), varint(-4))),
    );
    assert.deepEqual((await valuesOf(file.tensors[0])).values, floats);
    assert.deepEqual((await valuesOf(file.tensors[1])).values, [-5, 2 ** 40, 7]);
    assert.deepEqual((await valuesOf(file.tensors[2])).values, [1, 2, 3, -4]);
  });

  it('may have packed dimensions, unknown fields and numbers of zero that proto3 leaves out', async () => {
    const file = await open(
      bytesField(5, bytesField(1, varint(2), varint(1)), numberField(2, 1), bytesField(8, 't'), bytesField(9, new Uint8Array(8)), bytesField(900, 'later'), numberField(901, 5)),
      node('Op', ['t'], ['y'], bytesField(5, bytesField(1, 'axis'), numberField(20, 2)), bytesField(5, bytesField(1, 'list'), numberField(20, 7)), bytesField(5, bytesField(1, 'passed'), numberField(20, 2), bytesField(21, 'outer'))),
    );
    assert.deepEqual(file.tensors[0].shape, [2, 1]);
    assert.deepEqual(file.graph?.nodes[0].attributes, { axis: 0, list: [], passed: null });
  });

  it('are read without their weights and long lists', async () => {
    const long = new Uint8Array(100_000).fill(0x55);
    const file = await open(
      tensor('big', DATA_TYPE.uint8, [100_000], rawData(long)),
      node('Tree', ['big'], ['y'], bytesField(5, bytesField(1, 'packed'), bytesField(8, long), numberField(20, 7)), bytesField(5, bytesField(1, 'single'), ...Array.from({ length: 2000 }, () => floatField(7, 1)), numberField(20, 6)), bytesField(5, bytesField(1, 'alpha'), floatField(2, 0.5), numberField(20, 1))),
      tensor('after', DATA_TYPE.float32, [], rawData(new Uint8Array(Float32Array.of(3).buffer))),
    );
    assert.deepEqual(file.graph?.nodes[0].attributes, { packed: null, single: null, alpha: 0.5 });
    const { values } = await valuesOf(file.tensors[0]);
    assert.ok(values.length === 100_000 && values.every((value) => value === 0x55));
    assert.deepEqual((await valuesOf(file.tensors[1])).values, [3]);
  });

  it('cannot change prototypes by the names in them', async () => {
    const file = await open(tensor('__proto__', DATA_TYPE.float32, [1], rawData(new Uint8Array(4))), node('Op', [], ['y'], bytesField(5, bytesField(1, '__proto__'), numberField(3, 1), numberField(20, 2))));
    assert.deepEqual(Object.entries(file.graph?.nodes[0].attributes ?? {}), [['__proto__', 1]]);
    assert.equal(Object.getPrototypeOf(file.graph?.nodes[0].attributes), Object.prototype);
  });

  describe('are refused with the value and the limit', () => {
    const float = (...shape: (number | bigint)[]) => tensor('t', DATA_TYPE.float32, shape, rawData(new Uint8Array(16)));
    const nest = (levels: number): Buffer => (levels === 0 ? node('Relu', ['x'], ['y']) : node('If', ['c'], ['y'], bytesField(5, bytesField(1, 'then_branch'), bytesField(6, nest(levels - 1)), numberField(20, 5))));
    const cases: [string, Buffer, string, RegExp][] = [
      ['a shape beyond the stored bytes', model(float(1_000_000, 1_000_000)), 'model/corrupt', /'t' .*float32 \[1000000, 1000000\] takes 4\.0 TB .*16 bytes are stored/],
      ['a shape whose product overflows', model(float(2n ** 40n, 2n ** 40n)), 'model/limit', /1\.2e\+24 elements, .*2\^53/],
      ['a negative size', model(float(-4)), 'model/limit', /\[-4\]/],
      ['a size beyond 2^53', model(float(2n ** 62n)), 'model/limit', /2\^53/],
      ['too many dimensions', model(float(...new Array<number>(65).fill(1))), 'model/limit', /65 dimensions, .*64/],
      ['an unknown element type', model(tensor('t', 99, [1], rawData(new Uint8Array(4)))), 'model/corrupt', /element type 99, .*26/],
      ['no elements', model(tensor('t', DATA_TYPE.float32, [4])), 'model/corrupt', /4 elements, but none/],
      ['too few floats', model(tensor('t', DATA_TYPE.float32, [4], bytesField(4, new Uint8Array(12)))), 'model/corrupt', /4 elements, but 12 bytes/],
      ['too few varints', model(tensor('t', DATA_TYPE.int32, [4, 1], bytesField(5, Uint8Array.of(0x80, 0x80, 0x80, 1)))), 'model/corrupt', /4 elements, but 1 are/],
      ['segments', model(tensor('t', DATA_TYPE.float32, [1], bytesField(3), rawData(new Uint8Array(4)))), 'model/corrupt', /segments/],
      ['two tensors of one name', model(float(4), float(4)), 'model/corrupt', /two tensors named 't'/],
      ['groups', model(node('Op', [], ['y']), Buffer.from([0x0b, 0x0c])), 'model/corrupt', /group/],
      ['a long name', model(node('Op', ['x'.repeat(5000)], ['y'])), 'model/limit', /5000 bytes .*4096/],
      ['graphs in graphs without end', model(nest(20)), 'model/limit', /16 graphs/],
      ['deep nesting of large messages', model(nest(600)), 'model/limit', /48 messages/],
      ['too many nodes', model(Buffer.alloc(2 * 250_001, Buffer.from([0x0a, 0]))), 'model/limit', /more than 250000 nodes/],
      ['too many names', model(bytesField(1, Buffer.alloc(2 * 3_000_001, Buffer.from([0x0a, 0])))), 'model/limit', /more than 3000000 names/],
      ['too many numbers', model(bytesField(1, ...Array.from({ length: 4000 }, () => bytesField(5, bytesField(8, new Uint8Array(4004)))))), 'model/limit', /more than 16000000 numbers/],
      ['too many tensors', model(Buffer.alloc(6 * 250_001, Buffer.from([0x2a, 4, 0x10, 1, 0x08, 0]))), 'model/limit', /more than 250000 tensors/],
      ['no graph', Buffer.concat([numberField(1, 8), bytesField(8, numberField(2, 13))]), 'model/truncated', /no graph/],
      ['no operator set', Buffer.concat([numberField(1, 8), bytesField(7, bytesField(2, 'g'))]), 'model/truncated', /no operator set/],
      ['two graphs', Buffer.concat([model(), model()]), 'model/corrupt', /two graphs/],
    ];
    for (const [what, bytes, code, sentence] of cases) {
      it(what, async () => {
        writeFileSync(temporary('bad.onnx'), bytes);
        const error = await refusalOf(temporary('bad.onnx'));
        assert.equal(error.code, code, error.message);
        assert.match(error.message, sentence);
      });
    }
  });
});
