import type { EnergyRanks, Metrics } from '../../report/report.js';

/** Machine epsilon of float64 and of float32; every stored type narrower than float64 counts as float32. */
const epsilon64 = 2 ** -52;
const epsilon32 = 2 ** -23;

/** Shares of energy that an energy rank is reported for. */
const energyShares = [0.5, 0.9, 0.95, 0.99] as const;

/** Slack of an energy quantile, so that rounding in the sum never moves a rank that is exact in theory. */
const energyTolerance = 1e-12;

/** The part of the metrics that needs the singular values alone: norms, ranks and condition numbers. */
export type SpectrumMetrics = Omit<Metrics, 'alpha' | 'alphaHat' | 'logAlphaNorm' | 'marchenkoPastur' | 'powerLaw'>;

/**
 * Norms, ranks, entropies, energy ranks and condition numbers of a matrix.
 *
 * Definitions: docs/analyses/weights.md. Sums are taken relative to the largest value, so that entries near the
 * ends of the floating-point range neither overflow nor vanish.
 *
 * @param singularValues all min(rows, columns) values, descending
 * @param matrixShape [rows, columns] of the whole matrix
 * @param dtype stored element type, which sets the tolerance of the numerical rank
 * @returns null where a quantity does not exist (a zero or empty matrix has no entropy); cost O(number of values)
 */
export function spectrumMetrics(singularValues: ArrayLike<number>, matrixShape: readonly [number, number], dtype: string): SpectrumMetrics {
  const count = singularValues.length;
  const largest = count > 0 ? singularValues[0] : 0;
  if (!(largest > 0)) return zeroMetrics(count);

  const longerSide = Math.max(matrixShape[0], matrixShape[1]);
  const energies = new Float64Array(count);
  let nuclear = 0;
  let energy = 0;
  let energySquared = 0;
  for (let k = count - 1; k >= 0; k--) {
    const ratio = singularValues[k] / largest;
    energies[k] = ratio * ratio;
    nuclear += ratio;
    energy += energies[k];
    energySquared += energies[k] * energies[k];
  }
  const tolerance = longerSide * (dtype === 'float64' ? epsilon64 : epsilon32) * largest;
  const numericalRank = countAbove(singularValues, tolerance);
  const smallest = singularValues[count - 1];
  return {
    spectralNorm: largest,
    frobeniusNorm: largest * Math.sqrt(energy),
    nuclearNorm: largest * nuclear,
    stableRank: energy,
    numericalRank,
    effectiveRank: Math.exp(entropy(count, (k) => singularValues[k] / largest / nuclear)),
    entropyRank: Math.exp(entropy(count, (k) => energies[k] / energy)),
    participationRatio: (energy * energy) / energySquared,
    energyRank: energyRanks(energies, energy),
    conditionNumber: smallest <= longerSide * epsilon64 * largest ? 'Infinity' : largest / smallest,
    conditionNumberNumericalRank: numericalRank > 0 ? largest / singularValues[numericalRank - 1] : null,
    logNorm: Math.log10(energy) + 2 * Math.log10(largest),
    logSpectralNorm: 2 * Math.log10(largest),
    cartan: 0.5 * Math.log(count / energy),
  };
}

/** −Σ p ln p with 0·ln 0 = 0. */
function entropy(count: number, probability: (k: number) => number): number {
  let sum = 0;
  for (let k = count - 1; k >= 0; k--) {
    const p = probability(k);
    if (p > 0) sum -= p * Math.log(p);
  }
  return sum;
}

/** Fewest leading values that hold each share of the energy (docs/analyses/weights.md, "energy rank"). */
function energyRanks(energies: Float64Array, total: number): EnergyRanks {
  const ranks: number[] = [];
  let kept = 0;
  let rank = 0;
  for (const share of energyShares) {
    while (rank < energies.length && kept < (share - energyTolerance) * total) kept += energies[rank++];
    ranks.push(rank);
  }
  return { '0.5': ranks[0], '0.9': ranks[1], '0.95': ranks[2], '0.99': ranks[3] };
}

/** Number of values above a threshold; the values descend. */
function countAbove(descending: ArrayLike<number>, threshold: number): number {
  let count = 0;
  while (count < descending.length && descending[count] > threshold) count++;
  return count;
}

/** A zero matrix has norms and ranks 0 and nothing that needs a division by its size; an empty one no condition either. */
function zeroMetrics(count: number): SpectrumMetrics {
  return {
    spectralNorm: 0,
    frobeniusNorm: 0,
    nuclearNorm: 0,
    stableRank: 0,
    numericalRank: 0,
    effectiveRank: 0,
    entropyRank: null,
    participationRatio: null,
    energyRank: null,
    conditionNumber: count > 0 ? 'Infinity' : null,
    conditionNumberNumericalRank: null,
    logNorm: null,
    logSpectralNorm: null,
    cartan: null,
  };
}
