import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor, OnnxType } from '../runtime/onnxWriter.js';

/** A tensor of a graph whose shape is known for the inputs at hand. */
export interface Value {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: OnnxType;
}

export interface Node extends OnnxNode {
  /** As in the user's file, for messages; "" for nodes made here. */
  readonly name: string;
}

/** A flat graph: nodes in topological order, constants by name. */
export interface FlatGraph {
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, OnnxTensor>;
  /** Numbers of the constants that are small enough to be parameters of an operation. */
  readonly numbers: ReadonlyMap<string, readonly number[]>;
  readonly inputs: readonly { name: string; dtype: OnnxType; shape: readonly (number | string)[] | null }[];
  readonly outputs: readonly string[];
  /** Versions of the operator sets by domain, "" for the standard one. */
  readonly opset: Readonly<Record<string, number>>;
  /** Folder that the places of constants are relative to. */
  readonly folder: string;
}

/** A flat graph for inputs of given shapes: every value's shape and type is known. */
export interface ShapedGraph extends Omit<FlatGraph, 'inputs'> {
  readonly inputs: readonly Value[];
  /** Inputs, constants and what nodes yield. */
  readonly values: ReadonlyMap<string, Value>;
  /** Values that depend on what is in the inputs, and not on their shapes alone. */
  readonly dataDependent: ReadonlySet<string>;
}

/** Why a model, or a part of it, cannot be differentiated: one sentence. */
export class NotDifferentiable extends Error {
  /**
   * @param node that stands in the way, where it is one
   * @param parameter name of a value that depends on the data and would have to be fixed
   */
  constructor(
    message: string,
    readonly node: Node | null = null,
    readonly parameter: string | null = null,
  ) {
    super(message);
    this.name = 'NotDifferentiable';
  }
}

export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function isFloat(dtype: OnnxType): boolean {
  return dtype === 'float32' || dtype === 'float64' || dtype === 'float16' || dtype === 'bfloat16';
}

/** An operator with its domain, as messages and tables name it. */
export function operatorName({ operator, domain }: Pick<OnnxNode, 'operator' | 'domain'>): string {
  return domain === '' ? operator : `${domain}.${operator}`;
}

/** A node as a sentence names it. */
export function describeNode(node: Node): string {
  return `${operatorName(node)} (${node.name === '' ? `which makes ${node.outputs.find((name) => name !== '') ?? 'nothing'}` : node.name})`;
}

/** Names that a node reads, those that graphs in its attributes take from outside among them. */
export function namesRead(node: Pick<OnnxNode, 'inputs' | 'attributes'>): string[] {
  return [...node.inputs.filter((name) => name !== ''), ...Object.values(node.attributes).flatMap(capturedBy)];
}

function capturedBy(attribute: OnnxAttribute): string[] {
  return attribute.type === 'graph' ? captured(attribute.value) : [];
}

/** Names that a nested graph takes from outside. */
function captured(graph: OnnxGraph): string[] {
  const own = new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.map(({ name }) => name), ...graph.nodes.flatMap(({ outputs }) => outputs)]);
  const outputs = graph.outputs.map((output) => (typeof output === 'string' ? output : output.name));
  return [...new Set([...graph.nodes.flatMap(namesRead), ...outputs].filter((name) => name !== '' && !own.has(name)))];
}

/** The nodes that the given values are made by, directly or not, in their order. */
export function nodesFor(nodes: readonly Node[], wanted: Iterable<string>): Node[] {
  const needed = new Set(wanted);
  const kept: Node[] = [];
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (!node.outputs.some((name) => needed.has(name))) continue;
    kept.push(node);
    for (const name of namesRead(node)) needed.add(name);
  }
  return kept.reverse();
}

/** What a set of nodes and outputs needs of the constants. */
export function constantsFor(nodes: readonly Node[], outputs: readonly string[], constants: ReadonlyMap<string, OnnxTensor>): OnnxTensor[] {
  const read = new Set([...nodes.flatMap(namesRead), ...outputs]);
  return [...constants.values()].filter(({ name }) => read.has(name));
}
