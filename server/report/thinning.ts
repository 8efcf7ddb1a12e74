/** Share of the points spaced evenly; they show the body of a curve on a linear axis. */
const evenShare = 0.5;
/** Share spaced geometrically from each end; they show the head on a logarithmic axis and the fall-off at the end. */
const endShare = 0.2;

/**
 * Indices of at most `maximum` of `values`' points that keep the shape of the curve: both ends, even steps, geometric
 * steps from either end, and both sides of the steepest falls, so that no cliff moves.
 *
 * @param values descending and not negative
 * @returns ascending indices without repetition; all of them when there are no more than `maximum`. Cost O(n log n).
 */
export function thinnedIndices(values: ArrayLike<number>, maximum: number): number[] {
  const count = values.length;
  if (count <= maximum) return Array.from({ length: count }, (_, i) => i);
  const chosen = new Set<number>([0, count - 1]);
  const even = Math.floor(maximum * evenShare);
  for (let i = 0; i < even; i++) chosen.add(Math.round((i * (count - 1)) / (even - 1)));
  const ends = Math.floor(maximum * endShare);
  for (let i = 0; i < ends; i++) {
    const step = Math.round(Math.pow(count, i / (ends - 1))) - 1;
    chosen.add(step);
    chosen.add(count - 1 - step);
  }
  for (const fall of steepestFalls(values, Math.floor((maximum - even - 2 * ends) / 2) - 1)) {
    chosen.add(fall);
    chosen.add(fall + 1);
  }
  return [...chosen].sort((a, b) => a - b);
}

/** The `wanted` indices k with the largest ratios values[k]/values[k+1]. */
function steepestFalls(values: ArrayLike<number>, wanted: number): number[] {
  const ratios = Array.from({ length: values.length - 1 }, (_, k) => ({ k, ratio: fall(values[k], values[k + 1]) }));
  return ratios
    .sort((a, b) => b.ratio - a.ratio || a.k - b.k)
    .slice(0, Math.max(0, wanted))
    .map(({ k }) => k);
}

function fall(before: number, after: number): number {
  if (before === 0) return 1;
  return after === 0 ? Infinity : before / after;
}
