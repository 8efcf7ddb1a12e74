import { operatorName, type Node, type ShapedGraph } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import { rewrite } from '../rewrite.js';

/** Operators that onnxruntime has no float64 kernel for, in terms of those that it has. One file per family. */
const families: readonly Lowerings[] = [];

const lowerings = new Map(families.flatMap((family) => Object.entries(family)));

function float64Lowering(node: Node): Lowering | null {
  return lowerings.get(operatorName(node)) ?? null;
}

/** A graph in float64 that onnxruntime can run: applied last, to a network or to its derivative. */
export function withFloat64Kernels(graph: ShapedGraph): ShapedGraph {
  return rewrite(graph, float64Lowering);
}
