import path from 'node:path';
import { inProcessRunner, pooledRunner, type UnitRunner } from '../analyses/context.js';
import { WorkerPool } from '../runtime/pool.js';

/** Below this a second process costs more time than it saves: starting one takes about 0.1 s. */
const inProcessSeconds = 1;

/** What is known of the work before it begins. */
export interface ExpectedWork {
  /** Predicted, of all units together. */
  seconds: number;
  units: number;
  threads: number;
}

/** Runs units within a limit of memory that the analysis at hand has. */
export interface CommandRunner {
  /** Threads that one unit may take beside the others. */
  unitThreads: number;
  /** @param budgetBytes what all running units may hold together */
  within(budgetBytes: number): Pick<UnitRunner, 'run'>;
  close(): void;
}

/**
 * Small models are analysed in this process; larger ones in worker processes, one unit in each, which also keeps this
 * process free to hear Ctrl+C.
 */
export async function chooseRunner({ seconds, units, threads }: ExpectedWork): Promise<CommandRunner> {
  if (seconds <= inProcessSeconds) {
    const { unitExecutor } = await import('../analyses/unit.js');
    const runner = inProcessRunner(unitExecutor());
    return { unitThreads: threads, within: () => runner, close: () => runner.close() };
  }
  const workers = Math.min(threads, Math.max(1, units));
  const pool = new WorkerPool({ file: path.join(__dirname, 'worker.js'), execPath: process.execPath }, workers);
  return { unitThreads: Math.max(1, Math.floor(threads / workers)), within: (budgetBytes) => pooledRunner(pool, budgetBytes), close: () => pool.close() };
}
