import path from 'node:path';
import { readTensor } from '../formats/decode.js';
import type { Graph, GraphNode, ModelFile, StoredTensor } from '../formats/modelFile.js';
import { inlineFunctions } from '../model/inlineFunctions.js';
import type { OnnxAttribute, OnnxGraph, OnnxTensor } from '../runtime/onnxWriter.js';
import { encodeElements } from './elements.js';
import { elementsOf, NotDifferentiable, type FlatGraph, type Node } from './graph.js';

/** Constants of at most so many elements are read, since they may be parameters of an operation: shapes, axes, scales. */
const numbersKept = 1024;
/** Constants up to this size are copied; larger ones stay where they are. */
const copiedBytes = 4096;

/**
 * The graph of a model as derivatives need it: functions of the model inlined, Constant nodes among the constants, large
 * weights named by their place in the user's file and not copied.
 *
 * @throws NotDifferentiable for files without a graph, and constants of types that onnxruntime does not take from files;
 *   ModelFileError for unreadable ones
 */
export async function importGraph(file: ModelFile): Promise<FlatGraph> {
  if (file.graph === null) throw new NotDifferentiable(`${path.basename(file.path)} holds weights and no graph, so that there is nothing to differentiate: export the network as ONNX.`);
  const graph = inlineFunctions(file.graph, file.functions ?? []);
  const importer = new Importer(path.dirname(file.path));
  const { nodes, initializers } = await importer.graph(graph);
  const outputs = graph.outputs.map(({ name }) => name);
  // onnxruntime does not answer a constant: a node hands it on.
  for (const tensor of initializers) {
    if (!outputs.includes(tensor.name)) continue;
    const { name } = tensor;
    tensor.name = `${name} as stored`;
    nodes.unshift({ name: '', operator: 'Identity', domain: '', inputs: [tensor.name], outputs: [name], attributes: {} });
  }
  const { 'ai.onnx': standard = 1, ...others } = file.opset ?? {};
  return {
    nodes,
    constants: new Map(initializers.map((tensor) => [tensor.name, tensor])),
    numbers: importer.numbers,
    inputs: file.inputs.map(({ name, dtype, shape }) => ({ name, dtype: dtype === 'unknown' ? 'float32' : dtype, shape: shape === null ? null : shape.map((size, i) => size ?? `${name}_${i}`) })),
    outputs,
    opset: { '': standard, ...others },
    folder: path.dirname(file.path),
  };
}

class Importer {
  readonly numbers = new Map<string, readonly number[]>();
  private unused = 0;

  constructor(private readonly folder: string) {}

  async graph(graph: Graph): Promise<{ nodes: Node[]; initializers: OnnxTensor[] }> {
    const initializers: OnnxTensor[] = [];
    const nodes: Node[] = [];
    for (const tensor of graph.initializers) initializers.push(await this.tensor(tensor, tensor.name));
    for (const node of graph.nodes) {
      const constant = node.opType === 'Constant' && node.domain === '' ? constantOf(node) : null;
      if (constant !== null) initializers.push(await this.tensor(constant, node.outputs[0]));
      else nodes.push(await this.node(node));
    }
    return { nodes, initializers };
  }

  private async node(node: GraphNode): Promise<Node> {
    const attributes: Record<string, OnnxAttribute> = {};
    for (const name of Object.keys(node.attributes)) attributes[name] = await this.attribute(node, name);
    // onnxruntime crashes on a Split whose part is left out.
    const outputs = node.opType === 'Split' ? node.outputs.map((name) => name || `unused part ${++this.unused}`) : node.outputs;
    return { name: node.name, operator: node.opType, domain: node.domain, inputs: node.inputs, outputs, attributes };
  }

  private async attribute(node: GraphNode, name: string): Promise<OnnxAttribute> {
    const value = node.attributes[name];
    const isFloat = node.floatAttributes?.includes(name) ?? false;
    if (typeof value === 'number') return { type: isFloat ? 'float' : 'int', value };
    if (typeof value === 'string') return { type: 'string', value };
    if (Array.isArray(value)) {
      if (value.every((item) => typeof item === 'number')) return { type: isFloat ? 'floats' : 'ints', value };
      if (value.every((item) => typeof item === 'string')) return { type: 'strings', value };
    } else if (value !== null && 'dtype' in value) return { type: 'tensor', value: await this.tensor(value, value.name) };
    else if (value !== null) return { type: 'graph', value: await this.nested(value) };
    throw new NotDifferentiable(`The attribute ${name} of ${node.opType} (${node.name}) is of a kind that is not read: remove the node from the network.`);
  }

  private async nested(graph: Graph): Promise<OnnxGraph> {
    const { nodes, initializers } = await this.graph(graph);
    const inputs = graph.inputs.map(({ name, dtype, shape }) => ({ name, elementType: dtype === 'unknown' ? null : dtype, shape: shape === null ? null : shape.map((size, i) => size ?? `${name}_${i}`) }));
    return { nodes, initializers, inputs, outputs: graph.outputs.map(({ name }) => name) };
  }

  private async tensor(tensor: StoredTensor, name: string): Promise<OnnxTensor> {
    const { dtype, shape, data } = tensor;
    const isSmall = elementsOf(shape) <= numbersKept;
    const isRaw = data.encoding === 'raw';
    if (dtype === 'string' || dtype === 'complex64' || dtype === 'complex128') return { name, elementType: dtype, shape, data: new Uint8Array() };
    if (isRaw && data.range.length > copiedBytes) {
      if (isSmall) this.numbers.set(name, await elements(tensor));
      return { name, elementType: dtype, shape, data: { location: path.relative(this.folder, data.range.path), offset: data.range.offset, length: data.range.length } };
    }
    const values = await elements(tensor);
    if (isSmall) this.numbers.set(name, values);
    return { name, elementType: dtype, shape, data: encodeElements(dtype, values) };
  }
}

async function elements(tensor: StoredTensor): Promise<number[]> {
  const values: number[] = [];
  await readTensor(tensor, (chunk) => {
    for (const value of chunk) values.push(value);
  });
  return values;
}

/** The tensor of a Constant node; null for text and sparse values. */
function constantOf({ attributes, outputs }: GraphNode): StoredTensor | null {
  const { value, value_float: float, value_int: integer, value_floats: floats, value_ints: integers } = attributes;
  const inline = (dtype: 'float32' | 'int64', shape: number[], values: number[]): StoredTensor => ({ name: outputs[0], dtype, shape, data: { encoding: 'inline', values } });
  if (typeof value === 'object' && value !== null && 'dtype' in value) return value;
  if (typeof float === 'number') return inline('float32', [], [float]);
  if (typeof integer === 'number') return inline('int64', [], [integer]);
  for (const [dtype, list] of [['float32', floats], ['int64', integers]] as const) {
    if (Array.isArray(list) && list.every((item) => typeof item === 'number')) return inline(dtype, [list.length], list);
  }
  return null;
}
