import { floatsOf } from './elements.js';
import { elementsOf, type FlatGraph, type ShapedGraph, type Value } from './graph.js';
import { withoutSequences } from './lowerings/sequences.js';
import { GraphSession, type TensorData } from './session.js';

/** Values of at most so many elements are kept: shapes, axes, sizes, conditions. */
const numbersKept = 1024;
/** Operators whose result depends on the shape of their input alone. */
const shapeOperators = new Set(['Shape', 'Size']);

export interface Probe {
  graph: ShapedGraph;
  /** What every value was for the given inputs. */
  results: Map<string, TensorData>;
}

/**
 * Runs a network once with every intermediate value as an output: their shapes and types for inputs of these shapes, and
 * the numbers of those that depend on shapes alone. Sequences of tensors are followed, and no longer in the graph.
 * @param held inputs that will always have these values: shapes, axes, scales
 * @throws NotDifferentiable where onnxruntime refuses it, and for sequences that cannot be followed
 */
export async function probe(model: FlatGraph, inputs: Readonly<Record<string, TensorData>>, outputs: readonly string[] = model.outputs, held: readonly string[] = []): Promise<Probe> {
  const network = withoutSequences(model, outputs);
  const { nodes } = network;
  const made = nodes.flatMap((node) => node.outputs.filter((name) => name !== ''));
  const session = await GraphSession.create({ ...network, nodes, outputs: made }, { optimization: 'disabled' });
  const results = await session.run(inputs).finally(() => session.release());
  const values = new Map<string, Value>();
  for (const { name, elementType, shape } of network.constants.values()) values.set(name, { name, shape, dtype: elementType });
  const given = network.inputs.flatMap(({ name }) => (Object.hasOwn(inputs, name) ? [{ name, shape: inputs[name].shape, dtype: inputs[name].dtype }] : []));
  for (const value of given) values.set(value.name, value);
  for (const [name, { dtype, shape }] of results) values.set(name, { name, dtype, shape });
  const dataDependent = dependingOn(network, given.flatMap(({ name }) => (held.includes(name) ? [] : [name])));
  const numbers = new Map(network.numbers);
  for (const [name, tensor] of [...Object.entries(inputs), ...results]) if (!dataDependent.has(name) && elementsOf(tensor.shape) <= numbersKept) numbers.set(name, Array.from(tensor.dtype === 'float16' ? floatsOf(tensor, 'float64') : tensor.elements, Number));
  return { graph: { ...network, nodes, outputs, inputs: given, values, numbers, dataDependent }, results };
}

function dependingOn({ nodes }: FlatGraph, inputs: readonly string[]): Set<string> {
  const dependent = new Set(inputs);
  for (const node of nodes) {
    if (shapeOperators.has(node.operator) && node.domain === '') continue;
    if (node.inputs.some((name) => dependent.has(name))) for (const name of node.outputs) dependent.add(name);
  }
  return dependent;
}
