import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { InputsError } from './inputs/inputArray.js';
import type { Layout } from './inputs/layout.js';
import { parsePreprocess, parseRange } from './inputs/preprocess.js';
import type { InputsRequest, RuleSetting } from './protocol.js';
import { ruleIds, rules, type Rule } from './report/rules.js';

/** Content of `sigmascope.json`; described for editors by configuration.schema.json. */
export interface Configuration {
  /** Severity, `off`, or severity and thresholds, by rule id. */
  rules: Record<string, RuleSetting>;
  silence: Silence[];
  /** As `--fail-on` takes them. */
  gates: string[];
  models: { exclude: string[] };
  /** The first that matches a model holds for it. */
  inputs: ConfiguredInputs[];
}

/** Inputs of some models, as the options of the same names take them. */
export interface ConfiguredInputs {
  /** Glob of the models' paths from the configuration's folder; absent: all models. */
  models?: string;
  /** A path from the configuration's folder, with #NAME for an array of an npz; likewise `labels`. */
  file: string;
  labels?: string;
  preprocess?: string;
  layout?: Layout;
  range?: [number, number];
  resize?: boolean;
  samples?: number;
}

/** A finding that a person has looked at: of one layer, or of all. */
export interface Silence {
  rule: string;
  layer?: string;
  reason: string;
}

const configurationFileName = 'sigmascope.json';

/** A configuration is a page of text; anything larger is another file by mistake. */
const maximumConfigurationBytes = 2 ** 20;

export const emptyConfiguration: Configuration = { rules: {}, silence: [], gates: [], models: { exclude: [] }, inputs: [] };

/** A configuration that cannot be used: one sentence with the file, the line or field, the value and what is allowed. */
export class ConfigurationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigurationError';
  }
}

/**
 * The nearest `sigmascope.json` in the folder of a file or one above it.
 * @param within the search ends at this folder; null: at the root of the disk
 */
export function findConfiguration(file: string, within: string | null = null): string | null {
  const last = within === null ? null : path.resolve(within);
  for (let folder = path.dirname(path.resolve(file)); ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, configurationFileName);
    if (existsSync(candidate)) return candidate;
    if (folder === last || folder === path.dirname(folder)) return null;
  }
}

/**
 * Reads and checks a configuration.
 * @throws ConfigurationError
 */
