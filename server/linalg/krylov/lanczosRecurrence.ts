import { alignedBytes, type KernelMemory } from '../kernel.js';
import { type RandomGenerator } from '../random.js';
import { type Steps } from '../steps.js';
import { type ArrowMatrix } from './arrowMatrix.js';
import { multiplyBlock, type BlockOperator, type LinearOperator } from './linearOperator.js';
import { OrthogonalityEstimate } from './orthogonality.js';

export interface RecurrenceSettings {
  /** Vectors that the basis can hold, at most the smaller side. */
  capacity: number;
  /** Rounding of a product, relative to the operator's norm. */
  productError: number;
  /** Overlap of basis vectors from which on they are made orthogonal again; its square is the error that comes of it. */
  allowedOverlap: number;
  random: RandomGenerator;
}

/** A vector that keeps this share of its length in a pass of Gram–Schmidt is orthogonal to rounding. */
const shrinkage = 0.5;
const mostPasses = 3;
/** A vector that loses all but this share of the operator's norm lies in the space spanned before. */
const vanishing = 8 * Number.EPSILON;
/** Elements of the basis that are combined at a time: what it needs besides is small. */
const combinedColumns = 2048;

/** Bytes that a recurrence takes from the kernel's memory for good. */
export function recurrenceBytes(short: number, long: number, capacity: number): number {
  return alignedBytes((capacity + 1) * short) + alignedBytes(short) + alignedBytes(long) + alignedBytes(capacity + 1);
}

/** Bytes that it takes for a moment: one after the other may use them. */
export function combinationBytes(capacity: number): number {
  return alignedBytes(capacity * capacity) + alignedBytes(capacity * combinedColumns);
}

/**
 * The Lanczos recurrence for AᵀA, or AAᵀ where that is smaller: M·V = V·T + β·v_{m+1}·e_mᵀ with orthonormal V by rows in
 * the kernel's memory, from a random unit vector. Each product with M is one with A and one with Aᵀ. The error of an eigenvalue
 * is some roundings of the largest, so that singular values below the root of a rounding drown; bidiagonalisation would
 * keep them, but needs a second basis.
 *
 * Reading the whole basis for every vector would take longer than the products: it is read where the estimated overlap is no
 * longer negligible (partial re-orthogonalisation, Simon 1984), for two vectors in turn, which the recurrence joins. After a
 * restart or a breakdown every vector is made orthogonal.
 */
export class LanczosRecurrence {
  readonly short: number;
  readonly long: number;
  /** Largest coefficient so far: at most ‖A‖², and soon about half of it. Not a number where a product was not finite. */
  norm = 0;
  /** Products with A; there were as many with Aᵀ. */
  products = 0;
  private diagonal: number[] = [];
  private offDiagonal: number[] = [];
  private spokes: readonly number[] = [];
  private readonly basis: number;
  private readonly image: number;
  private readonly work: number;
  private readonly coefficients: number;
  private readonly overlap: OrthogonalityEstimate;
  private estimated = true;
  private nextToo = false;

  /** @param memory with room for `recurrenceBytes` now */
  constructor(
    private readonly memory: KernelMemory,
    private readonly operator: LinearOperator | BlockOperator,
    private readonly settings: RecurrenceSettings,
  ) {
    const { rows, columns } = operator;
    const { capacity, productError } = settings;
    [this.short, this.long] = [Math.min(rows, columns), Math.max(rows, columns)];
    this.basis = memory.take((capacity + 1) * this.short);
    this.work = memory.take(this.short);
    this.image = memory.take(this.long);
    this.coefficients = memory.take(capacity + 1);
    // Rounding errors are spread over all directions.
    this.overlap = new OrthogonalityEstimate(productError / Math.sqrt(this.short) + Number.EPSILON);
    this.randomDirection(0);
  }

  /** Vectors whose rows of T are complete. */
  get size(): number {
    return this.diagonal.length;
  }

  /** T. */
  get matrix(): ArrowMatrix {
    const { diagonal, spokes, offDiagonal } = this;
    return { diagonal, spokes, offDiagonal };
  }

  /** β: the residual of an eigenpair of T is this times the last entry of its vector. */
  get coupling(): number {
    return this.offDiagonal[this.size - 1];
  }

  /** The next row of T and vector of V: one product with A and one with Aᵀ. */
  *extend(): Steps<void> {
    const { memory, diagonal, offDiagonal, short } = this;
    const j = this.size;
    const target = this.at(j + 1);
    diagonal.push(yield* this.square(this.at(j), target));
    this.norm = Math.max(this.norm, diagonal[j]);
    if (!Number.isFinite(this.norm)) return;
    memory.exports.axpy(-diagonal[j], this.at(j), target, short);
    if (j > this.spokes.length) memory.exports.axpy(-offDiagonal[j - 1], this.at(j - 1), target, short);
    offDiagonal.push(this.nextDirection(j + 1));
    this.norm = Math.max(this.norm, offDiagonal[j]);
  }

