import assert from 'node:assert/strict';
import { explicitEquation } from '../../../server/derivatives/rules/einsum.js';
import { assertDerivatives, text } from '../../support/derivatives.js';

const cases: [string, number[][]][] = [
  ['ij,jk->ik', [[2, 3], [3, 4]]],
  ['ij,jk', [[2, 3], [3, 4]]],
  ['bij,bjk->bik', [[2, 3, 4], [2, 4, 2]]],
  ['bhid,bhjd->bhij', [[1, 2, 3, 4], [1, 2, 2, 4]]],
  ['...ij,...jk->...ik', [[2, 3, 2, 3], [2, 3, 3, 2]]],
  ['...ij->...ji', [[2, 3, 4]]],
  ['ij->', [[2, 3]]],
  ['ij->j', [[2, 3]]],
  ['ii->i', [[3, 3]]],
  ['ii', [[3, 3]]],
  ['bii->b', [[2, 3, 3]]],
  ['iij,j->i', [[3, 3, 2], [2]]],
  ['i,j->ij', [[2], [3]]],
  ['i,i', [[4], [4]]],
  ['ij,kj->i', [[2, 3], [4, 3]]],
  ['ij,ij->ij', [[1, 3], [2, 3]]],
  ['ij,ij->i', [[2, 1], [2, 3]]],
  ['ij,jk,kl->il', [[2, 3], [3, 4], [4, 2]]],
  ['Ca,ba->bC', [[4, 3], [2, 3]]],
];

describe('derivatives of Einsum', () => {
  for (const [equation, shapes] of cases) {
    it(`${equation} of ${shapes.map((shape) => `[${shape.join(', ')}]`).join(', ')}`, async () => {
      await assertDerivatives({ operator: 'Einsum', operands: shapes.map((shape) => ({ shape })), attributes: { equation: text(equation) } });
    });
  }

  it('writes out the letters of an ellipsis, and those of a result that is not told', () => {
    assert.deepEqual(explicitEquation('... c a , b c', [4, 2]), { operands: ['deca', 'bc'], result: 'deab' });
    assert.deepEqual(explicitEquation('...i,...i->...', [3, 2]), { operands: ['abi', 'bi'], result: 'ab' });
  });
});
