import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { AnalysisName, OperatorMode } from '../report/report.js';
import type { RenderFormat } from '../protocol.js';
import { usageError } from './errors.js';
import { choice, largestSeed, listed, longestTimeoutSeconds, mostThreads, number, text, type Given } from './given.js';
import { inputOptions, readInputOptions, type InputOptions } from './inputOptions.js';
import { probeOptions, readProbe, type ProbeOptions } from './probeOptions.js';
import { suggestion } from './suggestion.js';

export interface OutputOptions {
  format: RenderFormat;
  out: string | null;
  timings: boolean;
  quiet: boolean;
}

export interface AnalyzeOptions extends OutputOptions, InputOptions {
  command: 'analyze';
  model: string;
  /** null: all that the model and the given inputs allow. */
  only: AnalysisName[] | null;
  layers: string | null;
  operator: OperatorMode;
  seed: number;
  /** null: as many as the machine runs at a time. */
  threads: number | null;
  /** null: half of the machine's memory. */
  maxMemoryBytes: number | null;
  timeoutSeconds: number | null;
  cache: string | null;
  config: string | null;
  failOn: string[];
  baseline: string | null;
}

export interface RenderOptions extends OutputOptions {
  command: 'render';
  report: string;
}

export type CommandLine = AnalyzeOptions | RenderOptions | ProbeOptions | { command: 'help' } | { command: 'version' };

export const renderFormats: readonly RenderFormat[] = ['text', 'json', 'html', 'csv', 'weightwatcher', 'sarif', 'markdown'];
const operatorModes: readonly OperatorMode[] = ['none', 'norms', 'full'];

const mostMegabytes = 2 ** 24;

/** Planned commands, options and analyses: known by name, so that the sentence does not call them a typing error. */
const laterCommands = ['compare', 'flag', 'edit', 'lint'];
const analyses: readonly AnalysisName[] = ['weights', 'jacobian'];
const laterAnalyses = ['gsvd', 'stability', 'alignment', 'surrogate'];
const laterOptions = ['loss', 'groups', 'reference', 'operator-map', 'calibrate', 'alpha', 'low-rank', 'clip', 'model', 'report'];

const outputOptions = {
  format: { type: 'string' },
  out: { type: 'string' },
  'no-timings': { type: 'boolean' },
  quiet: { type: 'boolean' },
} as const;
const analyzeOptions = {
  ...outputOptions,
  ...inputOptions,
  only: { type: 'string' },
  layers: { type: 'string' },
  operator: { type: 'string' },
  seed: { type: 'string' },
  threads: { type: 'string' },
  'max-memory': { type: 'string' },
  timeout: { type: 'string' },
  cache: { type: 'string' },
  config: { type: 'string' },
  'fail-on': { type: 'string' },
  baseline: { type: 'string' },
} as const;
/** What each command takes: its file, and its options. */
const commands = {
  analyze: { operand: 'MODEL', options: analyzeOptions },
  probe: { operand: 'MODEL', options: { ...outputOptions, ...probeOptions } },
  render: { operand: 'REPORT.json', options: outputOptions },
} as const;
const commandNames = Object.keys(commands) as (keyof typeof commands)[];

/**
 * Reads the command line.
 *
 * @param args without the program's own name
 * @throws CommandError (exit code 2) with the wrong value and what is allowed
 */
