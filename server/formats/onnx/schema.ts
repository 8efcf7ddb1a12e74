import type { DType } from '../modelFile.js';

/** Field numbers of onnx.proto3 (ONNX IR version 13), message by message: only those that are read. */
export const MODEL = { irVersion: 1, producerName: 2, producerVersion: 3, graph: 7, opsetImport: 8, metadataProps: 14, functions: 25 } as const;
export const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12, valueInfo: 13, sparseInitializer: 15 } as const;
export const NODE = { input: 1, output: 2, name: 3, opType: 4, attribute: 5, domain: 7 } as const;
export const ATTRIBUTE = { name: 1, float: 2, int: 3, string: 4, tensor: 5, graph: 6, floats: 7, ints: 8, strings: 9, tensors: 10, graphs: 11, type: 20, reference: 21, sparseTensor: 22, sparseTensors: 23 } as const;
export const TENSOR = { dims: 1, dataType: 2, segment: 3, floatData: 4, int32Data: 5, stringData: 6, int64Data: 7, name: 8, rawData: 9, doubleData: 10, uint64Data: 11, externalData: 13, dataLocation: 14 } as const;
export const SPARSE_TENSOR = { values: 1, indices: 2 } as const;
export const VALUE_INFO = { name: 1, type: 2 } as const;
export const TYPE = { tensor: 1 } as const;
export const TENSOR_TYPE = { elementType: 1, shape: 2 } as const;
export const SHAPE = { dimension: 1 } as const;
export const DIMENSION = { value: 1, parameter: 2 } as const;
export const OPERATOR_SET = { domain: 1, version: 2 } as const;
export const KEY_VALUE = { key: 1, value: 2 } as const;
export const FUNCTION = { name: 1, input: 4, output: 5, attribute: 6, node: 7, domain: 10 } as const;

/** TensorProto.DataType by number. */
const DATA_TYPES: readonly (DType | null)[] = [
  null,
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
  'float4e2m1',
  'float8e8m0',
  'uint2',
  'int2',
];
export const LAST_DATA_TYPE = DATA_TYPES.length - 1;

/** The element type of a number, or null for 0 (undefined) and numbers that this version does not know. */
export function dataType(number: number): DType | null {
  return DATA_TYPES[number] ?? null;
}

/** AttributeProto.AttributeType. */
export const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7, strings: 8, tensors: 9, graphs: 10 } as const;

/** Where messages that may be large lie in each other; whatever else is large is not needed to describe a model. */
export interface Nesting {
  readonly children: Readonly<Record<number, () => Nesting>>;
  /** Lists of single elements that are left out of a large message: nothing reads an attribute of thousands of numbers. */
  readonly leftOut: readonly number[];
}

const LEAF: Nesting = { children: {}, leftOut: [] };
const SPARSE_TENSOR_NESTING: Nesting = { children: { [SPARSE_TENSOR.values]: () => LEAF, [SPARSE_TENSOR.indices]: () => LEAF }, leftOut: [] };
const ATTRIBUTE_NESTING: Nesting = {
  children: {
    [ATTRIBUTE.tensor]: () => LEAF,
    [ATTRIBUTE.tensors]: () => LEAF,
    [ATTRIBUTE.graph]: () => GRAPH_NESTING,
    [ATTRIBUTE.graphs]: () => GRAPH_NESTING,
    [ATTRIBUTE.sparseTensor]: () => SPARSE_TENSOR_NESTING,
    [ATTRIBUTE.sparseTensors]: () => SPARSE_TENSOR_NESTING,
  },
  leftOut: [ATTRIBUTE.floats, ATTRIBUTE.ints, ATTRIBUTE.strings],
};
const NODE_NESTING: Nesting = { children: { [NODE.attribute]: () => ATTRIBUTE_NESTING }, leftOut: [] };
const GRAPH_NESTING: Nesting = {
  children: {
    [GRAPH.node]: () => NODE_NESTING,
    [GRAPH.initializer]: () => LEAF,
    [GRAPH.sparseInitializer]: () => SPARSE_TENSOR_NESTING,
    [GRAPH.input]: () => LEAF,
    [GRAPH.output]: () => LEAF,
    [GRAPH.valueInfo]: () => LEAF,
  },
  leftOut: [],
};
const FUNCTION_NESTING: Nesting = { children: { [FUNCTION.node]: () => NODE_NESTING }, leftOut: [] };
export const MODEL_NESTING: Nesting = { children: { [MODEL.graph]: () => GRAPH_NESTING, [MODEL.functions]: () => FUNCTION_NESTING, [MODEL.metadataProps]: () => LEAF }, leftOut: [] };
