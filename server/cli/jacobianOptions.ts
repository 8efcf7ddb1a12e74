import { inputsFor, type Configuration } from '../configuration.js';
import { networkTask, type NetworkTask } from '../analyses/jacobians/task.js';
import type { Model } from '../model/model.js';
import type { InputsRequest } from '../protocol.js';
import type { AnalysisName, Skipped } from '../report/report.js';
import { usageError } from './errors.js';
import type { AnalyzeOptions } from './options.js';

/** The inputs of a run, and how many of them are looked at. */
export interface RunInputs {
  request: InputsRequest;
  samples: number | null;
}

/** Inputs that the command line names or, where it names none, the configuration; null: none. */
export async function inputsOfRun(options: AnalyzeOptions, configuration: Configuration, file: string | null): Promise<RunInputs | null> {
  const { inputs, labels, preprocess, layout, range, resize, samples } = options;
  if (inputs !== null) return { request: { file: inputs, labels, preprocess, layout, range, resize }, samples };
  const configured = file === null ? null : await inputsFor(configuration, file, options.model);
  if (configured === null) return null;
  const { request } = configured;
  // What is said here goes before what the file says.
  return {
    request: { ...request, labels: labels ?? request.labels, preprocess: preprocess ?? request.preprocess, layout: layout ?? request.layout, range: range ?? request.range, resize: resize || request.resize },
    samples: samples ?? configured.samples,
  };
}

/**
 * The analyses of a run: those asked for or, where none is named, weights, and Jacobians where inputs are given.
 * @throws CommandError (exit code 2) for an analysis that the file cannot have
 */
export function analysesOf({ only, model: name }: AnalyzeOptions, model: Model, hasInputs: boolean): { only: AnalysisName[]; skipped: Skipped[] } {
  if (model.file.graph !== null) return { only: only ?? (hasInputs ? ['weights', 'jacobian'] : ['weights']), skipped: [] };
  const reason = `${name} holds weights and no graph, so that there is no function to differentiate: export the network as ONNX.`;
  if (only?.includes('jacobian') === true) throw usageError(`--only jacobian: ${reason}`);
  return { only: only ?? ['weights'], skipped: hasInputs && only === null ? [{ analysis: 'jacobian', reason }] : [] };
}

/** @param memoryBytes of the whole analysis */
export function jacobianTask(options: AnalyzeOptions, inputs: RunInputs | null, threads: number, memoryBytes: number): NetworkTask {
  const { model, input, output, seed, precision, preprocess } = options;
  const request = inputs?.request ?? { file: null, preprocess };
  return networkTask({ model, input, output, inputs: request, samples: options.samples ?? inputs?.samples ?? null, seed, precision, threads, memoryBytes });
}
