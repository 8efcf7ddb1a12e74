import { choice, number, text, type Given } from './given.js';

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

/** More inputs than any file holds. */
const mostSamples = 2 ** 31;

/** Of the commands that run on inputs. */
export const inputOptions = {
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

export function readInputOptions(given: Given): InputOptions {
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
