import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { ProbeReport } from '../report/jacobians.js';
import type { AnalysisName, OperatorMode } from '../report/report.js';
import type { InputsRequest, RenderFormat } from '../protocol.js';
import { usageError } from './errors.js';
import { suggestion } from './suggestion.js';

export interface OutputOptions {
  format: RenderFormat;
  out: string | null;
  timings: boolean;
  quiet: boolean;
}

/** What an analysis of derivatives runs on. */
export interface InputOptions {
  inputs: string | null;
  labels: string | null;
  preprocess: string | null;
  layout: 'nchw' | 'nhwc' | null;
  range: string | null;
  resize: boolean;
  /** f's variable and the value that f is; null: the model's first. */
  input: string | null;
  output: string | null;
  /** null: the command's own number. */
  samples: number | null;
  precision: 'float32' | 'float64';
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

export interface ProbeOptions extends Pick<InputOptions, 'input' | 'output' | 'samples' | 'precision'> {
  command: 'probe';
  model: string;
  inputs: InputsRequest;
  attack: ProbeReport['attack'];
  norm: ProbeReport['norm'];
  epsilon: number;
  /** null: by the attack. */
  steps: number | null;
  /** null: by ε and the steps. */
  stepSize: number | null;
  /** null: one. */
  restarts: number | null;
  /** null: cross-entropy. */
  loss: NonNullable<ProbeReport['loss']> | null;
  seed: number;
  threads: number | null;
  timeoutSeconds: number | null;
  format: 'text' | 'json';
  /** The .npz of perturbed inputs. */
  out: string;
  timings: boolean;
  quiet: boolean;
}

export type CommandLine = AnalyzeOptions | RenderOptions | ProbeOptions | { command: 'help' } | { command: 'version' };

export const renderFormats: readonly RenderFormat[] = ['text', 'json', 'html', 'csv', 'weightwatcher', 'sarif', 'markdown'];
const operatorModes: readonly OperatorMode[] = ['none', 'norms', 'full'];
const attacks: readonly ProbeReport['attack'][] = ['random', 'fgsm', 'pgd', 'deepfool'];

/** Bounds of numeric options, named in the sentence that refuses a value beyond them. */
const largestSeed = 2 ** 32 - 1;
const mostThreads = 256;
const mostMegabytes = 2 ** 24;
const longestTimeoutSeconds = 2e6;
const mostSteps = 1e6;
const mostSamples = 2 ** 31;
/** Of perturbations and steps, in the inputs' own units. */
const largestLength = 1e9;

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
/** Of the commands that run on inputs. */
const inputOptions = {
  inputs: { type: 'string' },
  labels: { type: 'string' },
  preprocess: { type: 'string' },
  layout: { type: 'string' },
  range: { type: 'string' },
  resize: { type: 'boolean' },
  input: { type: 'string' },
  output: { type: 'string' },
  samples: { type: 'string' },
  precision: { type: 'string' },
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
const probeOptions = {
  ...outputOptions,
  ...inputOptions,
  attack: { type: 'string' },
  norm: { type: 'string' },
  epsilon: { type: 'string' },
  steps: { type: 'string' },
  'step-size': { type: 'string' },
  restarts: { type: 'string' },
  'attack-loss': { type: 'string' },
  seed: { type: 'string' },
  threads: { type: 'string' },
  timeout: { type: 'string' },
} as const;

/** What each command takes: its file, and its options. */
const commands = {
  analyze: { operand: 'MODEL', options: analyzeOptions },
  probe: { operand: 'MODEL', options: probeOptions },
  render: { operand: 'REPORT.json', options: outputOptions },
} as const;
const commandNames = Object.keys(commands) as (keyof typeof commands)[];

/** Values by option name, in the order given; true for switches. */
type Given = Map<string, (string | true)[]>;

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

/** a, b and c. */
function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}

function readInputOptions(given: Given): InputOptions {
  return {
    inputs: text(given, 'inputs'),
    labels: text(given, 'labels'),
    preprocess: text(given, 'preprocess'),
    layout: choice(given, 'layout', ['nchw', 'nhwc']),
    range: text(given, 'range'),
    resize: given.has('resize'),
    input: text(given, 'input'),
    output: text(given, 'output'),
    samples: number(given, 'samples', 1, mostSamples, true),
    precision: choice(given, 'precision', ['float32', 'float64']) ?? 'float32',
  };
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

function readProbe(model: string, given: Given): ProbeOptions {
  const example = 'as in "sigmascope probe MODEL --inputs X --attack pgd --epsilon 8/255 --out FILE.npz"';
  const attack = choice(given, 'attack', attacks);
  const { inputs: file, labels, preprocess, layout, range, resize, ...network } = readInputOptions(given);
  const epsilon = length(given, 'epsilon', 0);
  const out = text(given, 'out');
  if (file === null) throw usageError(`probe needs inputs to perturb: give --inputs, ${example}.`);
  if (attack === null) throw usageError(`probe needs an attack, ${listed(attacks)}: give --attack, ${example}.`);
  if (epsilon === null) throw usageError(`probe needs the size of the perturbations: give --epsilon, ${example}.`);
  if (!out?.endsWith('.npz')) throw usageError(`probe writes the perturbed inputs to an .npz file${out === null ? '' : `, and --out is ${out}`}: give --out, ${example}.`);
  const without = { random: ['steps', 'step-size'], fgsm: ['restarts'], pgd: [], deepfool: ['step-size', 'restarts', 'attack-loss'] }[attack].find((name) => given.has(name));
  if (without !== undefined) throw usageError(`--${without} does not apply to --attack ${attack}; leave it out.`);
  return {
    command: 'probe',
    model,
    ...network,
    inputs: { file, labels, preprocess, layout, range, resize },
    attack,
    norm: choice(given, 'norm', ['linf', 'l2']) ?? 'linf',
    epsilon,
    steps: number(given, 'steps', 1, mostSteps, true),
    stepSize: length(given, 'step-size', Number.MIN_VALUE),
    restarts: number(given, 'restarts', 1, mostSteps, true),
    loss: choice(given, 'attack-loss', ['cross-entropy', 'margin']),
    seed: number(given, 'seed', 0, largestSeed, true) ?? 0,
    threads: number(given, 'threads', 1, mostThreads, true),
    timeoutSeconds: number(given, 'timeout', 0.001, longestTimeoutSeconds, false, 's'),
    format: choice(given, 'format', ['text', 'json']) ?? 'text',
    out,
    timings: !given.has('no-timings'),
    quiet: given.has('quiet'),
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

/** Of an option given several times the last one holds. */
function text(given: Given, name: string): string | null {
  const value = given.get(name)?.at(-1);
  if (value === '') throw usageError(`--${name} needs a value, and an empty one is given.`);
  return typeof value === 'string' ? value : null;
}

function choice<T extends string>(given: Given, name: string, allowed: readonly T[]): T | null {
  const value = text(given, name);
  if (value === null) return null;
  const found = allowed.find((item) => item === value);
  if (found === undefined) throw usageError(`--${name} "${value}" is not one of ${allowed.join(', ')}${suggestion(value, allowed) || '.'}`);
  return found;
}

/** A length in the inputs' own units; pixels are often counted in fractions: 8/255. */
function length(given: Given, name: string, smallest: number): number | null {
  const value = text(given, name);
  if (value === null) return null;
  const match = /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?(?:\/(\d+\.?\d*|\.\d+))?$/i.exec(value);
  const parsed = match === null ? NaN : Number(match[1] + (match.at(2) ?? '')) / Number(match.at(3) ?? 1);
  if (!(parsed >= smallest && parsed <= largestLength)) throw usageError(`--${name} "${value}" is not a number ${smallest === 0 ? 'from 0' : 'above 0'} to ${largestLength}: write it as 0.03 or 8/255.`);
  return parsed;
}

function number(given: Given, name: string, smallest: number, largest: number, whole: boolean, unit = ''): number | null {
  const value = text(given, name);
  if (value === null) return null;
  const parsed = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : NaN;
  if (!(parsed >= smallest && parsed <= largest) || (whole && !Number.isInteger(parsed))) {
    const suffix = unit === '' ? '' : ` ${unit}`;
    throw usageError(`--${name} "${value}" is not a ${whole ? 'whole ' : ''}number from ${smallest} to ${largest}${suffix}.`);
  }
  return parsed;
}
