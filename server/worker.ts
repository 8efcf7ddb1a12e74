import { constants, setPriority } from 'node:os';
import workerpool from 'workerpool';
import { unitExecutor } from './analyses/unit.js';
import type { WorkerEvent, WorkerOutcome, WorkerUnit } from './protocol.js';
import { backgroundArgument } from './runtime/workerSlot.js';

/**
 * One worker process: carries out one unit at a time for the server or the command line. It is ended from outside to
 * cancel a unit, and ends by itself when whoever started it is gone.
 */
const execute = unitExecutor();
const parent = process.ppid;
const never = new AbortController().signal;

async function runUnit(unit: WorkerUnit): Promise<WorkerOutcome> {
  const outcome = await execute(unit, never, (fraction) => {
    // The pool's own notice of a lost parent waits for a free event loop; a long computation asks for itself.
    if (process.ppid !== parent) process.exit(1);
    const event: WorkerEvent = { fraction };
    workerpool.workerEmit(event);
  });
  return outcome === 'cancelled' ? { state: 'failed', code: 'internal', reason: 'The unit ended without a result.' } : outcome;
}

if (process.argv.includes(backgroundArgument)) {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // A system that does not allow it: the analysis runs as it would have.
  }
}
workerpool.worker({ runUnit });
