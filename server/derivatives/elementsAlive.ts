import { elementsOf, isFloat, nodesFor, type ShapedGraph } from './graph.js';

/**
 * Elements of the values between `by` and `of` that are needed at the same time, at most: each from where it is made to its
 * last reader. Those of their tangents live as long, and those of their cotangents too, the other way round.
 */
export function mostElementsAlive(network: ShapedGraph, of: string, by: string): number {
  const size = (name: string): number => {
    const value = network.values.get(name);
    return value !== undefined && isFloat(value.dtype) ? elementsOf(value.shape) : 0;
  };
  const active = new Set([by]);
  const nodes = nodesFor(network.nodes, [of]).filter((node) => {
    if (!node.inputs.some((name) => active.has(name))) return false;
    for (const name of node.outputs) active.add(name);
    return true;
  });
  const lastReader = new Map(nodes.flatMap((node, i) => node.inputs.map((name) => [name, i] as const)));
  let alive = size(by);
  let most = alive;
  for (const [i, { inputs, outputs }] of nodes.entries()) {
    alive += outputs.reduce((sum, name) => sum + size(name), 0);
    most = Math.max(most, alive);
    for (const name of new Set([...inputs, ...outputs])) if (active.has(name) && (lastReader.get(name) ?? i) === i && name !== of) alive -= size(name);
  }
  return most;
}
