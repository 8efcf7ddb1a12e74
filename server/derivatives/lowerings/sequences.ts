import type { OnnxAttribute, OnnxTensor } from '../../runtime/onnxWriter.js';
import { encodeElements } from '../elements.js';
import { describeNode, nodesFor, NotDifferentiable, type FlatGraph, type Node } from '../graph.js';

/** What is known of a sequence: its tensors by name, or that it is made of the parts of one tensor. */
type Sequence = { items: readonly string[] } | Parts;

/** Parts of `size` elements along an axis of `of`, the last perhaps smaller; or single ones, whose axis is left out. */
interface Parts {
  of: string;
  axis: number;
  size: number | null;
}

export const sequenceOperators: ReadonlySet<string> = new Set(['SequenceEmpty', 'SequenceConstruct', 'SequenceInsert', 'SequenceErase', 'SequenceAt', 'SequenceLength', 'ConcatFromSequence', 'SplitToSequence']);
/** What is or may be there: a tensor or a sequence in a box. */
export const optionalOperators: ReadonlySet<string> = new Set(['Optional', 'OptionalGetElement']);

/**
 * The network without sequences and optional values: what is put into them is followed to where it is taken out. Sequences have no shape and no
 * derivative, and onnxruntime does not hand them out.
 * Definitions: https://onnx.ai/onnx/operators/onnx__SequenceAt.html and those beside it.
 * @throws NotDifferentiable naming the node whose place in a sequence, or whose number of tensors, is not fixed
 */
export function withoutSequences(network: FlatGraph, outputs: readonly string[]): FlatGraph {
  const nodes = nodesFor(network.nodes, outputs);
  if (!nodes.some(isSequenceNode)) return { ...network, nodes };
  const follower = new SequenceFollower(network);
  for (const node of nodes) follower.add(node);
  for (const name of outputs) if (follower.isSequence(name)) throw new NotDifferentiable(`${name} is a sequence of tensors, which has no derivative: choose one of its tensors.`);
  return { ...network, nodes: follower.nodes, constants: follower.constants, numbers: follower.numbers };
}

function isSequenceNode({ operator, domain }: Node): boolean {
  return domain === '' && (sequenceOperators.has(operator) || optionalOperators.has(operator));
}

class SequenceFollower {
  readonly nodes: Node[] = [];
  readonly constants: Map<string, OnnxTensor>;
  readonly numbers: Map<string, readonly number[]>;
  private readonly sequences = new Map<string, Sequence>();
  private readonly opset: number;
  private made = 0;

  constructor(network: FlatGraph) {
    this.constants = new Map(network.constants);
    this.numbers = new Map(network.numbers);
    this.opset = network.opset[''];
  }

  isSequence(name: string): boolean {
    return this.sequences.has(name);
  }

  /** A node as it is, or what takes its place. */
  add(node: Node): void {
    const made = this.madeBy(node);
    if (made !== null) this.sequences.set(node.outputs[0], made);
    else if (node.operator === 'SequenceAt') this.take(node);
    else if (node.operator === 'SequenceLength') this.alias(node, this.constant([], [this.items(node).length]));
    else if (node.operator === 'ConcatFromSequence') this.concatenate(node);
    else if (optionalOperators.has(node.operator)) this.alias(node, node.inputs.at(0) ?? fail(node, 'holds nothing'));
    else if (node.inputs.some((name) => this.sequences.has(name))) fail(node, 'reads a sequence of tensors in a way that is not followed');
    else this.nodes.push(node);
  }

  /** The sequence that a node makes; null where it makes none. */
  private madeBy(node: Node): Sequence | null {
    const { operator, inputs } = node;
    if (operator === 'Identity' || optionalOperators.has(operator)) return this.sequences.get(inputs[0]) ?? null;
    if (!isSequenceNode(node)) return null;
    if (operator === 'SequenceEmpty') return { items: [] };
    if (operator === 'SequenceConstruct') return { items: inputs };
    if (operator === 'SplitToSequence') return this.split(node);
    if (operator !== 'SequenceInsert' && operator !== 'SequenceErase') return null;
    const items = [...this.items(node)];
    if (operator === 'SequenceInsert') items.splice(this.place(node, 2, items.length) ?? items.length, 0, inputs[1]);
    else items.splice(this.place(node, 1, items.length) ?? items.length - 1, 1);
    return { items };
  }

