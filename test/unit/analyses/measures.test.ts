import assert from 'node:assert/strict';
import fc from 'fast-check';
import { measuresByInput, measuresOf, quantileCurves } from '../../../server/analyses/jacobians/measures.js';
import { quantileOfSorted } from '../../../server/report/sampleQuantiles.js';

const close = (actual: number | null, expected: number, tolerance = 1e-12): void => {
  assert.ok(actual !== null && Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);
};

describe('measures of a Jacobian', () => {
  it('are those of the definitions for σ = 3, 2, 1', () => {
    const { rank, logVolume, stableRank, spectralEntropy, entropyRank, effectiveRank, meanLog, deviationLog } = measuresOf([3, 2, 1], 3, 5, 'float64');
    const [p, q] = [[9 / 14, 4 / 14, 1 / 14], [3 / 6, 2 / 6, 1 / 6]];
    const entropy = (shares: number[]): number => -shares.reduce((sum, share) => sum + share * Math.log(share), 0);
    assert.equal(rank, 3);
    close(logVolume, Math.log(6));
    close(stableRank, 14 / 9);
    close(spectralEntropy, entropy(p) / Math.log(3));
    close(entropyRank, Math.exp(entropy(p)));
    close(effectiveRank, Math.exp(entropy(q)));
    close(meanLog, Math.log(6) / 3);
    // Standard deviation over the values themselves, not of a sample: ln 3, ln 2 and 0.
    const mean = Math.log(6) / 3;
    close(deviationLog, Math.sqrt(((Math.log(3) - mean) ** 2 + (Math.log(2) - mean) ** 2 + mean ** 2) / 3));
  });

  it('of an isometry up to scale have all ranks full and no deviation', () => {
    const measures = measuresOf(new Array<number>(7).fill(2.5), 7, 9, 'float32');
    for (const [name, expected] of [['rank', 7], ['stableRank', 7], ['entropyRank', 7], ['effectiveRank', 7], ['spectralEntropy', 1], ['meanLog', Math.log(2.5)], ['deviationLog', 0], ['logVolume', 7 * Math.log(2.5)]] as const) close(measures[name], expected);
  });

  it('count ranks, volumes and ln σ above max(m, n)·2⁻²³·σ₁, 2⁻⁵² in float64', () => {
    const limit = 100 * 2 ** -23;
    const values = [1, 2 * limit, limit, limit / 2];
    assert.equal(measuresOf(values, 4, 100, 'float32').rank, 2);
    close(measuresOf(values, 4, 100, 'float32').logVolume, Math.log(2 * limit));
    assert.equal(measuresOf(values, 4, 100, 'float64').rank, 4);
    assert.equal(measuresOf([1, 100 * 2 ** -52], 2, 100, 'float64').rank, 1);
  });

  it('of a zero matrix exist only where nothing is divided by its size', () => {
    assert.deepEqual(measuresOf([0, 0], 2, 3, 'float32'), { rank: 0, logVolume: null, stableRank: 0, spectralEntropy: null, entropyRank: null, effectiveRank: 0, meanLog: null, deviationLog: null });
    assert.equal(measuresOf([], 0, 3, 'float32').rank, 0);
  });

  it('stand very large and very small values', () => {
    for (const scale of [1e-300, 1e300]) {
      const { stableRank, effectiveRank, meanLog, logVolume } = measuresOf([scale, scale / 2], 2, 2, 'float64');
      close(stableRank, 1.25);
      close(effectiveRank, 1.5 * 2 ** (1 / 3) , 1e-12);
      close(meanLog, Math.log(scale) - Math.log(2) / 2);
      close(logVolume, 2 * Math.log(scale) - Math.log(2));
    }
  });

  it('scale as they should: ranks and entropy stay, ln σ moves', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.01, max: 10, noNaN: true }), { minLength: 1, maxLength: 8 }), fc.double({ min: 0.1, max: 10, noNaN: true }), (list, factor) => {
        const values = [...list].sort((a, b) => b - a);
        const [one, other] = [measuresOf(values, 8, 8, 'float64'), measuresOf(values.map((value) => factor * value), 8, 8, 'float64')];
        assert.equal(other.rank, one.rank);
        for (const name of ['stableRank', 'spectralEntropy', 'entropyRank', 'effectiveRank', 'deviationLog'] as const) close(other[name], one[name] ?? NaN, 1e-6);
        close(other.meanLog, (one.meanLog ?? NaN) + Math.log(factor), 1e-9);
        assert.ok((one.effectiveRank ?? 0) >= (one.entropyRank ?? 0) - 1e-9 && (one.entropyRank ?? 0) >= (one.stableRank ?? 0) - 1e-9);
      }),
    );
  });

  it('by input are null where not all values are known', () => {
    const byInput = measuresByInput([measuresOf([2, 1], 2, 2, 'float64'), null]);
    assert.deepEqual([byInput.rank, byInput.logVolume[1]], [[2, null], null]);
  });
});

describe('quantiles over inputs', () => {
  it('are those of numpy.quantile by default', () => {
    // numpy.quantileOfSorted([1, 2, 4, 8, 16], [0.05, 0.5, 0.95, 0.3]) = 1.2, 4, 14.4, 2.4
    const values = [1, 2, 4, 8, 16];
    close(quantileOfSorted(values, 0.05), 1.2);
    close(quantileOfSorted(values, 0.5), 4);
    close(quantileOfSorted(values, 0.95), 14.4);
    close(quantileOfSorted(values, 0.3), 2.4);
    assert.equal(quantileOfSorted([3], 0.95), 3);
  });

  it('are taken of each σₖ over the inputs that have it', () => {
    const curves = quantileCurves([[16, 1], [1], [4, 3], [8], [2]]);
    close(curves['0.5'][0], 4);
    close(curves['0.95'][0], 14.4);
    close(curves['0.5'][1], 2);
    assert.deepEqual(quantileCurves([]), { '0.05': [], '0.5': [], '0.95': [] });
  });
});
