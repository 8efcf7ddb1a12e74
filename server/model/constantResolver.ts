import { isNumeric } from '../formats/dtypes.js';
import type { StoredTensor } from '../formats/modelFile.js';
import { isKnownDomain, numberAttribute, numbersAttribute } from './attributes.js';
import { concatenated, dequantized, elementsOf, reshaped, scaled, sliced, stored, transposed } from './expression.js';
import type { PlacedNode, Scope } from './graphScope.js';
import type { WeightExpression } from './model.js';
import type { SmallConstants } from './smallConstants.js';

/** Operations between a stored tensor and its use; exporters write at most about ten. */
const maximumChain = 64;

/** Axes of a value; NumPy has at most 64. */
export const maximumRank = 64;
/** Tensors in one concatenation: beyond it lie only graphs that double a value again and again. */
const maximumParts = 1024;

/**
 * Walks back from a value to the stored tensors it is made of, through operations that only move or rescale elements:
 * Identity, Cast, Transpose, Reshape, Flatten, Squeeze, Unsqueeze, Slice, Split, Concat, DequantizeLinear, a
 * QuantizeLinear–DequantizeLinear pair on a float constant (passed straight through), and Mul, Div, Sub and Neg by
 * constants that broadcast along one axis.
 */
export class ConstantResolver {
  /** Tensors below each concatenation. */
  private readonly leaves = new WeakMap<WeightExpression, number>();
  private readonly depths = new WeakMap<WeightExpression, number>();
  private readonly known = new Map<Scope, Map<string, WeightExpression | null>>();

  constructor(readonly small: SmallConstants) {}

  /** The value as an expression of stored tensors; null where it depends on the input or on another operation. */
  resolve(scope: Scope, name: string, chain = 0): WeightExpression | null {
    if (name === '' || chain > maximumChain) return null;
    const home = scope.definingScope(name);
    if (!home) return null;
    let memo = this.known.get(home);
    if (!memo) this.known.set(home, (memo = new Map<string, WeightExpression | null>()));
    const found = memo.get(name);
    if (found !== undefined) return found;
    const walked = this.walk(home, name, chain);
    const expression = walked && walked.shape.length <= maximumRank && this.depthOf(walked) <= maximumChain ? walked : null;
    memo.set(name, expression);
    return expression;
  }

  /** Operations above the deepest tensor. */
  private depthOf(expression: WeightExpression): number {
    const known = this.depths.get(expression);
    if (known !== undefined) return known;
    const below = expression.op === 'stored' ? [] : expression.op === 'concat' ? expression.of : [expression.of];
    const depth = 1 + Math.max(0, ...below.map((inner) => this.depthOf(inner)));
    this.depths.set(expression, depth);
    return depth;
  }

  /** Values of a small integer or scalar constant. */
  numbers(scope: Scope, name: string | undefined): number[] | null {
    if (name === undefined || name === '') return null;
    const expression = this.resolve(scope, name);
    if (!expression) return null;
    let inner = expression;
    while (inner.op === 'reshape') inner = inner.of;
    return inner.op === 'stored' ? this.small.of(inner.tensor) : null;
  }

  /** The tensor itself, where a value is a stored tensor of numbers up to its shape. */
  tensor(scope: Scope, name: string | undefined): StoredTensor | null {
    if (name === undefined || name === '') return null;
    const expression = this.resolve(scope, name);
    return expression && plainTensor(expression);
  }

  private walk(scope: Scope, name: string, chain: number): WeightExpression | null {
    const initializer = scope.initializer(name);
    if (initializer) return stored(initializer);
    const producer = scope.producer(name);
    if (!producer || !isKnownDomain(producer.node.domain)) return null;
    const { node } = producer;
    if (node.opType === 'Constant') {
      const tensor = this.small.ofConstantNode(node);
      return tensor ? stored(tensor) : null;
    }
    const of = this.resolve(producer.scope, node.inputs[0] ?? '', chain + 1);
    return of ? this.apply(producer, of, node.outputs.indexOf(name), chain) : null;
  }

