/**
 * What a reader of one file format yields: named tensors by byte range and, where the format has one, the graph.
 * Nothing of a tensor's data is read to make it. All of it is plain JSON, so that it travels to a worker process.
 */
export interface ModelFile {
  format: 'onnx' | 'safetensors';
  path: string;
  /** Of all files that belong to the model (external data, shards), each counted once. */
  bytes: number;
  /** Every file that belongs to the model, the model's own first. */
  files: string[];
  producer: string | null;
  opset: Record<string, number> | null;
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  /** In the file's order. */
  tensors: StoredTensor[];
  graph: Graph | null;
  /** Stored tensors that no analysis can use as they are (sparse ones, types without a decoder), with the reason. */
  skipped?: { tensor: string; reason: string }[];
  /** Free texts that the exporter left in the file. */
  metadata?: Record<string, string>;
  /** Functions that the file defines for itself: a node whose domain and opType are a function's stands for its nodes. */
  functions?: GraphFunction[];
}

/** Element types in lower case, as the ONNX and safetensors specifications name them. */
export type DType =
  | 'float64' | 'float32' | 'float16' | 'bfloat16'
  | 'float8e4m3fn' | 'float8e4m3fnuz' | 'float8e5m2' | 'float8e5m2fnuz' | 'float8e8m0' | 'float4e2m1'
  | 'int64' | 'int32' | 'int16' | 'int8' | 'int4' | 'int2'
  | 'uint64' | 'uint32' | 'uint16' | 'uint8' | 'uint4' | 'uint2'
  | 'bool' | 'string' | 'complex64' | 'complex128';

export interface ByteRange {
  /** Absolute path. */
  path: string;
  offset: number;
  length: number;
}

export interface StoredTensor {
  name: string;
  dtype: DType;
  /** As stored; [] is a scalar. */
  shape: number[];
  /**
   * raw: little-endian elements, sub-byte types packed low nibble first.
   * varint: protobuf's packed varints (int32_data, int64_data, uint64_data; float16 and narrower as bit patterns).
   * inline: `values` hold the elements (small constants and unpacked protobuf fields).
   */
  data: { encoding: 'raw' | 'varint'; range: ByteRange } | { encoding: 'inline'; values: number[] };
}

export interface ValueInfo {
  name: string;
  dtype: DType | 'unknown';
  shape: (number | string | null)[] | null;
}

export type AttributeValue = number | string | number[] | string[] | StoredTensor | Graph | Graph[] | null;

export interface GraphNode {
  name: string;
  opType: string;
  /** "" is the standard domain ("ai.onnx" is normalised to it). */
  domain: string;
  inputs: string[];
  outputs: string[];
  attributes: Record<string, AttributeValue>;
  /** Which of the numbers, and lists of numbers, among them are floating-point: their values alone do not tell. */
  floatAttributes?: string[];
}

export interface Graph {
  name: string;
  nodes: GraphNode[];
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  /** Declared shapes of intermediate values. */
  values: ValueInfo[];
  /** Initializers by name; the same objects as in ModelFile.tensors for the main graph. */
  initializers: StoredTensor[];
}

export interface GraphFunction {
  name: string;
  /** "" is the standard domain. */
  domain: string;
  inputs: string[];
  outputs: string[];
  /** Names of the attributes that a call passes in. */
  attributes: string[];
  nodes: GraphNode[];
}

/** A file that cannot be read as a model: one sentence for the user. */
export class ModelFileError extends Error {
  /**
   * @param code stable, for programs: `model/empty`, `model/truncated`, `model/not-recognised`, `model/limit`,
   *   `model/external-data`, `model/corrupt`, `model/not-found`, `model/not-readable`
   * @param message one sentence with the value, the limit and what to do
   */
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'ModelFileError';
  }
}
