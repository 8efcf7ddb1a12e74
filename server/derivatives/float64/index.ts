import { operatorName, type Node, type ShapedGraph } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import { rewriteOnce } from '../rewrite.js';
import { activations } from './activations.js';
import { normalizations } from './normalizations.js';
import { selections } from './selections.js';
import { quantization } from './quantization.js';
import { windowLowerings } from './windows.js';

/** Operators that onnxruntime has no float64 kernel for, in terms of those that it has. One file per family. */
const families: readonly Lowerings[] = [activations, normalizations, selections, windowLowerings, quantization];

const lowerings = new Map(families.flatMap((family) => Object.entries(family)));

function float64Lowering(node: Node): Lowering | null {
  return lowerings.get(operatorName(node)) ?? null;
}

/** A graph in float64 that onnxruntime can run: applied last, to a network or to its derivative. */
export function withFloat64Kernels(graph: ShapedGraph): ShapedGraph {
  return rewriteOnce(graph, float64Lowering);
}

/** Operators that are written otherwise in float64, as `operatorName` writes them. */
export function float64Operators(): string[] {
  return [...lowerings.keys()].sort();
}
