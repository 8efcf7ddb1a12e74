import { assertDerivatives, float, text, type OperatorCase } from '../../support/derivatives.js';

const everywhere = { shape: [3, 7] };
const attributes = { alpha: float(0.7), beta: float(0.4), gamma: float(1.3) };
const { alpha, beta, gamma } = attributes;

const cases: readonly OperatorCase[] = [
  { operator: 'Relu', operands: [everywhere] },
  { operator: 'LeakyRelu', operands: [everywhere], attributes: { alpha } },
  { operator: 'ThresholdedRelu', operands: [everywhere], attributes: { alpha } },
  { operator: 'Elu', operands: [everywhere], attributes: { alpha } },
  { operator: 'Selu', operands: [everywhere] },
  { operator: 'Selu', operands: [everywhere], attributes: { alpha, gamma } },
  { operator: 'Celu', operands: [everywhere], attributes: { alpha } },
  { operator: 'Sigmoid', operands: [everywhere] },
  { operator: 'HardSigmoid', operands: [everywhere] },
  { operator: 'HardSigmoid', operands: [everywhere], attributes: { alpha, beta } },
  { operator: 'HardSwish', operands: [{ shape: [3, 20], from: -5, to: 5 }] },
  { operator: 'Swish', operands: [everywhere], attributes: { alpha }, opset: 24 },
  { operator: 'Gelu', operands: [everywhere], opset: 20 },
  { operator: 'Gelu', operands: [everywhere], attributes: { approximate: text('tanh') }, opset: 20 },
  { operator: 'Mish', operands: [everywhere] },
  { operator: 'Softplus', operands: [everywhere] },
  { operator: 'Softsign', operands: [everywhere] },
  { operator: 'Tanh', operands: [everywhere] },
  { operator: 'Shrink', operands: [everywhere], attributes: { lambd: float(0.3), bias: float(0.2) } },
  { operator: 'PRelu', operands: [{ shape: [2, 3, 4] }, { shape: [3, 1] }] },
  { operator: 'Dropout', operands: [everywhere] },
];

describe('derivatives of activations', () => {
  for (const operatorCase of cases) {
    it(`${operatorCase.operator} ${JSON.stringify(operatorCase.attributes ?? {})}`, async () => {
      await assertDerivatives(operatorCase);
    });
  }
});