export function parseCommandLine(args: string[]): CommandLine {
  const { positionals, given } = tokenize(args);
  if (given.has('help')) return { command: 'help' };
  if (given.has('version')) return { command: 'version' };
  const command = positionals.at(0);
  const operands = positionals.slice(1);
  if (command === undefined) throw usageError('No command is given: try "sigmascope analyze MODEL" or "sigmascope --help".');
  if (command === 'help') return { command: 'help' };
  if (laterCommands.includes(command)) throw usageError(`The command "${command}" is not part of this version; it has ${listed(commandNames)}.`);
  const known = commandNames.find((name) => name === command);
  if (known === undefined) throw usageError(`Unknown command "${command}": the commands are ${listed(commandNames)}, as in "sigmascope analyze MODEL"${suggestion(command, commandNames) || '.'}`);
  const { operand, options } = commands[known];
  refuseOptions(known, given, options);
  if (operands.length === 0 || operands[0] === '') throw usageError(`No file is given: "sigmascope ${known} ${operand}".`);
  if (operands.length > 1) throw usageError(`${known} takes one file, and ${operands.length} are given ("${operands[1]}" is the second); run it once for each.`);
  if (known === 'probe') return readProbe(operands[0], given);
  const output: OutputOptions = {
    format: choice(given, 'format', renderFormats) ?? 'text',
    out: text(given, 'out'),
    timings: !given.has('no-timings'),
    quiet: given.has('quiet'),
  };
  return known === 'render' ? { command: known, report: operands[0], ...output } : readAnalyze(operands[0], given, output);
}

function readAnalyses(given: Given): AnalysisName[] | null {
  const names = text(given, 'only')?.split(',');
  if (names === undefined) return null;
  return names.map((name) => {
    if (laterAnalyses.includes(name)) throw usageError(`The analysis "${name}" is not part of this version; --only takes ${analyses.join(', ')}.`);
    const analysis = analyses.find((known) => known === name);
    if (analysis === undefined) throw usageError(`--only "${name}" is not an analysis; it takes ${analyses.join(', ')}.`);
    return analysis;
  });
}

function readAnalyze(model: string, given: Given, output: OutputOptions): AnalyzeOptions {
  const megabytes = number(given, 'max-memory', 1, mostMegabytes, false, 'MB');
  return {
    command: 'analyze',
    model,
    ...output,
    ...readInputOptions(given),
    only: readAnalyses(given),
    layers: text(given, 'layers'),
    operator: choice(given, 'operator', operatorModes) ?? 'norms',
    seed: number(given, 'seed', 0, largestSeed, true) ?? 0,
    threads: number(given, 'threads', 1, mostThreads, true),
    maxMemoryBytes: megabytes === null ? null : Math.floor(megabytes * 2 ** 20),
    timeoutSeconds: number(given, 'timeout', 0.001, longestTimeoutSeconds, false, 's'),
    cache: text(given, 'cache'),
    config: text(given, 'config'),
    failOn: (given.get('fail-on') ?? []).map(String),
    baseline: text(given, 'baseline'),
  };
}

function tokenize(args: string[]): { positionals: string[]; given: Given } {
  const known: NonNullable<ParseArgsConfig['options']> = { ...analyzeOptions, ...probeOptions, help: { type: 'boolean', short: 'h' }, version: { type: 'boolean' } };
  const { tokens } = parseArgs({ args, options: known, strict: false, allowPositionals: true, tokens: true });
  const given: Given = new Map();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const declared = Object.hasOwn(known, token.name) ? known[token.name].type : null;
    if (declared === null) {
      if (laterOptions.includes(token.name)) throw usageError(`${token.rawName} is not part of this version; "sigmascope --help" lists what there is.`);
      const meant = suggestion(token.rawName, Object.keys(known).map((name) => `--${name}`));
      throw usageError(`${token.rawName} is not an option${meant === '' ? '; "sigmascope --help" lists what there is.' : meant}`);
    }
    if (declared === 'boolean' && token.value !== undefined) throw usageError(`${token.rawName} takes no value, and "${token.value}" is given.`);
    if (declared === 'string' && (token.value === undefined || (!token.inlineValue && token.value.startsWith('--')))) {
      throw usageError(`${token.rawName} needs a value, as in ${token.rawName}=VALUE.`);
    }
    given.set(token.name, [...(given.get(token.name) ?? []), token.value ?? true]);
  }
  return { positionals, given };
}

function refuseOptions(command: string, given: Given, allowed: object): void {
  for (const name of given.keys()) {
    if (!Object.hasOwn(allowed, name)) {
      throw usageError(`--${name} does not apply to ${command}, which takes ${Object.keys(allowed).map((option) => `--${option}`).join(', ')}.`);
    }
  }
}
