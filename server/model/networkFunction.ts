import type { ModelFile } from '../formats/modelFile.js';
import { counted, quote } from '../formats/sentences.js';
import type { FoundLayer } from './draft.js';
import { Scope } from './graphScope.js';
import { inlineFunctions } from './inlineFunctions.js';
import type { Model } from './model.js';

const floatTypes = new Set(['float64', 'float32', 'float16', 'bfloat16']);
const normalisations = new Set(['Softmax', 'LogSoftmax']);
/** Operations between a Softmax and the output that change no value. */
const passing = new Set(['Identity', 'Cast', 'Dropout']);

/**
 * The network function f: the first floating-point output as a function of the first floating-point input, a trailing
 * Softmax or LogSoftmax cut off. With integer inputs only, its variable is the output of the first embedding. Null where
 * the graph has no such input or output.
 */
export function networkFunction(root: Scope, layers: readonly FoundLayer[]): Model['function'] {
  const { graph } = root;
  const free = graph.inputs.filter((input) => !root.initializers.has(input.name));
  const output = graph.outputs.find((value) => floatTypes.has(value.dtype)) ?? graph.outputs.find((value) => value.dtype === 'unknown');
  const embedding = layers.find(({ layer, uses }) => layer.kind === 'embedding' && uses[0].at.scope === root)?.uses[0];
  const input = free.find((value) => floatTypes.has(value.dtype))?.name ?? embedding?.at.node.outputs[0];
  if (!output || !input) return null;
  return { input, output: output.name, ...withoutNormalisation(root, output.name) };
}

/** Names that a person gives instead of the first input and output; null leaves the choice. */
export interface ChosenFunction {
  input: string | null;
  output: string | null;
}

/** More names than this are counted and not listed. */
const listedNames = 6;

/**
 * f between an input and a value that a person names: the input is one of the graph's floating-point ones, the output any
 * value of the graph, most often one of its outputs. What is not named stays as `Model.function` has it.
 * @throws UnknownValue, one sentence with the names there are
 */
export function chosenFunction({ file, function: given }: Pick<Model, 'file' | 'function'>, chosen: ChosenFunction): NonNullable<Model['function']> {
  if (file.graph === null) throw new UnknownValue(`The file holds weights and no graph, so that there is no function of its inputs: export the network as ONNX.`, false);
  const input = chosen.input === null ? given?.input : inputNamed(file, chosen.input);
  if (input === undefined) throw new UnknownValue(`The model has no floating-point input and no embedding by which it could be differentiated.`, false);
  if (chosen.output === null) {
    if (given === null) throw new UnknownValue(`The model has no floating-point output: name a value of the graph with --output.`, false);
    return { ...given, input };
  }
  const root = new Scope(inlineFunctions(file.graph, file.functions ?? []));
  if (!root.producers.has(chosen.output)) throw new UnknownValue(`The model makes no value ${quote(chosen.output)}; its outputs are ${listedOf(file.outputs)}.`, true);
  return { input, output: chosen.output, ...withoutNormalisation(root, chosen.output) };
}

/** There is no such function: one sentence. */
export class UnknownValue extends Error {
  /** @param named a person named what the model does not have; else the model has no function at all */
  constructor(
    message: string,
    readonly named: boolean,
  ) {
    super(message);
    this.name = 'UnknownValue';
  }
}

function inputNamed(file: ModelFile, name: string): string {
  const input = file.inputs.find((candidate) => candidate.name === name);
  if (input === undefined) throw new UnknownValue(`The model has no input ${quote(name)}; its inputs are ${listedOf(file.inputs)}.`, true);
  if (!floatTypes.has(input.dtype) && input.dtype !== 'unknown') throw new UnknownValue(`The input ${quote(name)} is ${input.dtype}, by which nothing can be differentiated: name a floating-point one.`, true);
  return name;
}

function listedOf(values: readonly { name: string }[]): string {
  const names = values.slice(0, listedNames).map(({ name }) => quote(name)).join(', ');
  return values.length > listedNames ? `${names} and ${counted(values.length - listedNames, 'other')}` : names;
}

function withoutNormalisation(root: Scope, output: string): { tensor: string; removed: string[] } {
  const passed: string[] = [];
  let tensor = output;
  for (let node = root.producers.get(tensor); node; node = root.producers.get(tensor)) {
    if (node.domain !== '' || node.inputs.length === 0) break;
    if (normalisations.has(node.opType)) return { tensor: node.inputs[0], removed: [node.opType, ...passed] };
    if (!passing.has(node.opType)) break;
    passed.unshift(node.opType);
    tensor = node.inputs[0];
  }
  return { tensor: output, removed: [] };
}
