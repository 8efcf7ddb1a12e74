import { Worker } from 'node:worker_threads';
import type { KernelExports } from './kernel.js';

/**
 * Matrix products and bulge chasing on several threads: each has an instance of the kernel over one shared memory.
 * A product is shared out by the rows or columns of its result, bulge chasing by its sweeps; every element is computed
 * in the same order as by one thread, so that the bits do not depend on the number of threads.
 *
 * The threads wait in JavaScript and not in WebAssembly: V8's baseline code of Node 20 loses float values that live
 * across an atomic wait (measured), and a call costs some ten microseconds either way.
 */

/** Multiply–adds from which on a product is shared out: some hundred microseconds, ten times what the sharing costs. */
const sharedWork = 3e6;
/** Bands from this size on are chased by several threads: below, a step is as short as what it costs to tell the other thread. */
const sharedBand = 512;
/** The kernel's tile: parts begin at its multiples. */
const tile = 4;
/** Groups of sweeps of one call whose progress can be kept, each in a cache line, and the least and most sweeps of a group: see kernel/pipeline.ts. */
const maximumGroups = 512;
const lineBytes = 64;
const leastGroup = 2;
const largestGroup = 8;

/**
 * A thread that waits looks this often whether there is something to do before it sleeps: some hundred microseconds, which
 * is what waking up costs, in a virtual machine more.
 */
const looksBeforeSleep = 20_000;
/** What a thread sleeps for that waits for another one's sweep. */
const pauseMilliseconds = 0.02;

/** What a thread can be asked to do, and the most arguments that takes. */
const tasks = ['gemm', 'chaseBulgesPart', 'chaseSymmetricPart'] as const;
const argumentCount = 14;

/** Places in the control words: what round the threads are in, how many have finished it, how many have started, and whether one failed. */
const controlWords = { round: 0, finished: 1, ready: 2, failed: 3 } as const;

type Task = (typeof tasks)[number];
type Chase = KernelExports['chaseBulges'];
type Gemm = KernelExports['gemm'];

interface ThreadStart {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  tasks: readonly string[];
  /** Address of this thread's scratch memory. */
  scratch: number;
  control: Int32Array;
  /** Number of the task, and its arguments. */
  job: Float64Array;
  looks: number;
  pauseMilliseconds: number;
}

/** Bytes of the memory that keep the progress of sweeps. */
export const progressBytes = maximumGroups * lineBytes;

/** Threads beside the caller's own, started with the first large task; they end with the process, or by `end`. */
export class KernelThreads {
  private readonly control = new Int32Array(new SharedArrayBuffer(4 * Object.keys(controlWords).length));
  private readonly jobs: Float64Array[] = [];
  private readonly workers: Worker[] = [];

  /**
   * @param scratch address of a scratch memory for each thread besides the caller's
   * @param progress address of `progressBytes`
   */
  constructor(
    private readonly module: WebAssembly.Module,
    private readonly memory: WebAssembly.Memory,
    private readonly scratch: readonly number[],
    private readonly progress: number,
    private readonly own: Pick<KernelExports, Task>,
  ) {}

