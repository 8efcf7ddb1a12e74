import { assertDerivatives, float, int, type Operand, type OperatorCase } from '../../support/derivatives.js';
import { assertLowered } from '../../support/lowerings.js';

async function assertAttention(operator: Omit<OperatorCase, 'operator' | 'opset'>, name = 'Attention'): Promise<void> {
  await assertLowered({ operator: name, opset: 23, ...operator });
  await assertDerivatives({ operator: name, opset: 23, ...operator });
}

const heads = (queryHeads: number, keyHeads: number, queries: number, keys: number, valueSize = 4): Operand[] => [{ shape: [2, queryHeads, queries, 4] }, { shape: [2, keyHeads, keys, 4] }, { shape: [2, keyHeads, keys, valueSize] }];
const flags = (...shape: number[]): Operand => ({ constant: Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => (i % 5 === 2 ? 0 : 1)), shape, dtype: 'bool' });

describe('Attention', () => {
  it('of heads, with values of another size', async () => {
    await assertAttention({ operands: heads(3, 3, 2, 5) });
    await assertAttention({ operands: heads(3, 3, 2, 5, 6), attributes: { scale: float(0.3) } });
  });

  it('of three axes', async () => {
    await assertAttention({ operands: [{ shape: [2, 3, 8] }, { shape: [2, 5, 8] }, { shape: [2, 5, 12] }], attributes: { q_num_heads: int(2), kv_num_heads: int(2) } });
  });

  it('with keys that groups of heads share', async () => {
    await assertAttention({ operands: heads(6, 2, 2, 5) });
    await assertAttention({ operands: [{ shape: [2, 3, 16] }, { shape: [2, 5, 8] }, { shape: [2, 5, 8] }], attributes: { q_num_heads: int(4), kv_num_heads: int(2) } });
  });

  it('masked', async () => {
    for (const mask of [flags(3, 5), flags(1, 1, 3, 5), flags(2, 1, 3, 5), { shape: [3, 5] }, { shape: [2, 2, 3, 5] }]) await assertAttention({ operands: [...heads(2, 2, 3, 5), mask] });
  });

  it('causal, capped, and both with a mask', async () => {
    await assertAttention({ operands: heads(2, 2, 4, 4), attributes: { is_causal: int(1) } });
    await assertAttention({ operands: heads(2, 2, 3, 5), attributes: { is_causal: int(1) } });
    await assertAttention({ operands: heads(2, 2, 3, 5), attributes: { softcap: float(0.7) } });
    await assertAttention({ operands: [...heads(2, 2, 3, 5), { shape: [3, 5] }], attributes: { softcap: float(0.7), is_causal: int(1) } });
  });

  it('with keys of different lengths', async () => {
    const operator = { operator: 'Attention', opset: 24, operands: [...heads(2, 2, 3, 5), null, null, null, { constant: [5, 3] }] };
    await assertLowered(operator);
    await assertDerivatives(operator);
  });

  it('after keys of the past, with all outputs', async () => {
    const past: Operand[] = [{ shape: [2, 2, 3, 4] }, { shape: [2, 2, 3, 4] }];
    for (const mode of [0, 1, 2, 3]) {
      await assertAttention({ operands: [...heads(2, 2, 2, 2), { shape: [2, 5] }, ...past], outputs: 4, attributes: { qk_matmul_output_mode: int(mode), softcap: float(0.9) } });
    }
    await assertAttention({ operands: [...heads(2, 2, 2, 2), null, ...past], outputs: 3, attributes: { is_causal: int(1) } });
  });
});

describe('RotaryEmbedding', () => {
  const caches: Operand[] = [{ shape: [7, 2] }, { shape: [7, 2] }];
  const positions: Operand = { constant: [0, 3, 6, 1, 1, 2], shape: [2, 3] };

  for (const interleaved of [0, 1]) {
    it(`interleaved ${interleaved}`, async () => {
      await assertAttention({ operands: [{ shape: [2, 2, 3, 4] }, ...caches, positions], attributes: { interleaved: int(interleaved) } }, 'RotaryEmbedding');
      await assertAttention({ operands: [{ shape: [2, 3, 8] }, ...caches, positions], attributes: { interleaved: int(interleaved), num_heads: int(2) } }, 'RotaryEmbedding');
      await assertAttention({ operands: [{ shape: [2, 2, 3, 6] }, ...caches, positions], attributes: { interleaved: int(interleaved), rotary_embedding_dim: int(4) } }, 'RotaryEmbedding');
      await assertAttention({ operands: [{ shape: [2, 2, 3, 4] }, { shape: [2, 3, 2] }, { shape: [2, 3, 2] }], attributes: { interleaved: int(interleaved) } }, 'RotaryEmbedding');
    });
  }
});
