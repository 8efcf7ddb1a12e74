import { assertDerivatives } from '../../support/derivatives.js';

describe('derivatives of linear algebra', () => {
  for (const shape of [[1, 1], [2, 2], [3, 3], [2, 4, 4], [6, 6]]) {
    it(`Det of [${shape.join(', ')}]`, async () => {
      await assertDerivatives({ operator: 'Det', operands: [{ shape }] });
    });
  }
});
