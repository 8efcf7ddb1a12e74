import assert from 'node:assert/strict';
import { importGraph } from '../../../server/derivatives/importGraph.js';
import type { GraphNode, StoredTensor } from '../../../server/formats/modelFile.js';
import { openModelFile } from '../../../server/formats/open.js';
import { buildModel } from '../../../server/model/buildModel.js';
import { describeShared, sharedData } from '../../support/shared.js';
import { graph, integers, modelOf, namedFile, node, tensor, type GraphParts } from './graphs.js';

const weight = tensor('w', [4, 5]);

/** Outputs of all uses of a network's layers, or the reasons why there is none. */
async function outputs(nodes: GraphNode[], initializers: StoredTensor[] = [weight], rest: Omit<GraphParts, 'nodes' | 'initializers'> = {}): Promise<(string | null)[]> {
  const { uses, layers } = await modelOf({ nodes, initializers, ...rest });
  for (const use of uses) assert.equal(use.output === null, use.reason !== null);
  for (const { id } of layers) assert.ok(uses.some(({ layer }) => layer === id));
  return uses.map(({ output, reason }) => output ?? reason);
}

describe('values of the graph that layers yield', () => {
  it('are the sum with a bias that stands beside the product, whatever moves the elements between', async () => {
    const constants = [weight, tensor('b', [5]), integers('flat', [-1, 5])];
    for (const add of [node('Add', ['p', 'b'], ['s']), node('Add', ['b', 'p'], ['s']), node('Sub', ['p', 'b'], ['s'])]) {
      assert.deepEqual(await outputs([node('MatMul', ['x', 'w'], ['p']), add, node('Relu', ['s'], ['y'])], constants), ['s']);
    }
    const moved = [node('MatMul', ['x', 'w'], ['p']), node('Reshape', ['p', 'flat'], ['r']), node('Cast', ['r'], ['c'], { to: 1 }), node('Add', ['c', 'b'], ['s']), node('Relu', ['s'], ['y'])];
    assert.deepEqual(await outputs(moved, constants, { inputs: { x: [1, 3, 4] } }), ['s']);
    const transposed = [node('Conv', ['x', 'k'], ['p']), node('Transpose', ['p'], ['t'], { perm: [0, 2, 3, 1] }), node('Add', ['t', 'b'], ['y'])];
    assert.deepEqual(await outputs(transposed, [tensor('k', [5, 4, 3, 3]), tensor('b', [5])], { inputs: { x: [1, 4, 6, 6] } }), ['y']);
  });

  it('are the product alone where what is added is no bias of it', async () => {
    const product = node('MatMul', ['x', 'w'], ['p']);
    assert.deepEqual(await outputs([product, node('Add', ['p', 'x2'], ['y'])], [weight], { inputs: { x: [1, 4], x2: [1, 5] } }), ['p']);
    assert.deepEqual(await outputs([product, node('Add', ['p', 'b'], ['y'])], [weight, tensor('b', [7, 5])], { inputs: { x: [7, 4] } }), ['p']);
    assert.deepEqual(await outputs([product, node('Sub', ['b', 'p'], ['y'])], [weight, tensor('b', [5])]), ['p']);
    assert.deepEqual(await outputs([product, node('Relu', ['p'], ['a']), node('Add', ['a', 'b'], ['y'])], [weight, tensor('b', [5])]), ['p']);
    // Both the sum and another operation read it.
    assert.deepEqual(await outputs([product, node('Add', ['p', 'b'], ['s']), node('Mul', ['p', 's'], ['y'])], [weight, tensor('b', [5])]), ['p']);
    // A column added to a square product is along the rows, not the units.
    assert.deepEqual(await outputs([product, node('Add', ['p', 'b'], ['y'])], [weight, tensor('b', [5, 1])], { inputs: { x: [5, 4] } }), ['p']);
  });

  it('are the operation’s own where it takes the bias, and before a normalisation', async () => {
    const convolution = [node('Conv', ['x', 'k', 'b'], ['c']), node('BatchNormalization', ['c', 'b', 'b', 'b', 'b'], ['n']), node('Relu', ['n'], ['y'])];
    assert.deepEqual(await outputs(convolution, [tensor('k', [5, 4, 3, 3]), tensor('b', [5])], { inputs: { x: [1, 4, 6, 6] } }), ['c']);
    assert.deepEqual(await outputs([node('Gemm', ['x', 'w', 'b'], ['g']), node('Add', ['g', 'b'], ['y'])], [weight, tensor('b', [5])]), ['g']);
    assert.deepEqual(await outputs([node('Gather', ['e', 'x'], ['y'])], [tensor('e', [9, 3])], { inputType: 'int64' }), ['y']);
  });

  it('do not exist inside fused operations', async () => {
    const fused = node('FusedGemm', ['x', 'w', 'b'], ['y'], { activation: 'Relu' }, 'fc', 'com.microsoft');
    assert.deepEqual(await outputs([fused], [weight, tensor('b', [5])]), ['FusedGemm "fc" applies Relu itself: the value before it is not in the graph.']);
    const plain = node('FusedGemm', ['x', 'w', 'b'], ['y'], {}, 'fc', 'com.microsoft');
    assert.deepEqual(await outputs([plain], [weight, tensor('b', [5])]), ['y']);
    const gelu = [node('MatMul', ['x', 'w'], ['p']), node('BiasGelu', ['p', 'b'], ['y'], {}, 'gelu', 'com.microsoft')];
    assert.deepEqual(await outputs(gelu, [weight, tensor('b', [5])]), ['p']);
    const gates = new Set(await outputs([node('LSTM', ['x', 'w', 'r'], ['y'], { hidden_size: 2 }, 'lstm')], [tensor('w', [1, 8, 4]), tensor('r', [1, 8, 2])], { inputs: { x: [3, 1, 4] } }));
    assert.deepEqual([...gates], ['A gate inside LSTM "lstm" has no value of its own in the graph.']);
  });

  it('are floating-point values of quantised layers', async () => {
    const kernel = [tensor('k', [4, 5], undefined, 'int8'), tensor('b', [5]), tensor('scale', [], [0.5]), tensor('zero', [], [0], 'int8')];
    const dynamic = [node('MatMulInteger', ['x', 'k'], ['i']), node('Cast', ['i'], ['c'], { to: 1 }), node('Mul', ['c', 'factor'], ['m']), node('Add', ['m', 'b'], ['y'])];
    const inputs = { x: [1, 4], factor: [] };
    assert.deepEqual(await outputs(dynamic, kernel, { inputs }), ['y']);
    assert.deepEqual(await outputs(dynamic.slice(0, 1), kernel, { inputs, outputs: ['i'] }), ['MatMulInteger yields integers, and the graph does not rescale them to floating point right after it.']);
    const fixed = node('QLinearMatMul', ['x', 'scale', 'zero', 'k', 'scale', 'zero', 'scale', 'zero'], ['q']);
    assert.deepEqual(await outputs([fixed, node('DequantizeLinear', ['q', 'scale', 'zero'], ['y'])], kernel), ['y']);
    assert.deepEqual(await outputs([fixed], kernel, { outputs: ['q'] }), ['QLinearMatMul yields quantised numbers, and the graph has no floating-point value of them.']);
  });

  it('are the parts of a fused projection, unless something changes it before', async () => {
    const projection = [node('Gemm', ['x', 'attn.qkv.weight'], ['p'], { transB: 1 })];
    const split = (from: string) => [node('Split', [from], ['a', 'b', 'c'], { axis: -1 }), node('Transpose', ['b'], ['bt'], { perm: [1, 0] }), node('MatMul', ['a', 'bt'], ['s']), node('Softmax', ['s'], ['m']), node('MatMul', ['m', 'c'], ['y'])];
    const constants = [tensor('attn.qkv.weight', [12, 4]), tensor('bias', [12]), tensor('half', [], [0.5])];
    const shape = { inputs: { x: [3, 4] }, values: { p: [3, 12], s0: [3, 12] } };
    assert.deepEqual(await outputs([...projection, node('Add', ['p', 'bias'], ['s0']), ...split('s0')], constants, shape), ['a', 'b', 'c']);
    const [reason] = await outputs([...projection, node('Mul', ['p', 'half'], ['s0'], {}, 'scale'), ...split('s0')], constants, shape);
    assert.equal(reason, 'Mul "scale" changes the projection before it is split, so that no value of the graph is this part of it.');
  });

  it('are counted for each use, and none is one of a nested graph', async () => {
    const { uses } = await modelOf({ nodes: [node('MatMul', ['x', 'w'], ['a']), node('Relu', ['a'], ['r']), node('MatMul', ['r', 'w'], ['y'])], initializers: [tensor('w', [4, 4])] });
    assert.deepEqual(uses, [
      { layer: 'w', call: 0, output: 'a', reason: null },
      { layer: 'w', call: 1, output: 'y', reason: null },
    ]);
    const branch = graph({ nodes: [node('MatMul', ['x', 'w'], ['inner'])], inputs: {}, outputs: ['inner'] });
    const nested = await outputs([node('If', ['x'], ['y'], { then_branch: branch, else_branch: graph({ nodes: [], inputs: {}, outputs: [] }) }, 'if')]);
    assert.deepEqual(nested, ['It stands inside If "if", whose values are none of the network around it.']);
  });

  it('do not exist without a graph', async () => {
    assert.deepEqual((await buildModel(namedFile([weight]))).uses, []);
  });
});

describeShared('values that layers of shared models yield', () => {
  for (const file of ['onnx_cifar/resnet_2b.onnx', 'onnx_mnist/cntk_mnist.onnx', 'onnx_other/14_ieee_ml4acopf.onnx', 'onnx_other/silero/silero_vad_16k_op15.onnx', 'onnx_transformer/tiny-random-gpt2-fp32_past.onnx', 'ort_testdata/conv_qdq_s8s8_perchannel.onnx']) {
    it(`${file}: values of the graph that is differentiated`, async () => {
      const opened = await openModelFile(sharedData(file));
      const { layers, uses } = await buildModel(opened);
      const made = new Set((await importGraph(opened)).nodes.flatMap((each) => each.outputs));
      assert.deepEqual(uses.filter(({ output }) => output !== null && !made.has(output)), []);
      assert.deepEqual(new Set(uses.map(({ layer }) => layer)), new Set(layers.map(({ id }) => id)));
    });
  }
});
