import { availableParallelism, totalmem } from 'node:os';
import { chooseLayers, openModel, runPlan, type LayerOutcome } from '../analyses/analyze.js';
import { assembleReport, internalSentence, weightWatcherRows } from '../analyses/assemble.js';
import { predictedJacobianSeconds } from '../analyses/jacobians/cost.js';
import { runJacobians, type JacobianResult } from '../analyses/jacobians/run.js';
import type { NetworkTask } from '../analyses/jacobians/task.js';
import { planAnalysis, type AnalysisPlan, type UnitSettings } from '../analyses/plan.js';
import { cachedOutcomes, cacheOutcomes, isUnchanged, modelDigest, type ModelDigest } from '../analyses/resultCache.js';
import { ConfigurationError, emptyConfiguration, findConfiguration, readConfiguration, type Configuration } from '../configuration.js';
import type { Layer, Model } from '../model/model.js';
import { evaluateGates, GateError, parseGate } from '../report/gates.js';
import type { AnalysisSettings, Report, Timings } from '../report/report.js';
import { Cache } from '../runtime/cache.js';
import { readSavedReport } from '../savedReport.js';
import { CommandError, exitCodes, usageError, type ExitCode } from './errors.js';
import type { AnalyzeOptions } from './options.js';
import { checkOutputFile, writeSentence } from './output.js';
import { ProgressLine } from './progressLine.js';
import { deliver } from './deliver.js';
import { analysesOf, inputsOfRun, jacobianTask } from './jacobianOptions.js';
import { chooseRunner } from './runner.js';
import { Stop } from './stop.js';

/** A configuration and where it was read; null where there is none. */
interface Configured {
  configuration: Configuration;
  file: string | null;
}

/** Share of the machine's memory that an analysis may use where no limit is given. */
const defaultMemoryShare = 0.5;

/** `sigmascope analyze MODEL`: answers the exit code; throws CommandError and ModelFileError for everything else. */
export async function analyzeCommand(options: AnalyzeOptions): Promise<ExitCode> {
  const configured = readConfigurationFor(options);
  const { configuration } = configured;
  const gates = [...configuration.gates, ...options.failOn];
  checkedGates(() => gates.map(parseGate));
  if (options.out !== null) checkOutputFile(options.out, [options.model, ...(options.baseline === null ? [] : [options.baseline])]);
  const baseline = options.baseline === null ? null : await readSavedReport(options.baseline);
  const stop = new Stop(options.timeoutSeconds);
  try {
    const { model, report, outcomes } = await runAnalysis(options, configured, stop);
    const done = doneSentence(report);
    if (stop.reason === 'cancelled') throw new CommandError(exitCodes.cancelled, `Cancelled: ${done} and nothing is written.`);
    const failure = failureOf(outcomes);
    if (failure?.exitCode === exitCodes.unreadable) throw failure;
    await deliver(report, weightWatcherRows(model, outcomes), options);
    const { failed } = checkedGates(() => evaluateGates(report, gates, baseline));
    for (const { gate, reason } of failed) writeSentence(`${gate} failed: ${reason}`);
    if (failure !== null) throw failure;
    if (report.incomplete !== undefined) throw new CommandError(exitCodes.timedOut, `Timed out after ${options.timeoutSeconds ?? 0} s: ${done}; the others are listed as skipped.`);
    return failed.length > 0 ? exitCodes.gateFailed : exitCodes.done;
  } finally {
    stop.dispose();
  }
}

interface Run {
  model: Model;
  report: Report;
  outcomes: ReadonlyMap<string, LayerOutcome>;
}

