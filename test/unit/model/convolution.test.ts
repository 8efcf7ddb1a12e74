import assert from 'node:assert/strict';
import { counting, integers, modelOf, node, onlyLayer, reasonFor, rowsOf, tensor, type GraphParts } from './graphs.js';

function convolution(shape: number[], attributes: Record<string, number | number[] | string> = {}, input: (number | null)[] = [1, 4, 9, 7], op = 'Conv'): GraphParts {
  return { nodes: [node(op, ['x', 'conv.weight', 'conv.bias'], ['y'], attributes)], initializers: [tensor('conv.weight', shape), tensor('conv.bias', [shape[0]])], inputs: { x: input } };
}

describe('convolutions of a graph', () => {
  it('the matrix is the reshaped kernel [C_out, C_in·k…] in one, two and three dimensions', async () => {
    for (const window of [[3], [3, 2], [2, 3, 2]]) {
      const layer = await onlyLayer(convolution([5, 4, ...window], {}, [1, 4, ...window.map(() => 8)]));
      const taps = window.reduce((a, b) => a * b, 1);
      assert.deepEqual([layer.id, layer.kind, layer.matrixShape], ['conv', 'convolution', [5, 4 * taps]]);
      assert.deepEqual(await rowsOf(layer), counting(5, 4 * taps));
      assert.deepEqual([layer.convolution?.inputSize, layer.convolution?.kernel], [window.map(() => 8), window]);
    }
  });

  it('groups make it block-diagonal', async () => {
    const layer = await onlyLayer(convolution([6, 2, 1, 1], { group: 2 }));
    assert.deepEqual([layer.groups, layer.matrixShape, layer.parameters], [2, [6, 4], 12]);
    assert.deepEqual(await rowsOf(layer), counting(6, 2));
    assert.deepEqual([layer.convolution?.inChannels, layer.convolution?.outChannels], [4, 6]);
    const depthwise = await onlyLayer(convolution([4, 1, 3, 3], { group: 4 }));
    assert.deepEqual([depthwise.groups, depthwise.matrixShape], [4, [4, 36]]);
  });

  it('a transposed convolution is turned to [C_out, C_in·k…]', async () => {
    const layer = await onlyLayer(convolution([2, 3, 1, 2], { output_padding: [0, 1], strides: [2, 2] }, [1, 2, 4, 4], 'ConvTranspose'));
    assert.deepEqual([layer.kind, layer.matrixShape, layer.shape], ['convolutionTranspose', [3, 4], [2, 3, 1, 2]]);
    assert.deepEqual(await rowsOf(layer), [[1, 2, 7, 8], [3, 4, 9, 10], [5, 6, 11, 12]]);
    assert.deepEqual(layer.convolution?.outputPadding, [0, 1]);
    const grouped = await onlyLayer(convolution([4, 3, 1, 1], { group: 2 }, [1, 4, 4, 4], 'ConvTranspose'));
    assert.deepEqual([grouped.matrixShape, grouped.convolution?.outChannels], [[6, 4], 6]);
    assert.deepEqual(await rowsOf(grouped), [[1, 4], [2, 5], [3, 6], [7, 10], [8, 11], [9, 12]]);
  });

  it('auto_pad becomes explicit pads', async () => {
    const pads = async (attributes: Record<string, number | number[] | string>, op = 'Conv') => {
      const { convolution: geometry } = await onlyLayer(convolution([4, 4, 3, 4], attributes, [1, 4, 9, 7], op));
      return [geometry?.pads, geometry?.inputSize];
    };
    assert.deepEqual(await pads({ auto_pad: 'VALID', pads: [1, 1, 1, 1] }), [[0, 0, 0, 0], [9, 7]]);
    assert.deepEqual(await pads({ auto_pad: 'SAME_UPPER' }), [[1, 1, 1, 2], [9, 7]]);
    assert.deepEqual(await pads({ auto_pad: 'SAME_LOWER' }), [[1, 2, 1, 1], [9, 7]]);
    // ceil(9/2) = 5 outputs need 4·2 + 3 − 9 = 2; ceil(7/3) = 3 outputs need 2·3 + 4 − 7 = 3
    assert.deepEqual(await pads({ auto_pad: 'SAME_UPPER', strides: [2, 3] }), [[1, 1, 1, 2], [9, 7]]);
    assert.deepEqual(await pads({ pads: [1, 2, 3, 4] }), [[1, 2, 3, 4], [9, 7]]);
    assert.deepEqual(await pads({ output_shape: [9, 7] }, 'ConvTranspose'), [[1, 1, 1, 2], [9, 7]]);
    const unknown = await onlyLayer(convolution([4, 4, 3, 3], { auto_pad: 'SAME_UPPER', strides: [2, 2] }, [1, 4, null, null]));
    assert.equal(unknown.convolution?.inputSize, null);
  });

  it('a quantised kernel comes out as (x − zeroPoint)·scale, per tensor and per channel', async () => {
    const kernel = tensor('conv.weight_quantized', [2, 1, 1, 2], [1, 2, 3, 4], 'int8');
    const qdq = (scale: ReturnType<typeof tensor>, zero: ReturnType<typeof tensor>, axis: number): GraphParts => ({
      nodes: [node('DequantizeLinear', [kernel.name, 'scale', 'zero'], ['w'], { axis }), node('Conv', ['x', 'w'], ['y'])],
      initializers: [kernel, scale, zero],
      inputs: { x: [1, 1, 4, 4] },
    });
    const perTensor = await modelOf(qdq(tensor('scale', [], [0.5]), tensor('zero', [], [1], 'int8'), 1));
    assert.deepEqual(await rowsOf(perTensor.layers[0]), [[0, 0.5], [1, 1.5]]);
    assert.deepEqual([perTensor.layers[0].id, perTensor.layers[0].dtype], ['conv', 'int8']);
    assert.equal(reasonFor(perTensor, 'scale'), 'quantisation scale of conv');
    assert.equal(reasonFor(perTensor, 'zero'), 'quantisation zero point of conv');
    const perChannel = await onlyLayer(qdq(tensor('scale', [2], [0.5, 10]), tensor('zero', [2], [1, 3], 'int8'), 0));
    assert.deepEqual(await rowsOf(perChannel), [[0, 0.5], [0, 10]]);
    const integer = await onlyLayer({
      nodes: [node('QLinearConv', ['x', 'xs', 'xz', kernel.name, 'scale', 'zero', 'ys', 'yz'], ['y'])],
      initializers: [kernel, tensor('scale', [2], [2, 3]), tensor('zero', [2], [0, 1], 'int8'), tensor('xs', [], [1]), tensor('xz', [], [0], 'int8'), tensor('ys', [], [1]), tensor('yz', [], [0], 'int8')],
      inputs: { x: [1, 1, 4, 4] },
    });
    assert.deepEqual(await rowsOf(integer), [[2, 4], [6, 9]]);
  });

  it('a QuantizeLinear–DequantizeLinear pair on a float kernel changes nothing', async () => {
    const layer = await onlyLayer({
      nodes: [node('QuantizeLinear', ['conv.weight', 's'], ['q']), node('DequantizeLinear', ['q', 's'], ['d']), node('Conv', ['x', 'd'], ['y'])],
      initializers: [tensor('conv.weight', [2, 1, 1, 1]), tensor('s', [], [0.1])],
      inputs: { x: [1, 1, 4, 4] },
    });
    assert.deepEqual(await rowsOf(layer), [[1], [2]]);
  });

  it('says why a kernel is none', async () => {
    const flat = await modelOf(convolution([2, 2], {}));
    assert.match(reasonFor(flat, 'conv.weight'), /no convolution/);
    const uneven = await modelOf(convolution([5, 2, 1, 1], { group: 2 }));
    assert.match(reasonFor(uneven, 'conv.weight'), /5 channels do not divide into 2 groups/);
  });
});

