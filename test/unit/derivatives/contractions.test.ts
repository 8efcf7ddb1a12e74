import { assertDerivatives, float, int } from '../../support/derivatives.js';

describe('derivatives of contractions', () => {
  for (const [left, right] of [[[3, 4], [4, 5]], [[2, 3, 4], [4, 5]], [[2, 3, 4], [2, 4, 5]], [[1, 3, 4], [6, 4, 2]], [[4], [4, 5]], [[3, 4], [4]], [[4], [4]], [[2, 1, 3, 4], [5, 4, 2]]]) {
    it(`MatMul of [${left.join(', ')}] and [${right.join(', ')}]`, async () => {
      await assertDerivatives({ operator: 'MatMul', operands: [{ shape: left }, { shape: right }] });
    });
  }

  for (const transA of [0, 1]) {
    for (const transB of [0, 1]) {
      it(`Gemm, transA ${transA}, transB ${transB}`, async () => {
        const operands = [{ shape: transA ? [4, 3] : [3, 4] }, { shape: transB ? [5, 4] : [4, 5] }];
        const attributes = { transA: int(transA), transB: int(transB), alpha: float(0.7), beta: float(-1.3) };
        for (const added of [[], [{ shape: [5] }], [{ shape: [3, 1] }], [{ shape: [] }]]) await assertDerivatives({ operator: 'Gemm', operands: [...operands, ...added], attributes });
      });
    }
  }
});
