import { ModelFileError, type AttributeValue, type Graph, type GraphFunction, type GraphNode } from '../formats/modelFile.js';
import { graphsOf } from './graphScope.js';

/** Functions that call functions; exporters nest about four. */
const maximumDepth = 32;
/** Nodes after inlining: more than any exported network, and a bound on functions that double at every level. */
const maximumNodes = 500_000;

/**
 * The graph with every call of a model's own function replaced by the function's nodes. Values inside get the call's
 * name in front, so that they stay unique. Attributes that the function passes on are taken from the call.
 * @throws ModelFileError `model/limit` when functions nest or multiply beyond reason
 */
export function inlineFunctions(graph: Graph, functions: readonly GraphFunction[]): Graph {
  if (functions.length === 0) return graph;
  const inliner = new Inliner(new Map(functions.map((definition) => [key(definition.domain, definition.name), definition])));
  return inliner.graph(graph, 0);
}

function key(domain: string, name: string): string {
  return `${domain}\u0000${name}`;
}

class Inliner {
  private calls = 0;
  private nodes = 0;

  constructor(private readonly functions: ReadonlyMap<string, GraphFunction>) {}

  graph(graph: Graph, depth: number): Graph {
    return { ...graph, nodes: graph.nodes.flatMap((node) => this.node(node, depth)) };
  }

  private node(node: GraphNode, depth: number): GraphNode[] {
    if (++this.nodes > maximumNodes) throw new ModelFileError('model/limit', `The model's functions unfold to more than ${maximumNodes} nodes; export it without functions.`);
    const definition = this.functions.get(key(node.domain, node.opType));
    if (!definition) return [{ ...node, attributes: this.attributes(node, depth) }];
    if (depth > maximumDepth) throw new ModelFileError('model/limit', `The model's functions call each other more than ${maximumDepth} deep: export it without functions.`);
    const call = `${node.name || node.opType}~${++this.calls}`;
    const names = new Map<string, string>([['', '']]);
    for (const [i, input] of definition.inputs.entries()) names.set(input, node.inputs[i] ?? '');
    for (const [i, output] of definition.outputs.entries()) if (node.outputs[i]) names.set(output, node.outputs[i]);
    const rename = (name: string) => names.get(name) ?? `${call}/${name}`;
    const path = node.name === '' ? '' : `${node.name}/`;
    return definition.nodes.flatMap((inner) => {
      const renamed = renameNode(inner, rename);
      const attributes = Object.fromEntries(Object.entries(renamed.attributes).map(([name, value]) => [name, value ?? node.attributes[name] ?? null]));
      return this.node({ ...renamed, name: inner.name === '' ? node.name : path + inner.name, attributes }, depth + 1);
    });
  }

  private attributes(node: GraphNode, depth: number): GraphNode['attributes'] {
    return mapGraphs(node.attributes, (graph) => this.graph(graph, depth + 1));
  }
}

/** A node with other names for the values it reads and writes; names that a nested graph defines itself stay. */
function renameNode(node: GraphNode, rename: (name: string) => string): GraphNode {
  const attributes = mapGraphs(node.attributes, (graph) => renameCaptured(graph, rename));
  return { ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename), attributes };
}

function renameCaptured(graph: Graph, rename: (name: string) => string): Graph {
  const own = new Set(['', ...graph.inputs.map(({ name }) => name), ...graph.initializers.map(({ name }) => name), ...graph.nodes.flatMap(({ outputs }) => outputs)]);
  const outer = (name: string) => (own.has(name) ? name : rename(name));
  return { ...graph, nodes: graph.nodes.map((node) => renameNode(node, outer)), outputs: graph.outputs.map((output) => ({ ...output, name: outer(output.name) })) };
}

function mapGraphs(attributes: GraphNode['attributes'], change: (graph: Graph) => Graph): GraphNode['attributes'] {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]): [string, AttributeValue] => {
      const graphs = graphsOf(value);
      if (graphs.length === 0) return [name, value];
      return [name, Array.isArray(value) ? graphs.map(change) : change(graphs[0])];
    }),
  );
}
