import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { coverage, coveragePage } from '../../../server/derivatives/coverage.js';

describe('the table of operators', () => {
  it('is that of the documentation: npm run operators writes it', () => {
    assert.equal(readFileSync('docs/operators.md', 'utf8'), coveragePage());
  });

  it('knows rules, constants and lowerings', () => {
    const found = new Map(coverage().map(({ operator, derivative }) => [operator, derivative]));
    assert.equal(found.get('MatMul'), 'rule');
    assert.equal(found.get('Floor'), 'constant');
    assert.equal(found.get('StringNormalizer'), undefined);
  });
});
