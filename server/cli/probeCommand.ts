import { availableParallelism } from 'node:os';
import { openModel } from '../analyses/analyze.js';
import { modelFacts } from '../analyses/assemble.js';
import { probe, type ProbeResult } from '../analyses/probe.js';
import { modelDigest } from '../analyses/resultCache.js';
import { splitArrayName } from '../inputs/arrayName.js';
import { npzBytes } from '../inputs/npzWriter.js';
import type { Model } from '../model/model.js';
import type { ProbeReport } from '../report/jacobians.js';
import { formatNumber } from '../report/numbers.js';
import { printable } from '../report/printable.js';
import type { Report } from '../report/report.js';
import { plural } from '../report/wording.js';
import { toolVersion } from '../runtime/version.js';
import { CommandError, exitCodes, type ExitCode } from './errors.js';
import type { ProbeOptions } from './probeOptions.js';
import { checkOutputFile, writeOutputFile, writeStandardOutput } from './output.js';
import { ProgressLine } from './progressLine.js';
import { Stop } from './stop.js';

/** `sigmascope probe MODEL`: writes the perturbed inputs, and the report to standard output. */
export async function probeCommand(options: ProbeOptions): Promise<ExitCode> {
  const { inputs, out, model: path } = options;
  const given = [inputs.file, ...(inputs.labels === null ? [] : [inputs.labels])];
  const read = await Promise.all(given.map(async (file) => (await splitArrayName(file)).path));
  checkOutputFile(out, [path, ...read]);
  const stop = new Stop(options.timeoutSeconds);
  const line = new ProgressLine(!options.quiet && process.stderr.isTTY);
  const start = performance.now();
  const reached = { done: 0, total: 0 };
  try {
    const model = await openModel(path);
    checkOutputFile(out, model.file.files);
    const hashing = modelDigest(model.file.files, null, { signal: stop.signal });
    // Whoever waits for it later must not find an unhandled rejection before.
    hashing.catch(() => undefined);
    const settings = { ...options, threads: options.threads ?? availableParallelism() };
    const onProgress = (done: number, total: number): void => {
      Object.assign(reached, { done, total });
      line.show(`${done} of ${plural(total, courseWord(options.attack))}`);
    };
    const result = await probe(model, settings, { signal: stop.signal, onProgress });
    const digest = await hashing;
    stop.signal.throwIfAborted();
    line.clear();
    writeOutputFile(out, npzBytes(result.arrays));
    const report = reportOf(model, result, digest?.sha256 ?? null, options, start);
    await writeStandardOutput(options.format === 'json' ? `${JSON.stringify(report, null, 2)}\n` : probeText(report.model.path, { ...result.probe, file: out }));
    return exitCodes.done;
  } catch (error) {
    if (stop.reason === null) throw error;
    const done = reached.total === 0 ? 'the attack had not begun' : `${reached.done} of ${plural(reached.total, courseWord(options.attack))} were done`;
    const how = `${done} and nothing is written`;
    if (stop.reason === 'cancelled') throw new CommandError(exitCodes.cancelled, `Cancelled: ${how}.`);
    throw new CommandError(exitCodes.timedOut, `Timed out after ${options.timeoutSeconds ?? 0} s: ${how}.`);
  } finally {
    line.clear();
    stop.dispose();
  }
}

function courseWord(attack: ProbeReport['attack']): string {
  return attack === 'random' ? 'draw' : attack === 'deepfool' ? 'iteration' : 'step';
}

function reportOf(model: Model, { inputs, probe: attack }: ProbeResult, sha256: string | null, options: ProbeOptions, start: number): Report {
  const seconds = (performance.now() - start) / 1000;
  return {
    schemaVersion: 1,
    tool: { name: 'sigmascope', version: toolVersion },
    model: modelFacts(model, options.model, sha256),
    layers: [],
    skipped: [],
    findings: [],
    inputs,
    probe: { ...attack, file: options.out },
    settings: { only: [], layers: null, seed: options.seed, operator: 'none' },
    ...(options.timings && { timings: { total: seconds, read: 0, layers: [] } }),
  };
}

const attackNames = { random: 'Noise', fgsm: 'FGSM', pgd: 'PGD', deepfool: 'DeepFool' } as const;
const normNames = { linf: 'L∞', l2: 'L2' } as const;

/** What was attacked, what it did to the accuracy, how far the inputs were moved, and where they are. */
function probeText(model: string, report: ProbeReport): string {
  const { attack, norm, epsilon, steps, stepSize, restarts, loss, range, n, target, seed, file } = report;
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const settings = [
    `ε ${formatNumber(epsilon)}`,
    ...(steps === null ? [] : [stepSize === null ? `at most ${plural(steps, 'step')}` : `${plural(steps, 'step')} of ${formatNumber(stepSize)}`]),
    ...(restarts === null ? [] : [plural(restarts, 'restart')]),
    ...(loss === null ? [] : [loss]),
    `range ${formatNumber(range[0])} … ${formatNumber(range[1])}`,
    ...(restarts === null ? [] : [`seed ${seed}`]),
  ];
  const against = target === 'label' ? 'of the labels' : 'of the predictions for the clean inputs';
  const changed = report.meanNormSuccess === null ? 'no prediction changed' : `${formatNumber(report.meanNormSuccess)} where the prediction changed`;
  const lines = [
    `${attackNames[attack]} in the ${normNames[norm]} ball on ${plural(n, 'input')} of ${model}: ${percent(report.accuracyClean)} ${against} before, ${percent(report.accuracyPerturbed)} after.`,
    settings.join(' · '),
    `Mean ${normNames[norm]} norm ${formatNumber(report.meanNorm)}; ${changed}.`,
    ...(file === null ? [] : [`Written to ${file}: x, y, clean, prediction, success, epsilon. Feed x back without x/255.`]),
  ];
  return `${lines.map(printable).join('\n')}\n`;
}
