import { elementTypeNumber } from '../runtime/onnxWriter.js';
import type { DerivativeGraph } from './differentiate.js';
import { encodeElements } from './elements.js';
import type { Node, ShapedGraph } from './graph.js';

/** Adds to a derivative graph what is made of its result, lines [K, samples, …] of the Jacobian of each sample. */
class Continuation {
  readonly nodes: Node[] = [];
  readonly constants: ShapedGraph['constants'];
  readonly lines: string;

  /** @param shape that the lines are given first */
  constructor(
    private readonly derivative: DerivativeGraph,
    shape: readonly number[],
  ) {
    const [result] = derivative.results;
    const sizes = { name: `shape of ${result}`, elementType: 'int64', shape: [shape.length], data: encodeElements('int64', shape) } as const;
    this.constants = new Map([...derivative.graph.constants, [sizes.name, sizes]]);
    this.lines = this.add('Reshape', [result, sizes.name], 'lines');
  }

  add(operator: string, inputs: string[], what: string, attributes: Node['attributes'] = {}): string {
    const name = `${what} of ${this.derivative.results[0]}`;
    this.nodes.push({ name: '', operator, domain: '', inputs, outputs: [name], attributes });
    return name;
  }

  transposed(value: string, what: string, ...axes: number[]): string {
    return this.add('Transpose', [value], what, { perm: { type: 'ints', value: axes } });
  }

  ending(result: string): DerivativeGraph {
    const { graph } = this.derivative;
    return { ...this.derivative, graph: { ...graph, constants: this.constants, nodes: [...graph.nodes, ...this.nodes], outputs: [result] }, results: [result] };
  }
}

/**
 * A derivative graph whose result is no longer K lines [K, samples, …] of the Jacobian of each sample, but their products with
 * each other, [samples, K, K] in float64: J·Jᵀ where the lines are rows, Jᵀ·J where they are columns. The lines, which are
 * most often much longer, stay where they were computed.
 */
export function withGramMatrices(derivative: DerivativeGraph, directions: number, samples: number, length: number): DerivativeGraph {
  const after = new Continuation(derivative, [directions, samples, length]);
  const bySample = after.transposed(after.lines, 'samples', 1, 0, 2);
  const double = after.add('Cast', [bySample], 'float64', { to: { type: 'int', value: elementTypeNumber('float64') } });
  return after.ending(after.add('MatMul', [double, after.transposed(double, 'turned', 0, 2, 1)], 'products'));
}

/** A derivative graph whose result is the Jacobian of one sample after the other, where the lines are their rows or columns. */
export function withLinesBySample(derivative: DerivativeGraph, directions: number, samples: number, length: number, areRows: boolean): DerivativeGraph {
  const after = new Continuation(derivative, [directions, samples, length]);
  return after.ending(areRows ? after.transposed(after.lines, 'samples', 1, 0, 2) : after.transposed(after.lines, 'samples', 1, 2, 0));
}
