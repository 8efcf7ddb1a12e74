import { alignedBytes, compileKernel, KernelMemory } from '../kernel.js';
import { multiplyBlock, type BlockOperator, type LinearOperator, type SingularVectors } from './linearOperator.js';
import { largestTriplets, projectedBytes, type ProjectedTriplets } from './projected.js';
import { type RandomGenerator } from '../random.js';
import { denseSide, denseSingularValues, denseTriplets } from './smallOperator.js';
import { runSteps, type SolveControl, type Steps } from '../steps.js';

export interface LanczosSettings {
  /** How many of the largest singular values are wanted; at least 1. */
  count: number;
  /**
   * Wanted relative accuracy of the values. A residual r = ‖Aᵀu − σv‖ means an error of at most r, and of about r²/gap
   * where the gap to the next value is known: the iteration ends when either is at most this times σ₁.
   */
  tolerance?: number;
  /** Vectors per step; at least the multiplicity that has to be resolved. Default: count. */
  blockSize?: number;
  /** Most products with A and with Aᵀ. */
  maximumProducts?: number;
  /** What both bases together may take; past it the iteration starts again from its best vectors. */
  memoryBytes?: number;
  /** Also the singular vectors. */
  vectors?: boolean;
  random: RandomGenerator;
}

export interface LanczosResult {
  /** The largest, descending. */
  singularValues: Float64Array;
  /** The smallest; null unless the matrix was small enough to be treated densely. */
  smallest: number | null;
  /** Largest residual relative to σ₁: each value differs from a singular value by at most this times σ₁. */
  relativeError: number;
  converged: boolean;
  products: number;
  /**
   * Where asked for. A·vₖ equals σₖ·uₖ to rounding, and Aᵀ·uₖ equals σₖ·vₖ to the stated error.
   */
  vectors?: SingularVectors;
}

const defaultTolerance = 1e-8;
const defaultMaximumProducts = 2000;
const defaultMemoryBytes = 192 * 1024 * 1024;
/** More vectors cost more in re-orthogonalisation than a restart costs in products. */
const maximumBasis = 160;
/** A vector that keeps this share of its length in a pass of Gram–Schmidt is orthogonal to rounding. */
const shrinkage = 0.5;
/** From so many vectors on, a product of all of them beats one vector after the other, although it copies the basis. */
const productsPayFrom = 4;
/** Two passes, and a third where the second was not enough. */
const mostPasses = 3;
/** A vector that loses all but this share of its length lies in the space spanned before. */
const vanishing = 8 * Number.EPSILON;

/**
 * The largest singular values of an operator by block Golub–Kahan–Lanczos bidiagonalisation (Golub, Luk and Overton,
 * ACM TOMS 7, 1981): from a random block V₁ it builds orthonormal blocks with
 *
 *     A·V_m = U_m·P_m,     Aᵀ·U_m = V_m·P_mᵀ + V_{m+1}·B·E_mᵀ
 *
 * where P_m is block upper bidiagonal. The singular values of P_m are the approximations; the residual of one with left
 * vector y is ‖B·(last block of y)‖. Every new block is orthogonalised against all earlier ones, twice, so that no value
 * appears in copies; a block as wide as the multiplicity of a value finds all of its copies. When the bases are full the
 * iteration starts again from the best vectors.
 *
 * Cost: two products per vector and 4·vectors²·(rows + columns) operations for orthogonality.
 * Throws the signal's reason on abort.
 */
