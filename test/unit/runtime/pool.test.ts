import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { WorkerOutcome } from '../../../server/protocol.js';
import { JobCancelled, WorkerPool, type PoolJob } from '../../../server/runtime/pool.js';
import { WorkerLost } from '../../../server/runtime/workerSlot.js';

const program = { file: path.resolve('test/fixtures/poolWorker.cjs'), execPath: process.execPath };
const never = new AbortController().signal;

function job(layer: unknown, options: Partial<PoolJob> = {}): PoolJob {
  return {
    unit: { analysis: 'weights', layer, operator: 'none', seed: 0, memoryLimitBytes: 1e9, weightWatcher: false, threads: 1 },
    predictedBytes: 1,
    budgetBytes: 1e9,
    signal: never,
    ...options,
  };
}

function resultOf(outcome: WorkerOutcome): { answer: unknown; pid: number } {
  assert.equal(outcome.state, 'done');
  return (outcome as { result: unknown }).result as { answer: unknown; pid: number };
}

/** Waits until a process is gone; fails the test by its time limit when it stays. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('worker pool', function () {
  this.timeout(20_000);
  let folder: string;
  let pool: WorkerPool;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'pool-'));
    pool = new WorkerPool(program, 2);
  });
  afterEach(() => {
    pool.close();
    rmSync(folder, { recursive: true });
  });

  it('hands back what a unit computed, numbers unharmed', async () => {
    const answer = [0.1, Infinity, -0, null];
    const result = resultOf(await pool.run(job({ answer })));
    assert.deepEqual(result.answer, answer);
    assert.ok(Object.is((result.answer as number[])[2], -0));
    assert.notEqual(result.pid, process.pid);
  });

  it('uses a process again', async () => {
    const first = resultOf(await pool.run(job({ answer: 1 })));
    const second = resultOf(await pool.run(job({ answer: 2 })));
    assert.equal(first.pid, second.pid);
  });

  it('tries a unit once more when its process is killed, and goes on with the rest', async () => {
    const lost: [string, boolean][] = [];
    const outcomes = await Promise.all([
      pool.run(job({ die: 'SIGKILL', marker: path.join(folder, 'killed'), answer: 'second try' }, { onLost: (reason, retried) => lost.push([reason, retried]) })),
      ...Array.from({ length: 6 }, (_, i) => pool.run(job({ answer: i }))),
    ]);
    assert.deepEqual(outcomes.map((outcome) => resultOf(outcome).answer), ['second try', 0, 1, 2, 3, 4, 5]);
    assert.equal(lost.length, 1);
    assert.match(lost[0][0], /SIGKILL/);
    assert.equal(lost[0][1], true);
  });

  it('gives a unit up when its process is lost twice, and goes on with the rest', async () => {
    const lost: boolean[] = [];
    const doomed = pool.run(job({ die: 'SIGKILL' }, { onLost: (_, retried) => lost.push(retried) }));
    const rest = Array.from({ length: 4 }, (_, i) => pool.run(job({ answer: i })));
    await assert.rejects(doomed, (error) => error instanceof WorkerLost && error.message.includes('SIGKILL'));
    assert.deepEqual((await Promise.all(rest)).map((outcome) => resultOf(outcome).answer), [0, 1, 2, 3]);
    assert.deepEqual(lost, [true, false]);
  });

  it('passes an error of a unit on without a second try', async () => {
    const lost: boolean[] = [];
    await assert.rejects(pool.run(job({ fail: 'no such weights' }, { onLost: (_, retried) => lost.push(retried) })), /no such weights/);
    assert.deepEqual(lost, []);
  });

  it('cancels a unit that never gives its event loop a turn by ending the process', async () => {
    const controller = new AbortController();
    const first = resultOf(await new WorkerPoolProbe(pool).pid());
    const busy = pool.run(job({ sleep: 60_000 }, { signal: controller.signal, onEvent: () => controller.abort() }));
    await assert.rejects(busy, JobCancelled);
    await gone(first.pid);
    assert.notEqual(resultOf(await pool.run(job({ answer: 1 }))).pid, first.pid);
  });

  it('cancels units that wait without starting them', async () => {
    const controller = new AbortController();
    const started: number[] = [];
    const runs = Array.from({ length: 5 }, (_, i) => pool.run(job({ wait: 60_000 }, { signal: controller.signal, onStart: () => started.push(i) })));
    setTimeout(() => controller.abort(), 50);
    const outcomes = await Promise.allSettled(runs);
    assert.ok(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason instanceof JobCancelled));
    assert.equal(started.length, 2);
  });

  it('starts the largest units first and never more at a time than the budget holds', async () => {
    const sizes = [10, 60, 30, 50, 40];
    const order: number[] = [];
    let running = 0;
    let most = 0;
    await Promise.all(
      sizes.map(async (size) => {
        await pool.run(
          job({ wait: 30 }, {
            predictedBytes: size,
            budgetBytes: 95,
            onStart: () => {
              order.push(size);
              running += size;
              most = Math.max(most, running);
            },
          }),
        );
        running -= size;
      }),
    );
    // 60 + 50 is too much, so 30 keeps it company.
    assert.deepEqual(order.slice(0, 2), [60, 30]);
    assert.deepEqual([...order].sort((a, b) => a - b), [10, 30, 40, 50, 60]);
    assert.ok(most <= 95, `${most} at a time`);
  });

  it('runs a unit that is larger than the budget alone', async () => {
    let running = 0;
    await Promise.all(
      [500, 500].map(async (size) => {
        await pool.run(job({ wait: 20 }, { predictedBytes: size, budgetBytes: 100, onStart: () => assert.equal(++running, 1) }));
        running--;
      }),
    );
  });

  it('ends a process that has nothing to do', async () => {
    const brief = new WorkerPool(program, 1, 20);
    const { pid } = resultOf(await brief.run(job({ answer: 1 })));
    await gone(pid);
    assert.notEqual(resultOf(await brief.run(job({ answer: 2 }))).pid, pid);
    brief.close();
  });

  it('says so when the program cannot be started', async () => {
    const broken = new WorkerPool({ ...program, execPath: path.join(folder, 'no-node-here') }, 1);
    await assert.rejects(broken.run(job({ answer: 1 })), /ENOENT/);
    broken.close();
  });
});

/** Runs a unit that tells its process. */
class WorkerPoolProbe {
  constructor(private readonly pool: WorkerPool) {}

  pid(): Promise<WorkerOutcome> {
    return this.pool.run(job({ answer: 'pid' }));
  }
}