  private split(node: Node): Sequence {
    const axis = integer(node, 'axis', 0);
    const [of, sizes = ''] = node.inputs;
    if (sizes === '') return { of, axis, size: integer(node, 'keepdims', 1) === 0 ? null : 1 };
    const given = this.fixed(node, 1);
    if (this.constants.get(sizes)?.shape.length === 0) return { of, axis, size: given[0] };
    const starts = given.map((_, i) => given.slice(0, i).reduce((sum, size) => sum + size, 0));
    return { items: starts.map((start, i) => this.slice(of, axis, start, start + given[i])) };
  }

  private take(node: Node): void {
    const sequence = this.sequence(node);
    if ('items' in sequence) this.alias(node, this.item(node, sequence.items));
    else this.takePart(node, sequence);
  }

  private item(node: Node, items: readonly string[]): string {
    const place = this.place(node, 1, items.length) ?? 0;
    if (place < 0 || place >= items.length) return fail(node, `takes the tensor ${place} of a sequence of ${items.length}`);
    return items[place];
  }

  private takePart(node: Node, { of, axis, size }: Parts): void {
    const [place] = this.fixed(node, 1);
    if (size === null) {
      this.nodes.push({ ...node, operator: 'Gather', inputs: [of, this.constant([], [place])], attributes: { axis: { type: 'int', value: axis } } });
      return;
    }
    if (place < 0 && size !== 1) fail(node, 'takes a part from the end of a tensor whose size is not told');
    // The end of the last part is the end of the axis.
    const end = place === -1 ? 2 ** 31 - 1 : (place + 1) * size;
    this.alias(node, this.slice(of, axis, place * size, end));
  }

  private concatenate(node: Node): void {
    const axis: OnnxAttribute = { type: 'int', value: integer(node, 'axis', 0) };
    const items = this.items(node);
    const parts = integer(node, 'new_axis', 0) === 0 ? items : items.map((item) => this.unsqueezed(item, axis.value));
    this.nodes.push({ ...node, operator: 'Concat', inputs: parts, attributes: { axis } });
  }

  private unsqueezed(item: string, axis: number): string {
    if (this.opset >= 13) return this.node('Unsqueeze', [item, this.constant([1], [axis])]);
    return this.node('Unsqueeze', [item], { axes: { type: 'ints', value: [axis] } });
  }

  private slice(of: string, axis: number, start: number, end: number): string {
    return this.node('Slice', [of, ...[start, end, axis].map((number) => this.constant([1], [number]))]);
  }

  private sequence(node: Node): Sequence {
    return this.sequences.get(node.inputs[0]) ?? fail(node, 'reads a sequence whose tensors are not known before the network runs');
  }

  private items(node: Node): readonly string[] {
    const sequence = this.sequence(node);
    return 'items' in sequence ? sequence.items : fail(node, 'reads all parts of a tensor whose number is not told');
  }

  /** A place in a sequence counted from its start; null where it is not told. */
  private place(node: Node, input: number, length: number): number | null {
    if ((node.inputs.at(input) ?? '') === '') return null;
    const [place] = this.fixed(node, input);
    return place < 0 ? place + length : place;
  }

  private fixed(node: Node, input: number): readonly number[] {
    return this.numbers.get(node.inputs[input]) ?? fail(node, `takes its input ${input} (${node.inputs[input]}) from the data, and what is done with a sequence must be fixed`);
  }

  private constant(shape: readonly number[], elements: readonly number[]): string {
    const name = this.fresh();
    this.constants.set(name, { name, elementType: 'int64', shape, data: encodeElements('int64', elements) });
    this.numbers.set(name, elements);
    return name;
  }

  private node(operator: string, inputs: readonly string[], attributes: Node['attributes'] = {}): string {
    const name = this.fresh();
    this.nodes.push({ name: '', operator, domain: '', inputs, outputs: [name], attributes });
    return name;
  }

  /** A value takes the place of what the node yields. */
  private alias(node: Node, value: string): void {
    this.nodes.push({ ...node, operator: 'Identity', inputs: [value], attributes: {} });
  }

  private fresh(): string {
    return `part ${this.made++} of a sequence`;
  }
}

function integer({ attributes }: Node, name: string, fallback: number): number {
  const attribute = Object.hasOwn(attributes, name) ? attributes[name] : null;
  return attribute?.type === 'int' ? attribute.value : fallback;
}

function fail(node: Node, what: string): never {
  throw new NotDifferentiable(`${describeNode(node)} ${what}.`, node);
}
