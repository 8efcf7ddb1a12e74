import assert from 'node:assert/strict';
import fc from 'fast-check';
import { histogram } from '../../../server/report/histogram.js';
import { thinnedIndices } from '../../../server/report/thinning.js';

const spectra = fc.array(fc.double({ min: 0, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 400 }).map((values) => values.sort((a, b) => b - a));

describe('thinned curves', () => {
  it('keep all points of short curves', () => {
    assert.deepEqual(thinnedIndices([3, 2, 1], 3), [0, 1, 2]);
    assert.deepEqual(thinnedIndices([], 10), []);
  });

  it('keep both ends, ascend, and never exceed their limit', () => {
    fc.assert(
      fc.property(spectra, fc.integer({ min: 64, max: 300 }), (values, maximum) => {
        const kept = thinnedIndices(values, maximum);
        assert.ok(kept.length <= Math.max(maximum, 0) && kept.length > 0);
        assert.equal(kept[0], 0);
        assert.equal(kept[kept.length - 1], values.length - 1);
        for (let i = 1; i < kept.length; i++) assert.ok(kept[i] > kept[i - 1]);
      }),
    );
  });

  it('keep both sides of a cliff exactly, and the head and the end point by point', () => {
    const values = Array.from({ length: 10_000 }, (_, k) => (k < 7321 ? 5 - k / 5000 : 1e-6));
    const kept = new Set(thinnedIndices(values, 2000));
    for (const k of [7320, 7321, 0, 1, 2, 5, 20, 9999, 9998, 9990]) assert.ok(kept.has(k), `point ${k}`);
    assert.ok(kept.size > 1500);
  });
});

describe('histogram of singular values', () => {
  it('counts every value once, between 8 and 256 bins from 0 to σ₁', () => {
    fc.assert(
      fc.property(spectra.filter((values) => values[0] > 1e-300), (values) => {
        const { binEdges, counts } = histogram(values);
        assert.equal(binEdges.length, counts.length + 1);
        assert.ok(counts.length >= 8 && counts.length <= 256);
        assert.equal(counts.reduce((sum, count) => sum + count, 0), values.length);
        assert.equal(binEdges[0], 0);
        assert.equal(binEdges[counts.length], values[0]);
      }),
    );
  });

  it('follows the rule of Freedman and Diaconis', () => {
    // 1…1000: quartiles 499.5 apart, width 2·499.5/10 = 99.9, so ⌈1000/99.9⌉ = 11 bins.
    assert.equal(histogram(Array.from({ length: 1000 }, (_, i) => 1000 - i)).counts.length, 11);
    // One far outlier asks for more bins than a chart can show.
    assert.equal(histogram([1e6, ...Array.from({ length: 1000 }, (_, i) => 1 - i / 1000)]).counts.length, 256);
    assert.equal(histogram([2, 2, 2, 2]).counts.length, 8);
  });
});