async function runAnalysis(options: AnalyzeOptions, { configuration, file }: Configured, stop: Stop): Promise<Run> {
  const start = performance.now();
  const cache = options.cache === null ? null : new Cache(options.cache, undefined, writeSentence);
  const model = await openModel(options.model);
  // Known only now: shards, and the files that hold the weights of a graph.
  if (options.out !== null) checkOutputFile(options.out, model.file.files);
  const selected = await layersOf(model, options);
  const jacobianInputs = await inputsOfRun(options, configuration, file);
  const { only, skipped } = analysesOf(options, model, jacobianInputs !== null);
  const chosen = only.includes('weights') ? selected : [];
  const threads = options.threads ?? availableParallelism();
  const memoryBytes = options.maxMemoryBytes ?? Math.floor(totalmem() * defaultMemoryShare);
  const unitSettings: UnitSettings = { operator: options.operator, seed: options.seed, weightWatcher: options.format === 'weightwatcher', threads };
  const plan = planAnalysis(chosen, unitSettings, memoryBytes);
  const task = only.includes('jacobian') ? jacobianTask(options, jacobianInputs, threads, memoryBytes) : null;
  const read = secondsSince(start);

  const hashing = digestOrNull(model, cache, stop.signal);
  const known = await recall(cache, hashing, unitSettings);
  const { outcomes, jacobians } = await compute({ plan, known, task, model, selected }, { ...options, threads, memoryBytes }, stop);
  const digest = await hashing;
  if (cache !== null && digest !== null && [...outcomes.keys()].some((id) => !known.has(id)) && (await isUnchanged(digest.identities))) {
    await cacheOutcomes(cache, digest.content, unitSettings, new Map([...known, ...outcomes]));
  }
  const settings: AnalysisSettings = { only, layers: options.layers, seed: options.seed, operator: options.operator };
  const report = assembleReport({
    model,
    path: options.model,
    sha256: digest?.sha256 ?? null,
    settings,
    chosen,
    outcomes,
    jacobians,
    skipped,
    incomplete: stop.reason !== null && (outcomes.size < chosen.length || jacobians?.complete === false) ? stop.reason : null,
    rules: configuration.rules,
    silence: configuration.silence,
    ...(options.timings && { timings: { total: secondsSince(start), read, layers: layerTimings(plan, outcomes, known) } }),
  });
  return { model, report, outcomes };
}

/** What is to be computed. */
interface Work {
  plan: AnalysisPlan;
  known: ReadonlyMap<string, LayerOutcome>;
  task: NetworkTask | null;
  model: Model;
  selected: readonly Layer[];
}

/** Runs what is not known yet, here or in worker processes, with progress on the terminal. */
async function compute({ plan, known, task, model, selected }: Work, options: { threads: number; memoryBytes: number; quiet: boolean }, stop: Stop): Promise<{ outcomes: Map<string, LayerOutcome>; jacobians: JacobianResult | null }> {
  const seconds = plan.units.reduce((sum, unit) => (known.has(unit.layer) ? sum : sum + unit.predictedSeconds), 0);
  const jacobianSeconds = task === null ? 0 : predictedJacobianSeconds(model.layers, task.samples);
  const units = plan.units.length + (task === null ? 0 : selected.length);
  const runner = await chooseRunner({ seconds: seconds + jacobianSeconds, units, threads: options.threads });
  const line = new ProgressLine(!options.quiet && process.stderr.isTTY);
  const onWorkerLost = (layer: string, reason: string, retried: boolean): void => {
    line.clear();
    writeSentence(`The worker process of ${layer} ended: ${reason}; ${retried ? 'the layer is tried once more' : 'the layer is listed as skipped'}.`);
  };
  const shown = (what: string, done: number, total: number, layer: string | null): void => line.show(`${what}: ${done} of ${total} layers${layer === null ? '' : ` · ${layer}`}`);
  try {
    const wanted = new Set(selected.map(({ id }) => id));
    // First, since a mistake in the inputs ends the run.
    const jacobians = task === null ? null : await runJacobians({ ...task, threads: runner.unitThreads }, (layer) => wanted.has(layer), runner.within(options.memoryBytes), { signal: stop.signal, onWorkerLost, onProgress: ({ layer, done, total }) => shown('Jacobians', done, total, layer) });
    refuseFailedInputs(jacobians);
    const outcomes = await runPlan(plan, runner.within(plan.budgetBytes), known, { signal: stop.signal, onWorkerLost, onProgress: ({ layer, done, total }) => shown('Weights', done, total, layer) });
    return { outcomes, jacobians };
  } finally {
    line.clear();
    runner.close();
  }
}

