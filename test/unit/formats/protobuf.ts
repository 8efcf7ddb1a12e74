/** Writes protobuf messages by hand: what no exporter writes must be readable or refused too. */
import { ATTRIBUTE, GRAPH, MODEL, NODE, OPERATOR_SET, TENSOR } from '../../../server/formats/onnx/schema.js';

/** Base-128 number of 64 bits. */
export function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

export function numberField(number: number, value: number | bigint): Buffer {
  return Buffer.concat([varint(number << 3), varint(value)]);
}

export function bytesField(number: number, ...payload: (Uint8Array | string)[]): Buffer {
  const bytes = Buffer.concat(payload.map((part) => Buffer.from(part)));
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

export function floatField(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([varint((number << 3) | 5), bytes]);
}

/** A whole model around the fields of its graph. */
export function model(...graph: Uint8Array[]): Buffer {
  return Buffer.concat([numberField(MODEL.irVersion, 8), bytesField(MODEL.graph, ...graph), bytesField(MODEL.opsetImport, numberField(OPERATOR_SET.version, 15))]);
}

/** An initializer; `data` are the fields that hold its elements. */
export function tensor(name: string, dataType: number, shape: readonly (number | bigint)[], ...data: Uint8Array[]): Buffer {
  return bytesField(GRAPH.initializer, ...shape.map((size) => numberField(TENSOR.dims, size)), numberField(TENSOR.dataType, dataType), bytesField(TENSOR.name, name), ...data);
}

export function rawData(bytes: Uint8Array): Buffer {
  return bytesField(TENSOR.rawData, bytes);
}

export function externalData(entries: Record<string, string>): Buffer {
  return Buffer.concat([...Object.entries(entries).map(([key, value]) => bytesField(TENSOR.externalData, bytesField(1, key), bytesField(2, value))), numberField(TENSOR.dataLocation, 1)]);
}

export function node(opType: string, inputs: readonly string[], outputs: readonly string[], ...rest: Uint8Array[]): Buffer {
  return bytesField(GRAPH.node, ...inputs.map((name) => bytesField(NODE.input, name)), ...outputs.map((name) => bytesField(NODE.output, name)), bytesField(NODE.opType, opType), ...rest);
}

export function graphAttribute(name: string, ...graph: Uint8Array[]): Buffer {
  return bytesField(NODE.attribute, bytesField(ATTRIBUTE.name, name), bytesField(ATTRIBUTE.graph, ...graph), numberField(ATTRIBUTE.type, 5));
}

export const DATA_TYPE = { float32: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, string: 8, bool: 9, float16: 10, float64: 11, uint32: 12, uint64: 13, complex64: 14, bfloat16: 16, float8e4m3fn: 17, float8e5m2: 19, uint4: 21, int4: 22, float4e2m1: 23, float8e8m0: 24, uint2: 25, int2: 26 } as const;
