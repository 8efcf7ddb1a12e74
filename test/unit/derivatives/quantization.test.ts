import assert from 'node:assert/strict';
import { checkDerivatives } from '../../../server/derivatives/check.js';
import { flattenControlFlow } from '../../../server/derivatives/controlFlow.js';
import type { FlatGraph } from '../../../server/derivatives/graph.js';
import { inPrecision } from '../../../server/derivatives/precision.js';
import { probe } from '../../../server/derivatives/probe.js';
import { rewrite } from '../../../server/derivatives/rewrite.js';
import { RandomGenerator } from '../../../server/linalg/random.js';
import { assertDerivatives, float, int, ints } from '../../support/derivatives.js';
import { jacobianTimesNormal, network, node, normalInputs, run, type Constant } from '../../support/flatGraph.js';

const random = new RandomGenerator(5);
const integers = (count: number, dtype: 'int8' | 'uint8', shape: readonly number[] = [count]): Constant => ({ values: Array.from({ length: count }, () => Math.floor(dtype === 'int8' ? 255 * random.uniform() - 127 : 256 * random.uniform())), shape, dtype });
const scalar = (value: number, dtype: Constant['dtype'] = 'float32'): Constant => ({ values: [dtype === 'float32' ? Math.fround(value) : value], shape: [], dtype });

/** The derivative of a quantized network is that of a network of real numbers that takes its place. */
async function assertSameDerivative(quantized: FlatGraph, real: FlatGraph, factor = 1): Promise<void> {
  const feeds = normalInputs(quantized, factor);
  const [actual, expected] = [await jacobianTimesNormal(quantized, feeds), await jacobianTimesNormal(real, feeds)];
  const largest = Math.max(...expected.map(Math.abs));
  assert.ok(largest > 0 && actual.length === expected.length);
  for (const [i, value] of expected.entries()) assert.ok(Math.abs(actual[i] - value) <= 1e-10 * largest, `${actual[i]} and not ${value} at ${i}`);
}

/** ⟨u, Jv⟩ = ⟨Jᵀu, v⟩, by all floating-point inputs. */
async function assertAdjoint(graph: FlatGraph, factor = 1): Promise<void> {
  const feeds = normalInputs(graph, factor);
  const flat = await flattenControlFlow(graph, feeds);
  const double = inPrecision(rewrite((await probe(flat, feeds)).graph), 'float64');
  const converted = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, { ...tensor, dtype: 'float64' as const, elements: Float64Array.from(tensor.elements as Float32Array) }]));
  const check = await checkDerivatives(double, converted, { of: graph.outputs, by: Object.keys(feeds), normal: () => random.normal(), step: null });
  assert.ok(check.adjoint < 1e-12 && check.largest > 0, JSON.stringify(check));
}

