/**
 * Writes ONNX models (https://onnx.ai/onnx/intro/concepts.html, onnx.proto3): the graphs that are made here and run by
 * onnxruntime. Large tensors are not copied into them: they are named by their place in a file.
 */

/** An attribute with its type, which numbers alone do not tell. */
export type OnnxAttribute =
  | { type: 'float' | 'int'; value: number }
  | { type: 'floats' | 'ints'; value: readonly number[] }
  | { type: 'string'; value: string }
  | { type: 'strings'; value: readonly string[] }
  | { type: 'tensor'; value: OnnxTensor }
  | { type: 'graph'; value: OnnxGraph };

export interface OnnxNode {
  operator: string;
  /** "" is the standard domain. */
  domain: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxTensor {
  name: string;
  elementType: OnnxType;
  shape: readonly number[];
  /** Little-endian elements, or where they lie: `location` is relative to the folder that the session is told. */
  data: Uint8Array | { location: string; offset: number; length: number };
}

export interface OnnxValue {
  name: string;
  /** null: not told, for inputs of nested graphs. */
  elementType: OnnxType | null;
  /** Sizes, or names of sizes that are known when it runs; null: not told. */
  shape: readonly (number | string)[] | null;
}

export interface OnnxGraph {
  nodes: readonly OnnxNode[];
  inputs: readonly OnnxValue[];
  /** Those of a main graph may be given by name alone: onnxruntime infers their types. */
  outputs: readonly (OnnxValue | string)[];
  initializers: readonly OnnxTensor[];
}

/** TensorProto.DataType. */
const elementTypes = {
  float32: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, string: 8, bool: 9, float16: 10, float64: 11, uint32: 12,
  uint64: 13, complex64: 14, complex128: 15, bfloat16: 16, float8e4m3fn: 17, float8e4m3fnuz: 18, float8e5m2: 19, float8e5m2fnuz: 20,
  uint4: 21, int4: 22, float4e2m1: 23, float8e8m0: 24, uint2: 25, int2: 26,
} as const;

export type OnnxType = keyof typeof elementTypes;

/** The number of an element type, as Cast's attribute `to` has it. */
export function elementTypeNumber(dtype: OnnxType): number {
  return elementTypes[dtype];
}

/** The element type of a number. @throws RangeError for numbers that are none */
export function elementTypeOf(number: number): OnnxType {
  const found = (Object.keys(elementTypes) as OnnxType[]).find((dtype) => elementTypes[dtype] === number);
  if (found === undefined) throw new RangeError(`${number} is no element type of ONNX.`);
  return found;
}

/** AttributeProto.AttributeType and the field that holds the value. */
const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7, strings: 8 } as const;
const attributeFields = { float: 2, int: 3, string: 4, tensor: 5, graph: 6, floats: 7, ints: 8, strings: 9 } as const;
const externalLocation = 1;
/** Written by onnxruntime 1.16 and later. */
const irVersion = 10;

/** A serialized ModelProto. @param opset versions by domain, "" for the standard one */
export function onnxModelBytes(graph: OnnxGraph, opset: Readonly<Record<string, number>>): Uint8Array {
  const model = new MessageWriter();
  model.integer(1, irVersion);
  model.message(7, writeGraph(graph));
  for (const [domain, version] of Object.entries(opset)) {
    const entry = new MessageWriter();
    if (domain !== '') entry.text(1, domain);
    entry.integer(2, version);
    model.message(8, entry);
  }
  return model.bytes();
}

function writeGraph({ nodes, inputs, outputs, initializers }: OnnxGraph): MessageWriter {
  const graph = new MessageWriter();
  for (const node of nodes) graph.message(1, writeNode(node));
  graph.text(2, 'graph');
  for (const tensor of initializers) graph.message(5, writeTensor(tensor));
  for (const value of inputs) graph.message(11, writeValue(value));
  for (const value of outputs) graph.message(12, typeof value === 'string' ? named(value) : writeValue(value));
  return graph;
}

