import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fitPowerLaw, logAlphaNorm } from '../../../server/analyses/weights/powerLawFit.js';
import { chart, powerLawCharts } from '../../../server/analyses/weights/powerLawCharts.js';
import { RandomGenerator } from '../../../server/linalg/random.js';
import { assertClose, references } from './support.js';

/** The definition, point by point: O(N²). */
function slowFit(ascending: number[], shortest: number): { value: number; ks: number; tail: number } | null {
  let best: { value: number; ks: number; tail: number } | null = null;
  for (let i = 0; i < ascending.length - 1; i++) {
    const tail = ascending.slice(i);
    const n = tail.length;
    const sum = tail.reduce((total, x) => total + Math.log(x / tail[0]), 0);
    if (n < shortest || !(sum > 0)) continue;
    const value = 1 + n / sum;
    const ks = Math.max(...tail.map((x, j) => Math.abs(1 - (x / tail[0]) ** (1 - value) - j / n)));
    if (best === null || ks < best.ks) best = { value, ks, tail: n };
  }
  return best;
}

describe('power-law fit', () => {
  it('of 1, 2, 4 … 32 without a guard is the closed form (T18)', () => {
    const fit = fitPowerLaw([1, 2, 4, 8, 16, 32], 2);
    assertClose(fit?.value, 1 + 6 / (15 * Math.LN2), 1e-14);
    assertClose(fit?.value, 1.57707802, 1e-8);
    assertClose(fit?.ks, 0.2173377, 1e-7);
    assertClose(fit?.sigma, 0.23559111, 1e-7);
    assert.equal(fit?.xmin, 1);
    assert.equal(fit.tail, 6);
  });

  // Rounding errors fill the lower end of an exact low rank; their digits are not the same in any two libraries.
  for (const reference of references.metrics.filter(({ name }) => !name.startsWith('rank'))) {
    it(`agrees with numpy: ${reference.name}`, () => {
      const fit = fitPowerLaw(reference.singularValues.map((value) => value * value).reverse());
      for (const name of ['value', 'xmin', 'ks', 'tail', 'sigma'] as const) assertClose(fit?.[name], reference.alpha[name], 1e-9);
      const eigenvalues = Float64Array.from(reference.singularValues, (value) => value * value).reverse();
      assertClose(logAlphaNorm(eigenvalues, reference.alpha.value), reference.logAlphaNorm, 1e-11);
    });
  }

  it('reaches exactly the distance of the O(N²) definition', () => {
    const random = new RandomGenerator(8);
    const kinds: (() => number)[] = [() => random.normal() ** 2, () => (1 - random.uniform()) ** -0.7, () => random.uniform(), () => Math.exp(3 * random.normal()), () => 1 + random.integer(12)];
    for (const kind of kinds) {
      for (const size of [10, 11, 40, 333]) {
        const values = Array.from({ length: size }, kind).sort((a, b) => a - b);
        for (const shortest of [2, 10]) {
          const slow = slowFit(values, shortest);
          const fast = fitPowerLaw(values, shortest);
          assert.equal(fast === null, slow === null);
          if (slow === null) continue;
          assertClose(fast?.ks, slow.ks, 1e-11);
          assertClose(fast?.value, slow.value, 1e-9);
        }
      }
    }
  });

  it('does not depend on the scale of the values', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), { minLength: 12, maxLength: 60 }), fc.constantFrom(-40, -3, 11, 60), (values, exponent) => {
        const ascending = values.sort((a, b) => a - b);
        const before = fitPowerLaw(ascending);
        const after = fitPowerLaw(ascending.map((value) => value * 2 ** exponent));
        assert.equal(before === null, after === null);
        if (before !== null) assertClose(after?.ks, before.ks, 1e-9, 1e-12);
      }),
    );
  });

  it('is null where no tail of ten values or no spread exists', () => {
    assert.equal(fitPowerLaw([1, 2, 3, 4, 5, 6, 7, 8, 9]), null);
    assert.equal(fitPowerLaw(new Array<number>(30).fill(2)), null);
    assert.equal(fitPowerLaw([]), null);
    assert.equal(fitPowerLaw([1], 2), null);
    assert.equal(fitPowerLaw(Array.from({ length: 10 }, (_, i) => i + 1))?.tail, 10);
  });

  it('log₁₀Σλ^α survives large exponents', () => {
    assertClose(logAlphaNorm(Float64Array.of(1e3, 1e4), 200), 800, 1e-12);
  });
});

describe('power-law charts', () => {
  it('recover the exponent of exact power laws, all three', () => {
    for (const beta of [0.4, 1.3, 2, 3.7]) {
      const charts = powerLawCharts(Array.from({ length: 64 }, (_, k) => 5 * (k + 1) ** (-beta / 2)), 64);
      assertClose(charts.pOls, beta / 2, 1e-12);
      assertClose(charts.r2, 1, 1e-12);
      assertClose(charts.betaKl, beta, 1e-11);
      assertClose(charts.betaTop, beta, 1e-11);
    }
  });

  it('have the mean and the Fisher information of T21', () => {
    const { harmonic, meanLogarithm, fisher } = chart(1.3, Array.from({ length: 64 }, (_, k) => Math.log(k + 1)));
    assertClose(meanLogarithm, 1.3029084, 1e-7);
    assertClose(fisher, 1.571886, 1e-7);
    assertClose((64 / 4) * fisher, 25.1501766, 1e-8);
    assertClose(0.5 * (Math.log(64) - Math.log(harmonic)), 1.53399416, 1e-8);
  });

  for (const reference of references.metrics) {
    it(`agree with numpy: ${reference.name}`, () => {
      const charts = powerLawCharts(reference.singularValues, reference.numericalRank);
      for (const name of ['pOls', 'r2', 'betaKl', 'betaTop'] as const) assertClose(charts[name], reference.powerLaw[name], 1e-9, 1e-12);
    });
  }

  it('are null where they do not exist', () => {
    assert.deepEqual(powerLawCharts([0, 0], 0), { pOls: null, r2: null, betaKl: null, betaTop: null });
    assert.deepEqual(powerLawCharts([3, 0, 0], 1), { pOls: null, r2: null, betaKl: null, betaTop: null });
    assert.deepEqual(powerLawCharts([], 0), { pOls: null, r2: null, betaKl: null, betaTop: null });
    const flat = powerLawCharts([2, 2, 2], 3);
    assertClose(flat.pOls, 0, 0, 1e-15);
    assert.equal(flat.r2, null);
    assertClose(flat.betaKl, 0, 0, 1e-12);
    assertClose(flat.betaTop, 0, 0, 1e-12);
  });
});
