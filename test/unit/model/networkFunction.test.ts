import assert from 'node:assert/strict';
import { integers, modelOf, node, tensor } from './graphs.js';

describe('the network function', () => {
  const fc = tensor('fc.weight', [4, 4]);

  it('cuts a trailing Softmax or LogSoftmax off, also before operations that change no value', async () => {
    const cut = async (...tail: string[]) => {
      const nodes = [node('MatMul', ['x', 'fc.weight'], ['logits']), ...tail.map((op, i) => node(op, [i === 0 ? 'logits' : `t${i - 1}`], [i === tail.length - 1 ? 'y' : `t${i}`]))];
      return (await modelOf({ nodes, initializers: [fc] })).function;
    };
    assert.deepEqual(await cut('Softmax'), { input: 'x', output: 'y', tensor: 'logits', removed: ['Softmax'] });
    assert.deepEqual(await cut('LogSoftmax', 'Identity'), { input: 'x', output: 'y', tensor: 'logits', removed: ['LogSoftmax', 'Identity'] });
    assert.deepEqual(await cut('Relu', 'Softmax'), { input: 'x', output: 'y', tensor: 't0', removed: ['Softmax'] });
    assert.deepEqual(await cut('Softmax', 'Relu'), { input: 'x', output: 'y', tensor: 'y', removed: [] });
  });

  it('initializers among the inputs are no variable; integer inputs need an embedding', async () => {
    const model = await modelOf({ nodes: [node('MatMul', ['x', 'fc.weight'], ['y'])], initializers: [fc], inputs: { 'fc.weight': [4, 4], x: [1, 4] } });
    assert.equal(model.function?.input, 'x');
    const none = await modelOf({ nodes: [node('Cast', ['x'], ['f']), node('MatMul', ['f', 'fc.weight'], ['y'])], initializers: [fc], inputType: 'int64' });
    assert.equal(none.function, null);
    const words = await modelOf({ nodes: [node('Gather', ['table', 'x'], ['e']), node('MatMul', ['e', 'fc.weight'], ['y'])], initializers: [fc, tensor('table', [9, 4]), integers('unused', [1])], inputType: 'int64' });
    assert.equal(words.function?.input, 'e');
  });
});

describe('who reads a layer', () => {
  const readersIn = async (...[parts]: Parameters<typeof modelOf>) => Object.fromEntries((await modelOf(parts)).layers.map(({ id, readers }) => [id, readers]));
  const conv = tensor('conv.weight', [2, 3, 3, 3]);

  it('a convolution flattened into a dense layer: one unit is a run of columns', async () => {
    const readers = await readersIn({
      nodes: [
        node('Conv', ['x', 'conv.weight'], ['c'], { pads: [1, 1, 1, 1] }),
        node('BatchNormalization', ['c', 's', 's', 's', 's'], ['n']),
        node('Relu', ['n'], ['r']),
        node('MaxPool', ['r'], ['p'], { kernel_shape: [2, 2], strides: [2, 2] }),
        node('Flatten', ['p'], ['f']),
        node('Gemm', ['f', 'fc.weight'], ['g']),
        node('Add', ['g', 'b'], ['h']),
        node('Tanh', ['h'], ['t']),
        node('MatMul', ['t', 'out.weight'], ['y']),
      ],
      initializers: [conv, tensor('s', [2]), tensor('fc.weight', [32, 5]), tensor('b', [5]), tensor('out.weight', [5, 2])],
      inputs: { x: [1, 3, 8, 8] },
    });
    assert.deepEqual(readers, { conv: [{ layer: 'fc', columnsPerUnit: 16 }], fc: [{ layer: 'out', columnsPerUnit: 1 }], out: null });
  });

  it('also with an unknown batch size and a pool over all positions', async () => {
    const readers = await readersIn({
      nodes: [node('Conv', ['x', 'conv.weight'], ['c']), node('GlobalAveragePool', ['c'], ['p']), node('Flatten', ['p'], ['f']), node('MatMul', ['f', 'fc.weight'], ['y'])],
      initializers: [conv, tensor('fc.weight', [2, 5])],
      inputs: { x: ['batch', 3, null, null] },
    });
    assert.deepEqual(readers.conv, [{ layer: 'fc', columnsPerUnit: 1 }]);
  });

  it('two convolutions that read the same map', async () => {
    const readers = await readersIn({
      nodes: [node('Conv', ['x', 'conv.weight'], ['c']), node('Relu', ['c'], ['r']), node('Conv', ['r', 'a.weight'], ['y']), node('Conv', ['r', 'b.weight'], ['z'])],
      initializers: [conv, tensor('a.weight', [4, 2, 3, 3]), tensor('b.weight', [4, 2, 1, 1])],
      inputs: { x: [1, 3, 8, 8] },
      outputs: ['y', 'z'],
    });
    assert.deepEqual(readers.conv, [{ layer: 'a', columnsPerUnit: 9 }, { layer: 'b', columnsPerUnit: 1 }]);
  });

  it('null where the output goes elsewhere: residual sums, outputs, channels last, grouped readers, softmax', async () => {
    const after = async (nodes: ReturnType<typeof node>[], more: ReturnType<typeof tensor>[] = [], outputs = ['y']) =>
      (await readersIn({ nodes: [node('Conv', ['x', 'conv.weight'], ['c'], { pads: [1, 1, 1, 1] }), ...nodes], initializers: [conv, ...more], inputs: { x: [1, 3, 4, 4] }, outputs })).conv;
    const next = tensor('next.weight', [4, 2, 1, 1]);
    assert.equal(await after([node('Add', ['c', 'c'], ['s']), node('Conv', ['s', 'next.weight'], ['y'])], [next]), null);
    assert.equal(await after([node('Conv', ['c', 'next.weight'], ['y'])], [next], ['y', 'c']), null);
    assert.equal(await after([node('Transpose', ['c'], ['t'], { perm: [0, 2, 3, 1] }), node('Flatten', ['t'], ['f']), node('MatMul', ['f', 'fc'], ['y'])], [tensor('fc', [32, 5])]), null);
    assert.equal(await after([node('Conv', ['c', 'depth.weight'], ['y'], { group: 2 })], [tensor('depth.weight', [2, 1, 3, 3])]), null);
    assert.equal(await after([node('Softmax', ['c'], ['s'], { axis: 1 }), node('Conv', ['s', 'next.weight'], ['y'])], [next]), null);
    assert.deepEqual(await after([node('Conv', ['c', 'next.weight'], ['y'])], [next]), [{ layer: 'next', columnsPerUnit: 1 }]);
    // Channels last is still one column per unit for a layer that reads the last axis.
    assert.deepEqual(await after([node('Transpose', ['c'], ['t'], { perm: [0, 2, 3, 1] }), node('MatMul', ['t', 'fc'], ['y'])], [tensor('fc', [2, 5])]), [{ layer: 'fc', columnsPerUnit: 1 }]);
  });
});
