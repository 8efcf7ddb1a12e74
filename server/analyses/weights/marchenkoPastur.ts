import type { MarchenkoPasturFit } from '../../report/report.js';

/** Quantiles of the Tracy–Widom law TW₁ (Johnstone 2001): above the first a value counts as a spike. */
export const tracyWidom99 = 2.0234;
/** Above the second the matrix is not noise, whatever its bulk looks like. */
export const tracyWidom995 = 2.4224;

/** Once more than this share of the values would be spikes, nothing is left that could be called their background. */
const largestSpikeShare = 0.5;

/** Blocks of a grouped convolution with a smaller side have no bulk: their eight or nine values are all edge. */
const smallestGroupedSide = 10;

/** Singular values below this share of σ₁, times the longer side, are zeros with rounding errors. */
export const roundingShare = 2 ** -52;

/** Halvings of [λ₋, λ₊] when a quantile is sought: below float64's spacing. */
const halvings = 60;

/** The sides of the matrix, or of each block of a grouped one: N ≥ M; and how many blocks there are. */
export interface NoiseShape {
  longer: number;
  shorter: number;
  blocks: number;
}

/** The sides of a layer's blocks. */
export function noiseShape(matrixShape: readonly [number, number], groups: number): NoiseShape {
  const rows = matrixShape[0] / groups;
  const columns = matrixShape[1] / groups;
  return { longer: Math.max(rows, columns), shorter: Math.min(rows, columns), blocks: groups };
}

/**
 * Density of the Marchenko–Pastur law: the eigenvalues λ of WᵀW/N for an N × M matrix W, q = M/N ≤ 1, of independent
 * entries with deviation `sigma`. √((λ₊ − λ)(λ − λ₋))/(2πσ²qλ) on [λ₋, λ₊], λ± = σ²(1 ± √q)².
 */
export function marchenkoPasturDensity(lambda: number, q: number, sigma = 1): number {
  const variance = sigma * sigma;
  const minus = variance * (1 - Math.sqrt(q)) ** 2;
  const plus = variance * (1 + Math.sqrt(q)) ** 2;
  if (lambda <= minus || lambda >= plus) return 0;
  return Math.sqrt((plus - lambda) * (lambda - minus)) / (2 * Math.PI * variance * q * lambda);
}

/** Distribution function of the same law with σ = 1, in closed form; right to about 10⁻¹⁵/q. */
export function marchenkoPasturDistribution(lambda: number, q: number): number {
  const minus = (1 - Math.sqrt(q)) ** 2;
  const plus = (1 + Math.sqrt(q)) ** 2;
  if (lambda <= minus) return 0;
  if (lambda >= plus) return 1;
  const above = plus - lambda;
  const below = lambda - minus;
  const root = Math.sqrt(above * below);
  const upper = Math.atan2(above - below, 2 * root);
  // Vanishes at q = 1, where the lower edge is 0.
  const lower = q < 1 ? (1 - q) * Math.atan2(minus * above - plus * below, 2 * (1 - q) * root) : 0;
  return (Math.PI * q + root - (1 + q) * upper + lower) / (2 * Math.PI * q);
}

