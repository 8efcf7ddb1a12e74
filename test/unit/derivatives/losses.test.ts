import { assertDerivatives, int, text } from '../../support/derivatives.js';

describe('derivatives of softmax and losses', () => {
  for (const operator of ['Softmax', 'LogSoftmax']) {
    it(`${operator} over every axis, and as before operator set 13`, async () => {
      for (const axis of [0, 1, -1]) {
        for (const opset of [11, 18]) await assertDerivatives({ operator, operands: [{ shape: [2, 3, 4] }], attributes: { axis: int(axis) }, opset });
      }
      await assertDerivatives({ operator, operands: [{ shape: [2, 3] }] });
    });
  }

  for (const operator of ['NegativeLogLikelihoodLoss', 'SoftmaxCrossEntropyLoss']) {
    for (const reduction of ['none', 'sum', 'mean']) {
      it(`${operator}, reduction ${reduction}`, async () => {
        for (const [places, targets] of [[[], [2, 0, 1, 1]], [[2], [2, 0, 1, 1, 3, 0, 2, 1]]]) {
          const scores = { shape: [4, 5, ...places] };
          const target = { constant: targets, shape: [4, ...places], dtype: 'int32' as const };
          const attributes = { reduction: text(reduction) };
          await assertDerivatives({ operator, operands: [scores, target], attributes });
          await assertDerivatives({ operator, operands: [scores, target, { shape: [5], from: 0.5, to: 2 }], attributes: { ...attributes, ignore_index: int(1) } });
          const outside = { constant: targets.map((index) => (index === 2 ? -1 : index)), shape: [4, ...places] };
          await assertDerivatives({ operator, operands: [scores, outside], attributes: { ...attributes, ignore_index: int(-1) } });
        }
      });
    }
  }

  it('SoftmaxCrossEntropyLoss with its logarithms', async () => {
    await assertDerivatives({ operator: 'SoftmaxCrossEntropyLoss', operands: [{ shape: [4, 5] }, { constant: [2, 0, 1, 1] }], outputs: 2 });
  });
});