  /**
   * Puts Σₖ xₖvₖ for some vectors x in place of the first vectors of the basis.
   * Takes `combinationBytes` of the kernel's memory for a moment.
   */
  combine(vectors: readonly Float64Array[]): void {
    const { memory, short, size } = this;
    const count = vectors.length;
    const mark = memory.mark();
    const x = memory.take(count * size);
    vectors.forEach((row, k) => memory.elements(x + 8 * k * size, size).set(row));
    const part = memory.take(count * combinedColumns);
    for (let from = 0; from < short; from += combinedColumns) {
      const width = Math.min(combinedColumns, short - from);
      memory.exports.gemm(count, width, size, 1, x, size, 1, this.at(0) + 8 * from, short, 1, 0, part, width, 1);
      memory.exports.copyMatrix(count, width, part, width, 1, this.at(0) + 8 * from, short, 1);
    }
    memory.release(mark);
  }

  /**
   * Goes on from some eigenvectors x of T and the last vector of the basis: thick restart (Wu and Simon, SIAM J. Matrix
   * Anal. Appl. 22, 2000), in which nothing of the space that they span is lost.
   */
  restart(values: Float64Array, vectors: readonly Float64Array[]): void {
    const { memory, short, size, coupling } = this;
    this.combine(vectors);
    memory.elements(this.at(vectors.length), short).set(memory.elements(this.at(size), short));
    this.spokes = vectors.map((x) => coupling * x[size - 1]);
    this.diagonal = [...values];
    this.offDiagonal = Array.from(values, () => 0);
    this.estimated = false;
  }

  /** How well the unit vector at an index of the basis is an eigenvector: λ = ‖A·v‖² and ‖M·v − λv‖, by products of its own. */
  *observe(index: number): Steps<{ lambda: number; residual: number }> {
    const { memory, short, work } = this;
    const lambda = yield* this.square(this.at(index), work);
    memory.exports.axpy(-lambda, this.at(index), work, short);
    return { lambda, residual: Math.sqrt(memory.exports.dot(work, work, short)) };
  }

  private at(index: number): number {
    return this.basis + 8 * index * this.short;
  }

  /** to ← M·v; returns ‖A·v‖². */
  private *square(v: number, to: number): Steps<number> {
    const { memory, image, long } = this;
    yield* this.multiply(true, v, image);
    yield* this.multiply(false, image, to);
    this.products++;
    return memory.exports.dot(image, image, long);
  }

  private *multiply(fromShort: boolean, from: number, to: number): Steps<void> {
    const { operator, memory, short, long } = this;
    const [given, made] = fromShort ? [short, long] : [long, short];
    const transposed = fromShort === operator.rows < operator.columns;
    const pending = multiplyBlock(operator, transposed, memory.elements(from, given), memory.elements(to, made), 1);
    if (pending === null) yield 0.5;
    else yield pending.then(() => 0.5);
  }

  /** Makes the vector with this index orthogonal to those before, as far as it is needed, and of unit length; returns its length before. */
  private nextDirection(index: number): number {
    const { memory, short } = this;
    const kernel = memory.exports;
    const target = this.at(index);
    // The neighbours, whose parts are rounding of this very step.
    for (let i = Math.max(0, index - 2); i < index; i++) kernel.axpy(-kernel.dot(this.at(i), target, short), this.at(i), target, short);
    let length = Math.sqrt(kernel.dot(target, target, short));
    this.estimated &&= length > vanishing * this.norm;
    if (!this.estimated || this.overlapsTooMuch(length)) {
      length = this.orthogonalise(index, length);
      if (this.estimated) this.overlap.reset();
    }
    if (index < short && length > vanishing * this.norm) {
      kernel.scale(1 / length, target, short);
      return length;
    }
    this.estimated = false;
    if (index < short) this.randomDirection(index);
    return 0;
  }

  private overlapsTooMuch(length: number): boolean {
    const { diagonal, offDiagonal, settings, norm } = this;
    const overlap = this.overlap.advance(diagonal, [...offDiagonal, length], norm);
    const follows = this.nextToo;
    this.nextToo = !follows && overlap > settings.allowedOverlap;
    return follows || overlap > settings.allowedOverlap;
  }

  /** Subtracts the parts along all earlier vectors; returns the length that is left. */
  private orthogonalise(index: number, length: number): number {
    const { memory, short } = this;
    const kernel = memory.exports;
    const target = this.at(index);
    let before = length;
    for (let pass = 0; pass < mostPasses; pass++) {
      kernel.orthogonalise(this.at(0), index, short, target, this.coefficients);
      const left = Math.sqrt(kernel.dot(target, target, short));
      if (left > shrinkage * before || left <= vanishing * this.norm) return left;
      before = left;
    }
    return before;
  }

  private randomDirection(index: number): void {
    const { memory, short, settings } = this;
    const target = memory.elements(this.at(index), short);
    for (let i = 0; i < short; i++) target[i] = settings.random.normal();
    for (let pass = 0; pass < 2; pass++) memory.exports.scale(1 / this.orthogonalise(index, Infinity), this.at(index), short);
  }
}
