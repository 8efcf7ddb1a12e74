import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bytes, condition, dimensions, exact, integer, percent, significant, superscript } from '../../../webview/numbers.js';

/** The value that a formatted number stands for. */
function parse(text: string): number {
  const digits = text.replace('\u2212', '-').replace(/[⁰¹²³⁴⁵⁶⁷⁸⁹]/g, (character) => String('⁰¹²³⁴⁵⁶⁷⁸⁹'.indexOf(character))).replace('⁻', '-').replace(' × 10', 'e');
  return Number(digits);
}

describe('webview numbers', () => {
  it('shows four significant digits plainly between 10⁻³ and 10⁴, with trailing zeros', () => {
    assert.equal(significant(2.34334), '2.343');
    assert.equal(significant(59), '59.00');
    assert.equal(significant(0.0010004), '0.001000');
    assert.equal(significant(6616.2), '6616');
    assert.equal(significant(0), '0');
    assert.equal(significant(-1.5, 2), '\u22121.5');
  });

  it('shows a power of ten outside, also where rounding crosses the limit', () => {
    assert.equal(significant(143340), '1.433 × 10⁵');
    assert.equal(significant(9999.6), '1.000 × 10⁴');
    assert.equal(significant(0.00099999), '0.001000');
    assert.equal(significant(2.161e-5), '2.161 × 10⁻⁵');
    assert.equal(significant(Infinity), '∞');
    assert.equal(significant(Number.NaN), '–');
  });

  it('stays within half a unit of the last digit', () => {
    fc.assert(fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), fc.integer({ min: 2, max: 4 }), (value, digits) => {
      const shown = parse(significant(value, digits));
      assert.ok(Math.abs(shown - value) <= 0.5000001 * 10 ** (1 - digits) * value, `${value} became ${significant(value, digits)}`);
    }));
  });

  it('sets thousands apart and writes ranks, shares, sizes and shapes', () => {
    assert.equal(integer(102400), '102\u2009400');
    assert.equal(integer(1000), '1\u2009000');
    assert.equal(integer(999), '999');
    assert.equal(percent(0.9037), '90.4 %');
    assert.equal(bytes(450_000), '450 kB');
    assert.equal(bytes(1_224_000), '1.22 MB');
    assert.equal(bytes(999_960), '1 MB');
    assert.equal(bytes(12), '12 B');
    assert.equal(dimensions([16, 8, 3, 3]), '16 × 8 × 3 × 3');
    assert.equal(dimensions(['batch', null, 3]), 'batch × ? × 3');
    assert.equal(superscript(-12), '⁻¹²');
  });

  it('shows an infinite condition number as ∞ and copies it as Infinity', () => {
    assert.equal(condition('Infinity'), '∞');
    assert.equal(condition(null), '–');
    assert.equal(exact('Infinity'), 'Infinity');
    assert.equal(exact(0.1 + 0.2), '0.30000000000000004');
    assert.equal(exact(null), '');
  });
});
