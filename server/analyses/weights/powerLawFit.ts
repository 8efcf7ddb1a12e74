import type { PowerLawFit } from '../../report/report.js';

/** A shorter tail has too few points for a slope: candidates that leave fewer values are passed over. */
const minimumTail = 10;

/** Evenly spaced candidates that are tried first, so that the others can be given up early. */
const scoutCount = 64;

/** Points of a tail that are looked at before all of them. */
const probeCount = 32;

/**
 * Power law λ^(−α) of the upper tail of positive values: maximum likelihood for every start of the tail, and of
 * those the one with the smallest Kolmogorov–Smirnov distance.
 *
 *   α_i = 1 + n / Σ_{j≥i} ln(x_j/x_i),   D_i = max_j |1 − (x_j/x_i)^(1−α_i) − (j − i)/n|,   n = N − i
 *
 * Clauset, Shalizi and Newman, "Power-law distributions in empirical data", SIAM Review 2009; the distance uses the
 * left-continuous empirical distribution, as WeightWatcher does. The smallest distance found is exactly that of the
 * definition, which takes N²/2 powers: here a candidate is given up at the first point that is further away than
 * the best distance so far, and such points are looked for first where the last tails had theirs.
 *
 * @param ascending positive values, ascending; zeros must be left out
 * @param shortestTail candidates with fewer values are passed over (1: none but the last value)
 * @returns null where no candidate remains or all values of every tail are equal; cost about O(N log N), at worst O(N²)
 */
export function fitPowerLaw(ascending: ArrayLike<number>, shortestTail = minimumTail): PowerLawFit | null {
  const count = ascending.length;
  // The last value alone is never a tail: its exponent is infinite.
  const candidates = Math.min(count - 1, count - shortestTail + 1);
  if (candidates < 1) return null;

  const logarithms = new Float64Array(count);
  for (let i = 0; i < count; i++) logarithms[i] = Math.log(ascending[i]);
  const slopes = tailSlopes(logarithms);

  let best = -1;
  let bestDistance = Infinity;
  let hint = 0.5;
  const attempt = (i: number): void => {
    const slope = slopes[i];
    if (!(slope > 0) || !Number.isFinite(slope)) return;
    // On a tie the earlier start wins, as it does where the distances are compared in order.
    const limit = bestDistance;
    const result = distanceWithin(logarithms, i, slope, limit, hint);
    hint = result.where;
    if (result.distance < limit || (result.distance === limit && i < best)) {
      best = i;
      bestDistance = result.distance;
    }
  };
  const step = Math.max(1, Math.floor(candidates / scoutCount));
  for (let i = 0; i < candidates; i += step) attempt(i);
  for (let i = 0; i < candidates; i++) if (i % step !== 0) attempt(i);
  if (best < 0) return null;

  const tail = count - best;
  const value = 1 + slopes[best];
  return { value, xmin: ascending[best], ks: bestDistance, tail, sigma: (value - 1) / Math.sqrt(tail) };
}

/** α_i − 1 = n / Σ_{j≥i} (ln x_j − ln x_i) for every i, by suffix sums of the gaps (which do not cancel). */
function tailSlopes(logarithms: Float64Array): Float64Array {
  const count = logarithms.length;
  const slopes = new Float64Array(count);
  let excess = 0;
  for (let i = count - 2; i >= 0; i--) {
    excess += (count - 1 - i) * (logarithms[i + 1] - logarithms[i]);
    slopes[i] = excess > 0 ? (count - i) / excess : Infinity;
  }
  return slopes;
}

/**
 * The distance of the tail that starts at i, or any value above `limit` as soon as one point exceeds it.
 * `where` is the share of the tail at which the largest difference was seen.
 */
function distanceWithin(logarithms: Float64Array, i: number, slope: number, limit: number, hint: number): { distance: number; where: number } {
  const n = logarithms.length - i;
  const start = logarithms[i];
  const difference = (j: number): number => Math.abs(-Math.expm1(-slope * (logarithms[i + j] - start)) - j / n);
  const hinted = Math.min(n - 1, Math.round(hint * n));
  if (difference(hinted) > limit) return { distance: Infinity, where: hint };
  const stride = Math.max(1, Math.floor(n / probeCount));
  for (let j = stride - 1; j < n; j += stride) {
    if (difference(j) > limit) return { distance: Infinity, where: j / n };
  }
  let largest = 0;
  let at = 0;
  for (let j = 0; j < n; j++) {
    const d = difference(j);
    if (d > largest) {
      if (d > limit) return { distance: Infinity, where: j / n };
      largest = d;
      at = j;
    }
  }
  return { distance: largest, where: at / n };
}

/**
 * log₁₀ Σ λ^α, without overflow.
 *
 * @param ascending positive eigenvalues, ascending, at least one
 */
export function logAlphaNorm(ascending: Float64Array, alpha: number): number {
  const largest = ascending[ascending.length - 1];
  let sum = 0;
  for (const value of ascending) sum += (value / largest) ** alpha;
  return alpha * Math.log10(largest) + Math.log10(sum);
}
