import { Worker } from 'node:worker_threads';
import type { KernelExports } from './kernel.js';

/**
 * Matrix products on several threads: each has an instance of the kernel over one shared memory, and takes a part of
 * the rows or columns of the result. Every element is summed in the same order as by one thread, so that the bits do
 * not depend on the number of threads.
 *
 * The threads wait in JavaScript and not in WebAssembly: V8's baseline code of Node 20 loses float values that live
 * across an atomic wait (measured), and a call costs some ten microseconds either way.
 */

type Gemm = KernelExports['gemm'];

/** Multiply–adds from which on a product is shared out: some hundred microseconds, ten times what the sharing costs. */
const sharedWork = 3e6;
/** The kernel's tile: parts begin at its multiples. */
const tile = 4;
/** Arguments of `gemm`. */
const argumentCount = 14;

/** Places in the control words: what round the threads are in, how many have finished it, and whether one failed. */
const controlWords = { round: 0, finished: 1, failed: 2 } as const;

interface ThreadStart {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** Address of this thread's scratch memory. */
  scratch: number;
  control: Int32Array;
  /** The arguments of this thread's part. */
  job: Float64Array;
}

/** Threads beside the caller's own, started with the first large product; they end with the process, or by `end`. */
export class KernelThreads {
  private readonly control = new Int32Array(new SharedArrayBuffer(4 * Object.keys(controlWords).length));
  private readonly jobs: Float64Array[] = [];
  private readonly workers: Worker[] = [];

  /** @param scratch address of a scratch memory for each thread besides the caller's */
  constructor(
    private readonly module: WebAssembly.Module,
    private readonly memory: WebAssembly.Memory,
    private readonly scratch: readonly number[],
    private readonly own: Gemm,
  ) {}

  /** Takes some milliseconds; a thread that is not there yet does its part when it arrives, some 30 ms later. */
  private start(): void {
    for (const scratch of this.scratch) {
      const job = new Float64Array(new SharedArrayBuffer(8 * argumentCount));
      const start: ThreadStart = { module: this.module, memory: this.memory, scratch, control: this.control, job };
      // The function is its own source, so that no second file has to be found in every bundle.
      const worker = new Worker(`(${threadMain.toString()})(require('node:worker_threads'))`, { eval: true, workerData: start });
      worker.unref();
      this.jobs.push(job);
      this.workers.push(worker);
    }
  }

  /** The kernel's product, shared out where it is worth it. */
  readonly gemm: Gemm = (rows, columns, inner, alpha, a, aRow, aColumn, b, bRow, bColumn, beta, c, cRow, cColumn) => {
    const byRows = rows >= columns;
    const count = byRows ? rows : columns;
    const parts = this.scratch.length + 1;
    const step = Math.ceil(count / parts / tile) * tile;
    if (rows * columns * inner < sharedWork || step * (parts - 1) >= count) {
      this.own(rows, columns, inner, alpha, a, aRow, aColumn, b, bRow, bColumn, beta, c, cRow, cColumn);
      return;
    }
    if (this.workers.length === 0) this.start();
    const part = (from: number, to: number): Parameters<Gemm> => {
      const size = to - from;
      return byRows
        ? [size, columns, inner, alpha, a + 8 * from * aRow, aRow, aColumn, b, bRow, bColumn, beta, c + 8 * from * cRow, cRow, cColumn]
        : [rows, size, inner, alpha, a, aRow, aColumn, b + 8 * from * bColumn, bRow, bColumn, beta, c + 8 * from * cColumn, cRow, cColumn];
    };
    const { control } = this;
    for (const [i, job] of this.jobs.entries()) job.set(part((i + 1) * step, Math.min((i + 2) * step, count)));
    Atomics.store(control, controlWords.finished, 0);
    Atomics.add(control, controlWords.round, 1);
    Atomics.notify(control, controlWords.round);
    this.own(...part(0, step));
    for (;;) {
      const finished = Atomics.load(control, controlWords.finished);
      if (finished === this.jobs.length) break;
      Atomics.wait(control, controlWords.finished, finished);
    }
    if (Atomics.load(control, controlWords.failed) > 0) throw new Error('The linear algebra kernel stopped in one of its threads: an internal check failed.');
  };

  end(): void {
    for (const worker of this.workers) void worker.terminate();
  }
}

/** What a thread runs. It must not refer to anything outside: its source travels as text. */
function threadMain({ workerData }: { workerData: unknown }): void {
  const { module, memory, scratch, control, job } = workerData as ThreadStart;
  const instance = new WebAssembly.Instance(module, { env: { memory, abort: () => { throw new Error('abort'); } } });
  const { gemm, useScratch } = instance.exports as unknown as { gemm: (...values: number[]) => void; useScratch: (address: number) => void };
  useScratch(scratch);
  let round = 0;
  for (;;) {
    Atomics.wait(control, 0, round);
    const now = Atomics.load(control, 0);
    if (now === round) continue;
    round = now;
    try {
      gemm(...job);
    } catch {
      Atomics.store(control, 2, 1);
    }
    Atomics.add(control, 1, 1);
    Atomics.notify(control, 1);
  }
}
