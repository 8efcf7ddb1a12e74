import { pooledRunner } from '../analyses/context.js';
import { runJacobians, type JacobianResult } from '../analyses/jacobians/run.js';
import type { NetworkAnswer, NetworkTask } from '../analyses/jacobians/task.js';
import { jacobianDetailOf, type JacobianChoice } from '../report/jacobianDetail.js';
import { jacobianOverviewOf, jacobianRowOf, orderOf, rowContext, type LayerUse } from '../report/jacobianView.js';
import type { JacobianReport, LayerJacobians } from '../report/jacobians.js';
import type { JacobianDetail, JacobianOverview, JacobianRow } from '../report/jacobianViews.js';
import type { Skipped } from '../report/report.js';
import type { Engine } from './engine.js';
import { RowBatch } from './rowBatch.js';

/** The Jacobians of a document: those of the last run, or of the one that runs as far as it has come. */
export class JacobianPart {
  /** What there is; null before the first run. */
  result: JacobianResult | null = null;
  private running = false;
  /** What the run was to differentiate. */
  private uses: readonly LayerUse[] = [];

  constructor(
    private readonly path: string,
    private readonly engine: Engine,
  ) {}

  /** What the tab draws; null where there is nothing. */
  overview(): JacobianOverview | null {
    if (this.result === null) return null;
    const state = this.running ? 'running' : this.result.complete ? 'done' : 'cancelled';
    return jacobianOverviewOf(this.result, state, state === 'done' ? [] : this.uses);
  }

  detail(choice: JacobianChoice): JacobianDetail | null {
    return this.result === null ? null : jacobianDetailOf(this.result, choice);
  }

  /** Runs the analysis; rows go to the editor as they are done. Cancelling keeps what was done, or what was there before. */
  async run(task: NetworkTask, wanted: (layer: string) => boolean, signal: AbortSignal): Promise<void> {
    const { outbox, pool } = this.engine;
    const counts = { done: 0, total: 0 };
    const rows = new RowBatch<JacobianRow>((batch) => outbox.jacobianRows(this.path, batch, counts.done, counts.total));
    const progress = new RowBatch<{ layer: string | null; done: number; total: number }>((items) => outbox.progress({ document: this.path, ...items[items.length - 1] }));
    this.running = true;
    const tell = (): void => outbox.jacobians(this.path, this.overview(), null);
    try {
      const result = await runJacobians(task, wanted, pooledRunner(pool, this.engine.memoryLimitBytes), {
        signal,
        onNetwork: (network, uses) => {
          counts.total = uses.length;
          this.begin(network, uses);
          tell();
        },
        onOutput: (output) => {
          if (this.result?.jacobians) this.result.jacobians.output = output;
          tell();
        },
        onLayerDone: (entry, skipped) => {
          counts.done++;
          const row = this.takeLayer(entry, skipped);
          if (row !== null) rows.add(row);
        },
        onProgress: (item) => progress.add(item),
        onWorkerLost: (layer, reason, retried) => {
          outbox.log('warn', `${this.path}: the worker process of ${layer} ended: ${reason}${retried ? '; tried once more' : ''}.`);
          outbox.workerLost(this.path, layer, reason, retried);
        },
      });
      // One that was cancelled before anything was known leaves what was there.
      if (result.jacobians !== null || result.complete) this.result = result;
    } finally {
      this.running = false;
      rows.flush();
      progress.flush();
    }
    const failure = this.result?.failure ?? null;
    if (failure !== null) outbox.log('error', `${this.path}: ${failure.reason}`);
    const overview = this.overview();
    outbox.jacobians(this.path, overview, overview === null ? (this.result?.skipped.find(({ analysis }) => analysis === 'jacobian')?.reason ?? null) : null);
  }

  private begin({ inputs, inputIndices, precision, function: f, selfCheck, skipped }: NetworkAnswer, uses: readonly LayerUse[]): void {
    const jacobians: JacobianReport = { inputIndices, precision, function: f, selfCheck, output: null, layers: [], attribution: null };
    this.uses = uses;
    this.result = { inputs, jacobians, skipped: [...skipped], failure: null, total: uses.length, complete: false };
  }

  /** The row of a layer that has been done. */
  private takeLayer(entry: LayerJacobians, skipped: readonly Skipped[]): JacobianRow | null {
    const jacobians = this.result?.jacobians;
    if (!this.result || !jacobians) return null;
    this.result.skipped.push(...skipped);
    jacobians.layers.push(entry);
    return jacobianRowOf(entry, rowContext(jacobians.inputIndices, this.uses, this.result.skipped, orderOf(jacobians)));
  }
}
