import v8 from 'node:v8';
import plainBytes from './build/kernel.wasm';
import relaxedBytes from './build/kernel-relaxed.wasm';
import plainSharedBytes from './build/kernel-shared.wasm';
import relaxedSharedBytes from './build/kernel-shared-relaxed.wasm';
import { KernelThreads, pause, progressBytes } from './kernelThreads.js';

/** What kernel/main.ts exports. Addresses are bytes, lengths and strides are elements of 8 bytes. */
export interface KernelExports {
  readonly memory: WebAssembly.Memory;
  heapBase(): number;
  scratchLength(): number;
  useScratch(base: number): void;
  copyMatrix(rows: number, columns: number, from: number, fromRowStride: number, fromColumnStride: number, to: number, toRowStride: number, toColumnStride: number): void;
  clear(count: number, address: number, stride: number): void;
  gemm: (rows: number, columns: number, inner: number, alpha: number, a: number, aRow: number, aColumn: number, b: number, bRow: number, bColumn: number, beta: 0 | 1, c: number, cRow: number, cColumn: number) => void;
  factorPanel(panel: number, rows: number, width: number, stride: number, r: number, t: number): void;
  addSquares(x: number, y: number, length: number): void;
  axpy(factor: number, x: number, y: number, length: number): void;
  dot(x: number, y: number, length: number): number;
  maximumAbsolute(x: number, length: number): number;
  sumOfSquares(x: number, length: number): number;
  scale(factor: number, x: number, length: number): void;
  chaseBulges: (band: number, size: number, bandWidth: number, from: number, to: number) => void;
  chaseBulgesPart(band: number, size: number, bandWidth: number, from: number, to: number, part: number, parts: number, progress: number): void;
  readBidiagonal(band: number, size: number, bandWidth: number, diagonal: number, superdiagonal: number): void;
  chaseSymmetric: (band: number, size: number, bandWidth: number, from: number, to: number) => void;
  chaseSymmetricPart(band: number, size: number, bandWidth: number, from: number, to: number, part: number, parts: number, progress: number): void;
  readTridiagonal(band: number, size: number, bandWidth: number, diagonal: number, squares: number): void;
  rationalQl(diagonal: number, squares: number, size: number, from: number, to: number): number;
  orthogonalise(basis: number, count: number, length: number, x: number, coefficients: number): void;
  complexWorkLength(rows: number, columns: number): number;
  complexSingularValues(matrix: number, rows: number, columns: number, work: number, target: number): number;
  dqdsStackLength(size: number): number;
  dqdsStart(size: number, q: number, e: number, qSpare: number, eSpare: number, target: number, stack: number): void;
  dqdsRun(budget: number): number;
}

/** A matrix in the kernel's memory: element (i, j) lies `i·rowStride + j·columnStride` elements after `address`. */
export interface MatrixView {
  address: number;
  rows: number;
  columns: number;
  rowStride: number;
  columnStride: number;
}

const pageBytes = 65536;
/** 32-bit addresses; the last page stays free so that no address computation wraps round. */
export const kernelMaximumBytes = 65535 * pageBytes;
/** What the shared build is compiled for: see esbuild.mjs. */
const initialPages = 32;
const maximumPages = 65536;
/** Arrays start at cache lines. */
const alignment = 64;

/** The compiled kernel; `name` says which of the builds this runtime can run. */
export interface CompiledKernel {
  module: WebAssembly.Module;
  name: string;
  /** Threads of its matrix products and bulge chasing. More than one work on a shared memory. */
  threads: number;
}

const compiled = new Map<boolean, Promise<WebAssembly.Module>>();

/**
 * Compiles the kernel once per process and memory model: the build with fused multiply–add where the runtime validates
 * it, else the plain one. V8 before 11.4 (Node 20) has relaxed SIMD behind a flag; later ones would print a warning
 * about it.
 */
export async function compileKernel(threads = 1): Promise<CompiledKernel> {
  const [major, minor] = process.versions.v8.split('.').map(Number);
  if (major < 11 || (major === 11 && minor < 4)) v8.setFlagsFromString('--experimental-wasm-relaxed-simd');
  const relaxed = WebAssembly.validate(relaxedBytes);
  const shared = threads > 1;
  const bytes = shared ? (relaxed ? relaxedSharedBytes : plainSharedBytes) : relaxed ? relaxedBytes : plainBytes;
  const module = compiled.get(shared) ?? WebAssembly.compile(bytes);
  compiled.set(shared, module);
  return { module: await module, name: `wasm${relaxed ? ' relaxed-simd' : ' simd'}${shared ? `, ${threads} threads` : ''}`, threads };
}

/** Bytes that `length` elements take up in a `KernelMemory`. */
export function alignedBytes(length: number): number {
  return Math.ceil((length * 8) / alignment) * alignment;
}