describe('input sizes of convolutions', () => {
  /** The size that a last 1×1 convolution sees after some operations. */
  async function sizeAfter(nodes: ReturnType<typeof node>[], input: (number | null)[], more: ReturnType<typeof tensor>[] = [], values: Record<string, (number | null)[]> = {}): Promise<number[] | null | undefined> {
    const model = await modelOf({ nodes: [...nodes, node('Conv', ['last', 'probe.weight'], ['y'])], initializers: [tensor('probe.weight', [2, 3, 1, 1]), ...more], inputs: { x: input }, values });
    return model.layers.find(({ id }) => id === 'probe')!.convolution?.inputSize;
  }

  it('through convolutions, pools, padding, resizing, joining and elementwise operations', async () => {
    const kernel = tensor('k', [3, 3, 3, 3]);
    const cases: [ReturnType<typeof node>[], number[], ReturnType<typeof tensor>[]?][] = [
      [[node('Conv', ['x', 'k'], ['last'], { strides: [2, 1], pads: [1, 1, 1, 1] })], [5, 8], [kernel]],
      [[node('Conv', ['x', 'k'], ['last'], { dilations: [2, 2] })], [5, 4], [kernel]],
      [[node('ConvTranspose', ['x', 'k'], ['last'], { strides: [2, 2], output_padding: [1, 0] })], [20, 17], [kernel]],
      [[node('MaxPool', ['x'], ['last'], { kernel_shape: [2, 2], strides: [2, 2] })], [4, 4]],
      [[node('MaxPool', ['x'], ['last'], { kernel_shape: [2, 3], strides: [2, 2], ceil_mode: 1 })], [5, 4]],
      [[node('AveragePool', ['x'], ['last'], { kernel_shape: [3, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' })], [5, 4]],
      [[node('GlobalAveragePool', ['x'], ['last'])], [1, 1]],
      [[node('Relu', ['x'], ['r']), node('Add', ['r', 'x'], ['last'])], [9, 8]],
      [[node('Pad', ['x', 'pads'], ['last'])], [12, 9], [integers('pads', [0, 0, 1, 0, 0, 0, 2, 1])]],
      [[node('Pad', ['x'], ['last'], { pads: [0, 0, 1, 1, 0, 0, 1, 1] })], [11, 10]],
      [[node('Resize', ['x', '', 'scales'], ['last'])], [18, 12], [tensor('scales', [4], [1, 1, 2, 1.5])]],
      [[node('Upsample', ['x', 'scales'], ['last'])], [18, 16], [tensor('scales', [4], [1, 1, 2, 2])]],
      [[node('Resize', ['x', '', '', 'sizes'], ['last'])], [5, 6], [integers('sizes', [1, 3, 5, 6])]],
      [[node('Concat', ['x', 'x'], ['last'], { axis: 2 })], [18, 8]],
      [[node('Transpose', ['x'], ['last'], { perm: [0, 1, 3, 2] })], [8, 9]],
      [[node('Slice', ['x'], ['last'], { starts: [1], ends: [-1], axes: [2] })], [7, 8]],
      [[node('SpaceToDepth', ['p'], ['last'], { blocksize: 2 }), node('Pad', ['x'], ['p'], { pads: [0, 0, 0, 0, 0, 0, 1, 0] })], [5, 4]],
    ];
    for (const [nodes, expected, more] of cases) assert.deepEqual(await sizeAfter(nodes, [1, 3, 9, 8], more), expected, nodes[0].opType);
  });

  it('a declared shape fills in what no rule tells, and an unknown size stays unknown', async () => {
    assert.equal(await sizeAfter([node('Riddle', ['x'], ['last'])], [1, 3, 9, 8]), null);
    assert.deepEqual(await sizeAfter([node('Riddle', ['x'], ['last'])], [1, 3, 9, 8], [], { last: [1, 3, 4, 4] }), [4, 4]);
    assert.equal(await sizeAfter([node('Relu', ['x'], ['last'])], [null, 3, null, 8]), null);
  });

  it('through shapes that the graph computes for itself', async () => {
    const nodes = [
      node('Shape', ['x'], ['shape']),
      node('Gather', ['shape', 'first'], ['n']),
      node('Unsqueeze', ['n', 'first1'], ['n1']),
      node('Concat', ['n1', 'rest'], ['target'], { axis: 0 }),
      node('Reshape', ['x', 'target'], ['last']),
    ];
    assert.deepEqual(await sizeAfter(nodes, [null, 12, 6], [integers('first', [0], []), integers('first1', [0]), integers('rest', [3, 4, -1])]), [4, 6]);
  });
});