describe('derivatives of quantization', () => {
  it('goes straight through inside the range, and is 0 outside', async () => {
    const constants = { s: scalar(0.01), z: scalar(20, 'int8'), low: scalar(Math.fround(0.01) * -148.5), high: scalar(Math.fround(0.01) * 107.5) };
    const quantized = network([node('QuantizeLinear', ['x', 's', 'z'], ['q']), node('DequantizeLinear', ['q', 's', 'z'], ['y'])], { x: [4, 50] }, constants, ['y']);
    await assertSameDerivative(quantized, network([node('Clip', ['x', 'low', 'high'], ['y'])], { x: [4, 50] }, constants, ['y']));
    await assertAdjoint(quantized);
  });

  it('takes tangents through operations on integers, into another scale', async () => {
    const constants = { s: scalar(0.05), t: scalar(0.1), z: scalar(100, 'uint8'), ratio: scalar(0.1 / 0.05), shape: { values: [6, 2], dtype: 'int64' as const } };
    const middle = (from: string, to: string) => [node('Transpose', [from], ['turned'], { perm: ints(1, 0) }), node('Reshape', ['turned', 'shape'], [to])];
    const quantized = network([node('QuantizeLinear', ['x', 's', 'z'], ['q']), ...middle('q', 'r'), node('DequantizeLinear', ['r', 't', 'z'], ['y'])], { x: [3, 4] }, constants, ['y']);
    const real = network([node('Div', ['x', 's'], ['a']), ...middle('a', 'b'), node('Mul', ['b', 't'], ['y'])], { x: [3, 4] }, constants, ['y']);
    await assertSameDerivative(quantized, real);
    await assertAdjoint(quantized);
  });

  it('has a scale for each index of an axis, by which it is differentiated as well', async () => {
    const quantized = network([node('Abs', ['s'], ['r']), node('QuantizeLinear', ['x', 'r', 'z'], ['q'], { axis: int(-2) }), node('DequantizeLinear', ['q', 'r', 'z'], ['y'], { axis: int(-2) })], { x: [2, 3, 4], s: [3] }, { z: integers(3, 'uint8') }, ['y']);
    await assertAdjoint(quantized);
    await assertDerivatives({ operator: 'DequantizeLinear', operands: [{ constant: [1, 5, 3, 7, 8, 2], shape: [2, 3], dtype: 'int8' }, { shape: [2] }, { constant: [3, -4], dtype: 'int8' }], attributes: { axis: int(0) } });
  });

  it('has a scale for each block of an axis', async () => {
    const shape = [2, 5, 3];
    const constants = { s: { values: Array.from({ length: 18 }, (_, i) => 0.01 * (i + 1)), shape: [2, 3, 3] }, z: integers(18, 'uint8', [2, 3, 3]) };
    const attributes = { axis: int(1), block_size: int(2) };
    const quantized = network([node('QuantizeLinear', ['x', 's', 'z'], ['q'], attributes), node('DequantizeLinear', ['q', 's', 'z'], ['y'], attributes)], { x: shape }, constants, ['y'], { '': 21 });
    const feeds = normalInputs(quantized, 0.01);
    const [before] = await run(quantized, feeds);
    const [after] = await run({ ...quantized, ...rewrite((await probe(quantized, feeds)).graph) }, feeds);
    assert.deepEqual(after, before);
    await assertAdjoint(quantized, 0.01);
  });

  const product = { s: scalar(0.02), z: scalar(128, 'uint8'), w: integers(12, 'int8', [4, 3]), ws: { values: [0.01, 0.02, 0.005].map(Math.fround) }, wz: { values: [0, 0, 0], dtype: 'int8' as const }, t: scalar(0.1), u: scalar(120, 'uint8') };
  const realProduct = [node('Cast', ['w'], ['wr'], { to: int(1) }), node('Mul', ['wr', 'ws'], ['scaled']), node('MatMul', ['x', 'scaled'], ['y'])];

  it('QLinearMatMul', async () => {
    const quantized = network([node('QuantizeLinear', ['x', 's', 'z'], ['q']), node('QLinearMatMul', ['q', 's', 'z', 'w', 'ws', 'wz', 't', 'u'], ['p']), node('DequantizeLinear', ['p', 't', 'u'], ['y'])], { x: [2, 4] }, product, ['y']);
    await assertSameDerivative(quantized, network(realProduct, { x: [2, 4] }, product, ['y']));
    await assertAdjoint(quantized);
    await assertSameValues(quantized, 0.1);
  });

  it('MatMulInteger with a zero point for each column', async () => {
    const constants = { ...product, wz: integers(3, 'int8') };
    const quantized = network([
      node('QuantizeLinear', ['x', 's', 'z'], ['q']), node('MatMulInteger', ['q', 'w', 'z', 'wz'], ['p']), node('Cast', ['p'], ['r'], { to: int(1) }), node('Mul', ['r', 'ws'], ['scaled']), node('Mul', ['scaled', 's'], ['y']),
    ], { x: [2, 4] }, constants, ['y']);
    const real = [node('Cast', ['w'], ['wr'], { to: int(1) }), node('Cast', ['wz'], ['wzr'], { to: int(1) }), node('Sub', ['wr', 'wzr'], ['centred']), node('Mul', ['centred', 'ws'], ['scaled']), node('MatMul', ['x', 'scaled'], ['y'])];
    await assertSameDerivative(quantized, network(real, { x: [2, 4] }, constants, ['y']));
    await assertAdjoint(quantized);
  });

  it('DynamicQuantizeLinear and two products of its integers', async () => {
    const quantized = network([
      node('DynamicQuantizeLinear', ['x'], ['q', 'qs', 'qz']), node('MatMulInteger', ['q', 'w', 'qz'], ['p']), node('Cast', ['p'], ['r'], { to: int(1) }), node('Mul', ['r', 'qs'], ['y']),
    ], { x: [3, 4] }, product, ['y']);
    await assertAdjoint(quantized);
    await assertSameValues(quantized, 1e-4);
  });

  it('QLinearConv with a bias, strides and groups, and ConvInteger', async () => {
    const constants = { s: scalar(0.02), z: scalar(128, 'uint8'), w: integers(4 * 9, 'int8', [4, 1, 3, 3]), ws: { values: [0.01, 0.02, 0.005, 0.01].map(Math.fround) }, wz: { values: [0, 0, 0, 0], dtype: 'int8' as const }, t: scalar(0.1), u: scalar(120, 'uint8'), b: { values: [100, -200, 300, 50], dtype: 'int32' as const }, column: { values: [4, 1, 1, 1], dtype: 'int64' as const } };
    const attributes = { group: int(2), strides: ints(2, 1), pads: ints(1, 0, 1, 2) };
    const real = [node('Cast', ['w'], ['wr'], { to: int(1) }), node('Reshape', ['ws', 'column'], ['wc']), node('Mul', ['wr', 'wc'], ['scaled']), node('Conv', ['x', 'scaled'], ['y'], attributes)];
    const linear = network([node('QuantizeLinear', ['x', 's', 'z'], ['q']), node('QLinearConv', ['q', 's', 'z', 'w', 'ws', 'wz', 't', 'u', 'b'], ['p'], attributes), node('DequantizeLinear', ['p', 't', 'u'], ['y'])], { x: [2, 2, 5, 6] }, constants, ['y']);
    await assertSameDerivative(linear, network(real, { x: [2, 2, 5, 6] }, constants, ['y']));
    await assertAdjoint(linear);
    await assertSameValues(linear, 0.1);
    const integer = network([node('QuantizeLinear', ['x', 's', 'z'], ['q']), node('ConvInteger', ['q', 'w', 'z'], ['p'], attributes), node('Cast', ['p'], ['r'], { to: int(1) }), node('Mul', ['r', 's'], ['y'])], { x: [2, 2, 5, 6] }, constants, ['y']);
    const realInteger = [node('Cast', ['w'], ['wr'], { to: int(1) }), node('Conv', ['x', 'wr'], ['y'], attributes)];
    await assertSameDerivative(integer, network(realInteger, { x: [2, 2, 5, 6] }, constants, ['y']));
    await assertAdjoint(integer);
  });

  const contrib = { '': 18, 'com.microsoft': 1 };
  const scales = { s: scalar(0.02), z: scalar(128, 'uint8'), t: scalar(0.01), u: scalar(120, 'uint8'), v: scalar(0.05), m: scalar(90, 'uint8') };

  for (const transB of [0, 1]) {
    it(`QGemm, transB ${transB}`, async () => {
      const constants = { ...scales, w: integers(12, 'int8', transB ? [3, 4] : [4, 3]), ws: { values: [0.01, 0.02, 0.005].map(Math.fround) }, wz: { values: [0, 0, 0], dtype: 'int8' as const }, c: { values: [100, -50, 20], dtype: 'int32' as const } };
      const attributes = { transB: int(transB), alpha: float(0.5) };
      const quantize = node('QuantizeLinear', ['x', 's', 'z'], ['q']);
      const quantized = network([quantize, node('QGemm', ['q', 's', 'z', 'w', 'ws', 'wz', 'c', 'v', 'm'], ['p'], attributes, 'com.microsoft'), node('DequantizeLinear', ['p', 'v', 'm'], ['y'])], { x: [2, 4] }, constants, ['y'], contrib);
      const real = network([quantize, node('QGemm', ['q', 's', 'z', 'w', 'ws', 'wz', 'c'], ['y'], attributes, 'com.microsoft')], { x: [2, 4] }, constants, ['y'], contrib);
      for (const [graph, step] of [[quantized, 0.05], [real, 1e-4]] as const) {
        await assertSameValues(graph, step);
        await assertAdjoint(graph);
      }
    });
  }

  it('MatMulIntegerToFloat', async () => {
    const constants = { ...scales, w: integers(12, 'int8', [4, 3]), ws: { values: [0.01, 0.02, 0.005].map(Math.fround) }, wz: { values: [1, 2, -3], dtype: 'int8' as const }, b: { values: [1, 2, 3] } };
    const quantized = network([node('QuantizeLinear', ['x', 's', 'z'], ['q']), node('MatMulIntegerToFloat', ['q', 'w', 's', 'ws', 'z', 'wz', 'b'], ['y'], {}, 'com.microsoft')], { x: [2, 4] }, constants, ['y'], contrib);
    await assertSameValues(quantized, 1e-4);
    await assertAdjoint(quantized);
  });

  it('QLinearConcat and pools', async () => {
    const middle = [node('QLinearConcat', ['v', 'm', 'q', 's', 'z', 'c', 't', 'u'], ['both'], { axis: int(1) }, 'com.microsoft'), node('QLinearAveragePool', ['both', 'v', 'm', 's', 'z'], ['pooled'], { kernel_shape: ints(2, 2), pads: ints(1, 0, 0, 1), channels_last: int(0) }, 'com.microsoft'), node('QLinearGlobalAveragePool', ['pooled', 's', 'z', 't', 'u'], ['p'], { channels_last: int(0) }, 'com.microsoft')];
    const quantized = network([node('QuantizeLinear', ['x', 's', 'z'], ['q']), ...middle, node('DequantizeLinear', ['p', 't', 'u'], ['y'])], { x: [1, 2, 4, 4] }, { ...scales, c: integers(16, 'uint8', [1, 1, 4, 4]) }, ['y'], contrib);
    await assertSameValues(quantized, 0.03);
    await assertAdjoint(quantized);
  });

  for (const [operator, operands] of [['QLinearAdd', ['q', 's', 'z', 'c', 't', 'u']], ['QLinearMul', ['q', 's', 'z', 'c', 't', 'u']], ['QLinearSigmoid', ['q', 's', 'z']], ['QLinearLeakyRelu', ['q', 's', 'z']]] as const) {
    it(operator, async () => {
      const constants = { s: scalar(0.02), z: scalar(128, 'uint8'), c: integers(4, 'uint8'), t: scalar(0.01), u: scalar(120, 'uint8'), v: scalar(0.03), m: scalar(90, 'uint8') };
      const quantized = network([node('QuantizeLinear', ['x', 's', 'z'], ['q']), node(operator, [...operands, 'v', 'm'], ['p'], {}, 'com.microsoft'), node('DequantizeLinear', ['p', 'v', 'm'], ['y'])], { x: [3, 4] }, constants, ['y'], { '': 18, 'com.microsoft': 1 });
      await assertSameValues(quantized, 0.03);
      await assertAdjoint(quantized);
    });
  }
});

/** What is lowered yields what onnxruntime's own kernels do, up to one step of the output's scale. */
async function assertSameValues(quantized: FlatGraph, step: number): Promise<void> {
  const feeds = normalInputs(quantized);
  const [expected] = await run(quantized, feeds);
  const [actual] = await run({ ...quantized, ...rewrite((await probe(quantized, feeds)).graph) }, feeds);
  for (const [i, value] of expected.entries()) assert.ok(Math.abs(actual[i] - value) <= 1.01 * step, `${actual[i]} and not ${value} at ${i}`);
}
