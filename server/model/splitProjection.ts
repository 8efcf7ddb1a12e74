import type { GraphNode } from '../formats/modelFile.js';
import { numberAttribute, numbersAttribute } from './attributes.js';
import { axisOf, evenSplit, type ConstantResolver } from './constantResolver.js';
import type { LayerDraft } from './draft.js';
import { elementsOf } from './expression.js';
import type { Scope, Use } from './graphScope.js';
import { projectionPart, type ProjectionPart } from './operators/attention.js';
import { describe } from './operators/dense.js';
import type { ShapeInference } from './shapes.js';

/** Operations between a projection and its split; exporters write at most five. */
const maximumSteps = 12;
/** Operations between a part and the product of attention (rotary embedding is the longest). */
const maximumReach = 80;

/** Where a run of output units lies in an axis of a value. */
interface Factor {
  size: number;
  /** Units between neighbours. */
  stride: number;
}

/** A part of a projection and the value that carries it. */
interface SplitPart {
  value: string;
  part: ProjectionPart;
  /** The operation that changed the numbers between the projection and the split; null where they are still its own. */
  changedBy: GraphNode | null;
}

type CutPart = Omit<SplitPart, 'changedBy'>;

/** Operations before a split after which the numbers are no longer those of the affine map. */
const changing = new Set(['Mul', 'QuantizeLinear', 'DequantizeLinear']);

/**
 * Query, key and value of one fused projection, where the graph takes its output apart into three and two of the parts
 * meet in a product (or an attention operator). Null where it does not: the layer stays whole.
 */
export function splitProjection(layer: LayerDraft, resolver: ConstantResolver, shapes: ShapeInference): LayerDraft[] | null {
  if (layer.kind !== 'dense' || layer.output === null || layer.unitAxis !== -1) return null;
  const [groups, units, columns] = layer.weight.shape;
  if (groups !== 1) return null;
  const parts = new ProjectionWalk(layer.at.scope, resolver, shapes, units).split(layer.output);
  const names = parts && rolesOf(layer.at.scope, parts);
  if (!parts || !names) return null;
  const inputsFirst = layer.shape.length === 2 && layer.shape[0] === columns && layer.shape[1] === units;
  const split = parts.map(({ part, value, changedBy }, i): LayerDraft & { role: string } => {
    const weight = projectionPart(layer.weight, part);
    const rows = weight.shape[1];
    return { ...layer, weight, kind: 'attention', suffix: `.${names[i]}`, shape: inputsFirst ? [columns, rows] : [rows, columns], output: null, input: i === 0 ? layer.input : null, part: outputOf(value, changedBy), role: names[i] };
  });
  return split.sort((a, b) => 'qkv'.indexOf(a.role) - 'qkv'.indexOf(b.role));
}

function outputOf(value: string, changedBy: GraphNode | null): Required<LayerDraft>['part'] {
  return changedBy ? { reason: `${describe(changedBy)} changes the projection before it is split, so that no value of the graph is this part of it.` } : { output: value };
}

/** Follows the output of a projection to where it is split, knowing which axis holds which units. */
class ProjectionWalk {
  constructor(
    private readonly scope: Scope,
    private readonly resolver: ConstantResolver,
    private readonly shapes: ShapeInference,
    private readonly units: number,
  ) {}

  /** The three parts and their values, or null. */
  split(output: string): SplitPart[] | null {
    let value = output;
    // The last axes of the value, as far as they are known; an axis without factors is not one of units.
    let tail: Factor[][] = [[{ size: this.units, stride: 1 }]];
    let changedBy: GraphNode | null = null;
    for (let step = 0; step < maximumSteps; step++) {
      // Asking for the shape (chunk does) is no use of the values.
      const uses = this.scope.usesOf(value).filter(({ node }) => node.opType !== 'Shape');
      const parts = this.partsOf(uses, value, tail);
      if (parts) return parts.map((part) => ({ ...part, changedBy }));
      const use = uses.length === 1 ? uses[0] : null;
      const next = use && this.follow(use, tail);
      if (!use || !next) return null;
      value = use.node.outputs[0];
      tail = next;
      if (changing.has(use.node.opType)) changedBy = use.node;
    }
    return null;
  }

