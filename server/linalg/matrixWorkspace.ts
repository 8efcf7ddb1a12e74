import { blockBytes, blockSingularValues, blockWork } from './dense/blockSingularValues.js';
import { roundingBound } from './dense/checks.js';
import { gramErrorBound } from './dense/gram.js';
import { alignedBytes, compileKernel, kernelOverheadBytes, KernelMemory, type CompiledKernel, type MatrixView } from './kernel.js';
import { type MatrixProducts } from './matrixProducts.js';
import { productsPayFrom, type Method } from './dense/routes.js';
import { eigenvaluesInPlace, symmetricEigenvaluesBytes, symmetricEigenvaluesWork } from './dense/symmetricEigenvalues.js';
import { companionBytes, threadsPayFrom } from './dense/threadedBand.js';
import { type StreamedMatrix } from './dense/streamedMatrix.js';
import { streamedKernelBytes, streamedSingularValues, streamedWork } from './dense/streamedSingularValues.js';
import { runSteps, type SolveControl, type Steps } from './steps.js';

export { type StreamedMatrix } from './dense/streamedMatrix.js';
export { blockRowChoices, streamedWork } from './dense/streamedSingularValues.js';
export { kernelMaximumBytes } from './kernel.js';
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

export interface EigenvalueResult {
  /** All, ascending. */
  eigenvalues: Float64Array;
  /** Bound of the error of every value, relative to the largest magnitude. */
  relativeError: number;
}

interface Shape {
  groups: number;
  rows: number;
  columns: number;
}

/** An instance is dropped when it holds this many times what the next matrix needs, and more than this many bytes. */
const dropFactor = 4;
const dropBytes = 64 * 1024 * 1024;

/**
 * Peak bytes of `allocate(groups, rows, columns)` and `singularValues` together: the matrix in float64, the band and
 * the panels of one block, its copy for the threads, and the kernel's own memory.
 */
export function predictedBytes(groups: number, rows: number, columns: number): number {
  return kernelOverheadBytes + reservedBytes({ groups, rows, columns }) + companionBytes(Math.min(rows, columns)) + 16 * groups * Math.min(rows, columns);
}

/** Peak bytes of `streamedSingularValues`, of which none hold the matrix: the triangle, one block of rows, the kernel's own memory. */
export function predictedStreamedBytes(rows: number, columns: number, blockRows: number): number {
  return kernelOverheadBytes + streamedKernelBytes(rows, columns, blockRows) + companionBytes(columns) + 16 * columns;
}

function reservedBytes({ groups, rows, columns }: Shape): number {
  const large = Math.max(rows, columns);
  const small = Math.min(rows, columns);
  return alignedBytes(groups * rows * columns) + blockBytes(large, small);
}

/**
 * Singular values of matrices that are filled in place, in the memory of a WebAssembly kernel, so that weights are
 * widened once and never copied.
 */
export class MatrixWorkspace {
  private memory: KernelMemory;
  /** Of the stored matrix; null where there is none. */
  private shape: Shape | null = null;
  private symmetricSize: number | null = null;
  private address = 0;
  private busy = false;
  private products: Promise<MatrixProducts | null> | null = null;
  private lastEngine: string;

  private constructor(
    private readonly kernel: CompiledKernel,
    private readonly companion: CompiledKernel | null,
    private readonly loadProducts: (() => Promise<MatrixProducts>) | null,
  ) {
    this.memory = new KernelMemory(kernel, companion);
    this.lastEngine = kernel.name;
  }

  /**
   * Compiles the kernel (once per process) and makes a workspace: about 10 ms.
   * @param loadProducts another engine for the products of large matrices, loaded with the first of them; where it
   *   cannot be, the kernel does all of it
   * @param threads of the kernel: for bulge chasing, and for its products where there is no other engine
   */
  static async create(loadProducts: (() => Promise<MatrixProducts>) | null = null, threads = 1): Promise<MatrixWorkspace> {
    // Engines of products refuse shared memory, which threads of the kernel need: they get one of their own for what is left to them.
    const companion = loadProducts && threads > 1 ? await compileKernel(threads) : null;
    return new MatrixWorkspace(await compileKernel(loadProducts ? 1 : threads), companion, loadProducts);
  }

  /** Ends the threads of the kernel; the workspace is not used any more. */
  close(): void {
    this.memory.close();
  }

  /** What computed the last singular values: the build of the kernel, e.g. "wasm relaxed-simd", and the engine of its products where another one was used. */
  get engine(): string {
    return this.lastEngine;
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
    this.makeRoom(reservedBytes(shape));
    this.address = this.memory.takeZeroed(groups * rows * columns);
    this.shape = shape;
    return this.memory.elements(this.address, groups * rows * columns);
  }

  /**
   * Union of the singular values of all blocks, descending: groups·min(rows, columns) values. Destroys the matrix.
   * Throws the signal's reason on abort, an Error for non-finite entries, and CheckFailed where the values disagree with
   * the entries: then the matrix may be stored once more and solved `again`, by another route of the kernel alone.
   */
  async singularValues(control: SolveControl = {}, again = false): Promise<SingularValueResult> {
    const { shape } = this;
    if (shape === null) throw new Error('The workspace holds no matrix: each one is stored with allocate and solved once.');
    const { groups, rows, columns } = shape;
    const small = Math.min(rows, columns);
    const large = Math.max(rows, columns);
    this.shape = null;
    this.busy = true;
    try {
      const products = again ? null : await this.productsFor(small);
      if (small >= threadsPayFrom) this.memory.startThreads();
      const { values, method } = await runSteps(this.solve(shape, products, again), groups * blockWork(large, small), control);
      this.lastEngine = products === null ? this.kernel.name : `${this.kernel.name}, ${products.name}`;
      const relativeError = method === 'gram' ? gramErrorBound(small) : roundingBound(large);
      return { singularValues: values, method, exact: true, relativeError, engine: this.engine };
    } finally {
      this.busy = false;
    }
  }

