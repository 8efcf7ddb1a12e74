import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { AttributeValue, GraphNode, StoredTensor } from '../../../server/formats/modelFile.js';
import { buildModel } from '../../../server/model/buildModel.js';
import { weightTensors } from '../../../server/model/expression.js';
import { readWeight } from '../../../server/model/readWeight.js';
import { graph, namedFile, node, onnxFile, tensor } from './graphs.js';

const operators =
  'MatMul Gemm Conv ConvTranspose QLinearConv QLinearMatMul MatMulInteger ConvInteger Gather LSTM GRU RNN Einsum Transpose Reshape Flatten Squeeze Unsqueeze Identity Cast DequantizeLinear QuantizeLinear Slice Split Concat Mul Div Sub Neg Add Relu MaxPool Pad Resize Upsample DepthToSpace SpaceToDepth Expand ConstantOfShape Shape ReduceMean Softmax BatchNormalization If FusedMatMul MatMulNBits Attention QAttention EmbedLayerNormalization GatherBlockQuantized DynamicQuantizeMatMul'.split(' ');
const numbers = fc.oneof(fc.integer({ min: -3, max: 5 }), fc.constantFrom(0, 64, 2 ** 31, -(2 ** 53), NaN, 0.5));
const lists = fc.array(numbers, { maxLength: 5 });
const attributeNames = 'axis axes perm transA transB alpha group strides pads dilations kernel_shape output_shape output_padding auto_pad equation direction keepdims split starts ends shape allowzero block_size blocksize bits K N quantize_axis gather_axis qkv_hidden_sizes ceil_mode scales'.split(' ');
const attributeValues: fc.Arbitrary<AttributeValue> = fc.oneof(numbers, lists, fc.constantFrom('SAME_UPPER', 'SAME_LOWER', 'ij,jk->ik', 'a,->', 'reverse', '', null));
const attributes = fc.dictionary(fc.constantFrom(...attributeNames), attributeValues, { maxKeys: 5 });
const shapes = fc.array(fc.constantFrom(0, 1, 2, 3, 4, 6, 12), { maxLength: 5 });
const dtypes = fc.constantFrom('float32', 'int8', 'uint4', 'int64', 'float8e4m3fn', 'bool', 'string', 'complex64' as const);

/** Tensors and nodes that name each other at random; some nodes hold a body. */
const files = fc
  .tuple(fc.array(fc.tuple(shapes, dtypes), { maxLength: 6 }), fc.array(fc.tuple(fc.constantFrom(...operators), fc.array(fc.nat(20), { maxLength: 6 }), attributes, fc.integer({ min: 0, max: 3 })), { maxLength: 14 }))
  .map(([stored, nodes]) => {
    const initializers: StoredTensor[] = stored.map(([shape, dtype], i) => tensor(`w${i}`, shape, dtype === 'string' ? [] : undefined, dtype));
    const names = ['x', '', ...initializers.map(({ name }) => name)];
    const made: GraphNode[] = nodes.map(([op, picks, given, outputs], i) => {
      const inputs = picks.map((pick) => names[pick % names.length]);
      const body = op === 'If' ? { then_branch: graph({ nodes: [node('Gemm', inputs, [`t${i}`], given)], inputs: {}, outputs: [`t${i}`] }) } : {};
      const out = Array.from({ length: outputs }, (_, k) => `v${i}_${k}`);
      names.push(...out);
      return node(op, inputs, out, { ...given, ...body }, i % 3 === 0 ? `/block.${i}/${op}` : '', /^(Fused|MatMulNBits|Q?Attention|Embed|GatherBlock|Dynamic)/.test(op) ? 'com.microsoft' : '');
    });
    return onnxFile({ nodes: made, initializers, inputs: { x: [1, 3, 8, null] }, outputs: [names[names.length - 1] || 'x'] });
  });

describe('any graph that a reader accepts', () => {
  it('becomes layers and reasons without an error, each tensor in one of the two', async () => {
    await fc.assert(
      fc.asyncProperty(files, async (file) => {
        const model = await buildModel(file);
        const used = new Set(model.layers.flatMap(({ weight }) => weightTensors(weight).map(({ name }) => name)));
        const skipped = model.skipped.map(({ tensor: name }) => name);
        for (const { name } of file.tensors) assert.equal(Number(used.has(name)) + skipped.filter((other) => other === name).length, 1, name);
        for (const layer of model.layers) {
          assert.ok(layer.parameters > 0 && layer.parameters * layer.groups === layer.matrixShape[0] * layer.matrixShape[1]);
          await readWeight(layer, new Float64Array(layer.parameters));
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('and so does any list of named tensors', async () => {
    const parts = fc.constantFrom('weight', 'bias', 'weight_ih_l0', 'weight_hh_l0', 'weight_scale', 'c_attn', 'qkv', 'in_proj_weight', 'kernel', 'embed', 'experts', 'a', '0', '', 'constructor', '__proto__');
    const names = fc.array(parts, { minLength: 1, maxLength: 3 }).map((list) => list.join('.'));
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.tuple(names, shapes, dtypes), { maxLength: 8, selector: ([name]) => name }), async (list) => {
        const model = await buildModel(namedFile(list.map(([name, shape, dtype]) => tensor(name, shape, dtype === 'string' ? [] : undefined, dtype))));
        const covered = [...new Set(model.layers.map((layer) => layer.tensor)), ...model.skipped.map((skipped) => skipped.tensor)].sort();
        assert.deepEqual(covered, list.map(([name]) => name).sort());
        for (const layer of model.layers) await readWeight(layer, new Float64Array(layer.parameters));
      }),
      { numRuns: 500 },
    );
  });
});
