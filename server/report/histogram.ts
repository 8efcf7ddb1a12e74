import { quantileOfSorted } from './sampleQuantiles.js';

/** Few values still get a shape … */
const minimumBins = 8;
/** … and one far outlier, which makes the quartile rule ask for thousands of bins, no more than a chart's width can show. */
const maximumBins = 256;

/**
 * Histogram of singular values over [0, σ₁], equal bins, by the rule of Freedman and Diaconis (1981): width
 * 2·(Q₃ − Q₁)·n^(−1/3), between 8 and 256 bins; without a spread of the quartiles Sturges's ⌈log₂ n⌉ + 1.
 *
 * @param values descending, not negative, the first positive
 * @returns `binEdges` one longer than `counts`; a value on an inner edge belongs to the bin above it
 */
export function histogram(values: readonly number[]): { binEdges: number[]; counts: number[] } {
  const count = values.length;
  const top = values[0];
  const spread = quantileOfSorted(values, 0.25) - quantileOfSorted(values, 0.75);
  const wanted = spread > 0 ? top / (2 * spread * Math.pow(count, -1 / 3)) : Math.log2(count) + 1;
  const bins = Math.min(maximumBins, Math.max(minimumBins, Math.ceil(wanted)));
  const binEdges = Array.from({ length: bins + 1 }, (_, i) => (i === bins ? top : (top * i) / bins));
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) counts[Math.min(bins - 1, Math.floor((value / top) * bins))]++;
  return { binEdges, counts };
}