  /**
   * All singular values, descending, of a matrix (rows ≥ columns ≥ 1) that is read in blocks of rows and never held as a
   * whole: for those that do not fit into memory. Throws as `singularValues`, and what reading throws; after CheckFailed it
   * may be called once more with `again`.
   * @param blockRows one of `blockRowChoices`
   */
  async streamedSingularValues(matrix: StreamedMatrix, blockRows: number, control: SolveControl = {}, again = false): Promise<SingularValueResult> {
    const { rows, columns } = matrix;
    this.makeRoom(streamedKernelBytes(rows, columns, blockRows));
    this.busy = true;
    try {
      const products = again ? null : await this.productsFor(columns);
      const { values, method } = await runSteps(streamedSingularValues(this.memory, matrix, blockRows, products, again), streamedWork(rows, columns, blockRows), control);
      this.lastEngine = products === null ? this.kernel.name : `${this.kernel.name}, ${products.name}`;
      return { singularValues: values.sort().reverse(), method, exact: true, relativeError: method === 'gram' ? gramErrorBound(columns) : roundingBound(rows), engine: this.engine };
    } finally {
      this.busy = false;
    }
  }

  /** Zeroed row-major storage for a symmetric matrix, of which the upper half will be read; valid until `symmetricEigenvalues`. Throws as `allocate`. */
  allocateSymmetric(size: number): Float64Array {
    if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`A symmetric matrix of size ${size} cannot be stored: the size must be an integer of at least 0.`);
    this.makeRoom(alignedBytes(size * size) + symmetricEigenvaluesBytes(size));
    this.address = this.memory.takeZeroed(size * size);
    this.symmetricSize = size;
    return this.memory.elements(this.address, size * size);
  }

  /** All eigenvalues, ascending, of the matrix stored by `allocateSymmetric`, which is destroyed. Throws the signal's reason on abort, an Error for non-finite entries. */
  async symmetricEigenvalues(control: SolveControl = {}): Promise<EigenvalueResult> {
    const size = this.symmetricSize;
    if (size === null) throw new Error('The workspace holds no symmetric matrix: each one is stored with allocateSymmetric and solved once.');
    this.symmetricSize = null;
    this.busy = true;
    try {
      const products = await this.productsFor(size);
      if (size >= threadsPayFrom) this.memory.startThreads();
      const eigenvalues = await runSteps(eigenvaluesInPlace(this.memory, this.address, size, products), symmetricEigenvaluesWork(size), control);
      this.lastEngine = products === null ? this.kernel.name : `${this.kernel.name}, ${products.name}`;
      return { eigenvalues, relativeError: roundingBound(size) };
    } finally {
      this.busy = false;
    }
  }

  /** Storage in the kernel's memory for `length` numbers that are not to be solved, not cleared; valid until the next matrix. */
  buffer(length: number): Float64Array {
    this.makeRoom(alignedBytes(length));
    return this.memory.elements(this.memory.take(length), length);
  }

  /** Forgets the stored matrix and reserves bytes; an instance that is far too large is let go. */
  private makeRoom(bytes: number): void {
    if (this.busy) throw new Error('The workspace is computing: wait for its values before the next matrix is stored.');
    this.shape = null;
    this.symmetricSize = null;
    if (this.memory.bytes > dropBytes && this.memory.bytes > dropFactor * bytes) {
      this.memory.close();
      this.memory = new KernelMemory(this.kernel, this.companion);
    }
    this.memory.reserve(bytes);
  }

  private async productsFor(small: number): Promise<MatrixProducts | null> {
    return small >= productsPayFrom && this.loadProducts ? await (this.products ??= this.loadProducts().catch(() => null)) : null;
  }

  private *solve({ groups, rows, columns }: Shape, products: MatrixProducts | null, again: boolean): Steps<{ values: Float64Array; method: Method }> {
    const small = Math.min(rows, columns);
    const values = new Float64Array(groups * small);
    const methods = new Set<Method>();
    for (let g = 0; g < groups && small > 0; g++) {
      const block = tallView(this.address + 8 * g * rows * columns, rows, columns);
      const result = yield* blockSingularValues(this.memory, block, products, again);
      values.set(result.values, g * small);
      methods.add(result.method);
    }
    // Of several blocks the method with the larger error is named.
    const method = methods.has('gram') ? 'gram' : methods.has('qr-first') ? 'qr-first' : 'two-stage';
    return { values: values.sort().reverse(), method };
  }
}

/** The matrix with its longer side as rows; a wide one is looked at as its transpose. */
export function tallView(address: number, rows: number, columns: number): MatrixView {
  return rows >= columns ? { address, rows, columns, rowStride: columns, columnStride: 1 } : { address, rows: columns, columns: rows, rowStride: 1, columnStride: columns };
}
