import assert from 'node:assert/strict';
import type { GraphNode } from '../../../server/formats/modelFile.js';
import { counting, integers, modelOf, node, reasonFor, rowsOf, tensor } from './graphs.js';

/** Width 4, two heads of 2: the fused projection is [12, 4]. */
const fused = counting(12, 4);
const shapes = { x: [1, 3, 4] };

/** Product and softmax of attention on three values [.., tokens, width]. */
function attend(q: string, k: string, v: string): GraphNode[] {
  return [
    node('Transpose', [k], ['keysTransposed'], { perm: [0, 1, 3, 2] }),
    node('MatMul', [q, 'keysTransposed'], ['scores']),
    node('Softmax', ['scores'], ['weights'], { axis: -1 }),
    node('MatMul', ['weights', v], ['mixed']),
    node('Identity', ['mixed'], ['y']),
  ];
}

const constants = [tensor('attn.qkv.weight', [12, 4]), tensor('attn.qkv.bias', [12]), integers('five', [1, 3, 3, 2, 2]), integers('neox', [1, 3, 2, 6]), integers('heads', [1, 3, 2, 2]), ...[0, 1, 2, 4, 8, 12].map((n) => integers(`n${n}`, [n])), integers('last', [-1]), ...[0, 1, 2].map((n) => integers(`s${n}`, [n], []))];

async function split(nodes: GraphNode[]) {
  const model = await modelOf({ nodes: [node('Gemm', ['x', 'attn.qkv.weight', 'attn.qkv.bias'], ['p'], { transB: 1 }), ...nodes], initializers: constants, inputs: shapes, values: { p: [1, 3, 12] } });
  const { layers } = model;
  return { ids: layers.map(({ id }) => id), kinds: new Set(layers.map(({ kind }) => kind)), rows: await Promise.all(layers.map(rowsOf)), layers, model };
}

describe('fused projections', () => {
  it('Reshape to [batch, tokens, 3, heads, width], Transpose and three Gathers', async () => {
    const parts = ['q', 'k', 'v'].map((name, i) => node('Gather', ['t', `s${i}`], [name], { axis: 0 }));
    const { ids, kinds, rows, layers, model } = await split([node('Reshape', ['p', 'five'], ['r']), node('Transpose', ['r'], ['t'], { perm: [2, 0, 3, 1, 4] }), ...parts, ...attend('q', 'k', 'v')]);
    assert.deepEqual(ids, ['attn.qkv.q', 'attn.qkv.k', 'attn.qkv.v']);
    assert.deepEqual([...kinds], ['attention']);
    assert.deepEqual(rows, [fused.slice(0, 4), fused.slice(4, 8), fused.slice(8)]);
    assert.deepEqual(layers[1].shape, [4, 4]);
    assert.equal(reasonFor(model, 'attn.qkv.bias'), 'bias of attn.qkv');
  });

  it('Split of the last axis, also with shared keys and values', async () => {
    const to = (name: string, target: string) => [node('Reshape', [name, target], [`${name}h`]), node('Transpose', [`${name}h`], [`${name}t`], { perm: [0, 2, 1, 3] })];
    const rest = [...to('q', 'heads'), ...to('k', 'heads'), ...to('v', 'heads'), ...attend('qt', 'kt', 'vt')];
    const even = await split([node('Split', ['p'], ['q', 'k', 'v'], { axis: -1 }), ...rest]);
    assert.deepEqual(even.rows, [fused.slice(0, 4), fused.slice(4, 8), fused.slice(8)]);
    const shared = await split([node('Split', ['p'], ['q', 'k', 'v'], { axis: 2, split: [8, 2, 2] }), ...rest]);
    assert.deepEqual(shared.rows, [fused.slice(0, 8), fused.slice(8, 10), fused.slice(10)]);
  });

  it('three Slices, in an order of their own: names follow the product, not the place', async () => {
    const cut = (name: string, from: number, to: number) => node('Slice', ['p', `n${from}`, `n${to}`, 'last'], [name]);
    const { ids, rows } = await split([cut('v', 0, 4), cut('q', 4, 8), cut('k', 8, 12), node('MatMul', ['q', 'k'], ['scores']), node('Softmax', ['scores'], ['w']), node('MatMul', ['w', 'v'], ['y'])]);
    assert.deepEqual(ids, ['attn.qkv.q', 'attn.qkv.k', 'attn.qkv.v']);
    assert.deepEqual(rows, [fused.slice(4, 8), fused.slice(8), fused.slice(0, 4)]);
  });

  it('stored head by head, as GPT-NeoX does', async () => {
    const { rows } = await split([node('Reshape', ['p', 'neox'], ['r']), node('Split', ['r'], ['q', 'k', 'v'], { axis: -1 }), ...attend('q', 'k', 'v')]);
    const heads = (start: number) => [...fused.slice(start, start + 2), ...fused.slice(start + 6, start + 8)];
    assert.deepEqual(rows, [heads(0), heads(2), heads(4)]);
  });

  it('parts that never meet in a product are no attention', async () => {
    const { ids, kinds } = await split([node('Split', ['p'], ['a', 'b', 'c'], { axis: -1 }), node('Mul', ['a', 'b'], ['m']), node('Add', ['m', 'c'], ['y'])]);
    assert.deepEqual(ids, ['attn.qkv']);
    assert.deepEqual([...kinds], ['dense']);
  });

  it('onnxruntime’s Attention holds [in, q + k + v]', async () => {
    const { layers } = await modelOf({
      nodes: [node('Attention', ['x', 'h.0.attn.c_attn.weight', 'h.0.attn.c_attn.bias'], ['y'], { num_heads: 1, qkv_hidden_sizes: [1, 1, 2] }, 'GptAttention_0', 'com.microsoft')],
      initializers: [tensor('h.0.attn.c_attn.weight', [2, 4]), tensor('h.0.attn.c_attn.bias', [4])],
    });
    assert.deepEqual(layers.map(({ id, shape }) => [id, shape]), [['h.0.attn.c_attn.q', [2, 1]], ['h.0.attn.c_attn.k', [2, 1]], ['h.0.attn.c_attn.v', [2, 2]]]);
    assert.deepEqual(await rowsOf(layers[2]), [[3, 7], [4, 8]]);
  });
});