  /** One operation on a constant. */
  private apply(placed: PlacedNode, of: WeightExpression, output: number, chain: number): WeightExpression | null {
    const { node, scope } = placed;
    const rank = of.shape.length;
    switch (node.opType) {
      case 'Identity':
      case 'Cast':
      case 'CastLike':
      case 'QuantizeLinear':
        return of;
      case 'DequantizeLinear':
        return this.dequantize(placed, of);
      case 'Transpose': {
        const permutation = numbersAttribute(node, 'perm') ?? of.shape.map((_, axis) => rank - 1 - axis);
        return isPermutation(permutation, rank) ? transposed(of, permutation) : null;
      }
      case 'Reshape': {
        const target = numbersAttribute(node, 'shape') ?? this.numbers(scope, node.inputs[1]);
        const shape = target && reshapeTarget(of.shape, target, numberAttribute(node, 'allowzero', 0) === 1);
        return shape ? reshaped(of, shape) : null;
      }
      case 'Flatten': {
        const axis = axisOf(numberAttribute(node, 'axis', 1), rank, true);
        return axis === null ? null : reshaped(of, [elementsOf(of.shape.slice(0, axis)), elementsOf(of.shape.slice(axis))]);
      }
      case 'Squeeze': {
        const axes = this.axes(placed, rank) ?? of.shape.flatMap((size, axis) => (size === 1 ? [axis] : []));
        return axes.every((axis) => of.shape[axis] === 1) ? reshaped(of, of.shape.filter((_, axis) => !axes.includes(axis))) : null;
      }
      case 'Unsqueeze': {
        const count = (numbersAttribute(node, 'axes') ?? this.numbers(scope, node.inputs[1]))?.length ?? 0;
        const axes = this.axes(placed, rank + count);
        if (!axes || axes.length === 0) return null;
        const shape = of.shape.slice();
        for (const axis of axes.slice().sort((a, b) => a - b)) shape.splice(axis, 0, 1);
        return reshaped(of, shape);
      }
      case 'Slice':
        return this.slice(placed, of);
      case 'Split':
        return this.split(placed, of, output);
      case 'Concat':
        return this.concat(placed, chain);
      case 'Neg':
        return scaled(of, -1);
      case 'Mul':
      case 'Div':
      case 'Sub':
        return this.arithmetic(placed, of, chain);
      default:
        return null;
    }
  }

  private leavesOf(parts: readonly WeightExpression[]): number {
    return parts.reduce((sum, part) => {
      let inner = part;
      while (inner.op !== 'stored' && inner.op !== 'concat') inner = inner.of;
      if (inner.op === 'stored') return sum + 1;
      const known = this.leaves.get(inner) ?? this.leavesOf(inner.of);
      this.leaves.set(inner, known);
      return sum + known;
    }, 0);
  }

  private axes({ node, scope }: PlacedNode, rank: number): number[] | null {
    const axes = numbersAttribute(node, 'axes') ?? this.numbers(scope, node.inputs[1]);
    const resolved = axes?.map((axis) => axisOf(axis, rank)) ?? null;
    return resolved?.every((axis) => axis !== null) ? resolved : null;
  }

  private dequantize({ node, scope }: PlacedNode, of: WeightExpression): WeightExpression | null {
    if (isFloat(of)) return of;
    const scale = this.tensor(scope, node.inputs[1]);
    const zeroPoint = this.tensor(scope, node.inputs[2]);
    if (!scale || (node.inputs[2] && !zeroPoint)) return null;
    const axis = axisOf(numberAttribute(node, 'axis', 1), of.shape.length);
    return quantisedAlong(of, scale, zeroPoint, axis, numberAttribute(node, 'block_size', 0));
  }

