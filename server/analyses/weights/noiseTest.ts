import { RandomGenerator } from '../../linalg/random.js';
import type { NoiseShape } from './marchenkoPastur.js';
import { noiseDistance } from './noiseSimulation.js';
import table from './noiseTable.json' with { type: 'json' };

/** Draws of noise for a grouped layer, which no table covers; fewer where a draw is dear. */
const largestDrawCount = 999;
const smallestDrawCount = 99;

/** Work allowed for one simulation, in squared sides: about a sixth of a second. */
const simulationBudget = 1e7;

/** Grouped layers dearer than this are not simulated: 99 draws would take seconds. */
const dearestDraw = simulationBudget / smallestDrawCount;

/** Blocks with a single value always fit. */
const smallestSide = 2;

/**
 * Probability that pure Gaussian noise of this shape lies at least as far from its fitted law as `ks`.
 *
 * The eigenvalues of noise repel each other and keep far closer to the law than independent numbers would, so that
 * the classical Kolmogorov table has no power here. The distribution was simulated for 15 ratios M/N and sides M up
 * to 1,024 (tools/noiseTable.mjs) and is interpolated: in M/N, in ln M, and between quantiles. M·ks hardly depends on
 * M; beyond the table it goes on linearly in ln M. Layers of several blocks are simulated when they are met.
 *
 * @param ks distance of the fit, from `fitMarchenkoPastur`
 * @param seed of the simulation of grouped layers; the table needs none
 * @returns never below the smallest tabulated probability (0.001), or 1/(draws + 1) for a simulation; null for
 *   blocks of one value, and for grouped layers whose simulation would take too long
 */
export function noiseProbability(ks: number, shape: NoiseShape, seed: number): number | null {
  if (shape.shorter < smallestSide) return null;
  return shape.blocks === 1 ? tabulatedProbability(ks, shape) : simulatedProbability(ks, shape, seed);
}

/** p from the table: survival probabilities at the interpolated quantiles of M·ks. */
function tabulatedProbability(ks: number, { longer, shorter }: NoiseShape): number {
  const statistic = ks * shorter;
  const { probabilities } = table;
  const quantile = quantiles(shorter / longer, shorter);
  if (statistic <= quantile(0)) return 1 - (1 - probabilities[0]) * (statistic / quantile(0));
  for (let i = 1; i < probabilities.length; i++) {
    const upper = quantile(i);
    if (statistic > upper) continue;
    const lower = quantile(i - 1);
    const part = upper > lower ? (statistic - lower) / (upper - lower) : 1;
    // Probabilities fall off exponentially, so their logarithms are interpolated.
    return probabilities[i - 1] ** (1 - part) * probabilities[i] ** part;
  }
  return probabilities[probabilities.length - 1];
}

/** The quantiles of M·ks at a point between the nodes of the table, by index of the probability. */
function quantiles(q: number, side: number): (index: number) => number {
  // √(1 − q) spreads the nodes evenly: near q = 1 the lower edge of the law meets zero.
  const across = place(table.ratios.map((ratio) => Math.sqrt(1 - ratio)), Math.sqrt(1 - q), false);
  const along = place(table.sides.map(Math.log), Math.log(side), true);
  const at = (ratio: number, sideIndex: number, index: number): number => table.quantiles[ratio][sideIndex][index] / table.scale;
  return (index) => {
    const along1 = (ratio: number): number => (1 - along.part) * at(ratio, along.index, index) + along.part * at(ratio, along.index + 1, index);
    return (1 - across.part) * along1(across.index) + across.part * along1(across.index + 1);
  };
}

/** Interval of ascending nodes that holds x, and where in it; outside at an end, or beyond the last where `extend`. */
function place(nodes: number[], x: number, extend: boolean): { index: number; part: number } {
  let index = 0;
  while (index < nodes.length - 2 && x > nodes[index + 1]) index++;
  const part = (x - nodes[index]) / (nodes[index + 1] - nodes[index]);
  return { index, part: Math.max(0, extend ? part : Math.min(1, part)) };
}

/** p = (1 + draws at least as far away)/(1 + draws). */
function simulatedProbability(ks: number, shape: NoiseShape, seed: number): number | null {
  const work = shape.blocks * shape.shorter * shape.shorter;
  if (work > dearestDraw) return null;
  const draws = Math.min(largestDrawCount, Math.floor(simulationBudget / work));
  const random = new RandomGenerator(seed);
  let further = 0;
  for (let draw = 0; draw < draws; draw++) if (noiseDistance(shape, random) >= ks) further++;
  return (1 + further) / (1 + draws);
}
