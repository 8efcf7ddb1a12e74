import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor, OnnxType } from '../runtime/onnxWriter.js';
import { decodeElements, encodeElements } from './elements.js';
import { elementsOf, type FlatGraph, type Node } from './graph.js';

/** Constants of at most so many elements may be parameters of an operation. */
const numbersKept = 1024;

/**
 * Puts graphs that are attributes of nodes into the graph around them, in the network's own operator set. Every name of
 * theirs becomes a new one; names that they take from outside stay.
 */
export class Inliner {
  readonly nodes: Node[] = [];
  private readonly constants: Map<string, OnnxTensor>;
  private readonly numbers: Map<string, readonly number[]>;
  private readonly taken: Set<string>;

  constructor(private readonly network: FlatGraph) {
    this.constants = new Map(network.constants);
    this.numbers = new Map(network.numbers);
    this.taken = new Set([...network.constants.keys(), ...network.inputs.map(({ name }) => name), ...network.nodes.flatMap(({ outputs }) => outputs)]);
  }

  graph(): FlatGraph {
    return { ...this.network, nodes: this.nodes, constants: this.constants, numbers: this.numbers };
  }

  /** Adds a body's nodes with the given values for its inputs. @returns names of its outputs */
  body(body: OnnxGraph, inputs: readonly string[], label: string): string[] {
    const renamed = new Map<string, string>();
    for (const [i, { name }] of body.inputs.entries()) renamed.set(name, inputs[i]);
    for (const tensor of body.initializers) {
      const name = this.fresh(`${tensor.name} ${label}`);
      renamed.set(tensor.name, name);
      this.addConstant({ ...tensor, name });
    }
    for (const name of body.nodes.flatMap(({ outputs }) => outputs)) if (name !== '') renamed.set(name, this.fresh(`${name} ${label}`));
    for (const node of body.nodes) this.nodes.push({ name: '', ...renamedNode(node, renamed) });
    return outputNames(body).map((name) => renamed.get(name) ?? name);
  }

  /** A value under a second name. */
  alias(name: string, as: string): void {
    if (as !== '') this.nodes.push({ name: '', operator: 'Identity', domain: '', inputs: [name], outputs: [as], attributes: {} });
  }

  /** A new node. @returns names of its outputs */
  node(operator: string, inputs: readonly string[], attributes: Node['attributes'], outputs = 1): string[] {
    const made = Array.from({ length: outputs }, (_, i) => this.fresh(`${inputs[0]} ${operator} ${i}`));
    this.nodes.push({ name: '', operator, domain: '', inputs, outputs: made, attributes });
    return made;
  }

  constant(dtype: OnnxType, shape: readonly number[], values: readonly number[]): string {
    const name = this.fresh(`constant ${dtype} ${values.length === 1 ? values[0] : ''}`);
    this.addConstant({ name, elementType: dtype, shape, data: encodeElements(dtype, values) });
    return name;
  }

  /** The elements of an axis one by one, each without the axis. */
  elements(name: string, axis: number, count: number): string[] {
    if (count === 0) return [];
    const sizes = new Array<number>(count).fill(1);
    const parts = this.withList('Split', name, 'split', sizes, { axis: { type: 'int', value: axis } }, count);
    return parts.map((part) => this.withList('Squeeze', part, 'axes', [axis])[0]);
  }

  /** Values of equal shapes along a new axis. */
  stacked(names: readonly string[], axis: number): string {
    const parts = names.map((name) => this.withList('Unsqueeze', name, 'axes', [axis])[0]);
    return this.node('Concat', parts, { axis: { type: 'int', value: axis } })[0];
  }

  /** A node with a list that is an attribute before operator set 13 and an input from then on. */
  private withList(operator: string, input: string, list: string, values: readonly number[], attributes: Node['attributes'] = {}, outputs = 1): string[] {
    if (this.network.opset[''] < 13) return this.node(operator, [input], { ...attributes, [list]: { type: 'ints', value: values } }, outputs);
    return this.node(operator, [input, this.constant('int64', [values.length], values)], attributes, outputs);
  }

  private addConstant(tensor: OnnxTensor): void {
    this.constants.set(tensor.name, tensor);
    const values = elementsOf(tensor.shape) <= numbersKept && tensor.data instanceof Uint8Array ? decodeElements(tensor.elementType, tensor.data) : null;
    if (values !== null) this.numbers.set(tensor.name, values);
  }

  private fresh(name: string): string {
    let candidate = name;
    for (let i = 2; this.taken.has(candidate); i++) candidate = `${name} (${i})`;
    this.taken.add(candidate);
    return candidate;
  }
}

function outputNames(graph: OnnxGraph): string[] {
  return graph.outputs.map((output) => (typeof output === 'string' ? output : output.name));
}

function renamedNode(node: OnnxNode, renamed: ReadonlyMap<string, string>): OnnxNode {
  const name = (old: string): string => renamed.get(old) ?? old;
  return { ...node, inputs: node.inputs.map(name), outputs: node.outputs.map(name), attributes: renamedAttributes(node, renamed) };
}

/** Graphs inside a graph read its values, but where they have one of the same name. */
function renamedAttributes({ attributes }: OnnxNode, renamed: ReadonlyMap<string, string>): OnnxNode['attributes'] {
  const change = (attribute: OnnxAttribute): OnnxAttribute => {
    if (attribute.type !== 'graph') return attribute;
    const graph = attribute.value;
    const own = new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.map(({ name }) => name), ...graph.nodes.flatMap(({ outputs }) => outputs)]);
    const visible = new Map([...renamed].filter(([name]) => !own.has(name)));
    const outputs = graph.outputs.map((output) => (typeof output === 'string' ? (visible.get(output) ?? output) : { ...output, name: visible.get(output.name) ?? output.name }));
    return { type: 'graph', value: { ...graph, outputs, nodes: graph.nodes.map((node) => renamedNode(node, visible)) } };
  };
  return Object.fromEntries(Object.entries(attributes).map(([key, attribute]) => [key, change(attribute)]));
}