function named(name: string): MessageWriter {
  const value = new MessageWriter();
  value.text(1, name);
  return value;
}

function writeNode({ operator, domain, inputs, outputs, attributes }: OnnxNode): MessageWriter {
  const node = new MessageWriter();
  for (const name of inputs) node.text(1, name);
  for (const name of outputs) node.text(2, name);
  node.text(4, operator);
  for (const [name, attribute] of Object.entries(attributes)) node.message(5, writeAttribute(name, attribute));
  if (domain !== '') node.text(7, domain);
  return node;
}

function writeAttribute(name: string, attribute: OnnxAttribute): MessageWriter {
  const writer = new MessageWriter();
  writer.text(1, name);
  const field = attributeFields[attribute.type];
  switch (attribute.type) {
    case 'float':
      writer.float(field, attribute.value);
      break;
    case 'int':
      writer.integer(field, attribute.value);
      break;
    case 'floats':
      for (const value of attribute.value) writer.float(field, value);
      break;
    case 'ints':
      for (const value of attribute.value) writer.integer(field, value);
      break;
    case 'string':
      writer.text(field, attribute.value);
      break;
    case 'strings':
      for (const value of attribute.value) writer.text(field, value);
      break;
    case 'tensor':
      writer.message(field, writeTensor(attribute.value));
      break;
    case 'graph':
      writer.message(field, writeGraph(attribute.value));
      break;
  }
  writer.integer(20, attributeTypes[attribute.type]);
  return writer;
}

function writeTensor({ name, elementType, shape, data }: OnnxTensor): MessageWriter {
  const tensor = new MessageWriter();
  for (const size of shape) tensor.integer(1, size);
  tensor.integer(2, elementTypes[elementType]);
  tensor.text(8, name);
  if (data instanceof Uint8Array) {
    tensor.raw(9, data);
    return tensor;
  }
  for (const [key, value] of [['location', data.location], ['offset', String(data.offset)], ['length', String(data.length)]]) {
    const entry = new MessageWriter();
    entry.text(1, key);
    entry.text(2, value);
    tensor.message(13, entry);
  }
  tensor.integer(14, externalLocation);
  return tensor;
}

function writeValue({ name, elementType, shape }: OnnxValue): MessageWriter {
  const value = named(name);
  if (elementType === null) return value;
  const tensor = new MessageWriter();
  tensor.integer(1, elementTypes[elementType]);
  if (shape !== null) {
    const sizes = new MessageWriter();
    for (const size of shape) {
      const dimension = new MessageWriter();
      if (typeof size === 'number') dimension.integer(1, size);
      else dimension.text(2, size);
      sizes.message(1, dimension);
    }
    tensor.message(2, sizes);
  }
  const type = new MessageWriter();
  type.message(1, tensor);
  value.message(2, type);
  return value;
}

/** A protobuf message in pieces, whose length is known before it is joined. */
class MessageWriter {
  private readonly pieces: Uint8Array[] = [];
  private length = 0;

  integer(field: number, value: number): void {
    this.push(varint((field << 3) | 0));
    this.push(varint(value));
  }

  float(field: number, value: number): void {
    this.push(varint((field << 3) | 5));
    this.push(new Uint8Array(Float32Array.of(value).buffer));
  }

  text(field: number, value: string): void {
    this.raw(field, new TextEncoder().encode(value));
  }

  raw(field: number, value: Uint8Array): void {
    this.push(varint((field << 3) | 2));
    this.push(varint(value.length));
    this.push(value);
  }

  message(field: number, value: MessageWriter): void {
    this.push(varint((field << 3) | 2));
    this.push(varint(value.length));
    for (const piece of value.pieces) this.push(piece);
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  private push(piece: Uint8Array): void {
    this.pieces.push(piece);
    this.length += piece.length;
  }
}

/** Negative integers take the ten bytes of their 64-bit two's complement; the largest, 2⁶³ − 1, is 2⁶³ as a number. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt.asUintN(64, BigInt(value));
  if (rest < 128n) return Uint8Array.of(Number(rest));
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
