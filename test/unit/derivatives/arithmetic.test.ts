import assert from 'node:assert/strict';
import { assertDerivatives, int, type Operand } from '../../support/derivatives.js';
import { gradientAt } from '../../support/gradients.js';

const shapes: readonly (readonly [number[], number[]])[] = [[[3, 4], [3, 4]], [[2, 3, 4], [3, 1]], [[4], [2, 3, 4]], [[], [3]]];
const awayFromZero = (shape: readonly number[]): Operand => ({ shape, from: 0.5, to: 2 });

describe('derivatives of arithmetic', () => {
  for (const [x, y] of shapes) {
    it(`operations of [${x.join(', ')}] and [${y.join(', ')}]`, async () => {
      for (const operator of ['Add', 'Sub', 'Mul', 'Max']) await assertDerivatives({ operator, operands: [{ shape: x }, { shape: y }] });
      for (const operator of ['Div', 'Pow']) await assertDerivatives({ operator, operands: [awayFromZero(x), awayFromZero(y)] });
      await assertDerivatives({ operator: 'Mod', operands: [{ shape: x, from: -9, to: 9 }, awayFromZero(y)], attributes: { fmod: int(1) } });
    });
  }

  for (const operator of ['Max', 'Min', 'Sum', 'Mean']) {
    it(`${operator} of one operand and of three`, async () => {
      await assertDerivatives({ operator, operands: [{ shape: [3, 4] }] });
      await assertDerivatives({ operator, operands: [{ shape: [2, 1, 4] }, { shape: [3, 1] }, { shape: [] }] });
    });
  }

  for (const exponent of [-1, 0.5, 1, 2, 3]) {
    it(`the power ${exponent}`, async () => {
      await assertDerivatives({ operator: 'Pow', operands: [awayFromZero([3, 4]), { constant: [exponent], shape: [], dtype: 'float32' }] });
    });
  }

  it('powers with several exponents, and integer ones', async () => {
    await assertDerivatives({ operator: 'Pow', operands: [{ shape: [3, 3] }, { constant: [0, 1, 2] }] });
    await assertDerivatives({ operator: 'Pow', operands: [{ shape: [3, 3] }, { constant: [2] }] });
  });

  it('powers of 0', async () => {
    const operands = [{ shape: [4] }, { constant: [0, 1, 2, 3], dtype: 'float32' as const }];
    assert.deepEqual(await gradientAt({ operator: 'Pow', operands }, [0, 0, 0, 0]), [0, 1, 0, 0]);
  });

  it('shares the derivative of equal operands', async () => {
    assert.deepEqual(await gradientAt({ operator: 'Max', operands: [{ shape: [3] }, { shape: [3] }] }, [1, 2, 3], [2, 2, 2]), [0, 0.5, 1]);
    assert.deepEqual(await gradientAt({ operator: 'Min', operands: [{ shape: [3] }, { shape: [3] }] }, [1, 2, 3], [2, 2, 2]), [1, 0.5, 0]);
  });

  it('Clip by its operand and its bounds', async () => {
    await assertDerivatives({ operator: 'Clip', operands: [{ shape: [3, 5] }, { shape: [], from: -0.6, to: -0.3 }, { shape: [], from: 0.3, to: 0.6 }] });
    await assertDerivatives({ operator: 'Clip', operands: [{ shape: [3, 5] }, { shape: [], from: -0.6, to: -0.3 }] });
    await assertDerivatives({ operator: 'Clip', operands: [{ shape: [3, 5] }, null, { shape: [], from: 0.3, to: 0.6 }] });
    await assertDerivatives({ operator: 'Clip', operands: [{ shape: [3, 5] }] });
    await assertDerivatives({ operator: 'Clip', operands: [{ shape: [3, 5] }, { shape: [], from: 0.3, to: 0.6 }, { shape: [], from: -0.6, to: -0.3 }] });
    assert.deepEqual(await gradientAt({ operator: 'Clip', operands: [{ shape: [4] }, { shape: [] }, { shape: [] }] }, [-1, 0, 6, 7], [0], [6]), [0, 1, 1, 0]);
  });

  it('Where', async () => {
    const condition: Operand = { constant: [1, 0, 0, 1], dtype: 'bool' };
    for (const [x, y] of shapes.slice(1, 3)) await assertDerivatives({ operator: 'Where', operands: [condition, { shape: x }, { shape: y }] });
    assert.deepEqual(await gradientAt({ operator: 'Where', operands: [condition, { shape: [4] }, { constant: [-Infinity], dtype: 'float32' }] }, [1, 2, 3, 4]), [1, 0, 0, 1]);
  });
});
