import { blockBytes, blockSingularValues, blockWork, usualRoute } from './blockSingularValues.js';
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
  private address = 0;
  private busy = false;

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
    if (this.busy) throw new Error('The workspace is computing: wait for its singular values before the next matrix is stored.');
    this.shape = null;
    if (this.memory.bytes > dropBytes && this.memory.bytes > dropFactor * bytes) this.memory = new KernelMemory(this.kernel);
    this.memory.reserve(bytes);
    this.address = this.memory.takeZeroed(groups * rows * columns);
    this.shape = shape;
    return this.memory.elements(this.address, groups * rows * columns);
  }

  /**
   * Union of the singular values of all blocks, descending: groups·min(rows, columns) values. Destroys the matrix.
   * Throws the signal's reason on abort, and an Error for non-finite entries.
   */
  async singularValues(control: SolveControl = {}): Promise<SingularValueResult> {
    const { shape } = this;
    if (shape === null) throw new Error('The workspace holds no matrix: each one is stored with allocate and solved once.');
    const { groups, rows, columns } = shape;
    const small = Math.min(rows, columns);
    const large = Math.max(rows, columns);
    this.shape = null;
    this.busy = true;
    try {
      const singularValues = await runSteps(this.solve(shape), groups * blockWork(large, small), control);
      return { singularValues, method: usualRoute(large, small).triangleFirst ? 'qr-first' : 'two-stage', exact: true, relativeError: errorBound(large), engine: this.engine };
    } finally {
      this.busy = false;
    }
  }

  private *solve({ groups, rows, columns }: Shape): Steps<Float64Array> {
    const small = Math.min(rows, columns);
    const values = new Float64Array(groups * small);
    if (values.length === 0) return values;
    for (let g = 0; g < groups; g++) {
      const block = tallView(this.address + 8 * g * rows * columns, rows, columns);
      values.set(yield* blockSingularValues(this.memory, block), g * small);
    }
    return values.sort().reverse();
  }
}

/** The matrix with its longer side as rows; a wide one is looked at as its transpose. */
function tallView(address: number, rows: number, columns: number): MatrixView {
  return rows >= columns ? { address, rows, columns, rowStride: columns, columnStride: 1 } : { address, rows: columns, columns: rows, rowStride: 1, columnStride: columns };
}

/** Rounding errors of orthogonal transformations grow about as the square root of the dimension. */
function errorBound(size: number): number {
  return (20 + 4 * Math.sqrt(size)) * Number.EPSILON;
}
