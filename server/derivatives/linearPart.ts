import type { DerivativeGraph } from './differentiate.js';
import { namesRead, nodesFor, type ShapedGraph, type Value } from './graph.js';

/**
 * A derivative graph cut in two: what depends on the point alone (the network's own values, masks, slopes), and what is
 * linear in the directions. At one point the first part is run once, however many directions follow.
 */
export interface LinearisedGraph {
  /** Its outputs are the values that `linear` reads; null where it reads none. */
  point: ShapedGraph | null;
  /** Takes those values beside the network's inputs and the seeds. */
  linear: ShapedGraph;
}

/** Cost: some passes over the nodes. Both parts keep what is made of constants alone, which is folded where it is loaded. */
export function linearised({ graph, seeds }: Pick<DerivativeGraph, 'graph' | 'seeds'>): LinearisedGraph {
  const directed = new Set(seeds);
  const atPoint = new Set(graph.inputs.flatMap(({ name }) => (directed.has(name) ? [] : [name])));
  const made = new Set<string>();
  const linear = nodesFor(graph.nodes, graph.outputs).filter((node) => {
    const read = namesRead(node);
    const isDirected = read.some((name) => directed.has(name));
    const isAtPoint = !isDirected && read.some((name) => atPoint.has(name));
    for (const name of node.outputs) {
      if (isDirected) directed.add(name);
      if (isAtPoint) {
        atPoint.add(name);
        made.add(name);
      }
    }
    return !isAtPoint;
  });
  const boundary = [...new Set(linear.flatMap(namesRead))].flatMap((name): Value | Value[] => (made.has(name) ? (graph.values.get(name) ?? []) : []));
  // A result that no direction reaches is none that products are taken of: then everything stays together.
  if (boundary.length === 0 || graph.outputs.some((name) => made.has(name))) return { point: null, linear: graph };
  return {
    point: { ...graph, inputs: graph.inputs.filter(({ name }) => !seeds.includes(name)), outputs: boundary.map(({ name }) => name) },
    linear: { ...graph, inputs: [...graph.inputs, ...boundary], nodes: linear },
  };
}
