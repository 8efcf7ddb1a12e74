import { roundingBound } from '../dense/checks.js';
import { compileKernel, KernelMemory } from '../kernel.js';
import { singularValuesOfEach } from '../manySingularValues.js';
import { RandomGenerator } from '../random.js';
import { runSteps, type SolveControl } from '../steps.js';
import { GatheredOperators, type OperatorFamily } from './gatheredOperators.js';
import { largestSingularValues } from './lanczos.js';
import { type BlockOperator } from './linearOperator.js';
import { denseSide, writeLines } from './smallOperator.js';
import { leastBasis, VectorLanczos, vectorLanczosBytes, vectorLanczosScratchBytes, type LargestValues } from './vectorLanczos.js';

export { type OperatorFamily } from './gatheredOperators.js';
export { type LargestValues } from './vectorLanczos.js';

export interface FamilySettings {
  /** How many of the largest singular values are wanted of each member; at least 1. */
  count: number;
  /** Wanted error of each value relative to σ₁; what was reached is stated. Default: 1e-3. */
  tolerance?: number;
  /**
   * 1 (default): from one vector for each member, with the fewest products; the copies of a multiple value appear only as
   * rounding brings them in. More: blocks, which find values up to that multiplicity at once, and take more products.
   */
  blockSize?: number;
  /** Most products with each member, and as many with its transpose. */
  maximumProducts?: number;
  /** Rounding of a product, relative to the member's norm. Default: that of float32. */
  productError?: number;
  /** What the bases of all members may take together. A full basis costs a restart. */
  memoryBytes?: number;
  random: RandomGenerator;
}

const defaultTolerance = 1e-3;
const defaultMaximumProducts = 2000;
const float32ProductError = 2 ** -22;
const defaultMemoryBytes = 512 * 1024 * 1024;
/**
 * A recurrence that starts from one vector meets one direction of a multiple value alone; rounding brings in the others, and
 * the more of it there is the sooner. Products more exact than this share of the wanted accuracy, or than about float32, are
 * perturbed by that much.
 */
const mostPerturbation = 2 ** -26;
const perturbationShare = 1 / 64;
/** More basis vectors cost more in the projected matrix than a restart costs in products. */
const mostVectors = 640;

/**
 * The largest singular values of every member of a family, e.g. of the Jacobians of a batch of inputs: an iteration for
 * each (`VectorLanczos`), all side by side, so that one product of the whole family serves a step of all. Members whose
 * smaller side is at most 48 are written out and treated densely.
 *
 * Cost: products as the slowest member needs them; memory as `memoryBytes` says, where that holds 2·count + 8 vectors of
 * each member.
 * @returns by member; null where its products are not finite. Throws the signal's reason on abort, and what a product throws.
 */
export async function familySingularValues(family: OperatorFamily, settings: FamilySettings, control: SolveControl = {}): Promise<(LargestValues | null)[]> {
  const { members, rows, columns } = family;
  const [short, long] = [Math.min(rows, columns), Math.max(rows, columns)];
  const { count, random, blockSize = 1, tolerance = defaultTolerance, maximumProducts = defaultMaximumProducts, productError = float32ProductError, memoryBytes = defaultMemoryBytes } = settings;
  if (short === 0) return Array.from({ length: members }, () => ({ singularValues: new Float64Array(0), relativeError: 0, converged: true, products: 0 }));
  const choose = async (): Promise<(operator: BlockOperator, own: RandomGenerator, member: SolveControl) => Promise<LargestValues | null>> => {
    if (short <= denseSide) return (operator, _, member) => ofSmall(operator, count, productError, member);
    if (blockSize > 1) {
      return async (operator, own, member) => {
        const found = await largestSingularValues(operator, { count, tolerance, blockSize, maximumProducts, memoryBytes: memoryBytes / members, random: own }, member);
        return found.singularValues.every(Number.isFinite) ? { ...found, relativeError: found.relativeError + productError } : null;
      };
    }
    const perturbation = Math.min(mostPerturbation, perturbationShare * tolerance);
    const isExact = productError < perturbation;
    const capacity = Math.min(short, mostVectors, Math.max(leastBasis(count), Math.floor(memoryBytes / 8 / short / members)));
    const memory = new KernelMemory(await compileKernel());
    memory.reserve(members * vectorLanczosBytes(short, long, capacity) + vectorLanczosScratchBytes(capacity));
    const lanczos = { count, tolerance, maximumProducts, productError: isExact ? perturbation : productError };
    return (operator, own, member) => runSteps(new VectorLanczos(memory, isExact ? perturbed(operator, perturbation, own) : operator, { ...lanczos, random: own }, capacity).solve(), maximumProducts, member);
  };
  const solver = await choose();
  const gathered = new GatheredOperators(family);
  const shares = new Float64Array(members);
  // Numbers of its own for each member: in which order they ask depends on the clock.
  const seeds = Array.from(shares, () => random.bits());
  return Promise.all(
    Array.from(shares, async (_, index) => {
      const progress = (share: number): void => {
        shares[index] = share;
        control.progress?.(Math.min(...shares));
      };
      try {
        return await solver(gathered.member(index), new RandomGenerator(seeds[index]), { ...control, progress });
      } finally {
        gathered.leave(index);
      }
    }),
  );
}

/** The operator with random vectors of a small share of their length added to its products. */
function perturbed(operator: BlockOperator, share: number, random: RandomGenerator): BlockOperator {
  const disturb = (result: Float64Array): void => {
    const size = share * Math.sqrt(result.reduce((sum, x) => sum + x * x, 0) / result.length);
    for (let i = 0; i < result.length; i++) result[i] += size * random.normal();
  };
  return {
    ...operator,
    applyBlock: async (x, y, count) => {
      await operator.applyBlock(x, y, count);
      disturb(y);
    },
    applyTransposedBlock: async (y, x, count) => {
      await operator.applyTransposedBlock(y, x, count);
      disturb(x);
    },
  };
}

async function ofSmall(operator: BlockOperator, count: number, productError: number, control: SolveControl): Promise<LargestValues | null> {
  const [short, long] = [Math.min(operator.rows, operator.columns), Math.max(operator.rows, operator.columns)];
  const lines = new Float64Array(short * long);
  await writeLines(operator, lines);
  const [values] = await singularValuesOfEach([lines], { rows: short, columns: long, accuracy: 'full' }, control);
  if (values === null) return null;
  return { singularValues: values.slice(0, count), relativeError: roundingBound(long) + productError, converged: true, products: short };
}
