import type { Curve } from './views.js';

/** 99 % quantile of the Tracy–Widom law TW₁ (Johnstone 2001): an eigenvalue above the edge is a spike. */
const tracyWidom99 = 2.0234;
/** Points of a drawn law: enough for a smooth arc at the panel's width. */
const lawPoints = 200;

/**
 * The law of the singular values σ of a random N × M matrix, N ≥ M, with independent entries: Marchenko–Pastur's law
 * of λ = σ²/N, carried over to the σ axis, where it stays finite for square matrices (a quarter circle).
 */
export interface NoiseLaw {
  /** Longer side N of one block. */
  longer: number;
  /** Ratio M/N of the bulk, in (0, 1]. */
  ratio: number;
  /** Standard deviation of the entries. */
  deviation: number;
}

/** Density of one singular value at σ > 0: √((λ₊ − λ)(λ − λ₋))/(π·deviation²·ratio·σ), and 0 outside of the bulk. */
export function density(law: NoiseLaw, sigma: number): number {
  const { longer, ratio, deviation } = law;
  const lambda = (sigma * sigma) / longer;
  const plus = (deviation * (1 + Math.sqrt(ratio))) ** 2;
  const minus = (deviation * (1 - Math.sqrt(ratio))) ** 2;
  if (ratio === 1) return lambda >= plus ? 0 : Math.sqrt(plus - lambda) / (Math.PI * deviation ** 2 * Math.sqrt(longer));
  if (lambda <= minus || lambda >= plus) return 0;
  return Math.sqrt((plus - lambda) * (lambda - minus)) / (Math.PI * deviation ** 2 * ratio * sigma);
}

/**
 * σ above which the largest singular value of such a matrix lies with probability 1 % (Johnstone 2001).
 *
 * @param shorter M; less than the matrix's own by the values that were taken out as spikes
 */
export function noiseEdge(law: NoiseLaw, shorter: number): number {
  const rows = Math.sqrt(law.longer - 1);
  const columns = Math.sqrt(shorter);
  if (rows === 0) return law.deviation * (1 + columns);
  const centre = (rows + columns) ** 2;
  const spread = (rows + columns) * Math.cbrt(1 / rows + 1 / columns);
  return law.deviation * Math.sqrt(centre + tracyWidom99 * spread);
}

/**
 * The law as counts per bin: `values`·`binWidth`·density over the whole bulk, in σ.
 *
 * @param values number of singular values that follow the law
 */
export function lawCurve(law: NoiseLaw, values: number, binWidth: number): Curve {
  const root = Math.sqrt(law.longer);
  const from = law.deviation * (1 - Math.sqrt(law.ratio)) * root;
  const to = law.deviation * (1 + Math.sqrt(law.ratio)) * root;
  // Chebyshev spacing: the arc is steep at both of its ends.
  const x = Array.from({ length: lawPoints }, (_, i) => from + ((to - from) * (1 - Math.cos((Math.PI * i) / (lawPoints - 1)))) / 2);
  return { x, y: x.map((sigma) => values * binWidth * density(law, sigma)) };
}
