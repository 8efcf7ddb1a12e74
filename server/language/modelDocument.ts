import { chooseLayers, openModel, runPlan, type LayerOutcome } from '../analyses/analyze.js';
import { assembleReport, weightWatcherRows } from '../analyses/assemble.js';
import { pooledRunner } from '../analyses/context.js';
import { estimateCost, planAnalysis, type AnalysisPlan, type UnitSettings } from '../analyses/plan.js';
import { networkTask, type NetworkTask } from '../analyses/jacobians/task.js';
import { cachedOutcomes, cacheOutcomes, isUnchanged, modelDigest, type ModelDigest } from '../analyses/resultCache.js';
import type { Model } from '../model/model.js';
import type { AnalyzeSettings } from '../protocol.js';
import type { JacobianChoice } from '../report/jacobianDetail.js';
import type { JacobianDetail } from '../report/jacobianViews.js';
import { layerDetailOf } from '../report/layerDetail.js';
import type { AnalysisSettings, Report } from '../report/report.js';
import type { LayerDetail, OverviewState, ReportOverview } from '../report/views.js';
import type { WeightWatcherRow } from '../report/weightWatcherRow.js';
import { fileIdentity, type FileIdentity } from '../runtime/cache.js';
import type { Engine } from './engine.js';
import { JacobianPart } from './jacobianPart.js';
import { formatCount, formatSeconds } from '../report/numbers.js';
import { listed, plural } from '../report/wording.js';
import { rowsOf, modelOverview } from './modelOverview.js';
import { RowBatch } from './rowBatch.js';

/** Up to this size a file is hashed before an analysis, so that a cached result is found; larger ones meanwhile. */
const hashFirstBytes = 64 * 2 ** 20;
/** A long analysis keeps what it has this often, so that a crash costs little. */
const keepMilliseconds = 30_000;

const defaultAnalysis: AnalysisSettings = { only: ['weights'], layers: null, seed: 0, operator: 'norms' };

interface Run {
  settings: AnalysisSettings;
  /** Of the Jacobians; null where they are not asked for. */
  task: NetworkTask | null;
  controller: AbortController;
  finished: Promise<void>;
}

/** One model that the editor shows: its layers, what is computed of them, and the analysis that runs. */
export class ModelDocument {
  private readonly outcomes = new Map<string, LayerOutcome>();
  private readonly jacobians: JacobianPart;
  private settings = defaultAnalysis;
  private state: OverviewState = 'listed';
  private run: Run | null = null;
  private digest: ModelDigest | null = null;
  private hashing: Promise<ModelDigest | null> = Promise.resolve(null);
  private closing = new AbortController();

  private constructor(
    readonly path: string,
    private readonly engine: Engine,
    private model: Model,
    private identities: FileIdentity[],
  ) {
    this.jacobians = new JacobianPart(path, engine);
  }

  /**
   * Reads the headers of a model file, and what the cache knows of it.
   * @throws ModelFileError, one sentence
   */
  static async open(path: string, engine: Engine): Promise<ModelDocument> {
    const { model, identities } = await readHeaders(path);
    const document = new ModelDocument(path, engine, model, identities);
    await document.recall({ rememberedOnly: true });
    document.startHashing();
    return document;
  }

  /** Looks whether the files have changed: without numbers the model is read again, else the numbers are stale. */
  async refresh(): Promise<void> {
    if (this.run !== null || (await isUnchanged(this.identities))) return;
    if (this.outcomes.size > 0 || this.jacobians.result !== null) this.state = 'stale';
    else await this.reload();
  }

  overview(): ReportOverview {
    const { rules, silence } = this.engine.configurationFor(this.path);
    const missing = this.model.layers.filter((layer) => this.outcomes.get(layer.id)?.state !== 'done');
    return modelOverview({
      model: this.model,
      path: this.path,
      sha256: this.digest?.sha256 ?? null,
      settings: this.reportedSettings(),
      outcomes: this.outcomes,
      jacobians: this.jacobians.result,
      jacobianOverview: this.jacobians.overview(),
      state: this.state,
      rules,
      silence,
      cost: estimateCost(missing, this.unitSettings(), this.engine.memoryLimitBytes),
    });
  }

