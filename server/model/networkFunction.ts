import type { FoundLayer } from './draft.js';
import type { Scope } from './graphScope.js';
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