/** What every instance holds besides the caller's arrays: the module's data, its scratch memory and rounding. */
export const kernelOverheadBytes = 2 * 1024 * 1024;

/**
 * One instance of the kernel and a stack allocator over its memory. Memory of WebAssembly only grows; growing it
 * detaches every view, so all that a computation needs is reserved before the first array is handed out.
 */
export class KernelMemory {
  readonly exports: KernelExports;
  private readonly threads: KernelThreads | null = null;
  private companion: KernelMemory | null = null;
  private readonly base: number;
  private top: number;
  /** Memory beyond has never been used and is still zero. */
  private used: number;

  /** @param companionKernel with threads, for what they can do while engines of products refuse shared memory */
  constructor(
    kernel: CompiledKernel,
    private readonly companionKernel: CompiledKernel | null = null,
  ) {
    const abort = (): void => {
      throw new Error('The linear algebra kernel stopped: an internal check failed.');
    };
    const shared = kernel.threads > 1 ? new WebAssembly.Memory({ initial: initialPages, maximum: maximumPages, shared: true }) : null;
    const instance = new WebAssembly.Instance(kernel.module, { env: { abort, pause, ...(shared && { memory: shared }) } });
    this.exports = { ...(instance.exports as unknown as KernelExports), ...(shared && { memory: shared }) };
    const first = roundUp(this.exports.heapBase());
    const length = alignedBytes(this.exports.scratchLength());
    const scratches = Array.from({ length: kernel.threads }, (_, thread) => first + thread * length);
    const progress = first + kernel.threads * length;
    this.base = progress + (shared === null ? 0 : progressBytes);
    this.top = this.base;
    this.used = this.base;
    this.reserve(0);
    this.exports.useScratch(first);
    if (shared !== null) {
      const own = { ...this.exports };
      this.threads = new KernelThreads(kernel.module, shared, scratches.slice(1), progress, own);
      const { gemm, chaseBulges, chaseSymmetric } = this.threads;
      Object.assign(this.exports, { gemm, chaseBulges, chaseSymmetric });
    }
  }

  /** The memory whose kernel has threads: this one, or a companion; null where there is none. */
  threaded(): KernelMemory | null {
    if (this.threads !== null) return this;
    if (this.companionKernel !== null) this.companion ??= new KernelMemory(this.companionKernel);
    return this.companion;
  }

  /** Starts the threads, if there are any, for work that is still some time off. */
  startThreads(): void {
    this.threaded()?.threads?.start();
  }

  /** Whether all of its threads take part by now. */
  threadsRunning(): boolean {
    return this.threads?.running() ?? false;
  }

  /** Ends the threads, if there are any. */
  close(): void {
    this.threads?.end();
    this.companion?.close();
  }

  get bytes(): number {
    return this.exports.memory.buffer.byteLength;
  }

  /** Forgets all arrays and makes room for `bytes` of new ones. Throws a RangeError when the system has no such room. */
  reserve(bytes: number): void {
    this.top = this.base;
    const needed = this.base + bytes;
    if (needed > kernelMaximumBytes) throw new RangeError(memoryMessage(bytes, `a WebAssembly memory holds at most ${megabytes(kernelMaximumBytes)}; analyse a smaller layer`));
    const missing = needed - this.bytes;
    if (missing <= 0) return;
    try {
      this.exports.memory.grow(Math.ceil(missing / pageBytes));
    } catch {
      throw new RangeError(memoryMessage(bytes, 'the system does not give that much; close other programs or analyse a smaller layer'));
    }
  }

  /** Address of `length` new elements, not cleared. */
  take(length: number): number {
    const address = this.top;
    this.top += alignedBytes(length);
    if (this.top > this.bytes) throw new RangeError(`The linear algebra kernel was asked for ${length} elements more than were reserved.`);
    this.used = Math.max(this.used, this.top);
    return address;
  }

  /** The same, cleared; memory that was never used is not touched, so that large matrices cost nothing yet. */
  takeZeroed(length: number): number {
    const dirty = this.used;
    const address = this.take(length);
    const count = Math.min(length, Math.max(0, Math.ceil((dirty - address) / 8)));
    this.elements(address, count).fill(0);
    return address;
  }

  /** The elements at an address; valid until memory grows. */
  elements(address: number, length: number): Float64Array {
    return new Float64Array(this.exports.memory.buffer, address, length);
  }

  /** Address up to which memory is in use, for `release`. */
  mark(): number {
    return this.top;
  }

  /** Gives back everything taken since `mark`. */
  release(mark: number): void {
    this.top = mark;
  }
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 / 1024)} MB`;
}

function memoryMessage(bytes: number, remedy: string): string {
  return `The singular values need ${megabytes(bytes)} of memory, and ${remedy}.`;
}