/** How far a run came that was stopped. */
function doneSentence({ incomplete }: Report): string {
  if (incomplete === undefined) return 'all layers were done';
  const { layersDone, layersTotal } = incomplete;
  return layersTotal === 0 ? 'no layer was done' : `${layersDone} of ${layersTotal} layers were done`;
}

/** Inputs or options that do not fit end the run, whatever else was done. */
function refuseFailedInputs(jacobians: JacobianResult | null): void {
  const failure = jacobians?.failure ?? null;
  if (failure?.code === 'usage') throw usageError(failure.reason);
  if (failure?.code === 'unreadable') throw new CommandError(exitCodes.unreadable, failure.reason);
  if (failure?.code === 'internal') throw new CommandError(exitCodes.internal, internalSentence(failure.reason));
}

/** Gates that cannot be read, or compared with, are wrong usage. */
function checkedGates<T>(evaluate: () => T): T {
  try {
    return evaluate();
  } catch (error) {
    throw error instanceof GateError ? usageError(error.message) : error;
  }
}

function readConfigurationFor(options: AnalyzeOptions): Configured {
  const file = options.config ?? findConfiguration(options.model);
  if (file === null) return { configuration: emptyConfiguration, file: null };
  try {
    return { configuration: readConfiguration(file), file };
  } catch (error) {
    throw error instanceof ConfigurationError ? usageError(error.message) : error;
  }
}

async function layersOf(model: Model, options: AnalyzeOptions): Promise<Layer[]> {
  const chosen = await chooseLayers(model.layers, options.layers);
  if (chosen.length > 0 || options.layers === null) return chosen;
  const examples = model.layers.slice(0, 3).map((layer) => layer.id).join(', ');
  throw usageError(`--layers "${options.layers}" matches none of the ${model.layers.length} layers of ${options.model}${examples === '' ? '' : `, which are named like ${examples}`}.`);
}

/** Runs beside the analysis; null when the run was stopped first. */
async function digestOrNull(model: Model, cache: Cache | null, signal: AbortSignal): Promise<ModelDigest | null> {
  try {
    return await modelDigest(model.file.files, cache, { signal });
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

async function recall(cache: Cache | null, hashing: Promise<ModelDigest | null>, settings: UnitSettings): Promise<Map<string, LayerOutcome>> {
  // Whoever waits for the digest later must not find an unhandled rejection before.
  hashing.catch(() => undefined);
  if (cache === null) return new Map();
  const digest = await hashing;
  return digest === null ? new Map() : cachedOutcomes(cache, digest.content, settings);
}

function layerTimings(plan: AnalysisPlan, outcomes: ReadonlyMap<string, LayerOutcome>, known: ReadonlyMap<string, LayerOutcome>): Timings['layers'] {
  return plan.units.flatMap(({ layer }) => {
    const outcome = outcomes.get(layer);
    if (outcome?.state !== 'done') return [];
    return [known.has(layer) ? { layer, seconds: 0, engine: 'cache' } : { layer, seconds: outcome.result.seconds, engine: outcome.result.engine }];
  });
}

/** What went wrong with layers in a way that decides the exit code; unreadable weights come before our own mistakes. */
function failureOf(outcomes: ReadonlyMap<string, LayerOutcome>): CommandError | null {
  const failures = [...outcomes].flatMap(([layer, outcome]) => (outcome.state === 'failed' ? [{ layer, ...outcome }] : []));
  const unreadable = failures.find((failure) => failure.code === 'unreadable');
  if (unreadable !== undefined) return new CommandError(exitCodes.unreadable, unreadable.reason);
  const internal = failures.find((failure) => failure.code === 'internal');
  return internal === undefined ? null : new CommandError(exitCodes.internal, `${internal.layer}: ${internalSentence(internal.reason)}`);
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}
