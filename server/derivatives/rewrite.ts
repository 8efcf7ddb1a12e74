import { GraphBuilder, writtenOpset } from './builder.js';
import { describeNode, NotDifferentiable, operatorName, type Node, type ShapedGraph, type Value } from './graph.js';
import { loweringFor, raisingFor } from './lowerings/index.js';
import type { Lowering } from './lowering.js';
import { Operation } from './operation.js';

/**
 * The network with every operation that has a lowering replaced: those of old operator sets, those put together by
 * exporters, and recurrent ones. Values keep their names, and afterwards the graph is one of `writtenOpset` or later.
 * @throws NotDifferentiable naming the node that cannot be lowered
 */
export function rewrite(network: ShapedGraph): ShapedGraph {
  return rewriteOnce(rewriteOnce(network, raisingFor), loweringFor);
}

/**
 * The network with the operations that `find` has a lowering for replaced, as a graph of `writtenOpset` or later.
 * @throws NotDifferentiable naming the node that cannot be lowered
 */
export function rewriteOnce(network: ShapedGraph, find: (node: Node) => Lowering | null): ShapedGraph {
  const opset = network.opset[''];
  const written = { ...network, opset: { ...network.opset, '': Math.max(opset, writtenOpset) } };
  const builder = new GraphBuilder(written, false);
  for (const node of network.nodes) {
    const lowering = find(node);
    const values = (names: readonly string[]): (Value | null)[] => names.map((name) => (name === '' ? null : (network.values.get(name) ?? null)));
    const results = lowering === null ? null : lowered(node, () => lowering(new Operation(builder, node, values(node.inputs), values(node.outputs), opset)));
    if (results === null) {
      builder.keep(node);
      continue;
    }
    for (const [i, name] of node.outputs.entries()) {
      if (name === '') continue;
      const result = results.at(i) ?? null;
      if (result === null) continue;
      checkShape(node, result, network.values.get(name));
      builder.name(result, name);
    }
  }
  return builder.graph(network.inputs, network.outputs);
}

function lowered(node: Node, run: () => (Value | null)[] | null): (Value | null)[] | null {
  try {
    return run();
  } catch (error) {
    if (error instanceof NotDifferentiable) throw error;
    throw new NotDifferentiable(`${describeNode(node)} could not be written as simpler operations: ${error instanceof Error ? error.message : String(error)}`, node);
  }
}

function checkShape(node: Node, result: Value, expected: Value | undefined): void {
  if (expected === undefined || (result.shape.join() === expected.shape.join() && result.dtype === expected.dtype)) return;
  throw new NotDifferentiable(`${operatorName(node)} was written as operations that yield ${result.dtype} [${result.shape.join(', ')}] where it yields ${expected.dtype} [${expected.shape.join(', ')}]; please report this network.`, node);
}
