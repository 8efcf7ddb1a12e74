import { pooledRunner } from '../analyses/context.js';
import { runJacobians, type JacobianResult } from '../analyses/jacobians/run.js';
import type { NetworkTask } from '../analyses/jacobians/task.js';
import { jacobianDetailOf, type JacobianChoice } from '../report/jacobianDetail.js';
import { jacobianOverviewOf, jacobianRowOf, pendingJacobians, rowContext, type LayerUse } from '../report/jacobianView.js';
import type { JacobianDetail, JacobianOverview, JacobianRow } from '../report/jacobianViews.js';
import type { Engine } from './engine.js';
import { RowBatch } from './rowBatch.js';

/** The Jacobians of a document: the last run's, or those of the one that runs. */
export class JacobianPart {
  private pending: JacobianOverview | null = null;
  /** What the last run was to differentiate. */
  private uses: readonly LayerUse[] = [];

  constructor(
    private readonly path: string,
    private readonly engine: Engine,
  ) {}

  /** What the last run has found; null before the first. */
  result: JacobianResult | null = null;

  /** What the tab draws; null where there is nothing. */
  overview(): JacobianOverview | null {
    return this.pending ?? (this.result === null ? null : jacobianOverviewOf(this.result, this.result.complete ? 'done' : 'cancelled', this.uses));
  }

  detail(choice: JacobianChoice): JacobianDetail | null {
    return this.result === null ? null : jacobianDetailOf(this.result, choice);
  }

  /** Runs the analysis; rows go to the editor as they are done. Cancelling keeps what was done. */
  async run(task: NetworkTask, wanted: (layer: string) => boolean, signal: AbortSignal): Promise<void> {
    const { outbox, pool } = this.engine;
    this.result = null;
    this.uses = [];
    let counts = { done: 0, total: 0 };
    const rows = new RowBatch<JacobianRow>((batch) => outbox.jacobianRows(this.path, batch, counts.done, counts.total));
    const progress = new RowBatch<{ layer: string | null; done: number; total: number }>((items) => outbox.progress({ document: this.path, ...items[items.length - 1] }));
    let context: Parameters<typeof jacobianRowOf>[1] | null = null;
    try {
      this.result = await runJacobians(task, wanted, pooledRunner(pool, this.engine.memoryLimitBytes), {
        signal,
        onNetwork: ({ inputs, inputIndices, precision }, uses) => {
          counts = { done: 0, total: uses.length };
          this.uses = uses;
          context = rowContext(inputIndices, uses, []);
          this.pending = pendingJacobians(inputs, inputIndices, uses, precision);
          outbox.jacobians(this.path, this.pending, null);
        },
        onLayerDone: (entry, skipped) => {
          counts = { ...counts, done: counts.done + 1 };
          if (context === null) return;
          const row = jacobianRowOf(entry, { ...context, skipped });
          const known = this.pending?.rows ?? [];
          const place = known.findIndex(({ layer, call }) => layer === row.layer && call === row.call);
          if (place >= 0) known[place] = row;
          rows.add(row);
        },
        onProgress: (item) => progress.add(item),
        onWorkerLost: (layer, reason, retried) => {
          outbox.log('warn', `${this.path}: the worker process of ${layer} ended: ${reason}${retried ? '; tried once more' : ''}.`);
          outbox.workerLost(this.path, layer, reason, retried);
        },
      });
    } finally {
      this.pending = null;
      rows.flush();
      progress.flush();
    }
    const { failure, skipped } = this.result;
    if (failure !== null) outbox.log('error', `${this.path}: ${failure.reason}`);
    const overview = this.overview();
    outbox.jacobians(this.path, overview, overview === null ? (skipped.find(({ analysis }) => analysis === 'jacobian')?.reason ?? null) : null);
  }
}
