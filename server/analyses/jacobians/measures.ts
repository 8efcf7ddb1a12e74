import type { JacobianMeasures, QuantileCurves } from '../../report/jacobians.js';
import { quantileOfSorted } from '../../report/sampleQuantiles.js';

/** Unit roundoff of the derivative's precision. */
const epsilon = { float32: 2 ** -23, float64: 2 ** -52 } as const;

type Measure = Record<keyof JacobianMeasures, number | null>;

const none: Measure = { rank: null, logVolume: null, stableRank: null, spectralEntropy: null, entropyRank: null, effectiveRank: null, meanLog: null, deviationLog: null };
/** Of a zero matrix: its ranks are 0, and what would divide by its size does not exist. */
const zero: Measure = { ...none, rank: 0, stableRank: 0, effectiveRank: 0 };

/**
 * What the singular values of one Jacobian say together (docs/analyses/jacobians.md): logarithms are over the values above
 * max(m, n)·ε·σ₁, the others being zeros that rounding has moved. Sums run relative to σ₁, so that nothing overflows.
 * @param singularValues all min(m, n), descending
 */
export function measuresOf(singularValues: readonly number[], rows: number, columns: number, precision: 'float32' | 'float64'): Measure {
  const largest = singularValues.length > 0 ? singularValues[0] : 0;
  if (!(largest > 0)) return zero;
  const tolerance = Math.max(rows, columns) * epsilon[precision];
  let rank = 0;
  let [sum, energy, logs, squaredLogs] = [0, 0, 0, 0];
  for (const value of singularValues) {
    const ratio = value / largest;
    sum += ratio;
    energy += ratio * ratio;
    if (ratio <= tolerance) continue;
    rank++;
    logs += Math.log(ratio);
    squaredLogs += Math.log(ratio) ** 2;
  }
  let [entropy, entropyOfValues] = [0, 0];
  for (const value of singularValues) {
    const ratio = value / largest;
    entropy -= plogp((ratio * ratio) / energy);
    entropyOfValues -= plogp(ratio / sum);
  }
  const count = singularValues.length;
  return {
    rank,
    logVolume: logs + rank * Math.log(largest),
    stableRank: energy,
    spectralEntropy: count > 1 ? entropy / Math.log(count) : 0,
    entropyRank: Math.exp(entropy),
    effectiveRank: Math.exp(entropyOfValues),
    meanLog: Math.log(largest) + logs / rank,
    deviationLog: Math.sqrt(Math.max(0, squaredLogs / rank - (logs / rank) ** 2)),
  };
}

/** By measure and input; null for every measure of an input where not all values are known. */
export function measuresByInput(measures: readonly (Measure | null)[]): JacobianMeasures {
  const column = (name: keyof JacobianMeasures): (number | null)[] => measures.map((measure) => (measure ?? none)[name]);
  return {
    rank: column('rank'),
    logVolume: column('logVolume'),
    stableRank: column('stableRank'),
    spectralEntropy: column('spectralEntropy'),
    entropyRank: column('entropyRank'),
    effectiveRank: column('effectiveRank'),
    meanLog: column('meanLog'),
    deviationLog: column('deviationLog'),
  };
}

/** Quantiles of the k-th entries of all rows, by k; rows may be of unequal length. */
export function quantileCurves(rows: readonly ArrayLike<number>[]): QuantileCurves {
  const length = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const curves: QuantileCurves = { '0.05': [], '0.5': [], '0.95': [] };
  for (let k = 0; k < length; k++) {
    const sorted = Float64Array.from(rows.flatMap((row) => (k < row.length ? [row[k]] : []))).sort();
    curves['0.05'].push(quantileOfSorted(sorted, 0.05));
    curves['0.5'].push(quantileOfSorted(sorted, 0.5));
    curves['0.95'].push(quantileOfSorted(sorted, 0.95));
  }
  return curves;
}

function plogp(p: number): number {
  return p > 0 ? p * Math.log(p) : 0;
}