export function readConfiguration(file: string): Configuration {
  let text: string;
  try {
    const { size } = statSync(file);
    if (size > maximumConfigurationBytes) throw new ConfigurationError(`${file} has ${size} bytes and a configuration at most ${maximumConfigurationBytes}; is it another file?`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw new ConfigurationError(`The configuration ${file} does not exist.`);
    throw new ConfigurationError(`The configuration ${file} cannot be read (${code ?? String(error)}).`);
  }
  return parseConfiguration(text, file);
}

/**
 * Checks the text of a configuration.
 * @param name how sentences call the file
 * @throws ConfigurationError at the first thing that is wrong
 */
export function parseConfiguration(text: string, name: string): Configuration {
  let value: unknown;
  try {
    value = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const what = message.replace(/,? (in JSON at position|"|\.\.\.").*/s, '').replace(/\s+/g, ' ');
    throw new ConfigurationError(`${name} is not JSON: line ${lineOfMistake(text)}: ${what}.`);
  }
  const check = new Checker(name);
  const top = check.record(value, 'the document', ['$schema', 'rules', 'silence', 'gates', 'models', 'inputs']);
  const models = check.record(top.models ?? {}, 'models', ['exclude']);
  return {
    rules: Object.fromEntries(Object.entries(check.record(top.rules ?? {}, 'rules', null)).map(([rule, setting]) => [check.rule(rule, 'a name in rules'), ruleSetting(check, rule, setting)])),
    silence: check.list(top.silence, 'silence').map((item, i) => silence(check, item, `silence[${i}]`)),
    gates: check.list(top.gates, 'gates').map((item, i) => check.text(item, `gates[${i}]`)),
    models: { exclude: check.list(models.exclude, 'models.exclude').map((item, i) => check.text(item, `models.exclude[${i}]`)) },
    inputs: check.list(top.inputs, 'inputs').map((item, i) => configuredInputs(check, item, `inputs[${i}]`)),
  };
}

/**
 * The inputs that a configuration names for a model, and how many of them Jacobians take; null where it names none.
 * @param file of the configuration: globs and paths in it are relative to its folder
 */
export async function inputsFor({ inputs }: Configuration, file: string, model: string): Promise<{ request: InputsRequest; samples: number | null } | null> {
  if (inputs.length === 0) return null;
  const { default: picomatch } = await import('picomatch');
  const folder = path.dirname(path.resolve(file));
  const name = path.relative(folder, path.resolve(model)).replaceAll(path.sep, '/');
  const found = inputs.find(({ models }) => models === undefined || path.resolve(folder, models) === path.resolve(model) || picomatch(models, { dot: true })(name));
  if (found === undefined) return null;
  const { labels = null, preprocess = null, layout = null, range = null, resize = false, samples = null } = found;
  return {
    request: { file: path.resolve(folder, found.file), labels: labels === null ? null : path.resolve(folder, labels), preprocess, layout, range: range === null ? null : range.join(','), resize },
    samples,
  };
}

/**
 * Rules of a configuration over those of the editor's settings: what the project's own file says comes first.
 */
export function mergeRules(settings: Record<string, RuleSetting>, configuration: Record<string, RuleSetting>): Record<string, RuleSetting> {
  return { ...settings, ...configuration };
}

const ruleSeverities = ['off', 'error', 'warning', 'information', 'hint'] as const;

function ruleSetting(check: Checker, rule: string, value: unknown): RuleSetting {
  const place = `rules["${rule}"]`;
  if (typeof value === 'string') return check.choice(value, place, ruleSeverities);
  const { severity, thresholds } = check.record(value, place, ['severity', 'thresholds'], 'a severity or an object with severity and thresholds');
  const names = Object.keys((rules as Readonly<Record<string, Rule>>)[rule].thresholds);
  const numbers = Object.entries(check.record(thresholds ?? {}, `${place}.thresholds`, names)).map(([name, limit]) => [name, check.finite(limit, `${place}.thresholds.${name}`)] as const);
  return {
    ...(severity !== undefined && { severity: check.choice(severity, `${place}.severity`, ruleSeverities) }),
    ...(thresholds !== undefined && { thresholds: Object.fromEntries(numbers) }),
  };
}

function silence(check: Checker, value: unknown, place: string): Silence {
  const { rule, layer, reason } = check.record(value, place, ['rule', 'layer', 'reason']);
  const why = check.text(reason, `${place}.reason`);
  if (why.trim() === '') check.fail(`${place}.reason`, reason, 'why this finding is no concern');
  return {
    rule: check.rule(check.text(rule, `${place}.rule`), `${place}.rule`),
    ...(layer !== undefined && { layer: check.text(layer, `${place}.layer`) }),
    reason: why,
  };
}

function configuredInputs(check: Checker, value: unknown, place: string): ConfiguredInputs {
  const given = check.record(value, place, ['models', 'file', 'labels', 'preprocess', 'layout', 'range', 'resize', 'samples']);
  const { models, file, labels, preprocess, layout, range, resize, samples } = given;
  return {
    ...(models !== undefined && { models: check.text(models, `${place}.models`) }),
    file: check.text(file, `${place}.file`),
    ...(labels !== undefined && { labels: check.text(labels, `${place}.labels`) }),
    ...(preprocess !== undefined && { preprocess: check.option(check.text(preprocess, `${place}.preprocess`), `${place}.preprocess`, '--preprocess', parsePreprocess) }),
    ...(layout !== undefined && { layout: check.choice(layout, `${place}.layout`, ['nchw', 'nhwc'] as const) }),
    ...(range !== undefined && { range: inputRange(check, range, `${place}.range`) }),
    ...(resize !== undefined && { resize: check.truth(resize, `${place}.resize`) }),
    ...(samples !== undefined && { samples: check.positiveCount(samples, `${place}.samples`) }),
  };
}

function inputRange(check: Checker, value: unknown, place: string): [number, number] {
  const [low, high, ...more] = Array.isArray(value) ? (value as unknown[]) : [];
  if (typeof low !== 'number' || typeof high !== 'number' || more.length > 0) check.fail(place, value, 'the smallest and the largest value, e.g. [0, 1]');
  check.option(`${low},${high}`, place, '--range', parseRange);
  return [low, high];
}

/** Takes a JSON document apart; each method answers the value in its type or throws the sentence. */
class Checker {
  constructor(private readonly name: string) {}

  fail(place: string, value: unknown, allowed: string): never {
    const found = value === undefined ? 'missing' : shortened(JSON.stringify(value));
    throw new ConfigurationError(`${this.name}: ${place} is ${found}; allowed: ${allowed}.`);
  }

  record(value: unknown, place: string, names: readonly string[] | null, allowed = 'an object'): Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) this.fail(place, value, allowed);
    for (const name of Object.keys(value)) {
      if (names === null || names.includes(name)) continue;
      const known = names.filter((item) => item !== '$schema').join(', ');
      throw new ConfigurationError(`${this.name}: ${place} has no "${shortened(name)}"; ${known === '' ? 'nothing is allowed here' : `allowed: ${known}`}.`);
    }
    return value as Record<string, unknown>;
  }

  list(value: unknown, place: string): unknown[] {
    if (value === undefined) return [];
    if (!Array.isArray(value)) this.fail(place, value, 'a list');
    return value;
  }

  text(value: unknown, place: string): string {
    if (typeof value !== 'string' || value === '') this.fail(place, value, 'a text');
    return value;
  }

  finite(value: unknown, place: string): number {
    if (typeof value !== 'number') this.fail(place, value, 'a number');
    return value;
  }

  truth(value: unknown, place: string): boolean {
    if (typeof value !== 'boolean') this.fail(place, value, 'true, false');
    return value;
  }

  positiveCount(value: unknown, place: string): number {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) this.fail(place, value, 'a whole number from 1');
    return value;
  }

  /** A text that is read as an option of the command line is, whose sentences then speak of this place. */
  option(text: string, place: string, option: string, parse: (text: string) => unknown): string {
    try {
      parse(text);
      return text;
    } catch (error) {
      if (!(error instanceof InputsError)) throw error;
      throw new ConfigurationError(`${this.name}: ${error.message.replaceAll(option, place)}`);
    }
  }

  choice<T extends string>(value: unknown, place: string, allowed: readonly T[]): T {
    return allowed.find((item) => item === value) ?? this.fail(place, value, allowed.map((item) => `"${item}"`).join(', '));
  }

  rule(value: string, place: string): string {
    if (!ruleIds.includes(value)) this.fail(place, value, ruleIds.join(', '));
    return value;
  }
}

/**
 * Line, from 1, on which a text stops being the beginning of a JSON document. The parser seldom tells the place, but a
 * good beginning is refused for its end alone. Cost: log₂(lines) parses.
 */
function lineOfMistake(text: string): number {
  const lines = text.split('\n');
  let good = 0;
  let bad = lines.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isBeginning(lines.slice(0, middle).join('\n'))) good = middle;
    else bad = middle;
  }
  return isBeginning(text) ? text.trimEnd().split('\n').length : bad;
}

function isBeginning(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    const position = /position (\d+)/.exec(message)?.[1];
    return /end of JSON input|Unterminated string/.test(message) || Number(position) === text.length;
  }
}

function shortened(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}
