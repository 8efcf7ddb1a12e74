import { assertDerivatives, float, int, ints, type Operand, type OperatorCase } from '../../support/derivatives.js';
import { assertLowered } from '../../support/lowerings.js';

async function assertFused(operator: string, operands: readonly Operand[], attributes: OperatorCase['attributes'] = {}, outputs: OperatorCase['outputs'] = 1): Promise<void> {
  await assertLowered({ operator, operands, attributes, outputs, domain: 'com.microsoft' });
  await assertDerivatives({ operator, operands, attributes, outputs, domain: 'com.microsoft' });
}

const flags = (dtype: 'int32', ...shape: number[]): Operand => ({ constant: Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => (i % 5 === 2 ? 0 : 1)), shape, dtype });
const integers = (constant: number[], shape = [constant.length], dtype: 'int32' | 'int64' = 'int32'): Operand => ({ constant, shape, dtype });

describe('attention of onnxruntime', () => {
  const projected: Operand[] = [{ shape: [2, 3, 8] }, { shape: [8, 24] }, { shape: [24] }];

  it('Attention with its projection', async () => {
    await assertFused('Attention', projected, { num_heads: int(2) });
    await assertFused('Attention', projected, { num_heads: int(2), unidirectional: int(1) });
    await assertFused('Attention', [projected[0], { shape: [8, 20] }, { shape: [20] }], { num_heads: int(2), qkv_hidden_sizes: ints(8, 8, 4), scale: float(0.3) });
  });

  it('Attention with a mask', async () => {
    for (const mask of [flags('int32', 2, 3), integers([2, 3]), flags('int32', 2, 3, 3)]) await assertFused('Attention', [...projected, mask], { num_heads: int(2) });
    await assertFused('Attention', [...projected, null, null, { shape: [2, 2, 3, 3] }], { num_heads: int(2) });
    await assertFused('Attention', [...projected, null, null, { shape: [1, 2, 3, 3] }], { num_heads: int(2) });
  });

  it('Attention after the past', async () => {
    await assertFused('Attention', [...projected, null, { shape: [2, 2, 2, 4, 4] }], { num_heads: int(2), unidirectional: int(1) }, 2);
    await assertFused('Attention', [...projected, flags('int32', 2, 7), { shape: [2, 2, 2, 4, 4] }], { num_heads: int(2) }, 2);
  });

  const separate: Operand[] = [{ shape: [2, 3, 8] }, { shape: [2, 5, 8] }, { shape: [2, 5, 12] }];

  it('MultiHeadAttention', async () => {
    await assertFused('MultiHeadAttention', separate, { num_heads: int(2) });
    await assertFused('MultiHeadAttention', [...separate, { shape: [28] }], { num_heads: int(2), scale: float(0.4) });
    await assertFused('MultiHeadAttention', [{ shape: [2, 3, 8] }, { shape: [2, 2, 5, 4] }, { shape: [2, 2, 5, 4] }], { num_heads: int(2) });
    await assertFused('MultiHeadAttention', [{ shape: [2, 3, 8] }, { shape: [2, 3, 8] }, { shape: [2, 3, 8] }], { num_heads: int(2), unidirectional: int(1) });
  });

  it('MultiHeadAttention with masks', async () => {
    for (const mask of [integers([4, 5]), flags('int32', 2, 5), flags('int32', 2, 3, 5)]) await assertFused('MultiHeadAttention', [...separate, null, mask], { num_heads: int(2) });
    await assertFused('MultiHeadAttention', [...separate, null, null, { shape: [1, 2, 3, 5] }], { num_heads: int(2) });
  });

  it('MultiHeadAttention after the past', async () => {
    const equal: Operand[] = [{ shape: [2, 3, 8] }, { shape: [2, 3, 8] }, { shape: [2, 3, 8] }];
    await assertFused('MultiHeadAttention', [...equal, null, null, null, { shape: [2, 2, 4, 4] }, { shape: [2, 2, 4, 4] }], { num_heads: int(2) }, 3);
  });

  // The kernel wants heads of a multiple of 16.
  const grouped = (length: number, past: number | null): Operand[] => [
    { shape: [2, length, 64] }, { shape: [2, length, 32] }, { shape: [2, length, 32] }, ...(past === null ? [null, null] : [{ shape: [2, 2, past, 16] }, { shape: [2, 2, past, 16] }]),
    integers(new Array<number>(2).fill(length + (past ?? 0) - 1)), integers([length + (past ?? 0)], []),
  ];
  const counts = { num_heads: int(4), kv_num_heads: int(2) };
  const caches: Operand[] = [{ shape: [9, 2] }, { shape: [9, 2] }];
  const wideCaches: Operand[] = [{ shape: [9, 8] }, { shape: [9, 8] }];

  it('GroupQueryAttention of a prompt', async () => {
    await assertFused('GroupQueryAttention', grouped(3, null), counts, 3);
    await assertFused('GroupQueryAttention', grouped(5, null), { ...counts, scale: float(0.3), softcap: float(0.8), local_window_size: int(2) }, 3);
    for (const interleaved of [0, 1]) await assertFused('GroupQueryAttention', [...grouped(3, null), ...wideCaches], { ...counts, do_rotary: int(1), rotary_interleaved: int(interleaved) }, 3);
    await assertFused('GroupQueryAttention', [{ shape: [2, 3, 128] }, null, null, ...grouped(3, null).slice(3)], counts, 3);
  });

  it('GroupQueryAttention with positions, a bias and a sink', async () => {
    const positions = integers([0, 1, 2, 4, 5, 6], [2, 3], 'int64');
    const prompt = grouped(3, null);
    await assertFused('GroupQueryAttention', [...prompt, ...wideCaches, positions], { ...counts, do_rotary: int(1) }, 3);
    await assertFused('GroupQueryAttention', [...prompt, null, null, null, { shape: [1, 1, 3, 3] }], counts, 3);
    await assertFused('GroupQueryAttention', [...prompt, null, null, null, { shape: [2, 4, 3, 3] }], counts, 3);
    await assertFused('GroupQueryAttention', prompt, { ...counts, smooth_softmax: int(1) }, 3);
    await assertFused('GroupQueryAttention', [...prompt, null, null, null, null, { shape: [4] }], counts, 3);
  });

  it('GroupQueryAttention after the past', async () => {
    await assertFused('GroupQueryAttention', grouped(1, 3), counts, 3);
    await assertFused('GroupQueryAttention', [...grouped(1, 3), ...wideCaches], { ...counts, do_rotary: int(1) }, 3);
  });

  it('RotaryEmbedding', async () => {
    const positions = integers([0, 3, 6, 1, 1, 2], [2, 3], 'int64');
    for (const interleaved of [0, 1]) {
      await assertFused('RotaryEmbedding', [{ shape: [2, 3, 8] }, positions, ...caches], { interleaved: int(interleaved) });
      await assertFused('RotaryEmbedding', [{ shape: [2, 2, 3, 4] }, integers([2], [1], 'int64'), ...caches], { interleaved: int(interleaved) });
    }
    await assertFused('RotaryEmbedding', [{ shape: [2, 3, 16] }, positions, ...caches], { num_heads: int(2), rotary_embedding_dim: int(4) });
  });
});
