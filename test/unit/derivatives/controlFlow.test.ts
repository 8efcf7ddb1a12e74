import assert from 'node:assert/strict';
import { checkDerivatives } from '../../../server/derivatives/check.js';
import { flattenControlFlow } from '../../../server/derivatives/controlFlow.js';
import type { FlatGraph } from '../../../server/derivatives/graph.js';
import { inPrecision } from '../../../server/derivatives/precision.js';
import { probe } from '../../../server/derivatives/probe.js';
import { rewrite } from '../../../server/derivatives/rewrite.js';
import type { TensorData } from '../../../server/derivatives/session.js';
import { RandomGenerator } from '../../../server/linalg/random.js';
import { int, ints } from '../../support/derivatives.js';
import { body, constant, network, node, normalInputs, run } from '../../support/flatGraph.js';

/** The flat network yields the same, and its derivatives are right. */
async function assertFlattened(graph: FlatGraph, feeds: Record<string, TensorData> = normalInputs(graph)): Promise<FlatGraph> {
  const flat = await flattenControlFlow(graph, feeds);
  assert.ok(!flat.nodes.some(({ operator }) => ['If', 'Loop', 'Scan'].includes(operator)));
  assert.deepEqual(await run(flat, feeds), await run(graph, feeds));
  const double = inPrecision(rewrite((await probe(flat, feeds)).graph), 'float64');
  const converted = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, { ...tensor, dtype: 'float64' as const, elements: Float64Array.from(tensor.elements as Float32Array) }]));
  const random = new RandomGenerator(2);
  const check = await checkDerivatives(double, converted, { of: graph.outputs, by: Object.keys(feeds), normal: () => random.normal(), step: 1e-6 });
  assert.ok((check.differences ?? 1) < 1e-7 && check.adjoint < 1e-12 && check.largest > 0, JSON.stringify(check));
  return flat;
}

const bool = { elementType: 'bool', shape: [] } as const;
const count = { elementType: 'int64', shape: [] } as const;

