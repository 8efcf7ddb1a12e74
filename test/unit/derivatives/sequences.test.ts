import assert from 'node:assert/strict';
import { encodeElements } from '../../../server/derivatives/elements.js';
import { checkDerivatives } from '../../../server/derivatives/check.js';
import { inPrecision } from '../../../server/derivatives/precision.js';
import { probe } from '../../../server/derivatives/probe.js';
import { rewrite } from '../../../server/derivatives/rewrite.js';
import { NotDifferentiable, type FlatGraph, type Node } from '../../../server/derivatives/graph.js';
import { RandomGenerator } from '../../../server/linalg/random.js';
import type { OnnxTensor } from '../../../server/runtime/onnxWriter.js';
import { int } from '../../support/derivatives.js';

const node = (operator: string, inputs: string[], output: string, attributes: Node['attributes'] = {}): Node => ({ name: '', operator, domain: '', inputs, outputs: [output], attributes });
const fixed: [string, number[], number[]][] = [['zero', [], [0]], ['one', [], [1]], ['last', [], [-1]], ['two', [], [2]], ['sizes', [2], [1, 3]]];
const size = 4;

/** A network of the input x: [4, 2] with the output y. */
function networkOf(nodes: readonly Node[]): FlatGraph {
  const constants = new Map<string, OnnxTensor>(fixed.map(([name, shape, elements]) => [name, { name, elementType: 'int64', shape, data: encodeElements('int64', elements) }]));
  return { nodes, constants, numbers: new Map(fixed.map(([name, , elements]) => [name, elements])), inputs: [{ name: 'x', dtype: 'float32', shape: [size, 2] }], outputs: ['y'], opset: { '': 18 }, folder: '.' };
}

const feeds = { x: { dtype: 'float32' as const, shape: [size, 2], elements: Float32Array.from({ length: 2 * size }, (_, i) => i / 7 - 0.4) } };
const singles = node('SplitToSequence', ['x'], 's', { keepdims: int(0) });

describe('derivatives through sequences', () => {
  for (const [name, shape, ...nodes] of [
    ['one row from the end', [2], singles, node('SequenceAt', ['s', 'last'], 'y')],
    ['a part of fixed size', [2, 2], node('SplitToSequence', ['x', 'two'], 's'), node('SequenceAt', ['s', 'one'], 'y')],
    ['single rows that keep their axis', [1, 2], node('SplitToSequence', ['x'], 's'), node('SequenceAt', ['s', 'last'], 'y')],
    ['a sequence in a box', [1, 2], node('SplitToSequence', ['x'], 's'), node('Optional', ['s'], 'o'), node('OptionalGetElement', ['o'], 't'), node('SequenceAt', ['t', 'last'], 'y')],
    ['a tensor in a box', [4, 2], node('Optional', ['x'], 'o'), node('OptionalGetElement', ['o'], 't'), node('Sin', ['t'], 'y')],
    ['parts of given sizes', [3, 2], node('SplitToSequence', ['x', 'sizes'], 's'), node('SequenceAt', ['s', 'last'], 'y')],
    ['tensors stacked along a new axis', [4, 3, 2], node('Sin', ['x'], 'a'), node('SequenceConstruct', ['x', 'a'], 's'), node('SequenceInsert', ['s', 'a', 'zero'], 't'), node('ConcatFromSequence', ['t'], 'y', { axis: int(1), new_axis: int(1) })],
    ['tensors of which one is taken out', [8, 2], node('Sin', ['x'], 'a'), node('SequenceEmpty', [], 'e'), node('SequenceInsert', ['e', 'x'], 's'), node('SequenceInsert', ['s', 'a'], 't'), node('SequenceInsert', ['t', 'a'], 'u'), node('SequenceErase', ['u', 'one'], 'v'), node('Identity', ['v'], 'w'), node('ConcatFromSequence', ['w'], 'y', { axis: int(0) })],
  ] as [string, number[], ...Node[]][]) {
    it(`follows ${name}`, async () => {
      const { graph } = await probe(networkOf(nodes), feeds);
      assert.deepEqual(graph.values.get('y')?.shape, shape);
      const random = new RandomGenerator(1);
      const double = { x: { ...feeds.x, dtype: 'float64' as const, elements: Float64Array.from(feeds.x.elements) } };
      const check = await checkDerivatives(inPrecision(rewrite(graph), 'float64'), double, { of: ['y'], by: ['x'], normal: () => random.normal(), step: 1e-6 });
      assert.ok((check.differences ?? NaN) <= 1e-7 && check.adjoint <= 1e-12 && check.largest > 0, JSON.stringify(check));
    });
  }

  it('says which place depends on the data, and that a sequence is no tensor', async () => {
    const place = [singles, node('ReduceMax', ['x'], 'm', { keepdims: int(0) }), node('Cast', ['m'], 'i', { to: int(7) }), node('SequenceAt', ['s', 'i'], 'y')];
    await assert.rejects(probe(networkOf(place), feeds), (error) => error instanceof NotDifferentiable && error.message.includes('takes its input 1 (i) from the data'));
    await assert.rejects(probe(networkOf([{ ...singles, outputs: ['y'] }]), feeds), /y is a sequence of tensors/);
    await assert.rejects(probe(networkOf([singles, node('ConcatFromSequence', ['s'], 'y', { axis: int(0) })]), feeds), /reads all parts of a tensor whose number is not told/);
  });
});
