import type { GraphNode } from '../formats/modelFile.js';
import { numberAttribute, numbersAttribute, stringAttribute } from './attributes.js';
import { axisOf, evenSplit } from './constantResolver.js';
import { windowOutput } from './windows.js';

/** One size per axis; null: unknown. */
export type Shape = (number | null)[];

/** What is known of a node's inputs. */
export interface InputFacts {
  shape: (input: number) => Shape | null;
  values: (input: number) => (number | null)[] | null;
}

/** Computed shapes are short; longer integer values are data. */
const maximumValues = 64;

/** The first output has the shape of the first input. */
const elementwise = new Set(
  'Relu LeakyRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Tanh Softplus Softsign Gelu FastGelu QuickGelu BiasGelu Mish Swish Erf Exp Log Sqrt Abs Neg Ceil Floor Round Sign Reciprocal Sin Cos Tan Clip ThresholdedRelu Identity Cast CastLike Dropout Softmax LogSoftmax Hardmax BatchNormalization InstanceNormalization LayerNormalization SimplifiedLayerNormalization SkipLayerNormalization GroupNormalization RMSNormalization LRN MeanVarianceNormalization LpNormalization QuantizeLinear DequantizeLinear FakeQuant CumSum Not Shrink Trilu ScatterND ScatterElements'.split(
    ' ',
  ),
);

/** The output has the common broadcast shape of all inputs. */
const broadcasting = new Set('Add Sub Mul Div Pow Max Min Sum Mean PRelu Where And Or Xor Equal Greater GreaterOrEqual Less LessOrEqual Mod BitShift'.split(' '));

const convolutions = new Set(['Conv', 'FusedConv', 'ConvTranspose', 'ConvInteger', 'QLinearConv']);
const pools = new Set(['MaxPool', 'AveragePool', 'LpPool']);
const globalPools = new Set(['GlobalAveragePool', 'GlobalMaxPool', 'GlobalLpPool']);

/** The shape of one output of a node; null where no rule tells it. */
export function inferShape(node: GraphNode, output: number, facts: InputFacts): Shape | null {
  const { opType } = node;
  const first = facts.shape(0);
  if (opType === 'Split') return splitShape(node, output, facts);
  if (output > 0) return null;
  if (elementwise.has(opType)) return first;
  if (broadcasting.has(opType)) return broadcast(node.inputs.map((_, i) => facts.shape(i)));
  if (opType.startsWith('Reduce') && opType !== 'ReduceSumSquareInteger') return reduced(node, facts);
  if (convolutions.has(opType)) return convolutionShape(node, facts);
  if (pools.has(opType)) return first && pooled(node, first);
  if (globalPools.has(opType)) return first?.map((size, axis) => (axis < 2 ? size : 1)) ?? null;
  switch (opType) {
    case 'Transpose': {
      const permutation = numbersAttribute(node, 'perm') ?? first?.map((_, axis, all) => all.length - 1 - axis);
      return first && permutation?.length === first.length ? permutation.map((axis) => first[axis] ?? null) : null;
    }
    case 'Flatten': {
      const axis = first && axisOf(numberAttribute(node, 'axis', 1), first.length, true);
      return first && axis !== null ? [product(first.slice(0, axis)), product(first.slice(axis))] : null;
    }
    case 'Reshape':
      return reshapedShape(first, numbersAttribute(node, 'shape') ?? facts.values(1));
    case 'Squeeze': {
      const axes = first && axesOf(node, facts, first.length);
      return first?.filter((size, axis) => (axes ? !axes.includes(axis) : size !== 1)) ?? null;
    }
    case 'Unsqueeze': {
      const count = (numbersAttribute(node, 'axes') ?? facts.values(1))?.length ?? 0;
      const axes = first && axesOf(node, facts, first.length + count);
      if (!first || !axes) return null;
      const shape = first.slice();
      for (const axis of axes.slice().sort((a, b) => a - b)) shape.splice(axis, 0, 1);
      return shape;
    }
    case 'Concat':
      return concatShape(node, facts);
    case 'Gemm':
    case 'FusedGemm': {
      const second = facts.shape(1);
      const flip = (shape: Shape | null, name: string) => (shape?.length === 2 ? (numberAttribute(node, name, 0) === 0 ? shape : [shape[1], shape[0]]) : null);
      const [a, b] = [flip(first, 'transA'), flip(second, 'transB')];
      return a && b ? [a[0], b[1]] : null;
    }
    case 'MatMul':
      return matMulShape(first, facts.shape(1));
    case 'Pad':
      return paddedShape(node, facts);
    case 'Resize':
    case 'Upsample':
      return resizedShape(node, facts);
    case 'DepthToSpace':
    case 'SpaceToDepth': {
      const block = numberAttribute(node, 'blocksize', 1);
      if (first?.length !== 4) return null;
      const [depth, space] = opType === 'DepthToSpace' ? [1 / block ** 2, block] : [block ** 2, 1 / block];
      const times = (size: number | null, factor: number) => (size === null || !Number.isInteger(Math.round(size * factor * 1e6) / 1e6) ? null : Math.round(size * factor));
      return [first[0], times(first[1], depth), times(first[2], space), times(first[3], space)];
    }
    case 'Slice':
      return slicedShape(node, facts);
    case 'Gather': {
      const indices = facts.shape(1);
      const axis = first && axisOf(numberAttribute(node, 'axis', 0), first.length);
      return first && indices && axis !== null ? [...first.slice(0, axis), ...indices, ...first.slice(axis + 1)] : null;
    }
    case 'Expand': {
      const target = facts.values(1);
      return target && broadcast([first, target]);
    }
    case 'ConstantOfShape':
      return facts.values(0);
    case 'Shape':
      return first && [first.length];
    default:
      return null;
  }
}

