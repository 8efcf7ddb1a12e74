/** The least of the ONNX format that it takes to hand an engine a graph made here: https://onnx.ai/onnx/intro/concepts.html */

export interface GraphNode {
  operator: string;
  inputs: string[];
  outputs: string[];
  integers?: Record<string, number>;
  floats?: Record<string, number>;
}

export interface GraphValue {
  name: string;
  /** A number of ONNX's TensorProto.DataType. */
  elementType: number;
  /** Names of dimensions that are known when it runs. */
  dimensions: string[];
}

/** TensorProto.DataType of float64. */
export const float64Type = 11;

const irVersion = 8;
const opset = 13;
const attributeFloat = 1;
const attributeInteger = 2;

/** A serialized ModelProto without initializers, opset 13 of the default domain. */
export function onnxGraphBytes(nodes: readonly GraphNode[], inputs: readonly GraphValue[], outputs: readonly GraphValue[]): Uint8Array {
  const graph = [...nodes.map((node) => field(1, nodeBytes(node))), field(2, text('graph')), ...inputs.map((value) => field(11, valueBytes(value))), ...outputs.map((value) => field(12, valueBytes(value)))];
  return Uint8Array.from([...integer(1, irVersion), ...field(7, graph.flat()), ...field(8, integer(2, opset))]);
}

function nodeBytes(node: GraphNode): number[] {
  const attributes = [
    ...Object.entries(node.integers ?? {}).map(([name, value]) => [...field(1, text(name)), ...integer(3, value), ...integer(20, attributeInteger)]),
    ...Object.entries(node.floats ?? {}).map(([name, value]) => [...field(1, text(name)), ...float(2, value), ...integer(20, attributeFloat)]),
  ];
  return [...node.inputs.map((name) => field(1, text(name))), ...node.outputs.map((name) => field(2, text(name))), field(4, text(node.operator)), ...attributes.map((bytes) => field(5, bytes))].flat();
}

function valueBytes({ name, elementType, dimensions }: GraphValue): number[] {
  const shape = dimensions.flatMap((dimension) => field(1, field(2, text(dimension))));
  return [...field(1, text(name)), ...field(2, field(1, [...integer(1, elementType), ...field(2, shape)]))];
}

/** A field of length-delimited bytes. */
function field(number: number, bytes: readonly number[]): number[] {
  return [...varint((number << 3) | 2), ...varint(bytes.length), ...bytes];
}

/** A field of a non-negative integer. */
function integer(number: number, value: number): number[] {
  return [...varint(number << 3), ...varint(value)];
}

function float(number: number, value: number): number[] {
  return [...varint((number << 3) | 5), ...new Uint8Array(Float32Array.of(value).buffer)];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

function text(value: string): number[] {
  return [...new TextEncoder().encode(value)];
}
