import { availableParallelism, totalmem } from 'node:os';
import { chooseLayers, openModel, runPlan, type LayerOutcome } from '../analyses/analyze.js';
import { assembleReport, internalSentence, weightWatcherRows } from '../analyses/assemble.js';
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
import { chooseRunner } from './runner.js';
import { Stop } from './stop.js';

/** Share of the machine's memory that an analysis may use where no limit is given. */
const defaultMemoryShare = 0.5;

/** `sigmascope analyze MODEL`: answers the exit code; throws CommandError and ModelFileError for everything else. */
export async function analyzeCommand(options: AnalyzeOptions): Promise<ExitCode> {
  const configuration = readConfigurationFor(options);
  const gates = [...configuration.gates, ...options.failOn];
  checkedGates(() => gates.map(parseGate));
  if (options.out !== null) checkOutputFile(options.out, [options.model, ...(options.baseline === null ? [] : [options.baseline])]);
  const baseline = options.baseline === null ? null : await readSavedReport(options.baseline);
  const stop = new Stop(options.timeoutSeconds);
  try {
    const { model, report, outcomes, total } = await runAnalysis(options, configuration, stop);
    const done = `${report.layers.length} of ${total} layers were done`;
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
  /** Layers that were to be analysed. */
  total: number;
}

async function runAnalysis(options: AnalyzeOptions, configuration: Configuration, stop: Stop): Promise<Run> {
  const start = performance.now();
  const cache = options.cache === null ? null : new Cache(options.cache, undefined, writeSentence);
  const model = await openModel(options.model);
  // Known only now: shards, and the files that hold the weights of a graph.
  if (options.out !== null) checkOutputFile(options.out, model.file.files);
  const chosen = await layersOf(model, options);
  const threads = options.threads ?? availableParallelism();
  const unitSettings: UnitSettings = { operator: options.operator, seed: options.seed, weightWatcher: options.format === 'weightwatcher', threads };
  const plan = planAnalysis(chosen, unitSettings, options.maxMemoryBytes ?? Math.floor(totalmem() * defaultMemoryShare));
  const read = secondsSince(start);

  const hashing = digestOrNull(model, cache, stop.signal);
  const known = await recall(cache, hashing, unitSettings);
  const outcomes = await compute(plan, known, { ...options, threads }, stop);
  const digest = await hashing;
  if (cache !== null && digest !== null && [...outcomes.keys()].some((id) => !known.has(id)) && (await isUnchanged(digest.identities))) {
    await cacheOutcomes(cache, digest.content, unitSettings, new Map([...known, ...outcomes]));
  }
  const settings: AnalysisSettings = { only: ['weights'], layers: options.layers, seed: options.seed, operator: options.operator };
  const report = assembleReport({
    model,
    path: options.model,
    sha256: digest?.sha256 ?? null,
    settings,
    chosen,
    outcomes,
    incomplete: outcomes.size < chosen.length ? stop.reason : null,
    rules: configuration.rules,
    silence: configuration.silence,
    ...(options.timings && { timings: { total: secondsSince(start), read, layers: layerTimings(plan, outcomes, known) } }),
  });
  return { model, report, outcomes, total: chosen.length };
}

/** Runs what is not known yet, here or in worker processes, with progress on the terminal. */
async function compute(plan: AnalysisPlan, known: ReadonlyMap<string, LayerOutcome>, options: { threads: number; quiet: boolean }, stop: Stop): Promise<Map<string, LayerOutcome>> {
  const seconds = plan.units.reduce((sum, unit) => (known.has(unit.layer) ? sum : sum + unit.predictedSeconds), 0);
  const runner = await chooseRunner(plan, seconds, options.threads);
  const line = new ProgressLine(!options.quiet && process.stderr.isTTY);
  try {
    return await runPlan(plan, runner, known, {
      signal: stop.signal,
      onProgress: ({ layer, done, total }) => line.show(`${done} of ${total} layers${layer === null ? '' : ` · ${layer}`}`),
      onWorkerLost: (layer, reason, retried) => {
        line.clear();
        writeSentence(`The worker process of ${layer} ended: ${reason}; ${retried ? 'the layer is tried once more' : 'the layer is listed as skipped'}.`);
      },
    });
  } finally {
    line.clear();
    runner.close();
  }
}

/** Gates that cannot be read, or compared with, are wrong usage. */
function checkedGates<T>(evaluate: () => T): T {
  try {
    return evaluate();
  } catch (error) {
    throw error instanceof GateError ? usageError(error.message) : error;
  }
}

function readConfigurationFor(options: AnalyzeOptions): Configuration {
  const file = options.config ?? findConfiguration(options.model);
  if (file === null) return emptyConfiguration;
  try {
    return readConfiguration(file);
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
