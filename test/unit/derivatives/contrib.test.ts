import { assertDerivatives, float, int, ints, text, type Operand, type OperatorCase } from '../../support/derivatives.js';
import { assertLowered } from '../../support/lowerings.js';

async function assertFused(operator: string, operands: readonly Operand[], attributes: OperatorCase['attributes'] = {}, outputs: OperatorCase['outputs'] = 1, domain = 'com.microsoft'): Promise<void> {
  await assertLowered({ operator, operands, attributes, outputs, domain });
  await assertDerivatives({ operator, operands, attributes, outputs, domain });
}

const bytes = (...shape: number[]): Operand => ({ constant: Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => (i * 73 + 29) % 256), shape, dtype: 'uint8' });

describe('operators of onnxruntime', () => {
  it('Gelu and its kin', async () => {
    await assertFused('Gelu', [{ shape: [2, 5] }]);
    await assertFused('BiasGelu', [{ shape: [2, 5] }, { shape: [5] }]);
    await assertFused('FastGelu', [{ shape: [2, 5] }]);
    await assertFused('FastGelu', [{ shape: [2, 5] }, { shape: [5] }]);
    await assertFused('QuickGelu', [{ shape: [2, 5] }]);
    await assertFused('QuickGelu', [{ shape: [2, 5] }], { alpha: float(0.6) });
  });

  it('FusedMatMul', async () => {
    for (const transA of [0, 1]) {
      for (const transB of [0, 1]) {
        await assertFused('FusedMatMul', [{ shape: transA ? [2, 3, 4] : [2, 4, 3] }, { shape: transB ? [2, 5, 3] : [2, 3, 5] }], { transA: int(transA), transB: int(transB), alpha: float(0.3) });
      }
    }
    await assertFused('FusedMatMul', [{ shape: [4, 2, 3] }, { shape: [3, 2, 5] }], { transBatchA: int(1), transBatchB: int(1) });
  });

  it('FusedGemm and FusedConv', async () => {
    const gemm = [{ shape: [2, 3] }, { shape: [3, 4] }, { shape: [4] }];
    for (const activation of ['Relu', 'Sigmoid', 'Tanh']) await assertFused('FusedGemm', gemm, { activation: text(activation), alpha: float(0.7) });
    await assertFused('FusedGemm', gemm, { activation: text('LeakyRelu'), activation_alpha: float(0.2) });
    const convolution = [{ shape: [1, 2, 5, 5] }, { shape: [3, 2, 3, 3] }, { shape: [3] }];
    for (const activation of ['Relu', 'Sigmoid', 'Tanh']) await assertFused('FusedConv', convolution, { activation: text(activation), pads: ints(1, 1, 1, 1) });
    await assertFused('FusedConv', convolution, { activation: text('LeakyRelu'), activation_params: { type: 'floats', value: [0.3] } });
    await assertFused('FusedConv', convolution, { activation: text('Clip'), activation_params: { type: 'floats', value: [-0.5, 6] }, strides: ints(2, 2) });
    await assertFused('FusedConv', convolution, { activation: text('HardSigmoid'), activation_params: { type: 'floats', value: [0.3, 0.4] } });
    await assertFused('FusedConv', [...convolution, { shape: [1, 3, 3, 3] }], { activation: text('Relu') });
  });

  it('MatMulNBits', async () => {
    const attributes = { K: int(40), N: int(3), block_size: int(16), bits: int(4) };
    await assertFused('MatMulNBits', [{ shape: [2, 40] }, bytes(3, 3, 8), { shape: [9] }], attributes);
    await assertFused('MatMulNBits', [{ shape: [2, 2, 40] }, bytes(3, 3, 8), { shape: [9] }, bytes(6)], attributes);
    await assertFused('MatMulNBits', [{ shape: [2, 40] }, bytes(3, 3, 8), { shape: [9] }, null, null, { shape: [3] }], attributes);
    await assertFused('MatMulNBits', [{ shape: [2, 40] }, bytes(3, 3, 16), { shape: [9] }], { ...attributes, bits: int(8) });
  });

  it('normalizations of sums', async () => {
    const [x, vector] = [{ shape: [2, 3, 6] }, { shape: [6] }];
    await assertFused('SkipLayerNormalization', [x, x, vector, vector, vector], { epsilon: float(1e-5) });
    await assertFused('SkipLayerNormalization', [x, x, vector], {}, [true, false, false, true]);
    await assertFused('SkipLayerNormalization', [x, { shape: [3, 6] }, vector, vector], {});
    await assertFused('SkipSimplifiedLayerNormalization', [x, x, vector, vector], { epsilon: float(1e-5) }, [true, false, false, true]);
    await assertFused('SkipSimplifiedLayerNormalization', [x, x, vector], {});
    await assertFused('SimplifiedLayerNormalization', [x, vector], { axis: int(-1), epsilon: float(1e-5) }, 1, '');
  });

  it('EmbedLayerNormalization', async () => {
    const ids = (...list: number[]): Operand => ({ constant: list, shape: [2, 3], dtype: 'int32' });
    const tables = [{ shape: [9, 4] }, { shape: [5, 4] }, { shape: [2, 4] }, { shape: [4] }, { shape: [4] }];
    await assertFused('EmbedLayerNormalization', [ids(1, 8, 3, 0, 0, 2), ids(0, 1, 1, 0, 0, 0), ...tables], { epsilon: float(1e-6) }, [true, true]);
    await assertFused('EmbedLayerNormalization', [ids(1, 8, 3, 0, 0, 2), null, tables[0], tables[1], null, tables[3], tables[4], ids(1, 1, 0, 1, 1, 1)], {}, [true, true, true]);
  });
});
