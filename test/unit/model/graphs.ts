import type { AttributeValue, DType, Graph, GraphNode, ModelFile, StoredTensor } from '../../../server/formats/modelFile.js';
import { buildModel } from '../../../server/model/buildModel.js';
import type { Layer, Model } from '../../../server/model/model.js';
import { elementsOf } from '../../../server/model/expression.js';
import { readWeight } from '../../../server/model/readWeight.js';

/** Hand-made graphs for the tests of server/model. */

/** A tensor of numbers in memory; without values it counts 1, 2, 3 …. */
export function tensor(name: string, shape: number[], values?: number[], dtype: DType = 'float32'): StoredTensor {
  return { name, dtype, shape, data: { encoding: 'inline', values: values ?? Array.from({ length: elementsOf(shape) }, (_, i) => i + 1) } };
}

export function integers(name: string, values: number[], shape: number[] = [values.length]): StoredTensor {
  return tensor(name, shape, values, 'int64');
}

export function node(opType: string, inputs: string[], outputs: string[], attributes: Record<string, AttributeValue> = {}, name = '', domain = ''): GraphNode {
  return { name, opType, domain, inputs, outputs, attributes };
}

export interface GraphParts {
  nodes: GraphNode[];
  initializers?: StoredTensor[];
  inputs?: Record<string, (number | string | null)[]>;
  outputs?: string[];
  values?: Record<string, (number | null)[]>;
  inputType?: DType;
}

export function graph({ nodes, initializers = [], inputs = { x: [1, 4] }, outputs = ['y'], values = {}, inputType = 'float32' }: GraphParts): Graph {
  const infos = (shapes: Record<string, (number | string | null)[]>) => Object.entries(shapes).map(([name, shape]) => ({ name, dtype: inputType, shape }));
  return { name: 'g', nodes, initializers, inputs: infos(inputs), outputs: outputs.map((name) => ({ name, dtype: 'float32', shape: null })), values: infos(values) };
}

export function onnxFile(parts: GraphParts, extra: Partial<ModelFile> = {}): ModelFile {
  const whole = graph(parts);
  return { format: 'onnx', path: '/model.onnx', bytes: 1, files: ['/model.onnx'], producer: null, opset: { 'ai.onnx': 17 }, inputs: whole.inputs, outputs: whole.outputs, tensors: whole.initializers, graph: whole, ...extra };
}

export function namedFile(tensors: StoredTensor[]): ModelFile {
  return { format: 'safetensors', path: '/model.safetensors', bytes: 1, files: ['/model.safetensors'], producer: null, opset: null, inputs: [], outputs: [], tensors, graph: null };
}

export async function modelOf(parts: GraphParts, extra: Partial<ModelFile> = {}): Promise<Model> {
  return buildModel(onnxFile(parts, extra));
}

export async function onlyLayer(parts: GraphParts): Promise<Layer> {
  const { layers } = await modelOf(parts);
  if (layers.length !== 1) throw new Error(`expected one layer, found ${layers.map(({ id }) => id).join(', ') || 'none'}`);
  return layers[0];
}

/** The matrix of a layer as rows of its blocks, one block after the other. */
export async function rowsOf(layer: Layer): Promise<number[][]> {
  const target = new Float64Array(layer.parameters);
  await readWeight(layer, target);
  const columns = layer.matrixShape[1] / layer.groups;
  return Array.from({ length: layer.matrixShape[0] }, (_, row) => [...target.subarray(row * columns, (row + 1) * columns)]);
}

/** Rows × columns of 1, 2, 3 … and the transpose. */
export function counting(rows: number, columns: number): number[][] {
  return Array.from({ length: rows }, (_, r) => Array.from({ length: columns }, (_unused, c) => r * columns + c + 1));
}

export function transpose(rows: number[][]): number[][] {
  return rows[0].map((_, c) => rows.map((row) => row[c]));
}

export function reasonFor(model: Model, name: string): string {
  return model.skipped.find(({ tensor: skipped }) => skipped === name)?.reason ?? `not skipped: ${name}`;
}
