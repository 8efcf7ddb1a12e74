import { jacobianVectorProduct } from '../../server/derivatives/differentiate.js';
import { encodeElements } from '../../server/derivatives/elements.js';
import { withFloat64Kernels } from '../../server/derivatives/float64/index.js';
import { elementsOf, isFloat, type FlatGraph, type Node } from '../../server/derivatives/graph.js';
import { inPrecision } from '../../server/derivatives/precision.js';
import { probe } from '../../server/derivatives/probe.js';
import { rewrite } from '../../server/derivatives/rewrite.js';
import { GraphSession, type TensorData } from '../../server/derivatives/session.js';
import { RandomGenerator } from '../../server/linalg/random.js';
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor, OnnxType } from '../../server/runtime/onnxWriter.js';

export interface Constant {
  values: readonly number[];
  shape?: readonly number[];
  dtype?: OnnxType;
}

export function node(operator: string, inputs: readonly string[], outputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}, domain = ''): Node {
  return { name: '', operator, domain, inputs, outputs, attributes };
}

export function constant(name: string, { values, shape = [values.length], dtype = 'float32' }: Constant): OnnxTensor {
  return { name, elementType: dtype, shape, data: encodeElements(dtype, values) };
}

/** A graph that is an attribute: inputs of type float32 but for those told. */
export function body(nodes: readonly OnnxNode[], inputs: readonly { name: string; elementType?: OnnxType; shape?: readonly number[] }[], outputs: readonly string[], initializers: readonly OnnxTensor[] = []): OnnxAttribute {
  const value: OnnxGraph = { nodes, inputs: inputs.map(({ name, elementType = 'float32', shape = null }) => ({ name, elementType, shape })), outputs, initializers };
  return { type: 'graph', value };
}

/** A network with float32 inputs of the given shapes. */
export function network(nodes: readonly Node[], inputs: Readonly<Record<string, readonly number[]>>, constants: Readonly<Record<string, Constant>>, outputs: readonly string[], opset: FlatGraph['opset'] = { '': 18 }): FlatGraph {
  return {
    nodes,
    constants: new Map(Object.entries(constants).map(([name, value]) => [name, constant(name, value)])),
    numbers: new Map(Object.entries(constants).map(([name, { values }]) => [name, values])),
    inputs: Object.entries(inputs).map(([name, shape]) => ({ name, dtype: 'float32', shape })),
    outputs,
    opset,
    folder: '.',
  };
}

/** Standard normal inputs of a network, times a factor. */
export function normalInputs({ inputs }: FlatGraph, factor = 1, seed = 1): Record<string, TensorData> {
  const random = new RandomGenerator(seed);
  return Object.fromEntries(inputs.map(({ name, shape }) => {
    const sizes = (shape ?? []).map(Number);
    return [name, { dtype: 'float32', shape: sizes, elements: Float32Array.from({ length: elementsOf(sizes) }, () => factor * random.normal()) }];
  }));
}

/** Outputs of a network as it is. */
export async function run(graph: FlatGraph, feeds: Readonly<Record<string, TensorData>>): Promise<number[][]> {
  const session = await GraphSession.create(graph, { optimization: 'disabled' });
  const results = await session.run(feeds).finally(() => session.release());
  return graph.outputs.map((name) => Array.from(results.get(name)?.elements ?? [], Number));
}

/** J·v of a network's first output by its inputs in float64, for directions v drawn from one seed. */
export async function jacobianTimesNormal(graph: FlatGraph, feeds: Readonly<Record<string, TensorData>>, directions = 2): Promise<Float64Array> {
  const double = inPrecision(rewrite((await probe(graph, feeds)).graph), 'float64');
  const by = double.inputs.filter(({ dtype }) => isFloat(dtype)).map(({ name }) => name);
  const derivative = jacobianVectorProduct(double, { of: [graph.outputs[0]], by, directions });
  const random = new RandomGenerator(3);
  const given: Record<string, TensorData> = {};
  for (const { name, shape } of double.inputs) given[name] = { dtype: 'float64', shape, elements: Float64Array.from(feeds[name].elements as Float32Array) };
  for (const [i, name] of derivative.seeds.entries()) {
    const shape = [directions, ...feeds[by[i]].shape];
    given[name] = { dtype: 'float64', shape, elements: Float64Array.from({ length: elementsOf(shape) }, () => random.normal()) };
  }
  const session = await GraphSession.create(withFloat64Kernels({ ...derivative.graph, outputs: derivative.results }), { optimization: 'basic' });
  const results = await session.run(given).finally(() => session.release());
  return results.get(derivative.results[0])?.elements as Float64Array;
}
