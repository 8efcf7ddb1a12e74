import { bandLength, bandReductionBytes, bandReductionWork, bandWidth, reduceToBand } from './bandReduction.js';
import { bandSingularValues, bandToValuesBytes, bandToValuesWork } from './bidiagonal.js';
import { alignedBytes, compileKernel, kernelOverheadBytes, KernelMemory, type CompiledKernel, type MatrixView } from './kernel.js';
import { runSteps, type SolveControl, type Steps } from './steps.js';

export type { SolveControl } from './steps.js';

export interface SingularValueResult {
  /** All, descending. */
  singularValues: Float64Array;
  method: 'two-stage' | 'gram' | 'qr-first';
  exact: boolean;
  /** Bound of the error of every value, relative to the largest. */
  relativeError: number;
  engine: string;
}

interface Shape {
  groups: number;
  rows: number;
  columns: number;
}

/** Largest tolerated disagreement of Σσ² and the sum of the squared entries, relative. */
const frobeniusTolerance = 1e-11;
/** Entries outside this range are scaled by a power of two first: their squares would overflow or vanish. */
const largestUnscaled = 2 ** 200;
const smallestUnscaled = 2 ** -200;
/** An instance is dropped when it holds this many times what the next matrix needs, and more than this many bytes. */
const dropFactor = 4;
const dropBytes = 64 * 1024 * 1024;

/**
 * Peak bytes of `allocate(groups, rows, columns)` and `singularValues` together: the matrix in float64, the band and
 * the panels of one block, and the kernel's own memory.
 */
export function predictedBytes(groups: number, rows: number, columns: number): number {
  return kernelOverheadBytes + reservedBytes({ groups, rows, columns }) + 16 * groups * Math.min(rows, columns);
}

function reservedBytes({ groups, rows, columns }: Shape): number {
  const large = Math.max(rows, columns);
  const small = Math.min(rows, columns);
  return alignedBytes(groups * rows * columns) + alignedBytes(bandLength(small, bandWidth(small))) + bandReductionBytes(large, small) + bandToValuesBytes(small);
}

/**
 * Singular values of matrices that are filled in place, in the memory of a WebAssembly kernel, so that weights are
 * widened once and never copied.
 */
export class MatrixWorkspace {
  private memory: KernelMemory;
  private shape: Shape = { groups: 0, rows: 0, columns: 0 };
  private address = 0;

  private constructor(private readonly kernel: CompiledKernel) {
    this.memory = new KernelMemory(kernel);
  }

  /** Compiles the kernel (once per process) and makes a workspace: about 10 ms. */
  static async create(): Promise<MatrixWorkspace> {
    return new MatrixWorkspace(await compileKernel());
  }

  /** Which build of the kernel runs, e.g. "wasm relaxed-simd". */
  get engine(): string {
    return this.kernel.name;
  }

  /**
   * Zeroed row-major storage of `groups` blocks of rows × columns, one after the other, in the kernel's memory; valid
   * until the next `allocate` or `singularValues`, which destroys it. Throws a RangeError, one sentence, where there is
   * not enough memory.
   */
  allocate(groups: number, rows: number, columns: number): Float64Array {
    for (const count of [groups, rows, columns]) {
      if (!Number.isSafeInteger(count) || count < 0) throw new RangeError(`A matrix of ${groups} × ${rows} × ${columns} cannot be stored: each count must be an integer of at least 0.`);
    }
    const shape = { groups, rows, columns };
    const bytes = reservedBytes(shape);
    this.shape = { groups: 0, rows: 0, columns: 0 };
    if (this.memory.bytes > dropBytes && this.memory.bytes > dropFactor * bytes) this.memory = new KernelMemory(this.kernel);
    this.memory.reserve(bytes);
    this.address = this.memory.take(groups * rows * columns);
    this.shape = shape;
    return this.memory.elements(this.address, groups * rows * columns).fill(0);
  }

  /**
   * Union of the singular values of all blocks, descending: groups·min(rows, columns) values. Destroys the matrix.
   * Throws the signal's reason on abort, and an Error for non-finite entries.
   */
  async singularValues(control: SolveControl = {}): Promise<SingularValueResult> {
    const { groups, rows, columns } = this.shape;
    const small = Math.min(rows, columns);
    const large = Math.max(rows, columns);
    const work = groups * (bandReductionWork(large, small) + bandToValuesWork(small, bandWidth(small))) + groups * rows * columns;
    const singularValues = await runSteps(this.solve(), work, control);
    return { singularValues, method: 'two-stage', exact: true, relativeError: errorBound(large), engine: this.engine };
  }

  private *solve(): Steps<Float64Array> {
    const { groups, rows, columns } = this.shape;
    const { memory, address } = this;
    this.shape = { groups: 0, rows: 0, columns: 0 };
    const small = Math.min(rows, columns);
    const length = groups * rows * columns;
    const values = new Float64Array(groups * small);
    if (length === 0) return values;
    const exponent = prescale(memory, address, length);
    if (exponent === null) return values;
    yield length;
    const b = bandWidth(small);
    const band = memory.take(bandLength(small, b));
    for (let g = 0; g < groups; g++) {
      const block = tallView(address + 8 * g * rows * columns, rows, columns);
      const squares = memory.exports.sumOfSquares(block.address, rows * columns);
      yield* reduceToBand(memory, block, b, band);
      const found = yield* bandSingularValues(memory, band, small, b);
      const sum = found.reduce((total, x) => total + x * x, 0);
      if (!(Math.abs(sum - squares) <= frobeniusTolerance * squares)) throw new Error(`The singular values of a ${rows} × ${columns} matrix do not add up: the sum of their squares is ${sum}, that of the entries ${squares}.`);
      values.set(found, g * small);
    }
    values.sort().reverse();
    return exponent === 0 ? values : values.map((x) => timesPowerOfTwo(x, -exponent));
  }
}

/** The matrix with its longer side as rows; a wide one is looked at as its transpose. */
function tallView(address: number, rows: number, columns: number): MatrixView {
  return rows >= columns ? { address, rows, columns, rowStride: columns, columnStride: 1 } : { address, rows: columns, columns: rows, rowStride: 1, columnStride: columns };
}

/**
 * Multiplies all entries by a power of two where their squares would leave the range of doubles.
 * @returns the exponent; null for a matrix of zeros. Throws for NaN and infinity.
 */
function prescale(memory: KernelMemory, address: number, length: number): number | null {
  const largest = memory.exports.maximumAbsolute(address, length);
  if (!Number.isFinite(largest)) throw new Error('The matrix holds a value that is not finite (NaN or infinity): it has no singular values.');
  if (largest === 0) return null;
  if (largest <= largestUnscaled && largest >= smallestUnscaled) return 0;
  const exponent = -Math.floor(Math.log2(largest));
  // 2^exponent itself may be out of range for subnormal entries: two factors.
  const half = Math.trunc(exponent / 2);
  memory.exports.scale(2 ** half, address, length);
  memory.exports.scale(2 ** (exponent - half), address, length);
  return exponent;
}

function timesPowerOfTwo(x: number, exponent: number): number {
  const half = Math.trunc(exponent / 2);
  return x * 2 ** half * 2 ** (exponent - half);
}

/** Rounding errors of orthogonal transformations grow about as the square root of the dimension. */
function errorBound(size: number): number {
  return (20 + 4 * Math.sqrt(size)) * Number.EPSILON;
}