/** Elements of small integer results: shapes that the graph computes for itself. */
export function inferValues(node: GraphNode, facts: InputFacts): (number | null)[] | null {
  const first = facts.values(0);
  switch (node.opType) {
    case 'Shape':
      return facts.shape(0)?.slice(numberAttribute(node, 'start', 0), numbersAttribute(node, 'end') ? undefined : numberAttribute(node, 'end', Number.MAX_SAFE_INTEGER)) ?? null;
    case 'Identity':
    case 'Cast':
    case 'Unsqueeze':
    case 'Squeeze':
    case 'Reshape':
      return first;
    case 'Gather': {
      const indices = facts.values(1);
      return first && indices && numberAttribute(node, 'axis', 0) === 0 ? indices.map((i) => (i === null ? null : (first.at(i) ?? null))) : null;
    }
    case 'Concat': {
      const parts = node.inputs.map((_, i) => facts.values(i) ?? unknownValues(facts.shape(i)));
      const whole = parts.every((part) => part !== null) ? parts.flat() : null;
      return whole && whole.length <= maximumValues && parts.length > 0 && numberAttribute(node, 'axis', 0) === 0 ? whole : null;
    }
    case 'Slice': {
      const [starts, ends] = [numbersAttribute(node, 'starts') ?? facts.values(1), numbersAttribute(node, 'ends') ?? facts.values(2)];
      const step = facts.values(4)?.[0] ?? 1;
      return first && starts?.length === 1 && ends?.length === 1 && starts[0] !== null && ends[0] !== null && step === 1 ? first.slice(starts[0], ends[0]) : null;
    }
    case 'Add':
    case 'Sub':
    case 'Mul':
    case 'Div': {
      const second = facts.values(1);
      if (!first || !second || (first.length !== second.length && first.length !== 1 && second.length !== 1)) return null;
      const length = Math.max(first.length, second.length);
      return Array.from({ length }, (_, i) => arithmetic(node.opType, first[first.length === 1 ? 0 : i], second[second.length === 1 ? 0 : i]));
    }
    default:
      return null;
  }
}