  private slice({ node, scope }: PlacedNode, of: WeightExpression): WeightExpression | null {
    const fromInput = (input: number) => (node.inputs[input] ? this.numbers(scope, node.inputs[input]) : undefined);
    const starts = numbersAttribute(node, 'starts') ?? fromInput(1);
    const ends = numbersAttribute(node, 'ends') ?? fromInput(2);
    const axesGiven = numbersAttribute(node, 'axes') ?? fromInput(3);
    const steps = fromInput(4);
    if (!starts || !ends || axesGiven === null || steps === null || steps?.some((step) => step !== 1)) return null;
    let result = of;
    for (const [i, given] of (axesGiven ?? starts.map((_, k) => k)).entries()) {
      const axis = axisOf(given, of.shape.length);
      if (axis === null || i >= starts.length || i >= ends.length) return null;
      const size = of.shape[axis];
      const clamp = (index: number) => Math.min(Math.max(index < 0 ? index + size : index, 0), size);
      const start = clamp(starts[i]);
      const length = clamp(ends[i]) - start;
      if (length <= 0) return null;
      result = sliced(result, axis, start, length);
    }
    return result;
  }

  private split({ node, scope }: PlacedNode, of: WeightExpression, output: number): WeightExpression | null {
    const axis = axisOf(numberAttribute(node, 'axis', 0), of.shape.length);
    if (axis === null || output < 0) return null;
    const given = numbersAttribute(node, 'split') ?? (node.inputs[1] ? this.numbers(scope, node.inputs[1]) : undefined);
    if (given === null) return null;
    const sizes = given ?? evenSplit(of.shape[axis], node.outputs.length);
    const start = sizes.slice(0, output).reduce((sum, size) => sum + size, 0);
    if (output >= sizes.length || sizes[output] <= 0 || start + sizes[output] > of.shape[axis]) return null;
    return sliced(of, axis, start, sizes[output]);
  }

  private concat({ node, scope }: PlacedNode, chain: number): WeightExpression | null {
    const parts = node.inputs.map((input) => this.resolve(scope, input, chain + 1));
    if (!parts.every((part) => part !== null) || parts.length === 0) return null;
    const shape = parts[0].shape;
    const axis = axisOf(numberAttribute(node, 'axis', 0), shape.length);
    if (axis === null) return null;
    const fits = parts.every((part) => part.shape.length === shape.length && part.shape.every((size, i) => i === axis || size === shape[i]));
    return fits && this.leavesOf(parts) <= maximumParts ? concatenated(parts, axis) : null;
  }

  /** constant·c, constant/c and constant − c, where c is one number or one per index of an axis. */
  private arithmetic({ node, scope }: PlacedNode, first: WeightExpression, chain: number): WeightExpression | null {
    const second = this.resolve(scope, node.inputs[1] ?? '', chain + 1);
    if (!second) return null;
    const swap = node.opType === 'Mul' && elementsOf(first.shape) < elementsOf(second.shape);
    const [of, by] = swap ? [second, first] : [first, second];
    const along = broadcastAxis(of.shape, by.shape);
    const values = this.numbers(scope, node.inputs[swap ? 0 : 1]);
    if (along === null) return null;
    if (along.axis === null && values?.length === 1) {
      if (node.opType === 'Mul') return scaled(of, values[0]);
      if (node.opType === 'Div') return values[0] === 0 ? null : scaled(of, 1 / values[0]);
    }
    const tensor = plainTensor(by);
    if (!tensor || node.opType === 'Div') return null;
    const vector = { ...tensor, shape: along.axis === null ? [] : [of.shape[along.axis]] };
    if (node.opType === 'Mul') return dequantized(of, { scale: vector, zeroPoint: null, axis: along.axis, blockSize: 0 });
    return dequantized(of, { scale: constantTensor(`${tensor.name} (scale)`, 1), zeroPoint: vector, axis: along.axis, blockSize: 0 });
  }
}

/** A tensor of one number that stands in no file. */
export function constantTensor(name: string, value: number): StoredTensor {
  return { name, dtype: 'float64', shape: [], data: { encoding: 'inline', values: [value] } };
}

