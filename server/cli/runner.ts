import path from 'node:path';
import { inProcessRunner, pooledRunner, type UnitRunner } from '../analyses/context.js';
import type { AnalysisPlan } from '../analyses/plan.js';
import { WorkerPool } from '../runtime/pool.js';

/** Below this a second process costs more time than it saves: starting one takes about 0.1 s. */
const inProcessSeconds = 1;

/**
 * Small models are analysed in this process; larger ones in worker processes, one unit in each, which also keeps this
 * process free to hear Ctrl+C.
 * @param seconds predicted work that is left
 */
export async function chooseRunner(plan: AnalysisPlan, seconds: number, threads: number): Promise<UnitRunner> {
  if (seconds <= inProcessSeconds) {
    const { unitExecutor } = await import('../analyses/unit.js');
    return inProcessRunner(unitExecutor());
  }
  const workers = Math.min(threads, Math.max(1, plan.units.length));
  const pool = new WorkerPool({ file: path.join(__dirname, 'worker.js'), execPath: process.execPath }, workers);
  return { ...pooledRunner(pool, plan.budgetBytes), close: () => pool.close() };
}
