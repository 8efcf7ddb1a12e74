import type { ConvolutionGeometry, Layer, LayerKind, WeightExpression } from './model.js';
import { elementsOf, reshaped, weightTensors } from './expression.js';
import type { PlacedNode } from './graphScope.js';

/** A layer as one operation of the graph shows it, before ids are made unique and repeated uses are joined. */
export interface LayerDraft {
  kind: LayerKind;
  /** The operation that uses the weights. */
  at: PlacedNode;
  /** [groups, rows/groups, columns/groups] */
  weight: WeightExpression;
  groups: number;
  /** Shape of the stored tensor, or of the part of it that is used. */
  shape: number[];
  convolution: ConvolutionGeometry | null;
  /** Appended to the id: `.q`, `.w.forward.i`. */
  suffix: string;
  /** Id instead of the one from names, for recurrent layers. */
  idFromTensor?: (tensor: string) => string;
  /** The value that the layer computes, bias excluded; null for layers that are not one affine map of their input. */
  output: string | null;
  /** The value it reads. */
  input: string | null;
  /** Axis of the output along which units lie, negative from the end. */
  unitAxis: number;
  /** Inputs of the node that hold its bias. */
  biasInputs: number[];
  /** Of a part of a fused projection: the value that holds this part alone, or why the graph has none. */
  part?: { output: string } | { reason: string };
}

/** A finished layer with all its uses, the one that named it first. */
export interface FoundLayer {
  layer: Layer;
  uses: LayerDraft[];
}

/** What an operation yields: layers, or the reason why its constant weights are none. */
export type Detected = { layers: LayerDraft[] } | { reason: string };

/** Everything but the matrix filled with the values of a plain dense layer. */
export function draft(at: PlacedNode, weight: WeightExpression, rest: Partial<LayerDraft> & Pick<LayerDraft, 'kind'>): LayerDraft {
  const [groups] = weight.shape;
  return {
    at,
    weight,
    groups,
    shape: weightTensors(weight)[0].shape,
    convolution: null,
    suffix: '',
    output: at.node.outputs[0] ?? null,
    input: at.node.inputs[0] ?? null,
    unitAxis: -1,
    biasInputs: [],
    ...rest,
  };
}

/** A matrix of one block, as [1, rows, columns]. */
export function singleBlock(of: WeightExpression): WeightExpression {
  const [rows, columns] = of.shape;
  return reshaped(of, [1, rows, columns]);
}

/** Several axes folded into rows and columns: the first `rowAxes` axes are the rows. */
export function folded(of: WeightExpression, rowAxes: number): WeightExpression {
  return reshaped(of, [elementsOf(of.shape.slice(0, rowAxes)), elementsOf(of.shape.slice(rowAxes))]);
}
