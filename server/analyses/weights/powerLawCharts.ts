import type { PowerLawCharts } from '../../report/report.js';

/** Bracket of the exponent β in the bisection: below −20 or above 60 one end of the spectrum holds everything. */
const lowestBeta = -20;
const highestBeta = 60;

/** Halvings of the bracket: 80/2⁶⁰ is below the spacing of float64 at 1. */
const halvings = 60;

/**
 * Three readings of a spectrum as a power law σ_k ∝ k^(−p), λ_k = σ_k²/Σσ² ∝ k^(−β), β = 2p: the straight line in
 * log–log over the numerical rank, the Kullback–Leibler projection (same mean of ln k), and the chart that matches
 * the share of the first value. They agree on exact power laws and nowhere else.
 *
 * Geometric and spectral alignment for deep networks; formulas in docs/analyses/weights.md.
 *
 * @param singularValues all d values, descending
 * @param numericalRank values that the line is fitted to
 * @returns all null for a zero matrix; betaKl and betaTop null for rank 1, where they are infinite; cost O(60·d)
 */
export function powerLawCharts(singularValues: ArrayLike<number>, numericalRank: number): PowerLawCharts {
  const count = singularValues.length;
  const largest = count > 0 ? singularValues[0] : 0;
  if (!(largest > 0)) return { pOls: null, r2: null, betaKl: null, betaTop: null };

  const logarithms = new Float64Array(count);
  for (let k = 0; k < count; k++) logarithms[k] = Math.log(k + 1);
  let energy = 0;
  let weighted = 0;
  for (let k = count - 1; k >= 0; k--) {
    const share = (singularValues[k] / largest) ** 2;
    energy += share;
    weighted += share * logarithms[k];
  }
  const line = logLogLine(singularValues, logarithms, numericalRank);
  const severalDirections = numericalRank > 1;
  return {
    pOls: line === null ? null : -line.slope,
    r2: line === null ? null : line.r2,
    betaKl: severalDirections ? solveDecreasing((beta) => chart(beta, logarithms).meanLogarithm, weighted / energy) : null,
    betaTop: severalDirections ? solveDecreasing((beta) => chart(beta, logarithms).harmonic, energy) : null,
  };
}

/**
 * The power-law chart p_β(k) = k^(−β)/H_{d,β}.
 *
 * @param logarithms ln k for k = 1…d
 * @returns H_{d,β} and the mean and variance of ln k under p_β (the variance is the Fisher information)
 */
export function chart(beta: number, logarithms: ArrayLike<number>): { harmonic: number; meanLogarithm: number; fisher: number } {
  // Relative to the largest term, which is the first for β ≥ 0 and the last for β < 0.
  const offset = beta < 0 ? logarithms[logarithms.length - 1] : 0;
  let sum = 0;
  let first = 0;
  let second = 0;
  for (let k = logarithms.length - 1; k >= 0; k--) {
    const weight = Math.exp(-beta * (logarithms[k] - offset));
    sum += weight;
    first += weight * logarithms[k];
    second += weight * logarithms[k] * logarithms[k];
  }
  const meanLogarithm = first / sum;
  return { harmonic: sum * Math.exp(-beta * offset), meanLogarithm, fisher: second / sum - meanLogarithm * meanLogarithm };
}

/** β with f(β) = target for a decreasing f; null where the root lies outside the bracket. */
function solveDecreasing(f: (beta: number) => number, target: number): number | null {
  let low = lowestBeta;
  let high = highestBeta;
  if (f(low) < target || f(high) > target) return null;
  for (let i = 0; i < halvings; i++) {
    const middle = (low + high) / 2;
    if (f(middle) > target) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Least-squares line through (ln k, ln σ_k), k = 1…rank; null for fewer than two points. */
function logLogLine(singularValues: ArrayLike<number>, logarithms: Float64Array, rank: number): { slope: number; r2: number | null } | null {
  if (rank < 2) return null;
  let meanX = 0;
  let meanY = 0;
  for (let k = 0; k < rank; k++) {
    meanX += logarithms[k] / rank;
    meanY += Math.log(singularValues[k]) / rank;
  }
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (let k = 0; k < rank; k++) {
    const x = logarithms[k] - meanX;
    const y = Math.log(singularValues[k]) - meanY;
    xx += x * x;
    xy += x * y;
    yy += y * y;
  }
  // A flat spectrum has no variance to explain.
  return { slope: xy / xx, r2: yy > 0 ? (xy * xy) / (xx * yy) : null };
}