export async function largestSingularValues(operator: LinearOperator | BlockOperator, settings: LanczosSettings, control: SolveControl = {}): Promise<LanczosResult> {
  const small = Math.min(operator.rows, operator.columns);
  if (small === 0) return { singularValues: new Float64Array(0), smallest: null, relativeError: 0, converged: true, products: 0 };
  if (small <= denseSide) {
    const whole = { converged: true, products: small };
    if (settings.vectors === true) return { ...whole, smallest: null, ...(await denseTriplets(operator, settings.count, settings.random)) };
    const { singularValues, relativeError } = await denseSingularValues(operator, control);
    return { ...whole, singularValues: singularValues.slice(0, settings.count), smallest: singularValues[small - 1], relativeError };
  }
  const blockSize = Math.min(settings.blockSize ?? settings.count, Math.floor(small / 2));
  const byMemory = Math.floor((settings.memoryBytes ?? defaultMemoryBytes) / 8 / (operator.rows + operator.columns));
  const basis = Math.max(Math.min(maximumBasis, byMemory, small), 3 * blockSize);
  const bytes = alignedBytes((basis + blockSize) * operator.rows) + alignedBytes((basis + blockSize) * operator.columns) + alignedBytes((basis + blockSize) * blockSize) + projectedBytes(basis) + combinationBytes(settings, basis, operator);
  const memory = new KernelMemory(await compileKernel());
  memory.reserve(bytes);
  const run = new BlockLanczos(memory, operator, settings, blockSize, Math.floor(basis / blockSize));
  return runSteps(run.solve(), settings.maximumProducts ?? defaultMaximumProducts, control);
}

/** Bytes for the singular vectors and the coefficients that combine them. */
function combinationBytes({ vectors, count }: LanczosSettings, basis: number, { rows, columns }: Pick<LinearOperator, 'rows' | 'columns'>): number {
  return vectors === true ? alignedBytes(count * basis) + alignedBytes(count * Math.max(rows, columns)) : 0;
}

/** One run of the iteration: the bases U and V by rows in the kernel's memory, the projected matrix P in `projected`. */
class BlockLanczos {
  private readonly u: number;
  private readonly v: number;
  private readonly coefficients: number;
  private readonly capacity: number;
  /** P, capacity × capacity by rows. */
  private readonly projected: Float64Array;
  private products = 0;

  constructor(
    private readonly memory: KernelMemory,
    private readonly operator: LinearOperator | BlockOperator,
    private readonly settings: LanczosSettings,
    private readonly blockSize: number,
    private readonly blocks: number,
  ) {
    this.capacity = blocks * blockSize;
    this.u = memory.take(this.capacity * operator.rows);
    this.v = memory.take((this.capacity + blockSize) * operator.columns);
    this.coefficients = memory.take((this.capacity + blockSize) * blockSize);
    this.projected = new Float64Array(this.capacity * this.capacity);
  }

  *solve(): Steps<LanczosResult> {
    const { blockSize: p, operator, settings } = this;
    const tolerance = settings.tolerance ?? defaultTolerance;
    const limit = settings.maximumProducts ?? defaultMaximumProducts;
    const start = this.memory.elements(this.v, p * operator.columns);
    for (let i = 0; i < start.length; i++) start[i] = settings.random.normal();
    this.orthonormalise(this.v, operator.columns, 0);
    for (;;) {
      this.projected.fill(0);
      let nextCheck = 4;
      for (let block = 0; block < this.blocks; block++) {
        const coupling = yield* this.extend(block);
        const size = (block + 1) * p;
        const full = block + 1 === this.blocks;
        if (block + 1 < nextCheck && !full && this.products < limit) continue;
        nextCheck = Math.ceil(1.3 * nextCheck);
        const found = largestTriplets(this.memory, this.projected, this.capacity, size, Math.max(settings.count, p) + 1, settings.random);
        const residual = largestResidual(found, coupling, p, settings.count);
        const largest = found.values[0];
        const gap = found.values[settings.count - 1] - found.values[settings.count] - residual;
        const converged = residual <= tolerance * largest || (gap > 0 && residual * residual <= tolerance * largest * gap);
        if (converged || this.products >= limit || size + p > Math.min(operator.rows, operator.columns)) {
          const result = { singularValues: found.values.slice(0, settings.count), smallest: null, relativeError: largest > 0 ? residual / largest + Number.EPSILON * 8 : 0, converged, products: this.products };
          return settings.vectors === true ? { ...result, vectors: this.combine(found, size) } : result;
        }
        if (full) this.restart(found, size);
      }
    }
  }

