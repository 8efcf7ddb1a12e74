import { namesRead, operatorName, type FlatGraph, type Node, type ShapedGraph } from './graph.js';
import { constantRule } from './rule.js';
import { ruleFor } from './rules/index.js';
import { carriesTangent } from './rules/quantization.js';

/** A value that the variable reaches, in the tree of dominators. */
interface Vertex {
  name: string;
  /** The nearest vertex through which every path to this one passes; null for the variable. */
  dominator: Vertex | null;
  /** Vertices above it. */
  depth: number;
}

/**
 * For each of `values` the nearest earlier one of them through which every path of derivatives from `variable` passes:
 * of a residual sum x + f(x) that is what makes x, not what f ends with. Null where there is none but the variable
 * itself. Values that the variable does not reach are absent. Paths lead through values that carry derivatives: not
 * through shapes and steps, and, where types are known, not through integers.
 *
 * Immediate dominators by the rule of Cooper, Harvey and Kennedy (A Simple, Fast Dominance Algorithm, 2001), which on a
 * graph without cycles needs one pass in topological order.
 * Cost: the nodes' inputs, each times the tree's height between the branches that meet.
 */
export function nearestDominators(network: FlatGraph | ShapedGraph, variable: string, values: readonly string[]): Map<string, string | null> {
  const vertices = dominatorTree(network, variable);
  const asked = new Set(values);
  const nearest = new Map<Vertex, string | null>();
  // In the order in which they were made: dominators first.
  for (const vertex of vertices.values()) {
    const { dominator } = vertex;
    nearest.set(vertex, dominator === null ? null : asked.has(dominator.name) ? dominator.name : (nearest.get(dominator) ?? null));
  }
  return new Map(values.flatMap((name) => {
    const vertex = vertices.get(name);
    return vertex === undefined ? [] : [[name, nearest.get(vertex) ?? null] as const];
  }));
}

function dominatorTree(network: FlatGraph | ShapedGraph, variable: string): Map<string, Vertex> {
  const vertices = new Map<string, Vertex>([[variable, { name: variable, dominator: null, depth: 0 }]]);
  for (const node of network.nodes) {
    const sources = namesRead(node).flatMap((name) => vertices.get(name) ?? []);
    if (sources.length === 0 || ruleFor(node) === constantRule) continue;
    const dominator = sources.reduce(common);
    for (const name of node.outputs) {
      if (name !== '' && !vertices.has(name) && isActive(network, node, sources, name)) vertices.set(name, { name, dominator, depth: dominator.depth + 1 });
    }
  }
  return vertices;
}

/** The lowest vertex of the tree that is above both, or one of them. */
function common(a: Vertex, b: Vertex): Vertex {
  let [left, right] = [a, b];
  while (left !== right) {
    // The deeper one goes up; the root is above everything.
    if (left.depth >= right.depth) left = left.dominator ?? left;
    else right = right.dominator ?? right;
  }
  return left;
}

/** Without types every value counts. */
function isActive(network: FlatGraph | ShapedGraph, node: Node, sources: readonly Vertex[], name: string): boolean {
  if (!('values' in network)) return true;
  const value = network.values.get(name);
  return value === undefined || carriesTangent(operatorName(node), sources.flatMap((source) => network.values.get(source.name) ?? []), value);
}
