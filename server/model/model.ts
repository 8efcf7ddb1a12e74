import type { ModelFile, StoredTensor } from '../formats/modelFile.js';

/** A model file as named layers. Plain JSON: a layer travels to a worker process as it is. */
export interface Model {
  file: ModelFile;
  layers: Layer[];
  /** Where the graph uses the layers, in topological order; empty for files without a graph. */
  uses: LayerUse[];
  /** Every tensor that is not the weight of a layer, with the reason. */
  skipped: { tensor: string; reason: string }[];
  function: { input: string; output: string; tensor: string; removed: string[] } | null;
}

/** One use of a layer: a layer whose weights serve several operations has several. */
export interface LayerUse {
  /** Id of the layer. */
  layer: string;
  /** Which use of it, from 0. */
  call: number;
  /** Name of the value of the graph that is the layer's output: of its affine map, bias included, before the activation. */
  output: string | null;
  /** Why the graph has no such value. */
  reason: string | null;
}

export type LayerKind = 'dense' | 'convolution' | 'convolutionTranspose' | 'embedding' | 'recurrent' | 'attention' | 'other';

export interface Layer {
  id: string;
  name: string;
  kind: LayerKind;
  /** Name of the stored tensor that holds the weights. */
  tensor: string;
  /** Shape of the stored tensor; of the part used, for a split one. */
  shape: number[];
  dtype: string;
  /** Weight elements, without biases. */
  parameters: number;
  groups: number;
  /** Of the whole matrix, block-diagonal when groups > 1: each block is [rows/groups, columns/groups]. */
  matrixShape: [number, number];
  /** Evaluates to groups × (rows/groups) × (columns/groups), row-major: the blocks one after the other. */
  weight: WeightExpression;
  convolution: ConvolutionGeometry | null;
  /**
   * The layers that read this layer's output, when every reader is known: through activations, normalisation, pooling
   * and flattening, one output unit is `columnsPerUnit` consecutive columns of the reader's matrix.
   * Null where the output also goes elsewhere (a residual sum, a concatenation, an output of the network).
   */
  readers?: LayerReader[] | null;
}

export interface LayerReader {
  /** Id of the reading layer. */
  layer: string;
  /** Unit u is columns [u·columnsPerUnit, (u + 1)·columnsPerUnit) of the reader. */
  columnsPerUnit: number;
}

/** How the matrix comes from stored tensors. `shape` is the value's own shape. */
export type WeightExpression =
  | { op: 'stored'; tensor: StoredTensor; shape: number[] }
  /**
   * (x − zeroPoint)·scale along `axis` (null: per tensor), in blocks of `blockSize` (0: one scale per index).
   * `blocks`, where given, are block sizes along every axis instead (a scale per tile); the last of an axis may be short.
   */
  | { op: 'dequantize'; of: WeightExpression; scale: StoredTensor; zeroPoint: StoredTensor | null; axis: number | null; blockSize: number; blocks?: number[]; shape: number[] }
  | { op: 'transpose'; of: WeightExpression; permutation: number[]; shape: number[] }
  | { op: 'reshape'; of: WeightExpression; shape: number[] }
  | { op: 'slice'; of: WeightExpression; axis: number; start: number; shape: number[] }
  | { op: 'concat'; of: WeightExpression[]; axis: number; shape: number[] }
  /** Multiplied by a constant (Gemm's alpha). */
  | { op: 'scale'; of: WeightExpression; factor: number; shape: number[] };

/** Spatial axes in the order of the tensor (height, width). Sizes in elements. */
export interface ConvolutionGeometry {
  transposed: boolean;
  kernel: number[];
  strides: number[];
  dilations: number[];
  /** Before each axis, then after each axis. */
  pads: number[];
  outputPadding: number[];
  groups: number;
  inChannels: number;
  outChannels: number;
  /** Spatial size of the layer's input; null where the graph does not tell. */
  inputSize: number[] | null;
}