describe('control flow', () => {
  const branches = {
    then_branch: body([node('Mul', ['x', 'factor'], ['y'])], [], ['y'], [constant('factor', { values: [3] })]),
    else_branch: body([node('Mul', ['x', 'factor'], ['product']), node('Sin', ['product'], ['y'])], [], ['y'], [constant('factor', { values: [0.5, 1, 2] })]),
  };
  const choice = network([
    node('ReduceSum', ['x'], ['sum'], { keepdims: int(0) }),
    node('Greater', ['sum', 'zero'], ['positive']),
    node('If', ['positive'], ['out'], branches),
  ], { x: [3] }, { zero: { values: [0], shape: [] } }, ['out']);

  for (const [sign, taken] of [[1, 'Mul'], [-1, 'Sin']] as const) {
    it(`If takes the branch of the condition: ${taken}`, async () => {
      const flat = await assertFlattened(choice, { x: { dtype: 'float32', shape: [3], elements: Float32Array.of(sign, 2 * sign, sign) } });
      assert.equal(flat.nodes.some(({ operator }) => operator === 'Sin'), taken === 'Sin');
      // Constants of both branches have the same name.
      assert.ok([...flat.numbers.values()].some((numbers) => numbers.join() === (taken === 'Sin' ? '0.5,1,2' : '3')));
    });
  }

  it('Loop with a number of trips, a stacked output and a branch in its body', async () => {
    const step = body([
      node('Cast', ['i'], ['number'], { to: int(1) }),
      node('Add', ['state', 'number'], ['moved']),
      node('Tanh', ['moved'], ['squashed']),
      node('Less', ['i', 'two'], ['early']),
      node('If', ['early'], ['next'], { then_branch: body([node('Mul', ['squashed', 'w'], ['y'])], [], ['y']), else_branch: body([node('Identity', ['squashed'], ['y'])], [], ['y']) }),
      node('Mul', ['next', 'next'], ['square']),
      node('Identity', ['going'], ['still']),
    ], [{ name: 'i', ...count }, { name: 'going', ...bool }, { name: 'state' }], ['still', 'next', 'square']);
    await assertFlattened(network([node('Loop', ['trips', '', 'x'], ['last', 'squares'], { body: step })], { x: [2, 3], w: [3] }, { trips: { values: [4], shape: [], dtype: 'int64' }, two: { values: [2], shape: [], dtype: 'int64' } }, ['last', 'squares']));
  });

  it('Loop until a condition that the data decide', async () => {
    const step = body([
      node('Mul', ['state', 'rate'], ['next']),
      node('ReduceMax', ['next'], ['most'], { keepdims: int(0) }),
      node('Less', ['most', 'limit'], ['still']),
    ], [{ name: 'i', ...count }, { name: 'going', ...bool }, { name: 'state' }], ['still', 'next'], [constant('rate', { values: [1.5], shape: [] })]);
    const graph = network([node('Loop', ['', 'start', 'x'], ['last'], { body: step })], { x: [2] }, { start: { values: [1], shape: [], dtype: 'bool' }, limit: { values: [10], shape: [] } }, ['last']);
    const flat = await assertFlattened(graph, { x: { dtype: 'float32', shape: [2], elements: Float32Array.of(1, 2) } });
    assert.equal(flat.nodes.filter(({ operator }) => operator === 'Mul').length, 4);
  });

  it('Loop without iterations', async () => {
    const step = body([node('Mul', ['state', 'state'], ['next']), node('Identity', ['going'], ['still'])], [{ name: 'i', ...count }, { name: 'going', ...bool }, { name: 'state' }], ['still', 'next', 'next']);
    await assertFlattened(network([node('Loop', ['trips', '', 'x'], ['last', 'all'], { body: step })], { x: [2] }, { trips: { values: [0], shape: [], dtype: 'int64' } }, ['last', 'all']));
  });

  for (const opset of [11, 18]) {
    it(`Scan backwards along chosen axes, opset ${opset}`, async () => {
      const step = body([node('Mul', ['state', 'u'], ['product']), node('Add', ['product', 'v'], ['next']), node('Sigmoid', ['next'], ['y']), node('Neg', ['y'], ['z'])], [{ name: 'state' }, { name: 'u' }, { name: 'v' }], ['next', 'y', 'z']);
      const attributes = { body: step, num_scan_inputs: int(2), scan_input_axes: ints(1, -1), scan_input_directions: ints(0, 1), scan_output_axes: ints(1, 0), scan_output_directions: ints(1, 0) };
      await assertFlattened(network([node('Scan', ['s', 'u', 'v'], ['last', 'ys', 'zs'], attributes)], { s: [3], u: [3, 4], v: [3, 4] }, {}, ['last', 'ys', 'zs'], { '': opset }));
    });
  }

  it('Scan of operator set 8 goes through each sample', async () => {
    const step = body([node('Add', ['state', 'u'], ['sum']), node('Tanh', ['sum'], ['next'])], [{ name: 'state' }, { name: 'u' }], ['next', 'sum']);
    const attributes = { body: step, num_scan_inputs: int(1), directions: ints(1) };
    await assertFlattened(network([node('Scan', ['', 's', 'u'], ['last', 'sums'], attributes)], { s: [2, 3], u: [2, 4, 3] }, {}, ['last', 'sums'], { '': 8 }));
  });

  it('Loops over sequences are refused', async () => {
    const step = body([node('SequenceInsert', ['list', 'x'], ['longer']), node('Identity', ['going'], ['still'])], [{ name: 'i', ...count }, { name: 'going', ...bool }, { name: 'list' }], ['still', 'longer']);
    const graph = network([node('Loop', ['trips', '', 'empty'], ['last'], { body: step })], { x: [2] }, {}, ['last']);
    await assert.rejects(flattenControlFlow(graph, normalInputs(graph)), /sequences of tensors \(SequenceInsert\)/);
  });
});