function unknownValues(shape: Shape | null): null[] | null {
  const length = shape?.length === 1 ? shape[0] : shape?.length === 0 ? 1 : null;
  return length !== null && length <= maximumValues ? new Array<null>(length).fill(null) : null;
}

function arithmetic(opType: string, a: number | null, b: number | null): number | null {
  if (a === null || b === null) return null;
  if (opType === 'Add') return a + b;
  if (opType === 'Sub') return a - b;
  if (opType === 'Mul') return a * b;
  return b === 0 ? null : Math.trunc(a / b);
}

function product(sizes: Shape): number | null {
  return sizes.reduce<number | null>((all, size) => (all === null || size === null ? null : all * size), 1);
}

function broadcast(shapes: (Shape | null)[]): Shape | null {
  if (!shapes.every((shape) => shape !== null) || shapes.length === 0) return null;
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => (axis - rank + shape.length < 0 ? 1 : shape[axis - rank + shape.length]));
    return sizes.find((size) => size !== null && size !== 1) ?? (sizes.includes(null) ? null : 1);
  });
}

function axesOf(node: GraphNode, facts: InputFacts, rank: number): number[] | null {
  const given = numbersAttribute(node, 'axes') ?? facts.values(1);
  const axes = given?.map((axis) => (axis === null ? null : axisOf(axis, rank)));
  return axes?.every((axis) => axis !== null) ? axes : null;
}

function reduced(node: GraphNode, facts: InputFacts): Shape | null {
  const first = facts.shape(0);
  const axes = first && (axesOf(node, facts, first.length) ?? (node.inputs.length > 1 ? null : [...first.keys()]));
  if (!first || !axes) return null;
  return numberAttribute(node, 'keepdims', 1) === 1 ? first.map((size, axis) => (axes.includes(axis) ? 1 : size)) : first.filter((_, axis) => !axes.includes(axis));
}

function convolutionShape(node: GraphNode, facts: InputFacts): Shape | null {
  const first = facts.shape(0);
  const kernel = facts.shape(node.opType === 'QLinearConv' ? 3 : 1);
  if (!first || first.length !== kernel?.length || !kernel.every((size) => size !== null)) return null;
  const channels = node.opType === 'ConvTranspose' ? kernel[1] * numberAttribute(node, 'group', 1) : kernel[0];
  return [first[0], channels, ...windowOutput(node, first.slice(2), kernel.slice(2))];
}

function pooled(node: GraphNode, input: Shape): Shape | null {
  const kernel = numbersAttribute(node, 'kernel_shape');
  return kernel?.length === input.length - 2 ? [...input.slice(0, 2), ...windowOutput(node, input.slice(2), kernel)] : null;
}

function reshapedShape(input: Shape | null, target: Shape | null): Shape | null {
  if (!target) return null;
  const sizes = target.map((size, axis) => (size === 0 ? (input?.[axis] ?? null) : size));
  const at = sizes.indexOf(-1);
  if (at < 0) return sizes;
  // A size that is copied unchanged (the batch) may be unknown on both sides.
  const rest = sizes.filter((_, axis) => axis !== at);
  const copied = input !== null && input.length > 0 && rest[0] === null && at > 0 && (target[0] === 0 || target[0] === null);
  const total = input && product(copied ? input.slice(1) : input);
  const known = product(copied ? rest.slice(1) : rest);
  return sizes.with(at, total !== null && known !== null && known > 0 && total % known === 0 ? total / known : null);
}

function concatShape(node: GraphNode, facts: InputFacts): Shape | null {
  const shapes = node.inputs.map((_, i) => facts.shape(i));
  const first = shapes[0];
  if (!first || !shapes.every((shape) => shape?.length === first.length)) return null;
  const all = shapes.filter((shape) => shape !== null);
  const axis = axisOf(numberAttribute(node, 'axis', 0), first.length);
  return first.map((_, i) => (i === axis ? sum(all.map((shape) => shape[i])) : (all.map((shape) => shape[i]).find((size) => size !== null) ?? null)));
}