  /** Takes some milliseconds; the threads are there some 30 ms later, and until then the caller's works alone. */
  start(): void {
    if (this.workers.length > 0) return;
    for (const scratch of this.scratch) {
      const job = new Float64Array(new SharedArrayBuffer(8 * (1 + argumentCount)));
      const start: ThreadStart = { module: this.module, memory: this.memory, tasks, scratch, control: this.control, job, looks: looksBeforeSleep, pauseMilliseconds };
      // The function is its own source, so that no second file has to be found in every bundle.
      const worker = new Worker(`(${threadMain.toString()})(require('node:worker_threads'))`, { eval: true, workerData: start });
      // A thread that cannot start is never ready: the caller's works alone.
      worker.on('error', () => undefined);
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
    const part = (from: number, to: number): Parameters<Gemm> => {
      const size = to - from;
      return byRows
        ? [size, columns, inner, alpha, a + 8 * from * aRow, aRow, aColumn, b, bRow, bColumn, beta, c + 8 * from * cRow, cRow, cColumn]
        : [rows, size, inner, alpha, a, aRow, aColumn, b + 8 * from * bColumn, bRow, bColumn, beta, c + 8 * from * cColumn, cRow, cColumn];
    };
    if (rows * columns * inner < sharedWork || step * (parts - 1) >= count || !this.ready()) this.own.gemm(...part(0, count));
    else this.share('gemm', (index) => part(index * step, Math.min((index + 1) * step, count)));
  };

  readonly chaseBulges: Chase = (...range) => this.chase('chaseBulgesPart', ...range);

  readonly chaseSymmetric: Chase = (...range) => this.chase('chaseSymmetricPart', ...range);

  private chase(task: 'chaseBulgesPart' | 'chaseSymmetricPart', band: number, size: number, bandWidth: number, from: number, to: number): void {
    const parts = this.scratch.length + 1;
    if (size < sharedBand || to - from > leastGroup * maximumGroups || to - from < largestGroup * parts || !this.ready()) {
      this.own[task](band, size, bandWidth, from, to, 0, 1, 0);
      return;
    }
    new Uint8Array(this.memory.buffer, this.progress, progressBytes).fill(0);
    this.share(task, (index) => [band, size, bandWidth, from, to, index, parts, this.progress]);
  }

  /** Whether all threads have started. */
  running(): boolean {
    return this.workers.length > 0 && Atomics.load(this.control, controlWords.ready) === this.workers.length;
  }

  /** The same; starts them where they have not been. */
  private ready(): boolean {
    this.start();
    return this.running();
  }

  /** Runs part 0 here and the others in the threads, and waits for all. */
  private share(task: Task, part: (index: number) => number[]): void {
    const { control } = this;
    for (const [i, job] of this.jobs.entries()) {
      job[0] = tasks.indexOf(task);
      job.set(part(i + 1), 1);
    }
    Atomics.store(control, controlWords.finished, 0);
    Atomics.add(control, controlWords.round, 1);
    Atomics.notify(control, controlWords.round);
    (this.own[task] as (...values: number[]) => void)(...part(0));
    for (let look = 0; ; look++) {
      const finished = Atomics.load(control, controlWords.finished);
      if (finished === this.jobs.length) break;
      if (look > looksBeforeSleep) Atomics.wait(control, controlWords.finished, finished);
    }
    if (Atomics.load(control, controlWords.failed) > 0) throw new Error('The linear algebra kernel stopped in one of its threads: an internal check failed.');
  }

  end(): void {
    for (const worker of this.workers) void worker.terminate();
  }
}

/** What the kernel calls where it waits for another thread: sleeps for a moment, so that the other one can have the processor. */
export function pause(): void {
  Atomics.wait(pauseWord, 0, 0, pauseMilliseconds);
}

const pauseWord = new Int32Array(new SharedArrayBuffer(4));

/** What a thread runs. It must not refer to anything outside: its source travels as text. */
function threadMain({ workerData }: { workerData: unknown }): void {
  const { module, memory, tasks: names, scratch, control, job, looks, pauseMilliseconds: sleep } = workerData as ThreadStart;
  const word = new Int32Array(new SharedArrayBuffer(4));
  const abort = (): never => {
    throw new Error('abort');
  };
  const instance = new WebAssembly.Instance(module, { env: { memory, abort, pause: () => Atomics.wait(word, 0, 0, sleep) } });
  const functions = instance.exports as Record<string, (...values: number[]) => void>;
  functions.useScratch(scratch);
  let round = Atomics.load(control, 0);
  Atomics.add(control, 2, 1);
  for (let look = 0; ; look++) {
    const now = Atomics.load(control, 0);
    if (now === round) {
      if (look > looks) Atomics.wait(control, 0, round);
      continue;
    }
    round = now;
    look = 0;
    try {
      functions[names[job[0]]](...job.subarray(1));
    } catch {
      Atomics.store(control, 3, 1);
    }
    Atomics.add(control, 1, 1);
    Atomics.notify(control, 1);
  }
}