/** Types whose values are meant as they are; float8 and float4 weights come with scales. */
const plainFloats = new Set(['float64', 'float32', 'float16', 'bfloat16']);

/** Whether the elements need no scale: floating point as stored, or already scaled. */
export function isFloat(expression: WeightExpression): boolean {
  if (expression.op === 'dequantize') return true;
  if (expression.op === 'stored') return plainFloats.has(expression.tensor.dtype);
  return expression.op === 'concat' ? expression.of.every(isFloat) : isFloat(expression.of);
}

/**
 * (x − zeroPoint)·scale as ONNX defines it: one scale for all, one per index of `axis`, or one per block of an axis.
 * Null where the sizes do not fit together.
 */
export function quantisedAlong(of: WeightExpression, scale: StoredTensor, zeroPoint: StoredTensor | null, axis: number | null, blockSize: number): WeightExpression | null {
  const values = elementsOf(scale.shape);
  if (zeroPoint && elementsOf(zeroPoint.shape) !== values && elementsOf(zeroPoint.shape) !== 1) return null;
  if (values === 1) return dequantized(of, { scale, zeroPoint, axis: null, blockSize: 0 });
  if (axis === null) return null;
  const expected = blockSize > 0 ? (elementsOf(of.shape) / of.shape[axis]) * Math.ceil(of.shape[axis] / blockSize) : of.shape[axis];
  return values === expected ? dequantized(of, { scale, zeroPoint, axis, blockSize }) : null;
}

/** A negative axis counts from the end. Null when out of range. */
export function axisOf(axis: number, rank: number, end = false): number | null {
  const resolved = axis < 0 ? axis + rank : axis;
  return Number.isInteger(resolved) && resolved >= 0 && (resolved < rank || (end && resolved === rank)) ? resolved : null;
}

/** ONNX Reshape: 0 copies a size (unless allowZero), −1 is what remains. Null where the sizes do not fit. */
function reshapeTarget(shape: readonly number[], target: readonly number[], allowZero: boolean): number[] | null {
  const sizes = target.map((size, axis) => (size === 0 && !allowZero ? shape[axis] : size));
  const total = elementsOf(shape);
  const rest = sizes.filter((size) => size !== -1).reduce((product, size) => product * size, 1);
  const resolved = sizes.map((size) => (size === -1 ? total / rest : size));
  return sizes.filter((size) => size === -1).length <= 1 && resolved.every((size) => Number.isInteger(size) && size >= 0) && elementsOf(resolved) === total ? resolved : null;
}

/** ONNX Split without sizes: equal parts, the last one smaller. */
export function evenSplit(size: number, parts: number): number[] {
  const part = Math.ceil(size / Math.max(parts, 1));
  return Array.from({ length: parts }, (_, i) => Math.max(Math.min(part, size - i * part), 0));
}

function isPermutation(permutation: readonly number[], rank: number): boolean {
  return permutation.length === rank && new Set(permutation).size === rank && permutation.every((axis) => Number.isInteger(axis) && axis >= 0 && axis < rank);
}

/** Along which single axis `by` broadcasts over `shape` (null: one value for all); null where it does not. */
function broadcastAxis(shape: readonly number[], by: readonly number[]): { axis: number | null } | null {
  if (by.length > shape.length) return null;
  const offset = shape.length - by.length;
  const long = by.flatMap((size, i) => (size === 1 ? [] : [{ size, axis: i + offset }]));
  if (long.length === 0) return { axis: null };
  return long.length === 1 && long[0].size === shape[long[0].axis] ? { axis: long[0].axis } : null;
}

/** The stored tensor of numbers below changes of shape. */
function plainTensor(expression: WeightExpression): StoredTensor | null {
  if (expression.op === 'reshape') return plainTensor(expression.of);
  return expression.op === 'stored' && isNumeric(expression.tensor.dtype) ? expression.tensor : null;
}