  /** The report of what is there; a cut-off analysis says so. */
  report(): Report {
    const { rules, silence } = this.engine.configurationFor(this.path);
    const settings = this.reportedSettings();
    const whole = !settings.only.includes('weights') || this.model.layers.every((layer) => this.outcomes.has(layer.id));
    return assembleReport({
      model: this.model,
      path: this.path,
      sha256: this.digest?.sha256 ?? null,
      settings,
      chosen: this.model.layers,
      outcomes: this.outcomes,
      jacobians: this.jacobians.result,
      incomplete: whole && this.jacobians.result?.complete !== false ? null : 'cancelled',
      rules,
      silence,
    });
  }

  /** The curves of one layer; null while it has none. */
  detail(layer: string): LayerDetail | null {
    return this.outcomes.get(layer)?.state === 'done' ? layerDetailOf(this.report(), layer) : null;
  }

  /** The singular values of one Jacobian; null while there are none. */
  jacobianDetail(choice: JacobianChoice): JacobianDetail | null {
    return this.jacobians.detail(choice);
  }

  /**
   * Runs what is missing under these settings, or joins the run that does. Cancelling keeps what was done.
   * @throws ModelFileError when the file has changed and is no model any longer
   */
  async analyze(wanted: AnalyzeSettings, signal: AbortSignal): Promise<ReportOverview> {
    const settings: AnalysisSettings = { only: wanted.only ?? defaultAnalysis.only, layers: wanted.layers ?? null, seed: wanted.seed ?? 0, operator: wanted.operator ?? 'norms' };
    const retry = wanted.retry ?? [];
    const task = settings.only.includes('jacobian') ? await this.jacobianTask(wanted, settings) : null;
    if (this.run !== null && (retry.length > 0 || !sameSettings(this.run.settings, settings) || JSON.stringify(this.run.task) !== JSON.stringify(task))) {
      this.run.controller.abort();
      await this.run.finished;
    }
    const run = this.run ?? this.start(settings, retry, task);
    const cancel = (): void => run.controller.abort();
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      await run.finished;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
    return this.overview();
  }

  /** WeightWatcher's columns, which a report does not hold: computed when somebody exports them. */
  async weightWatcherRows(signal: AbortSignal): Promise<WeightWatcherRow[]> {
    const settings: UnitSettings = { operator: 'none', seed: this.settings.seed, weightWatcher: true, threads: this.engine.settings.threads };
    const plan = planAnalysis(this.model.layers, settings, this.engine.memoryLimitBytes);
    const outcomes = await runPlan(plan, pooledRunner(this.engine.pool, plan.budgetBytes), new Map(), { signal });
    signal.throwIfAborted();
    return weightWatcherRows(this.model, outcomes);
  }

  /** Ends what runs; the document is not used any more. */
  close(): void {
    this.closing.abort();
    this.run?.controller.abort();
  }

  private start(settings: AnalysisSettings, retry: readonly string[], task: NetworkTask | null): Run {
    const controller = new AbortController();
    const finished = this.execute(settings, retry, task, controller.signal).finally(() => {
      this.run = null;
    });
    return (this.run = { settings, task, controller, finished });
  }

  private async execute(settings: AnalysisSettings, retry: readonly string[], task: NetworkTask | null, signal: AbortSignal): Promise<void> {
    if (!(await isUnchanged(this.identities))) await this.reload();
    if (settings.only.includes('weights')) await this.executeWeights(settings, retry, signal);
    if (task !== null && !signal.aborted) await this.executeJacobians(settings, task, signal);
  }

