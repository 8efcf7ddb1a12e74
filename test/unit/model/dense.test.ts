import assert from 'node:assert/strict';
import { counting, graph, integers, modelOf, node, onlyLayer, reasonFor, rowsOf, tensor, transpose, type GraphParts } from './graphs.js';

/** One MatMul-like node on `w` and what its matrix must be. */
async function expectMatrix(parts: GraphParts, expected: number[][]): Promise<void> {
  const layer = await onlyLayer(parts);
  assert.deepEqual(layer.matrixShape, [expected.length, expected[0].length]);
  assert.equal(layer.kind, 'dense');
  assert.deepEqual(await rowsOf(layer), expected);
}

describe('dense layers of a graph', () => {
  const w = tensor('fc.weight', [2, 3]);
  const asStored = counting(2, 3);

  it('Gemm: transB is [out, in] as stored, else transposed; alpha scales', async () => {
    const gemm = (attributes: Record<string, number>): GraphParts => ({ nodes: [node('Gemm', ['x', 'fc.weight', 'fc.bias'], ['y'], attributes)], initializers: [w, tensor('fc.bias', [3])] });
    await expectMatrix(gemm({ transB: 1 }), asStored);
    await expectMatrix(gemm({}), transpose(asStored));
    await expectMatrix(gemm({ transB: 1, alpha: 0.5 }), asStored.map((row) => row.map((value) => value / 2)));
    const model = await modelOf(gemm({ transB: 1 }));
    assert.equal(reasonFor(model, 'fc.bias'), 'bias of fc');
    assert.equal(model.layers[0].parameters, 6);
    assert.deepEqual(model.layers[0].shape, [2, 3]);
  });

  it('a constant on the left maps columns: as stored', async () => {
    await expectMatrix({ nodes: [node('MatMul', ['fc.weight', 'x'], ['y'])], initializers: [w] }, asStored);
    await expectMatrix({ nodes: [node('Gemm', ['fc.weight', 'x'], ['y'], { transA: 1 })], initializers: [w] }, transpose(asStored));
    await expectMatrix({ nodes: [node('MatMul', ['x', 'fc.weight'], ['y'])], initializers: [w] }, transpose(asStored));
    await expectMatrix({ nodes: [node('FusedMatMul', ['x', 'fc.weight'], ['y'], { transB: 1, alpha: 2 }, '', 'com.microsoft')], initializers: [w] }, asStored.map((row) => row.map((value) => 2 * value)));
  });

  it('walks back through operations that move or scale elements', async () => {
    const chain = (...steps: [string, string[], Record<string, number | number[]>?][]): GraphParts => ({
      nodes: [
        ...steps.map(([op, more, attributes], i) => node(op, [i === 0 ? 'fc.weight' : `v${i - 1}`, ...more], [`v${i}`], attributes ?? {})),
        node('MatMul', ['x', `v${steps.length - 1}`], ['y']),
      ],
      initializers: [w, integers('shape', [3, -1]), integers('axes', [0]), integers('starts', [0]), integers('ends', [2]), integers('one', [1]), tensor('half', [], [0.5])],
    });
    await expectMatrix(chain(['Transpose', [], { perm: [1, 0] }]), asStored);
    await expectMatrix(chain(['Transpose', []]), asStored);
    await expectMatrix(chain(['Identity', []], ['Cast', [], { to: 1 }]), transpose(asStored));
    await expectMatrix(chain(['Reshape', ['shape']]), transpose([[1, 2], [3, 4], [5, 6]]));
    await expectMatrix(chain(['Unsqueeze', ['axes']], ['Squeeze', ['axes']]), transpose(asStored));
    await expectMatrix(chain(['Unsqueeze', [], { axes: [1] }], ['Flatten', [], { axis: 1 }]), transpose(asStored));
    await expectMatrix(chain(['Slice', ['starts', 'ends', 'one']]), transpose([[1, 2], [4, 5]]));
    await expectMatrix(chain(['Slice', [], { starts: [-2], ends: [9], axes: [1] }]), transpose([[2, 3], [5, 6]]));
    await expectMatrix(chain(['Mul', ['half']]), transpose(asStored.map((row) => row.map((value) => value / 2))));
    await expectMatrix(chain(['Div', ['half']], ['Neg', []]), transpose(asStored.map((row) => row.map((value) => -2 * value))));
  });

  it('reshapes of transposed constants are right where no strided view exists', async () => {
    // [2, 3]ᵀ = [3, 2] seen as [2, 3]: rows 1 4 2 | 5 3 6
    await expectMatrix(
      { nodes: [node('Transpose', ['fc.weight'], ['t']), node('Reshape', ['t', 'shape'], ['r']), node('MatMul', ['r', 'x'], ['y'])], initializers: [w, integers('shape', [2, 3])] },
      [[1, 4, 2], [5, 3, 6]],
    );
  });

  it('a constant per row or column is folded in, as quantisers write it', async () => {
    const scale = tensor('scale', [1, 3], [1, 10, 100]);
    await expectMatrix({ nodes: [node('Mul', ['scale', 'fc.weight'], ['s']), node('MatMul', ['s', 'x'], ['y'])], initializers: [w, scale] }, [[1, 20, 300], [4, 50, 600]]);
    const byte = tensor('fc.weight', [2, 2], [10, 12, 14, 16], 'uint8');
    const parts = { nodes: [node('Cast', ['fc.weight'], ['c']), node('Sub', ['c', 'zero'], ['d']), node('Mul', ['d', 'half'], ['e']), node('MatMul', ['e', 'x'], ['y'])], initializers: [byte, tensor('zero', [], [10]), tensor('half', [], [0.5])] };
    await expectMatrix(parts, [[0, 1], [2, 3]]);
  });

  it('Split and Concat of constants', async () => {
    const nodes = [node('Split', ['fc.weight', 'sizes'], ['a', 'b'], { axis: 1 }), node('Concat', ['b', 'a'], ['c'], { axis: 1 }), node('MatMul', ['c', 'x'], ['y'])];
    await expectMatrix({ nodes, initializers: [w, integers('sizes', [1, 2])] }, [[2, 3, 1], [5, 6, 4]]);
    const model = await modelOf({ nodes: [nodes[0], node('MatMul', ['a', 'x'], ['u']), node('MatMul', ['b', 'x'], ['y'])], initializers: [w, integers('sizes', [1, 2])] });
    assert.deepEqual(model.layers.map(({ id }) => id), ['fc', 'fc#2']);
    assert.deepEqual(await rowsOf(model.layers[1]), [[2, 3], [5, 6]]);
  });

  it('Einsum with a constant: contracted letters are columns', async () => {
    const einsum = (equation: string, shape: number[], operands = ['x', 'k']) => ({ nodes: [node('Einsum', operands, ['y'], { equation })], initializers: [tensor('k', shape)] });
    await expectMatrix(einsum('bi,io->bo', [2, 3]), transpose(counting(2, 3)));
    await expectMatrix(einsum('oi, bi -> bo', [2, 3], ['k', 'x']), counting(2, 3));
    await expectMatrix(einsum('abc,cde->abde', [2, 3, 4]), transpose(counting(2, 12)));
    const grouped = await onlyLayer(einsum('bgi,gio->bgo', [2, 2, 3]));
    assert.deepEqual([grouped.kind, grouped.groups, grouped.matrixShape], ['other', 2, [6, 4]]);
    assert.deepEqual(await rowsOf(grouped), [[1, 4], [2, 5], [3, 6], [7, 10], [8, 11], [9, 12]]);
    const odd = await modelOf(einsum('ii,ii->i', [2, 2]));
    assert.match(reasonFor(odd, 'k'), /no matrix product/);
  });

  it('a stack of matrices is one block-diagonal layer', async () => {
    const layer = await onlyLayer({ nodes: [node('MatMul', ['x', 'stack'], ['y'])], initializers: [tensor('stack', [2, 2, 3])] });
    assert.deepEqual([layer.kind, layer.groups, layer.matrixShape, layer.parameters], ['other', 2, [6, 4], 12]);
    assert.deepEqual(await rowsOf(layer), [[1, 4], [2, 5], [3, 6], [7, 10], [8, 11], [9, 12]]);
    const single = await onlyLayer({ nodes: [node('MatMul', ['x', 'stack'], ['y'])], initializers: [tensor('stack', [1, 2, 3])] });
    assert.deepEqual([single.kind, single.matrixShape], ['dense', [3, 2]]);
  });

  it('a weight used twice is one layer; tied through a Transpose too', async () => {
    const model = await modelOf({
      nodes: [node('Gather', ['wte.weight', 'ids'], ['h']), node('Transpose', ['wte.weight'], ['t']), node('MatMul', ['h', 't'], ['y'])],
      initializers: [tensor('wte.weight', [5, 2])],
      inputs: { ids: [1, 3] },
      inputType: 'int64',
    });
    assert.deepEqual(model.layers.map(({ id, kind, matrixShape }) => [id, kind, matrixShape]), [['wte', 'embedding', [5, 2]]]);
    assert.deepEqual(model.function, { input: 'h', output: 'y', tensor: 'y', removed: [] });
  });

  it('says why a constant operand is no layer', async () => {
    const model = await modelOf({
      nodes: [node('MatMul', ['x', 'vector'], ['a']), node('MatMul', ['p', 'q'], ['b']), node('Add', ['a', 'table'], ['c']), node('Blur', ['c', 'odd'], ['y'], {}, '', 'my.domain')],
      initializers: [tensor('vector', [4]), tensor('p', [2, 2]), tensor('q', [2, 2]), tensor('table', [3, 4]), tensor('odd', [3, 3]), tensor('unused', [2, 2]), tensor('empty', [0, 4]), tensor('one', [1], [2])],
    });
    assert.deepEqual(model.layers, []);
    assert.match(reasonFor(model, 'vector'), /^1-D/);
    assert.match(reasonFor(model, 'p'), /both operands/);
    assert.match(reasonFor(model, 'table'), /constant of Add/);
    assert.match(reasonFor(model, 'odd'), /my\.domain\.Blur, an operator that is not known/);
    assert.equal(reasonFor(model, 'unused'), 'no operation of the graph uses it');
    assert.equal(reasonFor(model, 'empty'), 'it has no elements');
    assert.equal(model.skipped.length, 8);
  });

  it('layers inside If, Loop and Scan bodies and in functions are found once', async () => {
    const branch = (name: string) => graph({ nodes: [node('Gemm', ['x', 'shared.weight'], [`${name}1`], { transB: 1 }), node('MatMul', [`${name}1`, `${name}.weight`], [name])], initializers: [tensor(`${name}.weight`, [3, 2])], inputs: {}, outputs: [name] });
    const model = await modelOf({
      nodes: [node('If', ['condition'], ['z'], { then_branch: branch('then'), else_branch: branch('else') }), node('Dense', ['z', 'fn.weight'], ['y'], {}, 'block', 'local')],
      initializers: [tensor('shared.weight', [3, 4]), tensor('fn.weight', [5, 2])],
    }, { functions: [{ name: 'Dense', domain: 'local', inputs: ['a', 'w'], outputs: ['out'], attributes: [], nodes: [node('Transpose', ['w'], ['t']), node('MatMul', ['a', 't'], ['out'])] }] });
    assert.deepEqual(model.layers.map(({ id }) => id), ['shared', 'then', 'else', 'fn']);
    assert.deepEqual(await rowsOf(model.layers[3]), counting(5, 2));
  });

  it('a circle in the graph is refused with one sentence', async () => {
    await assert.rejects(modelOf({ nodes: [node('Relu', ['b'], ['a'], {}, 'first'), node('Relu', ['a'], ['b'], {}, 'second')] }), /circle through node/);
  });

  it('chains of thousands of operations on a constant end in a layer or in none, not in a crash', async () => {
    const chain = (op: string, inputs: string[], attributes = {}) => Array.from({ length: 1000 }, (_, i) => node(op, [i === 0 ? 'w' : `c${i - 1}`, ...inputs], [`c${i}`], attributes));
    const layersAfter = async (nodes: ReturnType<typeof chain>) => (await modelOf({ nodes: [...nodes, node('MatMul', ['c999', 'x'], ['y'])], initializers: [tensor('w', [2, 3]), tensor('s', [3]), integers('six', [-1, 2])] })).layers.length;
    assert.equal(await layersAfter(chain('Identity', [])), 1);
    assert.equal(await layersAfter(chain('Transpose', [], { perm: [1, 0] })), 1);
    assert.equal(await layersAfter(chain('Mul', ['s'])), 0);
    assert.equal(await layersAfter(chain('Reshape', ['six']).map((n, i) => (i % 2 === 0 ? n : node('Transpose', [n.inputs[0]], n.outputs)))), 0);
  });

  it('concatenations that double again and again end at once', async () => {
    const nodes = Array.from({ length: 60 }, (_, i) => node('Concat', [i === 0 ? 'w' : `c${i - 1}`, i === 0 ? 'w' : `c${i - 1}`], [`c${i}`], { axis: 0 }));
    const model = await modelOf({ nodes: [...nodes, node('MatMul', ['x', 'c59'], ['y'])], initializers: [tensor('w', [2, 2])] });
    assert.deepEqual(model.layers, []);
  });
});
