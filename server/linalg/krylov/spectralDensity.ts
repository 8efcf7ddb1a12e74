import { sumOfSquares } from '../dense/checks.js';
import { compileKernel, KernelMemory } from '../kernel.js';
import { RandomGenerator } from '../random.js';
import { runSteps, type SolveControl } from '../steps.js';
import { GatheredOperators } from './gatheredOperators.js';
import { LanczosRecurrence, recurrenceBytes } from './lanczosRecurrence.js';
import { multiplyBlock, type BlockOperator, type LinearOperator } from './linearOperator.js';
import { gaussQuadrature } from './quadrature.js';
import { denseSide, denseSingularValues } from './smallOperator.js';

export interface DensitySettings {
  /** Random unit vectors, whose products are computed together. Default: 4. */
  probes?: number;
  /** Steps from each; as many nodes. Default: 64. */
  steps?: number;
  /** Rounding of a product, relative to the operator's norm. Default: that of float32. */
  productError?: number;
  random: RandomGenerator;
}

/** How the singular values of an operator are distributed. */
export interface SingularValueDensity {
  /** σ, ascending … */
  nodes: number[];
  /** … and the share of all min(rows, columns) singular values that each stands for; they sum to 1. */
  weights: number[];
  probes: number;
  /** Of each probe, at most; fewer where its space is exhausted. */
  steps: number;
  /** Estimate of Σσ² and its standard error; 0 where all values are known. */
  squaredNorm: number;
  squaredNormError: number;
}

const defaultProbes = 4;
const defaultSteps = 64;
const float32ProductError = 2 ** -22;
/** Nodes closer together than this share of the largest, or than some roundings of the products, are one. */
const sameNode = 1e-9;
const roundings = 4;
/** Every vector is made orthogonal: the bases are short. */
const noOverlap = 0;

/**
 * The distribution of all singular values of an operator that is known by its products: stochastic Lanczos quadrature
 * (Golub and Meurant, Matrices, Moments and Quadrature, 2010; Ubaru, Chen and Saad, SIAM J. Matrix Anal. Appl. 38, 2017).
 * From a random unit vector, k steps of the Lanczos iteration for M = AᵀA or AAᵀ, whichever is smaller, give the Gauss
 * quadrature of vᵀf(M)v: exact for polynomials up to degree 2k − 1. Its expectation is the mean of f over all eigenvalues, its
 * spread falls with the square root of dimension times probes. Singular values below the root of the products' rounding
 * times the largest are not resolved. An operator of no more than `steps`, or 48, on its smaller side is written out: then
 * all is exact.
 *
 * Cost: probes·steps products with A and as many with Aᵀ, `probes` at a time, and 4·probes·steps²·min(rows, columns) operations.
 * Throws the signal's reason on abort, and an Error where a product is not finite.
 */
export async function singularValueDensity(operator: LinearOperator | BlockOperator, settings: DensitySettings, control: SolveControl = {}): Promise<SingularValueDensity> {
  const { rows, columns } = operator;
  const { probes = defaultProbes, productError = float32ProductError, random } = settings;
  const [short, long] = [Math.min(rows, columns), Math.max(rows, columns)];
  const steps = Math.min(settings.steps ?? defaultSteps, short);
  if (short === 0) return { nodes: [], weights: [], probes, steps: 0, squaredNorm: 0, squaredNormError: 0 };
  if (short <= Math.max(steps, denseSide)) return exactDensity(operator, probes, control);
  const memory = new KernelMemory(await compileKernel());
  memory.reserve(probes * recurrenceBytes(short, long, steps));
  const gathered = new GatheredOperators({
    members: probes,
    rows,
    columns,
    applyBlock: async (x, y) => multiply(operator, false, x, y, probes),
    applyTransposedBlock: async (y, x) => multiply(operator, true, y, x, probes),
  });
  // Numbers of its own for each probe: in which order they ask depends on the clock.
  const recurrences = Array.from({ length: probes }, (_, i) => new LanczosRecurrence(memory, gathered.member(i), { capacity: steps, productError, allowedOverlap: noOverlap, random: new RandomGenerator(random.bits()) }));
  await Promise.all(
    recurrences.map(async (recurrence, i) => {
      try {
        await runSteps(extend(recurrence, steps), steps, i === 0 ? control : { ...control, progress: () => undefined });
      } finally {
        gathered.leave(i);
      }
    }),
  );
  const rules = recurrences.map(({ matrix: { diagonal, offDiagonal } }) => gaussQuadrature(diagonal, offDiagonal.slice(0, -1)));
  // vᵀMv of a random unit vector is the mean eigenvalue, in expectation: the first moment, which the rule gives exactly.
  const mean = recurrences.reduce((sum, { matrix }) => sum + matrix.diagonal[0], 0) / probes;
  // And its variance is 2/(n + 2) of that of the eigenvalues, which the rules tell better than a few probes would.
  const spread = rules.reduce((sum, { nodes, weights }) => sum + nodes.reduce((part, lambda, k) => part + weights[k] * (lambda - mean) ** 2, 0), 0) / probes;
  const found = rules.flatMap(({ nodes, weights }) => nodes.map((lambda, k) => ({ node: Math.sqrt(Math.max(lambda, 0)), weight: weights[k] / probes })));
  return { ...merged(found, productError), probes, steps, squaredNorm: short * mean, squaredNormError: short * Math.sqrt((2 * spread) / ((short + 2) * probes)) };
}

/** Of an operator whose smaller side is so short that it is written out instead: all values, of equal weight. */
async function exactDensity(operator: LinearOperator | BlockOperator, probes: number, control: SolveControl): Promise<SingularValueDensity> {
  const { singularValues } = await denseSingularValues(operator, control);
  const n = singularValues.length;
  return { ...merged(Array.from(singularValues, (node) => ({ node, weight: 1 / n })), 0), probes, steps: n, squaredNorm: sumOfSquares(singularValues), squaredNormError: 0 };
}

async function multiply(operator: LinearOperator | BlockOperator, transposed: boolean, from: Float64Array, to: Float64Array, count: number): Promise<void> {
  await multiplyBlock(operator, transposed, from, to, count);
}

function* extend(recurrence: LanczosRecurrence, steps: number): ReturnType<LanczosRecurrence['extend']> {
  while (recurrence.size < steps) {
    yield* recurrence.extend();
    if (!Number.isFinite(recurrence.norm)) throw new Error('A product with the operator is not finite (NaN or infinity): it has no singular values.');
  }
}

/** Ascending, equal nodes as one; those that rounding alone has brought, with the square of a rounding as weight, are left out. */
function merged(found: readonly { node: number; weight: number }[], productError: number): { nodes: number[]; weights: number[] } {
  const sorted = found.filter(({ weight }) => weight > Number.EPSILON + productError ** 2).sort((a, b) => a.node - b.node);
  const near = Math.max(sameNode, roundings * productError) * (sorted.at(-1)?.node ?? 0);
  const nodes: number[] = [];
  const weights: number[] = [];
  for (const { node, weight } of sorted) {
    const last = nodes.length - 1;
    if (last >= 0 && node - nodes[last] <= near) {
      const together = weights[last] + weight;
      nodes[last] += ((node - nodes[last]) * weight) / together;
      weights[last] = together;
    } else {
      nodes.push(node);
      weights.push(weight);
    }
  }
  const total = weights.reduce((sum, x) => sum + x, 0);
  return { nodes, weights: weights.map((weight) => weight / total) };
}