  private async executeJacobians(settings: AnalysisSettings, task: NetworkTask, signal: AbortSignal): Promise<void> {
    const started = performance.now();
    const { outbox } = this.engine;
    const chosen = new Set((await chooseLayers(this.model.layers, settings.layers)).map(({ id }) => id));
    await this.jacobians.run(task, (layer) => chosen.has(layer), signal);
    if (!(await isUnchanged(this.identities))) this.state = 'stale';
    outbox.log('info', `${this.path}: Jacobians ${this.jacobians.result?.complete === true ? 'done' : 'cancelled'} after ${formatSeconds((performance.now() - started) / 1000)}, ${plural(this.jacobians.result?.jacobians?.layers.length ?? 0, 'layer')}.`);
  }

  private async executeWeights(settings: AnalysisSettings, retry: readonly string[], signal: AbortSignal): Promise<void> {
    const started = performance.now();
    if (!sameSettings(this.settings, settings)) this.outcomes.clear();
    this.settings = settings;
    for (const [layer, outcome] of this.outcomes) if (outcome.state !== 'done' || retry.includes(layer)) this.outcomes.delete(layer);
    this.state = 'running';
    if (this.digest === null && this.model.file.bytes <= hashFirstBytes) await this.hashing;
    await this.recall({ except: retry });
    const chosen = await chooseLayers(this.model.layers, settings.layers);
    const plan = this.plan(chosen.map((layer) => layer.id));
    const { outbox } = this.engine;
    outbox.log('info', `${this.path}: ${plural(plan.units.length, 'layer')}, ${formatCount(this.outcomes.size)} of them known, about ${formatSeconds(plan.cost.seconds)} of work.`);
    const engines = await this.compute(plan, signal);
    if (!(await isUnchanged(this.identities))) this.state = 'stale';
    else this.state = signal.aborted && plan.units.some(({ layer }) => !this.outcomes.has(layer)) ? 'cancelled' : 'done';
    this.engine.finishLater(this.keep());
    outbox.log('info', `${this.path}: ${this.state} after ${formatSeconds((performance.now() - started) / 1000)}, ${plural(this.outcomes.size, 'layer')}${engines.length === 0 ? '' : `; computed by ${listed(engines)}`}.`);
  }

  /** @returns the engines that computed the layers */
  private async compute(plan: AnalysisPlan, signal: AbortSignal): Promise<string[]> {
    const engines = new Set<string>();
    const { outbox, pool } = this.engine;
    const rows = new RowBatch<string>((layers) => outbox.layersDone(this.path, this.rows(layers)));
    const progress = new RowBatch<{ layer: string | null; done: number; total: number }>((items) => {
      const { layer, done, total } = items[items.length - 1];
      outbox.progress({ document: this.path, layer, done, total });
    });
    const keeping = setInterval(() => this.engine.finishLater(this.keep()), keepMilliseconds);
    const recalled = [...this.outcomes.keys()];
    for (const layer of recalled) rows.add(layer);
    try {
      await runPlan(plan, pooledRunner(pool, plan.budgetBytes), this.outcomes, {
        signal,
        onLayerDone: (layer, outcome) => {
          this.outcomes.set(layer, outcome);
          if (outcome.state === 'done') engines.add(outcome.result.engine);
          if (outcome.state === 'failed') outbox.log('error', `${this.path}: ${layer}: ${outcome.reason}`);
          rows.add(layer);
        },
        onProgress: (item) => progress.add(item),
        onWorkerLost: (layer, reason, retried) => {
          outbox.log('warn', `${this.path}: the worker process of ${layer} ended: ${reason}${retried ? '; tried once more' : ''}.`);
          outbox.workerLost(this.path, layer, reason, retried);
        },
      });
      for (const { layer, reason } of plan.refused) this.outcomes.set(layer.id, { state: 'refused', reason });
    } finally {
      clearInterval(keeping);
      rows.flush();
      progress.flush();
    }
    return [...engines].sort();
  }

  private rows(layers: readonly string[]): ReturnType<typeof rowsOf> {
    const { rules, silence } = this.engine.configurationFor(this.path);
    const wanted = new Set(layers);
    return rowsOf({ model: this.model, outcomes: this.outcomes, rules, silence }, (layer) => wanted.has(layer.id));
  }

