import assert from 'node:assert/strict';
import fc from 'fast-check';
import { spectrumMetrics } from '../../../server/analyses/weights/metrics.js';
import { assertClose, references } from './support.js';

const scalarNames = ['spectralNorm', 'frobeniusNorm', 'nuclearNorm', 'stableRank', 'effectiveRank', 'entropyRank', 'participationRatio', 'conditionNumberNumericalRank', 'logNorm', 'logSpectralNorm', 'cartan'] as const;

/** Descending positive values, a spectrum. */
const spectra = fc.array(fc.double({ min: 1e-3, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 40 }).map((values) => values.sort((a, b) => b - a));

describe('norms and ranks', () => {
  it('of σ = (2, 1, 1) and (4, 3, 2, 1) are the closed forms (T20)', () => {
    const first = spectrumMetrics([2, 1, 1], [3, 3], 'float32');
    assertClose(first.effectiveRank, 2.82842712, 1e-8);
    assertClose(first.entropyRank, 2.38110158, 1e-8);
    assertClose(Math.log(first.entropyRank ?? 0) / Math.log(3), 0.78969008, 1e-7);
    assertClose(first.participationRatio, 2, 1e-14);
    assertClose(first.stableRank, 1.5, 1e-14);
    const second = spectrumMetrics([4, 3, 2, 1], [4, 4], 'float32');
    assertClose(second.effectiveRank, 3.59611547, 1e-8);
    assertClose(second.entropyRank, 2.94019756, 1e-8);
    assertClose(second.participationRatio, 2.54237288, 1e-8);
    assertClose(second.stableRank, 1.875, 1e-14);
  });

  it('of exact power laws are the closed forms (T21)', () => {
    const law = (beta: number): number[] => Array.from({ length: 64 }, (_, k) => (k + 1) ** (-beta / 2));
    const steep = spectrumMetrics(law(1.3), [64, 64], 'float32');
    assertClose(steep.cartan, 1.53399416, 1e-8);
    assert.equal(steep.energyRank?.['0.9'], 26);
    const square = spectrumMetrics(law(2), [64, 64], 'float32');
    assert.equal(square.energyRank?.['0.9'], 6);
    assertClose(square.stableRank, 1.6294305, 1e-8);
    const flat = spectrumMetrics(law(0), [64, 64], 'float32');
    assertClose(flat.cartan, 0, 0, 1e-15);
    assert.equal(flat.energyRank?.['0.9'], 58);
    assertClose(spectrumMetrics([3, ...new Array<number>(63).fill(0)], [64, 64], 'float32').cartan, Math.log(64) / 2, 1e-14);
  });

  for (const reference of references.metrics) {
    it(`agree with numpy: ${reference.name}`, () => {
      const metrics = spectrumMetrics(reference.singularValues, reference.shape as [number, number], 'float32');
      for (const name of scalarNames) assertClose(metrics[name], reference[name], 1e-11);
      assert.equal(metrics.numericalRank, reference.numericalRank);
      assert.deepEqual(metrics.energyRank, reference.energyRank);
      if (typeof reference.conditionNumber === 'string') assert.equal(metrics.conditionNumber, reference.conditionNumber);
      else assertClose(metrics.conditionNumber as number, reference.conditionNumber, 1e-11);
    });
  }

  it('scale as they should: norms with the matrix, ranks not at all', () => {
    fc.assert(
      fc.property(spectra, fc.constantFrom(1e-30, 0.125, 7, 1e120), (values, factor) => {
        const shape: [number, number] = [values.length, values.length + 3];
        const before = spectrumMetrics(values, shape, 'float32');
        const after = spectrumMetrics(values.map((value) => value * factor), shape, 'float32');
        for (const name of ['spectralNorm', 'frobeniusNorm', 'nuclearNorm'] as const) assertClose(after[name], before[name] * factor, 1e-12);
        for (const name of ['stableRank', 'effectiveRank', 'entropyRank', 'participationRatio', 'cartan'] as const) assertClose(after[name], before[name], 1e-11, 1e-12);
        assert.equal(after.numericalRank, before.numericalRank);
        assertClose((after.logNorm ?? NaN) - (before.logNorm ?? NaN), 2 * Math.log10(factor), 1e-11, 1e-11);
      }),
    );
  });

  it('keep their inequalities: 1 ≤ stable rank ≤ participation ratio ≤ entropy rank ≤ effective rank ≤ d', () => {
    fc.assert(
      fc.property(spectra, (values) => {
        const { stableRank, participationRatio, entropyRank, effectiveRank } = spectrumMetrics(values, [values.length, values.length], 'float64');
        const slack = 1 + 1e-12;
        assert.ok(stableRank * slack >= 1);
        assert.ok((participationRatio ?? 0) * slack >= stableRank);
        assert.ok((entropyRank ?? 0) * slack >= (participationRatio ?? 0));
        assert.ok((effectiveRank ?? 0) * slack >= (entropyRank ?? 0));
        assert.ok((effectiveRank ?? 0) <= values.length * slack);
      }),
    );
  });

  it('of a zero matrix are zero or null, of an empty one too', () => {
    const zero = spectrumMetrics([0, 0], [2, 5], 'float32');
    assert.deepEqual([zero.spectralNorm, zero.frobeniusNorm, zero.nuclearNorm, zero.stableRank, zero.effectiveRank, zero.numericalRank], [0, 0, 0, 0, 0, 0]);
    assert.deepEqual([zero.entropyRank, zero.participationRatio, zero.energyRank, zero.logNorm, zero.logSpectralNorm, zero.cartan], [null, null, null, null, null, null]);
    assert.equal(zero.conditionNumber, 'Infinity');
    assert.equal(spectrumMetrics([], [0, 5], 'float32').conditionNumber, null);
  });

  it('call κ infinite only at the rounding of float64, but the rank by the stored type', () => {
    const small = spectrumMetrics([1, 1e-9], [2, 2], 'float32');
    assert.equal(small.numericalRank, 1);
    assertClose(small.conditionNumber as number, 1e9, 1e-14);
    assert.equal(small.conditionNumberNumericalRank, 1);
    assert.equal(spectrumMetrics([1, 1e-9], [2, 2], 'float64').numericalRank, 2);
    assert.equal(spectrumMetrics([1, 2 ** -51], [2, 2], 'float64').conditionNumber, 'Infinity');
  });
});