/** The λ that holds the share `probability` of the law with σ = 1 below it. */
export function marchenkoPasturQuantile(probability: number, q: number): number {
  let low = (1 - Math.sqrt(q)) ** 2;
  let high = (1 + Math.sqrt(q)) ** 2;
  for (let i = 0; i < halvings; i++) {
    const middle = (low + high) / 2;
    if (marchenkoPasturDistribution(middle, q) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * Edge of the noise: the eigenvalue of WᵀW/N that the largest of pure noise with σ = 1 exceeds with the probability
 * that belongs to `quantile`. Johnstone, "On the distribution of the largest eigenvalue", Annals of Statistics 2001.
 *
 * @param longer N ≥ 2
 * @param shorter M > 0; less than the matrix's own where spikes were taken out
 */
export function noiseEdge(longer: number, shorter: number, quantile: number): number {
  const rows = Math.sqrt(longer - 1);
  const columns = Math.sqrt(shorter);
  const centre = (rows + columns) ** 2;
  const spread = (rows + columns) * Math.cbrt(1 / rows + 1 / columns);
  return (centre + quantile * spread) / longer;
}

/** A fit before its p-value is known. */
export type BulkFit = Omit<MarchenkoPasturFit, 'pValue'>;

/**
 * Fits the noise bulk of a matrix: σ̂² is the mean of the eigenvalues λ = σ²/N that are no spikes, a spike lies above
 * the 99 % Tracy–Widom edge of such noise, and both are repeated until the set of spikes stays the same; the edge
 * takes M less by the number of spikes. It starts at the median, which spikes hardly move.
 *
 * `ks` is the largest distance between the staircase of the eigenvalues that are no spikes and the distribution
 * function of the fitted law (σ̂, q = M/N), on both sides of each step.
 *
 * @param singularValues descending, of all blocks together
 * @returns all null with a reason where there is no bulk; cost O(number of values) a round, a few rounds
 */
export function fitMarchenkoPastur(singularValues: ArrayLike<number>, shape: NoiseShape): BulkFit {
  const { longer, shorter, blocks } = shape;
  const count = singularValues.length;
  if (blocks > 1 && shorter < smallestGroupedSide) return noFit(`blocks of fewer than ${smallestGroupedSide} values`);
  if (count === 0 || !(singularValues[0] > 0)) return noFit('all values are zero');
  if (longer < 2) return noFit('a single value');

  // Relative to the largest value, so that squares neither overflow nor vanish.
  const scale = singularValues[0];
  const eigenvalues = new Float64Array(count);
  for (let i = 0; i < count; i++) eigenvalues[count - 1 - i] = (singularValues[i] / scale) ** 2 / longer;
  const bulk = findBulk(eigenvalues, shape);
  if (bulk === null) return noFit('no noise bulk');

  const { variance, spikes } = bulk;
  const q = shorter / longer;
  // The rest of a matrix of low rank is the rounding of its decomposition, which is no noise of the weights.
  if (Math.sqrt(variance) * (Math.sqrt(longer) + Math.sqrt(shorter)) <= longer * roundingShare) return noFit('no noise bulk');
  const sigma = Math.sqrt(variance) * scale;
  const plus = variance * (1 + Math.sqrt(q)) ** 2;
  const lambdaPlus = (sigma * (1 + Math.sqrt(q))) ** 2;
  // Squares of very large or small deviations are no numbers of float64.
  const squares = lambdaPlus > 0 && Number.isFinite(lambdaPlus);
  return {
    sigma,
    lambdaMinus: squares ? (sigma * (1 - Math.sqrt(q))) ** 2 : null,
    lambdaPlus: squares ? lambdaPlus : null,
    spikes,
    softRank: plus / eigenvalues[count - 1],
    ks: distanceToLaw(eigenvalues.subarray(0, count - spikes), variance, q),
    reason: null,
  };
}

/** The variance of the bulk and the number of values above its edge; null once too many are. */
function findBulk(ascending: Float64Array, { longer, shorter, blocks }: NoiseShape): { variance: number; spikes: number } | null {
  const count = ascending.length;
  const half = count >> 1;
  const median = count % 2 === 1 ? ascending[half] : (ascending[half - 1] + ascending[half]) / 2;
  let variance = median / marchenkoPasturQuantile(0.5, shorter / longer);
  let spikes = -1;
  // The number of spikes only ever rises or only ever falls from round to round, so this ends.
  for (;;) {
    const edge = variance * noiseEdge(longer, shorter - Math.max(spikes, 0) / blocks, tracyWidom99);
    let above = 0;
    while (above < count && ascending[count - 1 - above] > edge) above++;
    if (above === spikes) return variance > 0 ? { variance, spikes } : null;
    if (above > largestSpikeShare * count) return null;
    spikes = above;
    let sum = 0;
    for (let i = 0; i < count - spikes; i++) sum += ascending[i];
    variance = sum / (count - spikes);
  }
}

/** sup |F_n − F| over both sides of each step. */
function distanceToLaw(ascending: Float64Array, variance: number, q: number): number {
  const count = ascending.length;
  let largest = 0;
  for (let i = 0; i < count; i++) {
    const expected = marchenkoPasturDistribution(ascending[i] / variance, q);
    largest = Math.max(largest, (i + 1) / count - expected, expected - i / count);
  }
  return largest;
}

function noFit(reason: string): BulkFit {
  return { sigma: null, lambdaMinus: null, lambdaPlus: null, spikes: null, softRank: null, ks: null, reason };
}

/**
 * TW₁ quantile for a small upper-tail probability: 1 − F₁(x) ≈ 0.126·x^(−3/4)·exp(−⅔x^(3/2)), whose constant is fitted
 * to the tabulated 3.2724 at 0.001 (it tends to 1/(4√π) = 0.141 far out). Used for several blocks at once, where one
 * of them exceeds its own 99.5 % edge too easily.
 *
 * @param probability at most 0.005, whose tabulated quantile is returned as it is
 */
export function tracyWidomQuantile(probability: number): number {
  if (probability >= 0.005) return tracyWidom995;
  let low = tracyWidom995;
  let high = 40;
  for (let i = 0; i < halvings; i++) {
    const x = (low + high) / 2;
    if (0.126 * x ** -0.75 * Math.exp((-2 / 3) * x ** 1.5) > probability) low = x;
    else high = x;
  }
  return (low + high) / 2;
}
