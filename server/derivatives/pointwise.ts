import { operatorName, type Node, type Value } from './graph.js';
import { ruleNamed } from './rules/index.js';

/** Operations that each element of one value goes through by itself, until another value is made of it. */
export interface PointwiseRegion {
  /** The value that they start from, and the one that is read by others; both have one shape. */
  root: string;
  result: string;
  /** In their order; the last makes the result. */
  nodes: readonly Node[];
}

/** Their derivatives are products with nothing, or with a sign: alone they are cheaper as they are. */
const cheap = new Set(['Add', 'Sub', 'Sum', 'Neg', 'Identity']);
/** Fewer operations with a slope of their own are not worth one slope for all. */
const leastSlopes = 2;

/**
 * Regions of a network that have one slope by element, dresult/droot: a GELU written as Erf, Mul and Add, or a scale
 * before a ReLU. K directions pass through such a region in one multiplication. Cost: a pass over the nodes.
 * @param nodes in topological order, on ways from what is differentiated by to what is differentiated
 * @param isActive whether a value depends on what is differentiated by
 * @param ends values that are asked for by themselves
 */
export function pointwiseRegions(nodes: readonly Node[], isActive: (name: string) => boolean, ends: ReadonlySet<string>, valueOf: (name: string) => Value): Map<string, PointwiseRegion> {
  const roots = new Map<string, string>();
  const rootOf = (name: string): string => roots.get(name) ?? name;
  const members = new Map<string, Node[]>();
  for (const node of nodes) {
    const operands = node.inputs.filter(isActive);
    const [root, ...others] = new Set(operands.map(rootOf));
    const [output] = node.outputs;
    if (others.length > 0 || node.outputs.length !== 1 || !isActive(output) || ruleNamed(operatorName(node))?.pointwise !== true) continue;
    const shape = valueOf(output).shape.join();
    // A value that is asked for by itself starts a region of its own.
    if (ends.has(output) || operands.some((name) => valueOf(name).shape.join() !== shape)) continue;
    roots.set(output, root);
    members.set(root, [...(members.get(root) ?? []), node]);
  }
  return new Map([...members].flatMap(([root, own]) => {
    const inside = new Set(own);
    const made = new Set(own.flatMap(({ outputs }) => outputs));
    const read = new Set(nodes.flatMap((node) => (inside.has(node) ? [] : node.inputs.filter((name) => made.has(name)))));
    const results = [...made].filter((name) => read.has(name));
    const slopes = own.filter((node) => !cheap.has(operatorName(node))).length;
    return results.length === 1 && slopes >= leastSlopes ? [[results[0], { root, result: results[0], nodes: own }] as const] : [];
  }));
}