  /** The tail after an operation that keeps or moves the units. */
  private follow({ node, input }: Use, tail: Factor[][]): Factor[][] | null {
    switch (node.opType) {
      case 'Identity':
      case 'Cast':
      case 'QuantizeLinear':
      case 'DequantizeLinear':
        return input === 0 ? tail : null;
      case 'Add':
      case 'Mul':
        return this.resolver.resolve(this.scope, node.inputs[1 - input]) ? tail : null;
      case 'Reshape':
        return input === 0 && tail.at(-1)?.[0]?.stride === 1 && tail.at(-1)?.[0]?.size === this.units ? this.reshaped(node.outputs[0], node.inputs[1]) : null;
      case 'Transpose': {
        const permutation = numbersAttribute(node, 'perm');
        if (!permutation || permutation.length < tail.length) return null;
        const all = [...new Array<Factor[]>(permutation.length - tail.length).fill([]), ...tail];
        return permutation.map((axis) => all[axis] ?? []);
      }
      case 'Unsqueeze':
      case 'Squeeze':
        return input === 0 ? this.resized(node, tail) : null;
      default:
        return null;
    }
  }

  /** Axes of size 1 put in or taken out; needs the rank of the value. */
  private resized(node: GraphNode, tail: Factor[][]): Factor[][] | null {
    const rank = this.shapes.of(this.scope, node.inputs[0])?.length;
    const given = numbersAttribute(node, 'axes') ?? this.numbers(node.inputs[1]);
    if (rank === undefined || rank < tail.length || !given) return null;
    const all = [...new Array<Factor[]>(rank - tail.length).fill([]), ...tail];
    const insert = node.opType === 'Unsqueeze';
    const axes = given.map((axis) => axisOf(axis, insert ? rank + given.length : rank)).filter((axis) => axis !== null);
    if (insert) {
      for (const axis of axes.sort((a, b) => a - b)) all.splice(axis, 0, []);
      return all;
    }
    return all.filter((_, axis) => !axes.includes(axis));
  }

  /** A small integer value, written in the file or computed from shapes that are known. */
  private numbers(name: string | undefined): number[] | null {
    const values = name === undefined || name === '' ? null : this.shapes.valuesOf(this.scope, name);
    return values?.every((value) => value !== null) ? values : null;
  }

  /** The unit axis under a new shape: its last sizes must multiply to the units. */
  private reshaped(output: string, target: string): Factor[][] | null {
    const shape = this.shapes.of(this.scope, output) ?? this.shapes.valuesOf(this.scope, target);
    const sizes: number[] = [];
    for (let axis = (shape?.length ?? 0) - 1; axis >= 0 && elementsOf(sizes) < this.units; axis--) {
      const size = shape?.[axis] ?? null;
      if (size === null || size < 1) return null;
      sizes.unshift(size);
    }
    if (elementsOf(sizes) !== this.units) return null;
    return sizes.map((size, axis) => [{ size, stride: elementsOf(sizes.slice(axis + 1)) }]);
  }

  /** Three parts that a Split, or three Gathers or Slices, take from the value. */
  private partsOf(uses: readonly Use[], value: string, tail: Factor[][]): CutPart[] | null {
    const [first] = uses;
    if (uses.length === 1 && first.node.opType === 'Split' && first.node.outputs.length === 3) {
      const axis = this.tailAxis(numberAttribute(first.node, 'axis', 0), value, tail);
      const factor = axis === null ? undefined : tail[axis][0];
      if (!factor) return null;
      const given = numbersAttribute(first.node, 'split') ?? (first.node.inputs[1] ? this.numbers(first.node.inputs[1]) : evenSplit(factor.size, 3));
      if (given?.length !== 3 || given[0] + given[1] + given[2] !== factor.size) return null;
      const starts = [0, given[0], given[0] + given[1]];
      return given.map((length, i) => ({ value: first.node.outputs[i], part: this.part(factor, starts[i], length) }));
    }
    if (uses.length !== 3) return null;
    const parts = uses.map((use) => this.cut(use, value, tail)).filter((part) => part !== null);
    parts.sort((a, b) => a.part.start - b.part.start);
    const disjoint = parts.length === 3 && parts.every(({ part }, i) => part.start === (i === 0 ? 0 : parts[i - 1].part.start + parts[i - 1].part.length) && part.inner === parts[0].part.inner);
    return disjoint && parts[2].part.start + parts[2].part.length === parts[2].part.middle ? parts : null;
  }

