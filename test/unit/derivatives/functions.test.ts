import { assertDerivatives } from '../../support/derivatives.js';

describe('derivatives of functions by element', () => {
  for (const operator of ['Identity', 'Neg', 'Abs', 'Reciprocal', 'Exp', 'Erf', 'Sin', 'Cos', 'Tan', 'Atan', 'Sinh', 'Cosh', 'Asinh']) {
    it(operator, async () => {
      await assertDerivatives({ operator, operands: [{ shape: [4, 3] }] });
    });
  }

  for (const operator of ['Asin', 'Acos', 'Atanh']) {
    it(`${operator} between −1 and 1`, async () => {
      await assertDerivatives({ operator, operands: [{ shape: [4, 3], from: -0.9, to: 0.9 }] });
    });
  }

  for (const operator of ['Log', 'Sqrt', 'Acosh']) {
    it(`${operator} above 1`, async () => {
      await assertDerivatives({ operator, operands: [{ shape: [4, 3], from: 1.2, to: 4 }] });
    });
  }

  it('Cast and CastLike between floating-point types', async () => {
    await assertDerivatives({ operator: 'Cast', operands: [{ shape: [4, 3] }], attributes: { to: { type: 'int', value: 1 } } });
    await assertDerivatives({ operator: 'CastLike', operands: [{ shape: [4, 3] }, { constant: [1], dtype: 'float32' }] });
  });
});
