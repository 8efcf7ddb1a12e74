import { operatorName, type Node } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';

/** One file per family of operators. */
const families: readonly Lowerings[] = [];

const lowerings = new Map(families.flatMap((family) => Object.entries(family)));

/** How a node's operator is written in simpler ones; null where it is not. */
export function loweringFor(node: Node): Lowering | null {
  return lowerings.get(operatorName(node)) ?? null;
}

/** Operators that are lowered, as `operatorName` writes them. */
export function loweredOperators(): string[] {
  return [...lowerings.keys()].sort();
}
