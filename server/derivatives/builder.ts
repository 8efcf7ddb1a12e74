import { elementTypeNumber, type OnnxAttribute, type OnnxTensor, type OnnxType } from '../runtime/onnxWriter.js';
import { encodeElements } from './elements.js';
import { elementsOf, type Node, type ShapedGraph, type Value } from './graph.js';

/** Attributes as rules write them: an integer, a list of integers, a text, or one with its type. */
export type Attributes = Readonly<Record<string, number | readonly number[] | string | OnnxAttribute | undefined>>;

/** A floating-point attribute. ONNX stores these as float32. */
export function float(value: number): OnnxAttribute {
  return { type: 'float', value };
}

/** The standard operator set that is written: the first in which all reductions take their axes as an input. */
export const writtenOpset = 18;

/**
 * Appends operations to a graph and keeps track of every value's shape. An operation that is there already is not
 * repeated. Operators are those of `writtenOpset`; shapes are checked as far as the helpers know them.
 */
export class GraphBuilder {
  private readonly nodes: Node[];
  private readonly constants: Map<string, OnnxTensor>;
  private readonly numbers: Map<string, readonly number[]>;
  private readonly values: Map<string, Value>;
  private readonly dataDependent: Set<string>;
  private readonly known = new Map<string, Value[]>();
  private made = 0;

  /** @param base graph to start from; its nodes are left out where `withNodes` is false */
  constructor(
    private readonly base: ShapedGraph,
    withNodes = true,
  ) {
    this.nodes = withNodes ? [...base.nodes] : [];
    this.constants = new Map(base.constants);
    this.numbers = new Map(base.numbers);
    this.values = new Map(base.values);
    this.dataDependent = new Set(base.dataDependent);
  }

  /** The graph so far. */
  graph(inputs: readonly Value[], outputs: readonly string[]): ShapedGraph {
    const { nodes, constants, numbers, values, dataDependent } = this;
    return { nodes, constants, numbers, values, dataDependent, inputs, outputs, opset: this.base.opset, folder: this.base.folder };
  }

  /** @throws Error for names that no node yields */
  value(name: string): Value {
    const value = this.values.get(name);
    if (value === undefined) throw new Error(`The graph has no value ${name}.`);
    return value;
  }

  /** The name, or one like it that the graph does not have. */
  unused(name: string): string {
    let candidate = name;
    for (let count = 2; this.values.has(candidate); count++) candidate = `${name} #${count}`;
    return candidate;
  }

  /** A new input of the graph. */
  input(name: string, shape: readonly number[], dtype: OnnxType): Value {
    const value = { name, shape, dtype };
    this.values.set(name, value);
    this.dataDependent.add(name);
    return value;
  }

  /** A node as it is, whose values are known already. */
  keep(node: Node): void {
    this.nodes.push(node);
  }

  /** Gives a value a second name. */
  name(value: Value, name: string): Value {
    const renamed = { ...value, name };
    this.nodes.push({ name: '', operator: 'Identity', domain: '', inputs: [value.name], outputs: [name], attributes: {} });
    this.values.set(name, renamed);
    if (this.dataDependent.has(value.name)) this.dataDependent.add(name);
    return renamed;
  }

  /** Numbers of a small constant; null where it is no such constant. */
  numbersOf(value: Value): readonly number[] | null {
    return this.numbers.get(value.name) ?? null;
  }

  /** Whether a value is the same for all inputs of the same shapes. */
  isFixed(value: Value): boolean {
    return !this.dataDependent.has(value.name);
  }

