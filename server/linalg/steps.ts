import { setImmediate as nextTurn } from 'node:timers/promises';

/** How a caller watches and stops a long computation. */
export interface SolveControl {
  /** The computation ends with the signal's reason within about 50 ms. */
  signal?: AbortSignal;
  /** Called with the share done, 0 … 1, at most about fifty times a second. */
  progress?: (fraction: number) => void;
}

/**
 * A computation in pieces of a few milliseconds: each step yields the work it has done, in the unit of `total`, or a
 * promise of it where another engine does the work.
 */
export type Steps<Result> = Generator<number | Promise<number>, Result, undefined>;

/** The event loop gets its turn this often: short enough that a cancel is noticed at once. */
const sliceMilliseconds = 20;

/**
 * Runs a computation piece by piece, giving the event loop its turn in between so that messages are read, timers run
 * and an abort is seen. `total` is the sum of all work the steps will report; an estimate is enough.
 * Throws the signal's reason (an AbortError by default) when it is aborted.
 */
export async function runSteps<Result>(steps: Steps<Result>, total: number, control: SolveControl = {}): Promise<Result> {
  let work = 0;
  let turn = performance.now();
  control.signal?.throwIfAborted();
  for (;;) {
    const step = steps.next();
    if (step.done) {
      control.progress?.(1);
      return step.value;
    }
    work += typeof step.value === 'number' ? step.value : await step.value;
    const now = performance.now();
    if (now - turn < sliceMilliseconds) continue;
    control.progress?.(Math.min(work / total, 1));
    await nextTurn();
    control.signal?.throwIfAborted();
    turn = performance.now();
  }
}

/** The same without turns in between, for small problems inside other computations. */
export function runAtOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