function sum(sizes: Shape): number | null {
  return sizes.reduce<number | null>((all, size) => (all === null || size === null ? null : all + size), 0);
}

function matMulShape(a: Shape | null, b: Shape | null): Shape | null {
  if (!a || !b || a.length < 2 || b.length < 2) return null;
  const batch = broadcast([a.slice(0, -2), b.slice(0, -2)]);
  return batch && [...batch, a[a.length - 2], b[b.length - 1]];
}

function paddedShape(node: GraphNode, facts: InputFacts): Shape | null {
  const first = facts.shape(0);
  const pads = numbersAttribute(node, 'pads') ?? numbersAttribute(node, 'paddings') ?? facts.values(1);
  const axes = node.inputs[3] ? facts.values(3) : (first?.map((_, axis) => axis) ?? null);
  if (!first) return null;
  if (!axes || pads?.length !== 2 * axes.length) return first.map(() => null);
  const shape = first.slice();
  for (const [i, given] of axes.entries()) {
    const axis = given === null ? null : axisOf(given, first.length);
    if (axis === null) return first.map(() => null);
    shape[axis] = sum([first[axis], pads[i], pads[i + axes.length]]);
  }
  return shape;
}

function resizedShape(node: GraphNode, facts: InputFacts): Shape | null {
  const first = facts.shape(0);
  if (!first) return null;
  const sizes = node.opType === 'Resize' ? facts.values(3) : null;
  if (sizes?.length === first.length) return sizes;
  const resizeScales = node.inputs.length > 2 ? facts.values(2) : facts.values(1);
  const scales = numbersAttribute(node, 'scales') ?? (node.opType === 'Resize' ? resizeScales : facts.values(1));
  if (scales?.length !== first.length || stringAttribute(node, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch') return first.map(() => null);
  return first.map((size, axis) => {
    const scale = scales[axis];
    return size === null || scale === null ? null : Math.floor(size * scale);
  });
}

function slicedShape(node: GraphNode, facts: InputFacts): Shape | null {
  const first = facts.shape(0);
  const starts = numbersAttribute(node, 'starts') ?? facts.values(1);
  const ends = numbersAttribute(node, 'ends') ?? facts.values(2);
  const axes = numbersAttribute(node, 'axes') ?? (node.inputs[3] ? facts.values(3) : starts?.map((_, i) => i));
  const steps = node.inputs[4] ? facts.values(4) : null;
  if (!first) return null;
  if (!starts || !ends || !axes) return first.map(() => null);
  const shape = first.slice();
  for (const [i, given] of axes.entries()) {
    const axis = given === null ? null : axisOf(given, first.length);
    if (axis === null) return first.map(() => null);
    const [size, start, end, step] = [first[axis], starts[i], ends[i], node.inputs[4] ? (steps?.[i] ?? null) : 1];
    const known = size !== null && start !== null && end !== null && step !== null && step > 0;
    shape[axis] = known ? Math.max(Math.ceil((bounded(end, size) - bounded(start, size)) / step), 0) : null;
  }
  return shape;
}

function bounded(index: number, size: number): number {
  return Math.min(Math.max(index < 0 ? index + size : index, 0), size);
}

function splitShape(node: GraphNode, output: number, facts: InputFacts): Shape | null {
  const first = facts.shape(0);
  const axis = first && axisOf(numberAttribute(node, 'axis', 0), first.length);
  if (!first || axis === null) return null;
  const size = first[axis];
  const sizes = numbersAttribute(node, 'split') ?? (node.inputs[1] ? facts.values(1) : size === null ? null : evenSplit(size, node.outputs.length));
  return first.with(axis, sizes?.[output] ?? null);
}
