import assert from 'node:assert/strict';
import { assertDerivatives, int, ints, type Operand } from '../../support/derivatives.js';
import { gradientAt } from '../../support/gradients.js';

const signed = ['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceL1', 'ReduceL2', 'ReduceLogSumExp', 'ReduceSumSquare'];
const positive = ['ReduceLogSum'];

describe('derivatives of reductions', () => {
  for (const operator of [...signed, ...positive]) {
    const x: Operand = positive.includes(operator) ? { shape: [2, 3, 4], from: 0.5, to: 2 } : { shape: [2, 3, 4] };
    const ofOldSets = operator === 'ReduceSum' ? 11 : 17;

    it(`${operator} over several sets of axes`, async () => {
      for (const [keepdims, ...axes] of [[0, -2], [1, -1, 0], [0, 0, 2]]) await assertDerivatives({ operator, operands: [x, { constant: axes }], attributes: { keepdims: int(keepdims) } });
    });

    it(`${operator} over all axes, over none, and with its axes as an attribute`, async () => {
      await assertDerivatives({ operator, operands: [x], attributes: { keepdims: int(0) } });
      await assertDerivatives({ operator, operands: [x, { constant: [] }], attributes: { noop_with_empty_axes: int(1), keepdims: int(0) } });
      await assertDerivatives({ operator, operands: [x], attributes: { axes: ints(-2, 0), keepdims: int(0) }, opset: ofOldSets });
    });
  }

  it('products with factors of 0', async () => {
    const operator = 'ReduceProd';
    assert.deepEqual(await gradientAt({ operator, operands: [{ shape: [3] }] }, [0, 2, 3]), [6, 0, 0]);
    assert.deepEqual(await gradientAt({ operator, operands: [{ shape: [3] }] }, [0, 0, 3]), [0, 0, 0]);
    assert.deepEqual(await gradientAt({ operator, operands: [{ shape: [2, 2] }, { constant: [0] }] }, [0, 2, 5, 3]), [5, 3, 0, 2]);
  });

  it('shares the derivative of equal extrema', async () => {
    assert.deepEqual(await gradientAt({ operator: 'ReduceMax', operands: [{ shape: [4] }] }, [1, 2, 2, 0]), [0, 0.5, 0.5, 0]);
    assert.deepEqual(await gradientAt({ operator: 'ReduceMin', operands: [{ shape: [2, 2] }, { constant: [1] }] }, [1, 1, 2, 0]), [0.5, 0.5, 0, 1]);
  });

  it('is 0 for norms of 0', async () => {
    for (const operator of ['ReduceL1', 'ReduceL2', 'ReduceSumSquare']) assert.deepEqual(await gradientAt({ operator, operands: [{ shape: [2] }] }, [0, 0]), [0, 0]);
  });
});
