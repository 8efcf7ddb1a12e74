import type { WorkerEvent, WorkerOutcome, WorkerUnit } from '../protocol.js';
import workerpool from 'workerpool';

/** How worker processes are started. */
export interface WorkerProgram {
  /** The bundled worker, `dist/worker.js`. */
  file: string;
  /** The runtime that runs it: Node, or the editor's own with `ELECTRON_RUN_AS_NODE`. */
  execPath: string;
  /** Leaves the processor to others that want it: the editor stays quick while an analysis takes all of it. */
  background?: boolean;
}

/** Tells a worker process to lower its priority. */
export const backgroundArgument = '--background';

/** Grace in milliseconds before a process that was told to end is killed: a cancel is done within 100 ms. */
const terminateGrace = 20;

/**
 * glibc keeps freed buffers of up to 32 MB for later; blocks from here on go back to the system at once, which saves
 * 30 to 50 MB in a worker with large matrices. Other allocators do not know these names.
 */
const returnedBlockBytes = String(2 ** 20);
const allocatorSettings = { MALLOC_MMAP_THRESHOLD_: returnedBlockBytes, MALLOC_TRIM_THRESHOLD_: returnedBlockBytes };

/** A worker process ended by itself while it had a unit. `message` is one clause that says how. */
export class WorkerLost extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'WorkerLost';
  }
}

/**
 * One place for a worker process: started with the first unit, used for one unit at a time, ended by `end`.
 * Each slot is a workerpool of one process, so that a process that is lost or cancelled is thrown away with its
 * bookkeeping and the next unit starts in a fresh one.
 */
export class WorkerSlot {
  private pool: ReturnType<typeof workerpool.pool> | null = null;

  constructor(private readonly program: WorkerProgram) {}

  /** Whether a process is (still) there. */
  get started(): boolean {
    return this.pool !== null;
  }

  /**
   * Runs one unit. Rejects with `WorkerLost` when the process ends by itself.
   * @param onEvent progress of the unit
   */
  async run(unit: WorkerUnit, onEvent: (event: WorkerEvent) => void): Promise<WorkerOutcome> {
    const pool = (this.pool ??= this.start());
    let errorOutput = '';
    const on = (payload: WorkerEvent | { stderr?: string; stdout?: string }): void => {
      if ('fraction' in payload) onEvent(payload);
      else if (payload.stderr !== undefined) errorOutput = (errorOutput + payload.stderr).slice(-maximumErrorOutput);
    };
    try {
      return await new Promise<WorkerOutcome>((resolve, reject) => {
        pool.exec('runUnit', [unit], { on }).then(
          (outcome: unknown) => resolve(outcome as WorkerOutcome),
          (error: unknown) => reject(error instanceof Error ? error : new Error(String(error))),
        );
      });
    } catch (error) {
      // Ended by `end`, while the unit ran.
      if (this.pool !== pool) throw error;
      this.end();
      // The process had ended while it had nothing to do: no unit is lost by that.
      if (error instanceof workerpool.TerminateError && error.message === endedBefore) return this.run(unit, onEvent);
      throw error instanceof workerpool.TerminateError ? new WorkerLost(describeEnd(error.message, errorOutput)) : error;
    }
  }

  /** Ends the process at once, whatever it does; the next `run` starts a new one. */
  end(): void {
    const pool = this.pool;
    this.pool = null;
    pool?.terminate(true).then(
      () => undefined,
      () => undefined,
    );
  }

  private start(): ReturnType<typeof workerpool.pool> {
    return workerpool.pool(this.program.file, {
      workerType: 'process',
      maxWorkers: 1,
      workerTerminateTimeout: terminateGrace,
      emitStdStreams: true,
      forkArgs: this.program.background === true ? [backgroundArgument] : [],
      forkOpts: {
        execPath: this.program.execPath,
        env: { ...allocatorSettings, ...process.env, ELECTRON_RUN_AS_NODE: '1' },
        // Structured clone keeps NaN, Infinity and typed arrays, which JSON does not.
        serialization: 'advanced',
      },
    });
  }
}

/** workerpool's message for a unit that was given to a process after its end. */
const endedBefore = 'Worker is terminated';

/** Characters kept of what a process wrote to stderr: enough for the runtime's last words. */
const maximumErrorOutput = 4000;

/** Turns workerpool's account of an exit into one clause. */
function describeEnd(message: string, errorOutput: string): string {
  if (/out of memory|allocation failed|bad_alloc/i.test(errorOutput)) return 'out of memory';
  const signal = /signalCode: `(SIG\w+)`/.exec(message)?.[1];
  if (signal === 'SIGKILL') return 'killed by the system (SIGKILL), usually for want of memory';
  if (signal !== undefined) return `ended by ${signal}`;
  const code = /exitCode: `(\d+)`/.exec(message)?.[1];
  if (code !== undefined) return `ended with exit code ${code}`;
  return /Worker error: (.*)/.exec(message)?.[1] ?? 'ended unexpectedly';
}
