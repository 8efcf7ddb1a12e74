import type { InputsRequest } from '../protocol.js';
import type { ProbeReport } from '../report/jacobians.js';
import { usageError } from './errors.js';
import { choice, largestSeed, length, listed, longestTimeoutSeconds, mostThreads, number, text, type Given } from './given.js';
import { inputOptions, readInputOptions, type InputOptions } from './inputOptions.js';

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

const attacks: readonly ProbeReport['attack'][] = ['random', 'fgsm', 'pgd', 'deepfool'];
/** More steps or restarts than anybody waits for. */
const mostSteps = 1e6;

/** Those of the command itself, beside those of its output. */
export const probeOptions = {
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

/** @throws CommandError (exit code 2) for what is missing, wrong, or of no use to the attack */
export function readProbe(model: string, given: Given): ProbeOptions {
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
