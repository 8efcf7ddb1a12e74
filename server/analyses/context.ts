import { JobCancelled, type WorkerPool } from '../runtime/pool.js';
import type { WorkerOutcome, WorkerUnit } from '../runtime/units.js';
import { WorkerLost } from '../runtime/workerSlot.js';
import type { UnitExecutor } from './unit.js';

/** A unit with what is known of it before it runs. */
export interface PlannedUnit<Unit extends WorkerUnit = WorkerUnit> {
  layer: string;
  unit: Unit;
  predictedBytes: number;
  predictedSeconds: number;
}

/** What the one who asked for a unit hears while it runs. */
export interface UnitControl {
  signal: AbortSignal;
  onStart?: () => void;
  onFraction?: (fraction: number) => void;
  onLost?: (reason: string, retried: boolean) => void;
}

/** Runs units of work somewhere: here, in processes of their own, later perhaps on other machines. */
export interface UnitRunner {
  /** Rejects with `JobCancelled` once the signal is aborted. Any number of units may be asked for at a time. */
  run(planned: PlannedUnit, control: UnitControl): Promise<WorkerOutcome>;
  close(): void;
}

/** Runs units one after another in this process. */
export function inProcessRunner(executor: UnitExecutor): UnitRunner {
  let last: Promise<unknown> = Promise.resolve();
  const runNow = async (planned: PlannedUnit, control: UnitControl): Promise<WorkerOutcome> => {
    // A turn of the event loop, so that signals and timers are heard between units.
    await new Promise((resolve) => setImmediate(resolve));
    if (control.signal.aborted) throw new JobCancelled();
    control.onStart?.();
    const outcome = await executor(planned.unit, control.signal, control.onFraction ?? (() => undefined));
    if (outcome === 'cancelled') throw new JobCancelled();
    return outcome;
  };
  return {
    run(planned, control) {
      const result = last.then(() => runNow(planned, control));
      last = result.catch(() => undefined);
      return result;
    },
    close: () => undefined,
  };
}

/**
 * Runs units in a pool's processes; a unit whose process is lost twice has failed.
 * @param budgetBytes what all running units may hold together
 */
export function pooledRunner(pool: WorkerPool, budgetBytes: number): Omit<UnitRunner, 'close'> {
  return {
    async run(planned, control) {
      try {
        return await pool.run({
          unit: planned.unit,
          predictedBytes: planned.predictedBytes,
          budgetBytes,
          signal: control.signal,
          ...(control.onStart && { onStart: control.onStart }),
          ...(control.onLost && { onLost: control.onLost }),
          onEvent: (event) => control.onFraction?.(event.fraction),
        });
      } catch (error) {
        if (!(error instanceof WorkerLost)) throw error;
        return { state: 'failed', code: 'lost', reason: `Its worker process ended twice: ${error.message}.` };
      }
    },
  };
}
