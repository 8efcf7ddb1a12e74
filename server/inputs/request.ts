import type { ValueInfo } from '../formats/modelFile.js';
import type { InputsRequest } from '../runtime/units.js';
import { InputsError } from './inputArray.js';
import { parseLayout } from './layout.js';
import { isIntegerType, prepareInputs, type PreparedInputs, type PrepareOptions } from './prepare.js';
import { formatPreprocess, parsePreprocess, parseRange } from './preprocess.js';
import { readInputs, type InputSource, type ModelInputs } from './readInputs.js';

export interface OpenInputsOptions {
  precision?: PrepareOptions['precision'];
  signal?: AbortSignal;
}

/** Inputs as they were asked for, with those of the model's other inputs, and where they come from. */
export type OpenedInputs = PreparedInputs & Pick<ModelInputs, 'others'> & { origin: InputSource };

/**
 * Reads the inputs of a request and prepares them for a model. Options are checked before anything is read.
 * @param model its inputs as the graph takes them, without those that have an initializer
 * @param variable the input that they are for; where it is none (the output of an embedding), they are for the first one
 * @returns values in input space, [n, ...sample]; of an integer input in float64, which holds every index
 * @throws InputsError `inputs/option` for a mistake in the request's texts, all others about the file
 */
export async function openInputs(request: InputsRequest, model: { inputs: readonly ValueInfo[] }, variable: string, { precision, signal }: OpenInputsOptions = {}): Promise<OpenedInputs> {
  const preprocessing = parsePreprocess(request.preprocess ?? 'none');
  const layout = request.layout === null ? null : parseLayout(request.layout);
  const range = request.range === null ? null : parseRange(request.range);
  const target = model.inputs.find(({ name }) => name === variable) ?? model.inputs.at(0);
  const isInteger = target !== undefined && isIntegerType(target.dtype);
  const steps = formatPreprocess(preprocessing);
  if (isInteger && steps !== 'none') throw new InputsError('inputs/option', `--preprocess is ${steps}, and the model takes ${target.dtype}, which are indices and no measurements: leave it out.`);
  const inputs = await readInputs(request.file, {
    modelInputs: model.inputs,
    ...(target === undefined ? {} : { variable: target.name }),
    labels: request.labels,
    layout,
    resize: request.resize,
    ...(signal === undefined ? {} : { signal }),
  });
  signal?.throwIfAborted();
  const prepared = prepareInputs(inputs, { preprocessing, range, layout, precision: isInteger ? 'float64' : (precision ?? 'float32') });
  return { ...prepared, others: inputs.others, origin: inputs.source };
}
