import assert from 'node:assert/strict';
import type { StoredTensor } from '../../../server/formats/modelFile.js';
import { buildModel } from '../../../server/model/buildModel.js';
import type { Model } from '../../../server/model/model.js';
import { counting, namedFile, reasonFor, rowsOf, tensor, transpose } from './graphs.js';

const modelOf = (...tensors: StoredTensor[]): Promise<Model> => buildModel(namedFile(tensors));
const facts = ({ layers }: Model) => layers.map(({ id, kind, matrixShape }) => [id, kind, matrixShape]);

describe('layers of a file without a graph', () => {
  it('by shape: matrices are dense, higher ranks convolutions', async () => {
    const model = await modelOf(tensor('fc1.weight', [3, 2]), tensor('conv1.weight', [4, 3, 2, 2]), tensor('c1d.weight', [4, 3, 5]), tensor('c3d.weight', [2, 1, 2, 2, 2]), tensor('head.weight', [1, 1]));
    assert.deepEqual(facts(model), [['fc1', 'dense', [3, 2]], ['conv1', 'convolution', [4, 12]], ['c1d', 'convolution', [4, 15]], ['c3d', 'convolution', [2, 8]], ['head', 'dense', [1, 1]]]);
    assert.equal(model.layers[1].convolution, null);
    assert.equal(model.function, null);
    assert.deepEqual(await rowsOf(model.layers[1]), counting(4, 12));
  });

  it('embeddings by name, dense layers of a similar name not', async () => {
    const tables = ['transformer.wte.weight', 'transformer.wpe.weight', 'model.embed_tokens.weight', 'embeddings.word_embeddings.weight', 'token_embedding.weight', 'decoder.block.0.layer.0.relative_attention_bias.weight', 'shared.weight', 'params/Embed_0/embedding'];
    const others = ['time_embedding.linear_1.weight', 'embed_out.weight', 'patch_embed.proj.weight', 'encoder.embedding_projection.weight'];
    const model = await modelOf(...[...tables, ...others].map((name) => tensor(name, [5, 2])));
    assert.deepEqual(model.layers.map(({ kind }) => kind), [...tables.map(() => 'embedding'), ...others.map(() => 'dense')]);
    const positions = await modelOf(tensor('pos_embed', [1, 5, 2]));
    assert.deepEqual(facts(positions), [['pos_embed', 'embedding', [5, 2]]]);
  });

  it('what is no layer says why', async () => {
    const model = await modelOf(
      tensor('fc.bias', [3]),
      tensor('norm.weight', [3]),
      tensor('bn.running_mean', [3]),
      tensor('bn.num_batches_tracked', [], [7], 'int64'),
      tensor('rotary.inv_freq', [4]),
      tensor('attn.bias', [1, 1, 4, 4]),
      tensor('logit_scale', []),
      tensor('cls_token', [1, 1, 8]),
      tensor('position_ids', [1, 8], undefined, 'int64'),
      tensor('q.qweight', [2, 2], undefined, 'int32'),
      tensor('q.scales', [2, 2]),
      tensor('attn.causal_mask', [4, 4]),
      tensor('flags', [4], [1, 0, 1, 0], 'bool'),
      tensor('empty.weight', [0, 4]),
    );
    assert.deepEqual(model.layers, []);
    const expected: Record<string, RegExp> = {
      'fc.bias': /^bias of fc$/, 'norm.weight': /^1-D/, 'bn.running_mean': /statistics of bn/, 'bn.num_batches_tracked': /counter of batch normalisation bn/, 'rotary.inv_freq': /rotary/, 'attn.bias': /^bias of attn$/,
      logit_scale: /one number/, cls_token: /single vector/, position_ids: /integers/, 'q.qweight': /GPTQ/, 'q.scales': /quantisation scale/, 'attn.causal_mask': /mask/, flags: /bool values/, 'empty.weight': /no elements/,
    };
    for (const [name, pattern] of Object.entries(expected)) assert.match(reasonFor(model, name), pattern);
    assert.equal(model.skipped.length, 14);
  });

  it('GPT-2’s Conv1D is [in, out]; Linear layers of the same names are not', async () => {
    const gpt2 = await modelOf(tensor('h.0.attn.c_attn.weight', [2, 6]), tensor('h.0.attn.c_proj.weight', [2, 2]), tensor('h.0.mlp.c_fc.weight', [2, 8]), tensor('h.0.mlp.c_proj.weight', [8, 2]), tensor('h.0.mlp.c_proj.bias', [2]));
    assert.deepEqual(facts(gpt2), [
      ['h.0.attn.c_attn.q', 'attention', [2, 2]],
      ['h.0.attn.c_attn.k', 'attention', [2, 2]],
      ['h.0.attn.c_attn.v', 'attention', [2, 2]],
      ['h.0.attn.c_proj', 'dense', [2, 2]],
      ['h.0.mlp.c_fc', 'dense', [8, 2]],
      ['h.0.mlp.c_proj', 'dense', [2, 8]],
    ]);
    assert.deepEqual(await rowsOf(gpt2.layers[1]), [[3, 9], [4, 10]]);
    assert.deepEqual(await rowsOf(gpt2.layers[3]), [[1, 3], [2, 4]]);
    assert.deepEqual(gpt2.layers[1].shape, [2, 2]);
    const linear = await modelOf(tensor('h.0.attn.c_attn.weight', [6, 2]), tensor('h.0.attn.c_proj.weight', [2, 2]), tensor('h.0.mlp.c_fc.weight', [8, 2]));
    assert.deepEqual(await rowsOf(linear.layers[1]), [[5, 6], [7, 8]]);
    assert.deepEqual(await rowsOf(linear.layers[3]), [[1, 2], [3, 4]]);
    assert.deepEqual(linear.layers[4].matrixShape, [8, 2]);
  });

  it('fused projections are split where the shape leaves no doubt', async () => {
    const model = await modelOf(tensor('attn.in_proj_weight', [6, 2]), tensor('blocks.0.attn.qkv.weight', [6, 2]), tensor('phi.qkv_proj.weight', [8, 4]), tensor('neox.query_key_value.weight', [6, 2]), tensor('x.to_qkv.weight', [6, 5]));
    assert.deepEqual(model.layers.map(({ id }) => id), [
      'attn.in_proj_weight.q', 'attn.in_proj_weight.k', 'attn.in_proj_weight.v',
      'blocks.0.attn.qkv.q', 'blocks.0.attn.qkv.k', 'blocks.0.attn.qkv.v',
      'phi.qkv_proj', 'neox.query_key_value',
      'x.to_qkv.q', 'x.to_qkv.k', 'x.to_qkv.v',
    ]);
    assert.ok(model.layers.every(({ kind }) => kind === 'attention'));
    assert.deepEqual(await rowsOf(model.layers[2]), [[9, 10], [11, 12]]);
  });

  it('the bias tells the orientation; Flax kernels keep outputs last', async () => {
    const model = await modelOf(
      tensor('up.weight', [2, 3, 1, 2]), tensor('up.bias', [3]),
      tensor('lin.weight', [2, 3]), tensor('lin.bias', [3]),
      tensor('params/Dense_0/kernel', [2, 3]),
      tensor('params/Conv_0/kernel', [1, 2, 3, 4]),
    );
    assert.deepEqual(facts(model), [
      ['up', 'convolutionTranspose', [3, 4]],
      ['lin', 'dense', [3, 2]],
      ['params/Dense_0', 'dense', [3, 2]],
      ['params/Conv_0', 'convolution', [4, 6]],
    ]);
    assert.deepEqual(await rowsOf(model.layers[0]), [[1, 2, 7, 8], [3, 4, 9, 10], [5, 6, 11, 12]]);
    assert.deepEqual(await rowsOf(model.layers[2]), transpose(counting(2, 3)));
    // Output o, input i, tap t: element [t][i][o].
    assert.deepEqual((await rowsOf(model.layers[3]))[0], [1, 13, 5, 17, 9, 21]);
  });

  it('experts in one tensor are one block-diagonal layer', async () => {
    const model = await modelOf(tensor('layers.0.mlp.experts.gate_up_proj', [3, 2, 4]));
    const [layer] = model.layers;
    assert.deepEqual([layer.kind, layer.groups, layer.matrixShape], ['other', 3, [6, 12]]);
    assert.deepEqual(await rowsOf(layer), counting(6, 4));
  });

  describe('recurrent layers', () => {
    it('PyTorch’s LSTM: i f g o, named as in a graph, the second layer #2', async () => {
      const model = await modelOf(tensor('lstm.weight_ih_l0', [8, 3]), tensor('lstm.weight_hh_l0', [8, 2]), tensor('lstm.weight_ih_l0_reverse', [8, 3]), tensor('lstm.weight_hh_l0_reverse', [8, 2]), tensor('lstm.weight_ih_l1', [8, 4]), tensor('lstm.weight_hh_l1', [8, 2]), tensor('lstm.bias_ih_l0', [8]));
      const ids = model.layers.map(({ id }) => id);
      assert.deepEqual(ids.slice(0, 5), ['lstm.w.forward.i', 'lstm.w.forward.f', 'lstm.w.forward.c', 'lstm.w.forward.o', 'lstm.r.forward.i']);
      assert.equal(ids[8], 'lstm.w.backward.i');
      assert.equal(ids[16], 'lstm.w.forward.i#2');
      assert.deepEqual(await rowsOf(model.layers[2]), counting(8, 3).slice(4, 6));
      assert.deepEqual(model.layers[2].shape, [2, 3]);
      assert.equal(reasonFor(model, 'lstm.bias_ih_l0'), 'bias of lstm');
    });

    it('GRU cells: r z n; a projected LSTM; an RNN', async () => {
      const gru = await modelOf(tensor('cell.weight_ih', [6, 5]), tensor('cell.weight_hh', [6, 2]));
      assert.deepEqual(gru.layers.map(({ id }) => id), ['cell.w.forward.r', 'cell.w.forward.z', 'cell.w.forward.h', 'cell.r.forward.r', 'cell.r.forward.z', 'cell.r.forward.h']);
      const projected = await modelOf(tensor('l.weight_ih_l0', [16, 3]), tensor('l.weight_hh_l0', [16, 2]), tensor('l.weight_hr_l0', [2, 4]));
      assert.deepEqual(projected.layers.map(({ matrixShape }) => matrixShape), [...new Array<number[]>(4).fill([4, 3]), ...new Array<number[]>(4).fill([4, 2]), [2, 4]]);
      const rnn = await modelOf(tensor('l.weight_ih_l0', [2, 3]), tensor('l.weight_hh_l0', [2, 2]));
      assert.deepEqual(rnn.layers.map(({ id }) => id), ['l.w.forward.i', 'l.r.forward.i']);
    });
  });

  describe('scales beside the weights', () => {
    const weight = (dtype: 'float8e4m3fn' | 'int8') => tensor('fc.weight', [2, 4], undefined, dtype);

    it('one for all, one per row, one per tile', async () => {
      const rows = async (scale: StoredTensor, dtype: 'float8e4m3fn' | 'int8' = 'float8e4m3fn') => {
        const model = await modelOf(weight(dtype), scale);
        assert.equal(reasonFor(model, scale.name), 'quantisation scale of fc');
        return rowsOf(model.layers[0]);
      };
      assert.deepEqual(await rows(tensor('fc.weight_scale', [], [2])), [[2, 4, 6, 8], [10, 12, 14, 16]]);
      assert.deepEqual(await rows(tensor('fc.weight_scale', [2, 1], [1, 10]), 'int8'), [[1, 2, 3, 4], [50, 60, 70, 80]]);
      assert.deepEqual(await rows(tensor('fc.weight_scale_inv', [1, 2], [1, 10])), [[1, 2, 30, 40], [5, 6, 70, 80]]);
    });

    it('tiles of 128 with a short last one', async () => {
      const model = await modelOf(tensor('fc.weight', [1, 130], new Array<number>(130).fill(1), 'float8e4m3fn'), tensor('fc.weight_scale_inv', [1, 2], [2, 3]));
      assert.deepEqual((await rowsOf(model.layers[0]))[0].slice(126), [2, 2, 3, 3]);
    });

    it('without one: float8 as stored, integers not at all', async () => {
      const float8 = await modelOf(weight('float8e4m3fn'));
      assert.deepEqual((await rowsOf(float8.layers[0]))[0], [1, 2, 3, 4]);
      assert.match(reasonFor(await modelOf(weight('int8')), 'fc.weight'), /without a scale/);
      assert.match(reasonFor(await modelOf(weight('int8'), tensor('fc.weight_scale', [3])), 'fc.weight'), /without a scale/);
    });
  });
});
