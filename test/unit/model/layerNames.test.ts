import assert from 'node:assert/strict';
import { baseId, idOfNode, idOfTensor, isAnonymous, UniqueIds } from '../../../server/model/layerNames.js';
import { node } from './graphs.js';

describe('layer ids', () => {
  it('an initializer’s name without what frameworks append', () => {
    const cases: Record<string, string> = {
      'fc1.weight': 'fc1',
      '5.weight': '5',
      'encoder.layers.0.attn.q_proj.weight': 'encoder.layers.0.attn.q_proj',
      'dense/kernel:0': 'dense',
      'sequential/dense/MatMul/ReadVariableOp:0': 'sequential/dense/MatMul',
      'model/conv1d/Conv1D/ReadVariableOp_1:0': 'model/conv1d/Conv1D',
      'dense/kernel/Read/ReadVariableOp:0': 'dense',
      'conv1.weight_quantized': 'conv1',
      Operation_1_MatMul_W: 'Operation_1_MatMul_W',
      'ConvBnFusion_W_base_net.0.0.weight': 'ConvBnFusion_W_base_net.0.0',
      'model.stft.forward_basis_buffer': 'model.stft.forward_basis_buffer',
      weight: 'weight',
    };
    for (const [name, id] of Object.entries(cases)) assert.equal(idOfTensor(name), id, name);
  });

  it('names that an exporter made up are anonymous, a number before .weight is not', () => {
    for (const name of ['onnx::MatMul_209', '15', 'Parameter193', '/layers.7/Constant_3_output_0', 'const_fold_opt__428', 'const_fold_opt__428_quantized', 'val_12', 'W__30:0']) assert.ok(isAnonymous(name), name);
    for (const name of ['5.weight', '0.0.weight', 'model/dense/Tensordot__20', 'H_2', 'W', 'Parameter193.weight', 'fc1.weight']) assert.ok(!isAnonymous(name), name);
  });

  it('an anonymous weight takes the node’s name: its path, without the operator and repeated prefixes', () => {
    const cases: [string, string, string | null][] = [
      ['MatMul', '/1/1.0/1.0.0/fn/fn.1/query/MatMul', '1.0.0.fn.1.query'],
      ['MatMul', '/lm_head/MatMul', 'lm_head'],
      ['MatMul', '/fc/MatMul_1', 'fc'],
      ['Gemm', '/encoder/encoder.0/encoder.0.1/Gemm', 'encoder.0.1'],
      ['Conv', '/model/decoder/decoder/2/Conv', 'model.decoder.decoder.2'],
      ['MatMulInteger', '/layer/attn/MatMul_quant', 'layer.attn'],
      ['MatMul', '/transformer/h.0/mlp/c_fc/MatMul', 'transformer.h.0.mlp.c_fc'],
      ['MatMul', 'MatMul_12', 'MatMul_12'],
      ['MatMul', '/MatMul', 'MatMul'],
      ['Conv', 'Convolution28', 'Convolution28'],
      ['MatMul', '', null],
    ];
    for (const [opType, name, id] of cases) assert.equal(idOfNode(node(opType, [], ['y'], {}, name)), id, name);
  });

  it('without a node’s name it is the output’s', () => {
    assert.equal(baseId('209', node('MatMul', [], ['out_7'])), 'out_7');
    assert.equal(baseId('209', node('MatMul', [], ['out_7'], {}, '/a/b/MatMul')), 'a.b');
    assert.equal(baseId('a.weight', node('MatMul', [], ['out_7'], {}, '/a/b/MatMul')), 'a');
  });

  it('duplicates are numbered from the second on, and never collide with a given name', () => {
    const ids = new UniqueIds();
    assert.deepEqual(['fc', 'fc', 'fc#3', 'fc', 'g'].map((id) => ids.next(id)), ['fc', 'fc#2', 'fc#3', 'fc#4', 'g']);
  });
});
