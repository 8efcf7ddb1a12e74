import { assertDerivatives, int, ints, text } from '../../support/derivatives.js';
import { assertLowered } from '../../support/lowerings.js';

describe('GridSample', () => {
  for (const mode of ['nearest', 'linear', 'cubic']) {
    for (const padding of ['zeros', 'border', 'reflection']) {
      it(`${mode}, ${padding}`, async () => {
        for (const align of [0, 1]) {
          const sampled = {
            operator: 'GridSample', opset: 20, operands: [{ shape: [2, 3, 4, 5] }, { shape: [2, 3, 2, 2], from: -1.4, to: 1.4 }],
            attributes: { mode: text(mode), padding_mode: text(padding), align_corners: int(align) },
          };
          await assertLowered(sampled);
          if (align === 0) await assertDerivatives(sampled);
        }
      });
    }
  }

  it('names of operator set 16', async () => {
    for (const mode of ['bilinear', 'bicubic']) {
      await assertLowered({ operator: 'GridSample', opset: 16, operands: [{ shape: [1, 2, 4, 5] }, { shape: [1, 3, 2, 2], from: -1.4, to: 1.4 }], attributes: { mode: text(mode) } });
    }
  });

  it('three axes', async () => {
    const sampled = { operator: 'GridSample', opset: 20, operands: [{ shape: [1, 2, 3, 4, 2] }, { shape: [1, 2, 2, 3, 3], from: -1.2, to: 1.2 }], attributes: { padding_mode: text('border') } };
    await assertLowered(sampled);
    await assertDerivatives(sampled);
  });
});

describe('AffineGrid', () => {
  for (const align of [0, 1]) {
    it(`align_corners ${align}`, async () => {
      for (const [shape, size] of [[[2, 2, 3], [2, 1, 3, 4]], [[1, 3, 4], [1, 1, 2, 3, 4]]]) {
        const grid = { operator: 'AffineGrid', opset: 20, operands: [{ shape }, { constant: size }], attributes: { align_corners: int(align) } };
        await assertLowered(grid);
        await assertDerivatives(grid);
      }
    });
  }
});

describe('Col2Im', () => {
  const folded = (shape: readonly number[], image: readonly number[], block: readonly number[]) => ({ operator: 'Col2Im', operands: [{ shape }, { constant: image }, { constant: block }] });

  it('blocks side by side', async () => {
    const blocks = { ...folded([1, 8, 6], [4, 6], [2, 2]), attributes: { strides: ints(2, 2) } };
    await assertLowered(blocks);
    await assertDerivatives(blocks);
  });

  it('overlapping, padded and dilated blocks', async () => {
    for (const operator of [
      folded([2, 8, 15], [4, 6], [2, 2]),
      { ...folded([1, 9, 25], [5, 5], [3, 3]), attributes: { pads: ints(1, 1, 1, 1) } },
      { ...folded([1, 12, 4], [6, 7], [2, 3]), attributes: { strides: ints(3, 3), pads: ints(0, 0, 0, 0) } },
      { ...folded([1, 8, 12], [5, 6], [2, 2]), attributes: { dilations: ints(2, 2) } },
      { ...folded([1, 6, 5], [6], [2]), attributes: {} },
    ]) {
      await assertLowered(operator);
      await assertDerivatives(operator);
    }
  });
});