  /** One block step; returns B (p × p by rows) with Aᵀ·U_m = V_m·P_mᵀ + V_{m+1}·B. */
  private *extend(block: number): Steps<Float64Array> {
    const { blockSize: p, capacity, projected } = this;
    const { rows, columns } = this.operator;
    const uBlock = this.u + 8 * block * p * rows;
    const vBlock = this.v + 8 * block * p * columns;
    yield* this.multiply(false, vBlock, uBlock);
    this.products += p;
    // A·V_j = U_{j−1}·(…) + U_j·R: the part along earlier blocks is the transposed coupling, already in P.
    const upper = this.orthonormalise(this.u, rows, block * p);
    for (let i = 0; i < p; i++) for (let j = i; j < p; j++) projected[(block * p + i) * capacity + block * p + j] = upper[i * p + j];
    yield* this.multiply(true, uBlock, vBlock + 8 * p * columns);
    const coupling = this.orthonormalise(this.v, columns, (block + 1) * p);
    if (block + 1 < this.blocks) {
      for (let i = 0; i < p; i++) for (let j = i; j < p; j++) projected[(block * p + j) * capacity + (block + 1) * p + i] = coupling[i * p + j];
    }
    return coupling;
  }

  /** The products of a block of vectors; with an operator in this thread the event loop gets its turn between them. */
  private *multiply(transposed: boolean, from: number, to: number): Steps<void> {
    const { operator, blockSize: p, memory } = this;
    const [given, made] = transposed ? [operator.rows, operator.columns] : [operator.columns, operator.rows];
    const together = 'applyBlock' in operator ? p : 1;
    for (let i = 0; i < p; i += together) {
      const pending = multiplyBlock(operator, transposed, memory.elements(from + 8 * i * given, together * given), memory.elements(to + 8 * i * made, together * made), together);
      if (pending !== null) yield pending.then(() => together / 2);
      else yield 0.5;
    }
  }

  /**
   * Makes the block of p vectors behind the first `done` orthogonal to those and orthonormal in itself: all of the block at
   * once, in matrix products, and twice ("twice is enough", Giraud, Langou and Rozložník 2005; of blocks, Barlow and
   * Smoktunowicz 2013), or once more where a vector shrinks in the second pass. Vectors that vanish are replaced by
   * random ones.
   * @returns R (p × p by rows, upper triangular): block = old·(…) + new·R
   */
  private orthonormalise(basis: number, length: number, done: number): Float64Array {
    const { blockSize: p, memory } = this;
    const block = basis + 8 * done * length;
    const before = Array.from({ length: p }, (_, j) => Math.sqrt(memory.exports.dot(block + 8 * j * length, block + 8 * j * length, length)));
    let r: Float64Array | null = null;
    for (let pass = 0; pass < mostPasses; pass++) {
      this.projectBlock(basis, length, done);
      const factor = this.factorBlock(basis, length, done, r === null ? before : null);
      r = r === null ? factor : upperProduct(factor, r, p);
      const shrinks = Array.from({ length: p }, (_, j) => factor[j * p + j]).some((left) => left > 0 && left < shrinkage);
      if (pass > 0 && !shrinks) break;
    }
    return r ?? new Float64Array(p * p);
  }

  /** Subtracts from the block behind the first `done` vectors its parts along those. */
  private projectBlock(basis: number, length: number, done: number): void {
    if (done === 0) return;
    const { blockSize: p, memory, coefficients } = this;
    const block = basis + 8 * done * length;
    if (p < productsPayFrom) {
      for (let j = 0; j < p; j++) this.project(basis, length, done, memory.elements(block + 8 * j * length, length));
      return;
    }
    memory.exports.gemm(p, done, length, 1, block, length, 1, basis, 1, length, 0, coefficients, done, 1);
    memory.exports.gemm(p, length, done, -1, coefficients, done, 1, basis, length, 1, 1, block, length, 1);
  }

