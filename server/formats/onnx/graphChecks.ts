import { ModelFileError, type AttributeValue, type Graph, type GraphNode } from '../modelFile.js';
import { quote } from '../sentences.js';

/** Nodes of a cycle that a sentence names. */
const NAMED_NODES = 6;

/**
 * The nodes so that each comes after those it reads from, also through graphs in its attributes; in the given order
 * where that already is one (as the ONNX specification asks). Depth first, O(nodes + edges).
 * @param given names that exist before any node: inputs and initializers
 * @param file name of the model, for sentences
 * @throws ModelFileError `model/corrupt` for a value that two nodes define, or a cycle, whose nodes it names
 */
export function orderNodes(nodes: readonly GraphNode[], given: readonly string[], file: string): GraphNode[] {
  const producers = findProducers(nodes, given, file);
  if (nodes.every((node, index) => valuesRead(node).every((name) => (producers.get(name) ?? -1) < index))) return [...nodes];
  const sources = nodes.map((node) => valuesRead(node).flatMap((name) => producers.get(name) ?? []));
  return depthFirst(sources, (cycle) => cycleError(cycle.map((node) => nodes[node]), file)).map((node) => nodes[node]);
}

function findProducers(nodes: readonly GraphNode[], given: readonly string[], file: string): Map<string, number> {
  const existing = new Set(given);
  const producers = new Map<string, number>();
  for (let index = 0; index < nodes.length; index++) {
    const node = nodes[index];
    for (const output of node.outputs) {
      // An empty name stands for an output that is not wanted.
      if (output === '') continue;
      if (producers.has(output) || existing.has(output)) {
        throw new ModelFileError('model/corrupt', `The graph of ${file} defines ${quote(output)} twice, the second time by ${nodeLabel(node)}, and a value may have one origin only: export the model again.`);
      }
      producers.set(output, index);
    }
  }
  return producers;
}

/** Names that a node reads: its inputs ("" for one that is left out), and what graphs in its attributes take from outside. */
function valuesRead(node: GraphNode): string[] {
  const graphs = graphsOf(node);
  return graphs.length === 0 ? node.inputs : [...node.inputs, ...graphs.flatMap(capturedValues)];
}

/** The graphs in a node's attributes (the branches of If, the bodies of Loop and Scan). */
export function graphsOf(node: GraphNode): Graph[] {
  const graphs: Graph[] = [];
  for (const value of Object.values(node.attributes)) {
    if (isGraph(value)) graphs.push(value);
    else if (isGraphList(value)) graphs.push(...value);
  }
  return graphs;
}

function isGraph(value: AttributeValue | Graph | undefined): value is Graph {
  return typeof value === 'object' && value !== null && 'nodes' in value;
}

function isGraphList(value: AttributeValue): value is Graph[] {
  return Array.isArray(value) && typeof value[0] === 'object';
}

/** Names that a graph uses and does not define itself. */
function capturedValues(graph: Graph): string[] {
  const own = new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.map(({ name }) => name)]);
  for (const node of graph.nodes) for (const output of node.outputs) own.add(output);
  const used = new Set(graph.outputs.map(({ name }) => name));
  for (const node of graph.nodes) for (const name of valuesRead(node)) used.add(name);
  return [...used].filter((name) => !own.has(name));
}

/** Topological order by depth-first search, without recursion: a chain of 100,000 nodes must not end the stack. */
function depthFirst(sources: readonly (readonly number[])[], onCycle: (cycle: number[]) => ModelFileError): number[] {
  const order: number[] = [];
  const state = new Uint8Array(sources.length);
  const OPEN = 1;
  const DONE = 2;
  for (const root of sources.keys()) {
    if (state[root] === DONE) continue;
    const path = [{ node: root, next: 0 }];
    state[root] = OPEN;
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      if (top.next === sources[top.node].length) {
        state[top.node] = DONE;
        order.push(top.node);
        path.pop();
        continue;
      }
      const source = sources[top.node][top.next];
      top.next += 1;
      if (state[source] === OPEN) throw onCycle(path.slice(path.findIndex(({ node }) => node === source)).map(({ node }) => node));
      if (state[source] !== DONE) {
        state[source] = OPEN;
        path.push({ node: source, next: 0 });
      }
    }
  }
  return order;
}

function cycleError(cycle: readonly GraphNode[], file: string): ModelFileError {
  // The search goes from a node to what it reads; data flow the other way.
  const labels = [...cycle].reverse().map(nodeLabel);
  const shown = labels.length > NAMED_NODES ? [...labels.slice(0, NAMED_NODES), `${labels.length - NAMED_NODES} more`] : [...labels, labels[0]];
  return new ModelFileError('model/corrupt', `The graph of ${file} has a cycle (${shown.join(' → ')}), and an ONNX graph must have none: export the model again.`);
}

/** A node for a sentence: its name, or its operation and first output. */
function nodeLabel(node: GraphNode): string {
  return node.name === '' ? `${node.opType} of ${quote(node.outputs.at(0) ?? '')}` : quote(node.name);
}
