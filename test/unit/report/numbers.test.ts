import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatBytes, formatCount, formatLimit, formatNumber, formatSeconds, formatShare } from '../../../server/report/numbers.js';

describe('numbers in sentences', () => {
  it('have four digits with their zeros, and powers of ten outside of [10⁻³, 10⁴)', () => {
    const cases: [number, string][] = [
      [5.9231, '5.923'], [0.0843, '0.08430'], [143_300, '1.433 × 10⁵'], [2.161e-5, '2.161 × 10⁻⁵'], [1, '1.000'], [1813.2, '1813'], [-35.97, '\u221235.97'],
      [9999.4, '9999'], [9999.7, '1.000 × 10⁴'], [0.001, '0.001000'], [0.000999996, '0.001000'], [0.00099994, '9.999 × 10⁻⁴'], [0, '0'], [Infinity, '∞'], [-Infinity, '\u2212∞'], [NaN, '–'],
    ];
    for (const [value, text] of cases) assert.equal(formatNumber(value), text);
    assert.equal(formatNumber(1234.5, 2), '1200');
    assert.equal(formatNumber(0.5, 2), '0.50');
  });

  it('have no more digits than a limit was set with', () => {
    const cases: [number, string][] = [[5, '5'], [2.5, '2.5'], [0.001, '0.001'], [1e4, '10⁴'], [1.5e4, '1.5 × 10⁴'], [1e-7, '10⁻⁷'], [100 * 0.07, '7'], [99.5, '99.5'], [0, '0'], [-1e5, '\u221210⁵'], [Infinity, '∞']];
    for (const [value, text] of cases) assert.equal(formatLimit(value), text);
  });

  it('read back as the rounded number', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), fc.boolean(), fc.integer({ min: 1, max: 8 }), (size, negative, digits) => {
        const value = negative ? -size : size;
        const text = formatNumber(value, digits).replace('\u2212', '-');
        const power = /^(?<mantissa>[^ ]+) × 10(?<exponent>.+)$/u.exec(text);
        const exponent = power?.groups?.exponent.replace('⁻', '-').replace(/[⁰¹²³⁴-⁹]/gu, (c) => String('⁰¹²³⁴⁵⁶⁷⁸⁹'.indexOf(c)));
        const read = Number(power === null ? text : `${power.groups?.mantissa ?? ''}e${exponent ?? ''}`);
        assert.equal(read, Number(value.toPrecision(digits)), text);
      }),
    );
  });

  it('have thin spaces in thousands and decimal units', () => {
    assert.equal(formatCount(102_400), '102\u2009400');
    assert.equal(formatCount(999), '999');
    assert.equal(formatCount(-1_234_567), '\u22121\u2009234\u2009567');
    assert.equal(formatBytes(450_053), '450 kB');
    assert.equal(formatBytes(999_600), '1.00 MB');
    assert.equal(formatBytes(12), '12 B');
    assert.equal(formatBytes(1_220_755), '1.22 MB');
    assert.equal(formatSeconds(0.034), '0.034 s');
    assert.equal(formatSeconds(95), '95 s');
    assert.equal(formatSeconds(720), '12 min');
    assert.equal(formatShare(0.999), '99.90 %');
    assert.equal(formatShare(0.9999999), '> 99.99 %');
    assert.equal(formatShare(1), '100.0 %');
  });
});