  /** Any operation: the shapes and types of its outputs are the caller's to tell. */
  operation(operator: string, inputs: readonly (Value | null)[], outputs: readonly { shape: readonly number[]; dtype: OnnxType }[], attributes: Attributes = {}, domain = ''): Value[] {
    const names = inputs.map((value) => value?.name ?? '');
    while (names.at(-1) === '') names.pop();
    const written = Object.fromEntries(Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [[name, attribute(value)]])));
    const key = JSON.stringify([operator, domain, names, written, outputs.length]);
    const existing = this.known.get(key);
    if (existing !== undefined) return existing;
    const values = outputs.map(({ shape, dtype }) => ({ name: this.fresh(), shape, dtype }));
    this.nodes.push({ name: '', operator, domain, inputs: names, outputs: values.map(({ name }) => name), attributes: written });
    const depends = names.some((name) => this.dataDependent.has(name));
    for (const value of values) {
      this.values.set(value.name, value);
      if (depends) this.dataDependent.add(value.name);
    }
    this.known.set(key, values);
    return values;
  }

  /** An operation with one output, of the type of its first input. */
  one(operator: string, inputs: readonly (Value | null)[], shape: readonly number[], attributes: Attributes = {}, dtype?: OnnxType): Value {
    const first = inputs.find((value) => value !== null);
    return this.operation(operator, inputs, [{ shape, dtype: dtype ?? first?.dtype ?? 'float32' }], attributes)[0];
  }

  constant(dtype: OnnxType, shape: readonly number[], elements: ArrayLike<number>): Value {
    const list = Array.from(elements);
    const key = `constant ${dtype} ${shape.join(',')}: ${list.join(',')}`;
    const existing = this.known.get(key);
    if (existing !== undefined) return existing[0];
    const value = { name: this.fresh(), shape, dtype };
    this.constants.set(value.name, { name: value.name, elementType: dtype, shape, data: encodeElements(dtype, list) });
    this.numbers.set(value.name, list);
    this.values.set(value.name, value);
    this.known.set(key, [value]);
    return value;
  }

  /** A number of the type of `like`. */
  scalar(value: number, like: Value): Value {
    return this.constant(like.dtype, [], [value]);
  }

  integers(list: readonly number[]): Value {
    return this.constant('int64', [list.length], list);
  }

  /** An elementwise operation of one operand. */
  unary(operator: string, x: Value, attributes: Attributes = {}): Value {
    return this.one(operator, [x], x.shape, attributes);
  }

  /** An elementwise operation of two operands, either of which may be a number. */
  binary(operator: string, a: Value | number, b: Value | number, dtype?: OnnxType): Value {
    const like = typeof a === 'number' ? b : a;
    if (typeof like === 'number') throw new Error(`${operator} of two numbers needs no graph.`);
    const [x, y] = [a, b].map((operand) => (typeof operand === 'number' ? this.scalar(operand, like) : operand));
    return this.one(operator, [x, y], broadcastShape(x.shape, y.shape), {}, dtype);
  }

  add(a: Value | number, b: Value | number): Value {
    return this.binary('Add', a, b);
  }

  subtract(a: Value | number, b: Value | number): Value {
    return this.binary('Sub', a, b);
  }

  multiply(a: Value | number, b: Value | number): Value {
    return this.binary('Mul', a, b);
  }

  divide(a: Value | number, b: Value | number): Value {
    return this.binary('Div', a, b);
  }

  negate(x: Value): Value {
    return this.unary('Neg', x);
  }

  /** 1/√x. */
  reciprocalRoot(x: Value): Value {
    return this.unary('Reciprocal', this.unary('Sqrt', x));
  }

  /** Less, Greater, Equal, …: a boolean value. */
  compare(operator: string, a: Value | number, b: Value | number): Value {
    return this.binary(operator, a, b, 'bool');
  }

  /** The same as a factor of 0 or 1. */
  indicator(operator: string, a: Value, b: Value | number): Value {
    return this.cast(this.compare(operator, a, b), a.dtype);
  }

  where(condition: Value, a: Value, b: Value): Value {
    return this.one('Where', [condition, a, b], broadcastShape(condition.shape, broadcastShape(a.shape, b.shape)), {}, a.dtype);
  }

  cast(x: Value, dtype: OnnxType): Value {
    return x.dtype === dtype ? x : this.one('Cast', [x], x.shape, { to: elementTypeNumber(dtype) }, dtype);
  }

  /** @throws Error where the numbers of elements differ */
  reshape(x: Value, shape: readonly number[]): Value {
    if (sameShape(x.shape, shape)) return x;
    if (elementsOf(x.shape) !== elementsOf(shape)) throw new Error(`A value of shape [${x.shape.join(', ')}] cannot be reshaped to [${shape.join(', ')}].`);
    // 0 would mean: as in the input.
    return this.one('Reshape', [x, this.integers(shape)], shape, { allowzero: shape.includes(0) ? 1 : undefined });
  }

  /** @param order axis of `x` that each axis of the result is */
  transpose(x: Value, order: readonly number[]): Value {
    if (order.every((axis, i) => axis === i)) return x;
    return this.one('Transpose', [x], order.map((axis) => x.shape[axis]), { perm: order });
  }

  /** Exchanges the last two axes. */
  transposeLast(x: Value): Value {
    const order = x.shape.map((_, axis) => axis);
    const rank = order.length;
    [order[rank - 2], order[rank - 1]] = [order[rank - 1], order[rank - 2]];
    return this.transpose(x, order);
  }

  expand(x: Value, shape: readonly number[]): Value {
    return sameShape(x.shape, shape) ? x : this.one('Expand', [x, this.integers(shape)], shape);
  }

  filled(value: number, shape: readonly number[], dtype: OnnxType): Value {
    return this.expand(this.constant(dtype, [], [value]), shape);
  }

  /** Elements starts … ends − 1 of the given axes; `steps` may be negative, with ends as ONNX counts them. */
  slice(x: Value, axes: readonly number[], starts: readonly number[], ends: readonly number[], steps: readonly number[] = axes.map(() => 1)): Value {
    const shape = [...x.shape];
    for (const [i, axis] of axes.entries()) shape[axis] = Math.max(0, Math.ceil((ends[i] - starts[i]) / steps[i]));
    if (sameShape(shape, x.shape) && steps.every((step) => step === 1)) return x;
    // Before the first element there is no index that ONNX would not count from the end.
    const written = ends.map((end, i) => (steps[i] < 0 && end < 0 ? -(2 ** 31) : end));
    return this.one('Slice', [x, ...[starts, written, axes, steps].map((list) => this.integers(list))], shape);
  }

  /** Zeros around every axis; negative numbers cut off. */
  pad(x: Value, before: readonly number[], after: readonly number[]): Value {
    if ([...before, ...after].every((count) => count === 0)) return x;
    return this.one('Pad', [x, this.integers([...before, ...after])], x.shape.map((size, axis) => size + before[axis] + after[axis]));
  }

  concat(parts: readonly Value[], axis: number): Value {
    if (parts.length === 1) return parts[0];
    const shape = [...parts[0].shape];
    shape[axis] = parts.reduce((sum, part) => sum + part.shape[axis], 0);
    return this.one('Concat', parts, shape, { axis });
  }

  /** Elements of an axis by their indices, whose shape takes the place of the axis. */
  gather(x: Value, indices: Value, axis: number): Value {
    return this.one('Gather', [x, indices], [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)], { axis });
  }

  /** Products of the last two axes, the others broadcast. Both operands have at least two axes. */
  matrixProduct(a: Value, b: Value): Value {
    const [rank, otherRank] = [a.shape.length, b.shape.length];
    if (a.shape[rank - 1] !== b.shape[otherRank - 2]) throw new Error(`Matrices of shapes [${a.shape.join(', ')}] and [${b.shape.join(', ')}] have no product.`);
    return this.one('MatMul', [a, b], [...broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), a.shape[rank - 2], b.shape[otherRank - 1]]);
  }

  /** α·op(A)·op(B) of two matrices. */
  gemm(a: Value, b: Value, { transposeA = false, transposeB = false, alpha = 1 } = {}): Value {
    return this.one('Gemm', [a, b], [a.shape[transposeA ? 1 : 0], b.shape[transposeB ? 0 : 1]], { transA: transposeA ? 1 : undefined, transB: transposeB ? 1 : undefined, alpha: alpha === 1 ? undefined : float(alpha) });
  }

  /** ReduceSum, ReduceMean, ReduceMax, …: without axes the value itself. */
  reduce(operator: string, x: Value, axes: readonly number[], keep = false): Value {
    if (axes.length === 0) return x;
    const shape = x.shape.flatMap((size, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [size]));
    return this.one(operator, [x, this.integers(axes)], shape, { keepdims: keep ? 1 : 0 });
  }

  sum(x: Value, axes: readonly number[], keep = false): Value {
    return this.reduce('ReduceSum', x, axes, keep);
  }

  mean(x: Value, axes: readonly number[], keep = true): Value {
    return this.reduce('ReduceMean', x, axes, keep);
  }

  /** Target with the updates added at indices along an axis; indices and updates have the same shape. */
  scatterAdd(target: Value, indices: Value, updates: Value, axis: number): Value {
    return this.one('ScatterElements', [target, indices, updates], target.shape, { axis, reduction: 'add' });
  }

  private fresh(): string {
    for (;;) {
      const name = `d${this.made++}`;
      if (!this.values.has(name)) return name;
    }
  }
}

/** @throws Error for shapes that do not broadcast */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a, b].map((shape) => (i < rank - shape.length ? 1 : shape[i - rank + shape.length]));
    if (x !== y && x !== 1 && y !== 1) throw new Error(`Shapes [${a.join(', ')}] and [${b.join(', ')}] do not broadcast.`);
    return x === 1 ? y : x;
  });
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

function attribute(value: number | readonly number[] | string | OnnxAttribute): OnnxAttribute {
  if (typeof value === 'number') return { type: 'int', value };
  if (typeof value === 'string') return { type: 'string', value };
  return 'type' in value ? value : { type: 'ints', value };
}