  /**
   * Makes the block behind the first `done` vectors orthonormal in itself, one vector after the other.
   * @param before lengths by which a vector has vanished that keeps no more than rounding; null: they are all 1
   * @returns R, with a zero on the diagonal for a vector that has been replaced
   */
  private factorBlock(basis: number, length: number, done: number, before: readonly number[] | null): Float64Array {
    const { blockSize: p, memory } = this;
    const kernel = memory.exports;
    const r = new Float64Array(p * p);
    const at = (j: number): number => basis + 8 * (done + j) * length;
    for (let j = 0; j < p; j++) {
      for (let i = 0; i < j; i++) {
        const along = kernel.dot(at(i), at(j), length);
        kernel.axpy(-along, at(i), at(j), length);
        r[i * p + j] = along;
      }
      const left = Math.sqrt(kernel.dot(at(j), at(j), length));
      if (left > vanishing * (before === null ? 1 : before[j])) {
        r[j * p + j] = left;
        kernel.scale(1 / left, at(j), length);
      } else {
        this.randomDirection(basis, length, done + j, memory.elements(at(j), length));
      }
    }
    return r;
  }

  private randomDirection(basis: number, length: number, done: number, target: Float64Array): void {
    for (let i = 0; i < length; i++) target[i] = this.settings.random.normal();
    for (let pass = 0; pass < 3; pass++) {
      this.project(basis, length, done, target);
      scaleBy(1 / norm(target), target);
    }
  }

  /** Subtracts from a vector in the kernel's memory its parts along `done` basis vectors. */
  private project(basis: number, length: number, done: number, vector: Float64Array): void {
    this.memory.exports.orthogonalise(basis, done, length, vector.byteOffset, this.coefficients);
  }

  /** Singular vectors from those of P: uₖ = Σ yₖⱼ·Uⱼ, vₖ = Σ xₖⱼ·Vⱼ. */
  private combine(found: ProjectedTriplets, size: number): SingularVectors {
    const { operator, memory, settings } = this;
    const count = Math.min(settings.count, found.values.length);
    const of = (small: Float64Array[], basis: number, length: number): Float64Array => {
      const mark = memory.mark();
      const coefficients = memory.take(count * size);
      const target = memory.take(count * length);
      for (let k = 0; k < count; k++) memory.elements(coefficients + 8 * k * size, size).set(small[k]);
      memory.exports.gemm(count, length, size, 1, coefficients, size, 1, basis, length, 1, 0, target, length, 1);
      memory.release(mark);
      return memory.elements(target, count * length).slice();
    };
    const left = found.left.map((y, k) => (found.values[k] > 0 ? y : new Float64Array(size)));
    return { left: of(left, this.u, operator.rows), right: of(found.right, this.v, operator.columns) };
  }

  /** Puts the p best right vectors in place of V₁. */
  private restart(found: ProjectedTriplets, size: number): void {
    const { blockSize: p, operator, memory } = this;
    const combination = memory.elements(this.coefficients, p * size);
    for (let k = 0; k < p; k++) combination.set(found.right[k], k * size);
    const next = this.v + 8 * this.capacity * operator.columns;
    memory.exports.gemm(p, operator.columns, size, 1, this.coefficients, size, 1, this.v, operator.columns, 1, 0, next, operator.columns, 1);
    memory.elements(this.v, p * operator.columns).set(memory.elements(next, p * operator.columns));
    this.orthonormalise(this.v, operator.columns, 0);
  }
}

function largestResidual(found: ProjectedTriplets, coupling: Float64Array, p: number, count: number): number {
  let largest = 0;
  for (const y of found.left.slice(0, count)) {
    const tail = y.subarray(y.length - p);
    let squares = 0;
    for (let i = 0; i < p; i++) {
      let sum = 0;
      for (let j = i; j < p; j++) sum += coupling[i * p + j] * tail[j];
      squares += sum * sum;
    }
    largest = Math.max(largest, Math.sqrt(squares));
  }
  return largest;
}

function inner(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function norm(a: Float64Array): number {
  return Math.sqrt(inner(a, a));
}

/** Product of two upper triangular p × p matrices, by rows. */
function upperProduct(a: Float64Array, b: Float64Array, p: number): Float64Array {
  const product = new Float64Array(p * p);
  for (let i = 0; i < p; i++) for (let k = i; k < p; k++) for (let j = k; j < p; j++) product[i * p + j] += a[i * p + k] * b[k * p + j];
  return product;
}

function scaleBy(factor: number, target: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i] *= factor;
}
