import { elementTypeNumber } from '../runtime/onnxWriter.js';
import type { DerivativeGraph } from './differentiate.js';
import { encodeElements } from './elements.js';
import type { Node } from './graph.js';

/**
 * A derivative graph whose result is no longer K lines [K, samples, …] of the Jacobian of each sample, but their products with
 * each other, [samples, K, K] in float64: J·Jᵀ where the lines are rows, Jᵀ·J where they are columns. The lines, which are
 * most often much longer, stay where they were computed.
 */
export function withGramMatrices(derivative: DerivativeGraph, directions: number, samples: number, length: number): DerivativeGraph {
  const { graph, results } = derivative;
  const [lines] = results;
  const name = (part: string): string => `${part} of ${lines}`;
  const node = (operator: string, inputs: string[], output: string, attributes: Node['attributes'] = {}): Node => ({ name: '', operator, domain: '', inputs, outputs: [output], attributes });
  const permutation = (...axes: number[]): Node['attributes'] => ({ perm: { type: 'ints', value: axes } });
  const shape = { name: name('shape'), elementType: 'int64', shape: [3], data: encodeElements('int64', [directions, samples, length]) } as const;
  const [flat, bySample, double, turned, gram] = ['flat', 'by sample', 'float64', 'turned', 'products'].map(name);
  return {
    ...derivative,
    graph: {
      ...graph,
      constants: new Map([...graph.constants, [shape.name, shape]]),
      nodes: [
        ...graph.nodes,
        node('Reshape', [lines, shape.name], flat),
        node('Transpose', [flat], bySample, permutation(1, 0, 2)),
        node('Cast', [bySample], double, { to: { type: 'int', value: elementTypeNumber('float64') } }),
        node('Transpose', [double], turned, permutation(0, 2, 1)),
        node('MatMul', [double, turned], gram),
      ],
      outputs: [gram],
    },
    results: [gram],
  };
}