  /** What one Gather or Slice takes. */
  private cut({ node, input }: Use, value: string, tail: Factor[][]): CutPart | null {
    if (input !== 0) return null;
    if (node.opType === 'Gather') {
      const index = this.numbers(node.inputs[1]);
      const factor = this.factorAt(numberAttribute(node, 'axis', 0), value, tail);
      if (index?.length !== 1 || !factor) return null;
      return { value: node.outputs[0], part: this.part(factor, index[0] < 0 ? index[0] + factor.size : index[0], 1) };
    }
    if (node.opType !== 'Slice') return null;
    const numbers = (name: string, at: number) => numbersAttribute(node, name) ?? this.numbers(node.inputs[at]);
    const [starts, ends, axes] = [numbers('starts', 1), numbers('ends', 2), numbers('axes', 3)];
    if (starts?.length !== 1 || ends?.length !== 1 || axes?.length !== 1) return null;
    const factor = this.factorAt(axes[0], value, tail);
    if (!factor) return null;
    const clamp = (index: number) => Math.min(Math.max(index < 0 ? index + factor.size : index, 0), factor.size);
    return { value: node.outputs[0], part: this.part(factor, clamp(starts[0]), clamp(ends[0]) - clamp(starts[0])) };
  }

  private factorAt(axis: number, value: string, tail: Factor[][]): Factor | null {
    const at = this.tailAxis(axis, value, tail);
    return at === null ? null : (tail[at][0] ?? null);
  }

  /** Position in the tail of an axis of the value; positive axes need its rank. */
  private tailAxis(axis: number, value: string, tail: Factor[][]): number | null {
    const rank = this.shapes.of(this.scope, value)?.length;
    if (axis >= 0 && rank === undefined) return null;
    const fromEnd = axis < 0 ? axis : axis - (rank ?? 0);
    return axisOf(fromEnd, tail.length);
  }

  private part({ size, stride }: Factor, start: number, length: number): ProjectionPart {
    return { outer: this.units / (size * stride), middle: size, inner: stride, start, length };
  }
}

/** Operators of attention whose first three inputs are query, key and value. */
const attentionOperators = new Set(['Attention', 'MultiHeadAttention', 'GroupQueryAttention', 'PackedMultiHeadAttention', 'DecoderMaskedMultiHeadAttention', 'SparseAttention']);
/** Where a walk towards the product of attention ends. */
const products = new Set(['MatMul', 'Einsum', 'FusedMatMul', 'Gemm', 'Conv', ...attentionOperators]);

/** q, k or v for each part: query and key meet in a product, left and right; null where no two parts meet. */
function rolesOf(scope: Scope, parts: readonly SplitPart[]): string[] | null {
  const reached = parts.map(({ value }) => productsAhead(scope, value));
  for (const [a, first] of reached.entries()) {
    for (const [node, input] of first) {
      if (input !== 0) continue;
      const b = reached.findIndex((other, i) => i !== a && other.get(node) === 1);
      if (b < 0) continue;
      const roles = ['v', 'v', 'v'];
      roles[a] = 'q';
      roles[b] = 'k';
      return roles;
    }
  }
  return null;
}

/** The first products that a value flows into, and as which input. */
function productsAhead(scope: Scope, value: string): Map<unknown, number> {
  const found = new Map<unknown, number>();
  const queue = [value];
  const seen = new Set(queue);
  for (let steps = 0; queue.length > 0 && steps < maximumReach; steps++) {
    for (const { node, input } of scope.usesOf(queue.shift() ?? '')) {
      if (products.has(node.opType)) {
        if (!found.has(node)) found.set(node, input);
        continue;
      }
      if (node.opType === 'Softmax') continue;
      for (const output of node.outputs) {
        if (output === '' || seen.has(output)) continue;
        seen.add(output);
        queue.push(output);
      }
    }
  }
  return found;
}