  private plan(layers: readonly string[]): AnalysisPlan {
    const wanted = new Set(layers);
    return planAnalysis(this.model.layers.filter((layer) => wanted.has(layer.id)), this.unitSettings(), this.engine.memoryLimitBytes);
  }

  /** What is there, whichever runs it came from. */
  private reportedSettings(): AnalysisSettings {
    const jacobian = this.jacobians.result !== null;
    const weights = this.outcomes.size > 0 || !jacobian;
    return { ...this.settings, only: [...(weights ? (['weights'] as const) : []), ...(jacobian ? (['jacobian'] as const) : [])] };
  }

  /** Inputs as they were asked for or, where nothing was said, as sigmascope.json names them; else made up. */
  private async jacobianTask(wanted: AnalyzeSettings, { seed }: AnalysisSettings): Promise<NetworkTask> {
    const configured = await this.engine.inputsFor(this.path);
    const inputs = wanted.inputs === 'synthetic' ? null : (wanted.inputs ?? configured?.request ?? null);
    return networkTask({
      model: this.path,
      inputs: inputs ?? { file: null, preprocess: null },
      // A number for inputs of a file says nothing of made-up ones.
      samples: wanted.samples ?? (inputs === null ? null : configured?.samples) ?? null,
      seed,
      precision: wanted.precision ?? 'float32',
      // Units run side by side, one in each process.
      threads: 1,
      memoryBytes: this.engine.memoryLimitBytes,
    });
  }

  private unitSettings(): UnitSettings {
    return { operator: this.settings.operator, seed: this.settings.seed, weightWatcher: false, threads: this.engine.settings.threads };
  }

  private async reload(): Promise<void> {
    this.closing.abort();
    this.closing = new AbortController();
    ({ model: this.model, identities: this.identities } = await readHeaders(this.path));
    this.outcomes.clear();
    this.jacobians.result = null;
    this.digest = null;
    this.state = 'listed';
    await this.recall({ rememberedOnly: true });
    this.startHashing();
  }

  /** Takes over what the cache has for this content. */
  private async recall(options: { rememberedOnly?: boolean; except?: readonly string[] }): Promise<void> {
    const { cache } = this.engine;
    if (cache === null) return;
    if (options.rememberedOnly === true) this.digest = await modelDigest(this.model.file.files, cache, { rememberedOnly: true }).catch(() => null);
    if (this.digest === null) return;
    const known = await cachedOutcomes(cache, this.digest.content, this.unitSettings());
    for (const layer of this.model.layers) {
      const outcome = known.get(layer.id);
      if (outcome !== undefined && !this.outcomes.has(layer.id) && options.except?.includes(layer.id) !== true) this.outcomes.set(layer.id, outcome);
    }
    if (options.rememberedOnly === true && known.size > 0) this.state = this.model.layers.every((layer) => this.outcomes.has(layer.id)) ? 'done' : 'cancelled';
  }

  private startHashing(): void {
    if (this.digest !== null) return;
    const { signal } = this.closing;
    this.hashing = modelDigest(this.model.file.files, this.engine.cache, { signal }).then(
      (digest) => {
        if (signal.aborted || digest === null) return null;
        this.digest = digest;
        this.engine.outbox.modelHashed(this.path, digest.sha256);
        return digest;
      },
      () => null,
    );
  }

  /** Writes what is computed to the cache, once the content is known and still the same. */
  private async keep(): Promise<void> {
    const { cache } = this.engine;
    const settings = this.unitSettings();
    const outcomes = new Map(this.outcomes);
    const digest = this.digest ?? (await this.hashing);
    if (cache === null || digest === null || !(await isUnchanged(digest.identities))) return;
    await cacheOutcomes(cache, digest.content, settings, outcomes);
  }
}

async function readHeaders(path: string): Promise<{ model: Model; identities: FileIdentity[] }> {
  const model = await openModel(path);
  return { model, identities: await Promise.all(model.file.files.map(fileIdentity)) };
}

function sameSettings(a: AnalysisSettings, b: AnalysisSettings): boolean {
  return a.layers === b.layers && a.seed === b.seed && a.operator === b.operator;
}
