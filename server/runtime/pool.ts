import { setMaxListeners } from 'node:events';
import type { WorkerEvent, WorkerOutcome, WorkerUnit } from '../protocol.js';
import { WorkerLost, WorkerSlot, type WorkerProgram } from './workerSlot.js';

/** A worker without work ends after this many milliseconds; starting one again costs about 50. */
const idleLimit = 10_000;

/**
 * A worker that has held a matrix of this much keeps it (WebAssembly memory never shrinks), so it is replaced by a fresh one.
 * One that has a network open is asked about it again.
 */
const recycleBytes = 64 * 2 ** 20;

/** One unit of work for a worker process, and who wants to know about it. */
export interface PoolJob {
  unit: WorkerUnit;
  /** What the unit will hold at its peak. */
  predictedBytes: number;
  /** The sum of `predictedBytes` of all running units stays below it; a unit that alone is larger runs alone. */
  budgetBytes: number;
  signal: AbortSignal;
  onStart?: () => void;
  onEvent?: (event: WorkerEvent) => void;
  /** Its process ended by itself; with `retried` the unit runs once more in a new one. */
  onLost?: (reason: string, retried: boolean) => void;
}

interface QueuedJob extends PoolJob {
  attempts: number;
  resolve: (outcome: WorkerOutcome) => void;
  reject: (error: Error) => void;
}

/** Rejection of a job whose signal was aborted. */
export class JobCancelled extends Error {
  constructor() {
    super('The analysis was cancelled.');
    this.name = 'JobCancelled';
  }
}

/**
 * Worker processes for units of work: largest first, as many at a time as the memory budget lets, each in its own
 * process. A unit whose process is lost is run once more; the second loss rejects it with `WorkerLost`. Cancelling a
 * running unit ends its process.
 */
export class WorkerPool {
  private readonly slots = new Map<WorkerSlot, { job: QueuedJob | null; idle: NodeJS.Timeout | null }>();
  private readonly queue: QueuedJob[] = [];
  private runningBytes = 0;
  private closed = false;

  /** @param threads number of processes, at least 1 */
  constructor(
    private program: WorkerProgram,
    private threads: number,
    private readonly idleMilliseconds = idleLimit,
  ) {}

  /** Takes effect with the next unit that starts. */
  configure(program: WorkerProgram, threads: number): void {
    this.program = program;
    this.threads = Math.max(1, threads);
    for (const [slot, state] of this.slots) if (state.job === null) this.remove(slot);
    this.pump();
  }

  /**
   * Queues a unit and answers how it ended.
   * Rejects with `JobCancelled` as soon as the signal is aborted, with `WorkerLost` after two lost processes.
   */
  run(job: PoolJob): Promise<WorkerOutcome> {
    return new Promise<WorkerOutcome>((resolve, reject) => {
      if (this.closed || job.signal.aborted) {
        reject(new JobCancelled());
        return;
      }
      const queued: QueuedJob = { ...job, attempts: 0, resolve, reject };
      const onAbort = (): void => this.cancel(queued);
      // All units of an analysis listen to one signal: thousands of listeners are no leak here.
      setMaxListeners(0, job.signal);
      job.signal.addEventListener('abort', onAbort, { once: true });
      queued.resolve = (outcome) => {
        job.signal.removeEventListener('abort', onAbort);
        resolve(outcome);
      };
      queued.reject = (error) => {
        job.signal.removeEventListener('abort', onAbort);
        reject(error);
      };
      this.enqueue(queued);
      // Started in the next turn, so that all units of one analysis are in the queue when the largest is chosen.
      setImmediate(() => this.pump());
    });
  }

  /** Ends every process and rejects what is left. */
  close(): void {
    this.closed = true;
    for (const job of this.queue.splice(0)) job.reject(new JobCancelled());
    for (const [slot, state] of [...this.slots]) {
      state.job?.reject(new JobCancelled());
      this.remove(slot);
    }
  }

  private enqueue(job: QueuedJob): void {
    const before = this.queue.findIndex((other) => other.predictedBytes < job.predictedBytes);
    this.queue.splice(before < 0 ? this.queue.length : before, 0, job);
  }

  private cancel(job: QueuedJob): void {
    const at = this.queue.indexOf(job);
    if (at >= 0) this.queue.splice(at, 1);
    for (const [slot, state] of this.slots) {
      if (state.job !== job) continue;
      this.runningBytes -= job.predictedBytes;
      this.remove(slot);
    }
    job.reject(new JobCancelled());
    this.pump();
  }

  private pump(): void {
    while (!this.closed && this.queue.length > 0) {
      // One signal often stops many units, each by a listener of its own: none may start in between.
      const at = this.queue.findIndex((job) => !job.signal.aborted && (this.runningBytes === 0 || this.runningBytes + job.predictedBytes <= job.budgetBytes));
      const slot = at < 0 ? null : this.freeSlot();
      if (slot === null) return;
      const [job] = this.queue.splice(at, 1);
      void this.execute(slot, job);
    }
  }

  private freeSlot(): WorkerSlot | null {
    let busy = 0;
    let fresh: WorkerSlot | null = null;
    for (const [slot, state] of this.slots) {
      if (state.job !== null) busy++;
      else if (fresh?.started !== true) fresh = slot;
    }
    if (busy >= this.threads) return null;
    if (fresh !== null) return fresh;
    const slot = new WorkerSlot(this.program);
    this.slots.set(slot, { job: null, idle: null });
    return slot;
  }

  private async execute(slot: WorkerSlot, job: QueuedJob): Promise<void> {
    const state = this.slots.get(slot);
    if (state === undefined) return;
    if (state.idle !== null) clearTimeout(state.idle);
    state.idle = null;
    state.job = job;
    job.attempts++;
    // At least one byte, so that a running unit is never mistaken for an idle pool.
    job.predictedBytes = Math.max(1, job.predictedBytes);
    this.runningBytes += job.predictedBytes;
    job.onStart?.();
    let outcome: WorkerOutcome | null = null;
    let failure: Error | null = null;
    try {
      outcome = await slot.run(job.unit, (event) => {
        if (state.job === job) job.onEvent?.(event);
      });
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    // A cancelled job has been settled and its slot removed meanwhile.
    if (state.job !== job || !this.slots.has(slot)) return;
    state.job = null;
    this.runningBytes -= job.predictedBytes;
    if (failure !== null || (job.unit.analysis === 'weights' && job.predictedBytes > recycleBytes)) this.remove(slot);
    else this.startIdleTimer(slot, state);
    if (outcome !== null) job.resolve(outcome);
    else if (failure !== null) this.afterFailure(job, failure);
    // In the next turn: whoever waited for this unit goes first.
    setImmediate(() => this.pump());
  }

  private afterFailure(job: QueuedJob, failure: Error): void {
    if (!(failure instanceof WorkerLost)) {
      job.reject(failure);
      return;
    }
    // What ended this process may have ended those that wait; a second try gets a fresh one.
    for (const [slot, state] of this.slots) if (state.job === null) this.remove(slot);
    const retried = job.attempts < 2 && !this.closed && !job.signal.aborted;
    job.onLost?.(failure.message, retried);
    if (retried) this.enqueue(job);
    else job.reject(failure);
  }

  private startIdleTimer(slot: WorkerSlot, state: { idle: NodeJS.Timeout | null }): void {
    state.idle = setTimeout(() => this.remove(slot), this.idleMilliseconds);
    state.idle.unref();
  }

  private remove(slot: WorkerSlot): void {
    const state = this.slots.get(slot);
    if (state?.idle) clearTimeout(state.idle);
    this.slots.delete(slot);
    slot.end();
  }
}
