import assert from 'node:assert/strict';
import { checkDerivatives, type DerivativeCheck } from '../../server/derivatives/check.js';
import { encodeElements } from '../../server/derivatives/elements.js';
import { elementsOf, isFloat, type FlatGraph, type Node } from '../../server/derivatives/graph.js';
import { inPrecision } from '../../server/derivatives/precision.js';
import { probe } from '../../server/derivatives/probe.js';
import { rewrite } from '../../server/derivatives/rewrite.js';
import { asFloats, type TensorData } from '../../server/derivatives/session.js';
import { RandomGenerator } from '../../server/linalg/random.js';
import type { OnnxAttribute, OnnxTensor, OnnxType } from '../../server/runtime/onnxWriter.js';

/** An operand of a tested operator: a shape for random float values, which are differentiated by; numbers for a constant; null for one left out. */
export type Operand = { shape: readonly number[]; from?: number; to?: number } | { constant: readonly number[]; shape?: readonly number[]; dtype?: OnnxType } | null;

export interface OperatorCase {
  operator: string;
  domain?: string;
  operands: readonly Operand[];
  attributes?: Readonly<Record<string, OnnxAttribute>>;
  /** Number of outputs, or which of them there are. */
  outputs?: number | readonly boolean[];
  opset?: number;
  /** Where onnxruntime has no float64 kernel for it, and none is made up of others: compared with coarse differences. */
  precision?: 'float32' | 'float64';
}

export const int = (value: number): OnnxAttribute => ({ type: 'int', value });
export const ints = (...value: number[]): OnnxAttribute => ({ type: 'ints', value });
export const float = (value: number): OnnxAttribute => ({ type: 'float', value });
export const text = (value: string): OnnxAttribute => ({ type: 'string', value });

/** A network of one node, and inputs for it. */
export function networkOf({ operator, domain = '', operands, attributes = {}, outputs = 1, opset = 18 }: OperatorCase, seed = 1): { network: FlatGraph; feeds: Record<string, TensorData> } {
  const random = new RandomGenerator(seed);
  const constants = new Map<string, OnnxTensor>();
  const numbers = new Map<string, readonly number[]>();
  const feeds: Record<string, TensorData> = {};
  const inputs: FlatGraph['inputs'][number][] = [];
  const names = operands.map((operand, i) => {
    if (operand === null) return '';
    const name = `x${i}`;
    if ('constant' in operand) {
      const { constant, shape = [constant.length], dtype = 'int64' } = operand;
      constants.set(name, { name, elementType: dtype, shape, data: encodeElements(dtype, constant) });
      numbers.set(name, constant);
    } else {
      const { shape, from, to } = operand;
      const value = (): number => (from === undefined || to === undefined ? random.normal() : from + (to - from) * random.uniform());
      feeds[name] = { dtype: 'float32', shape, elements: Float32Array.from({ length: elementsOf(shape) }, value) };
      inputs.push({ name, dtype: 'float32', shape });
    }
    return name;
  });
  const made = (typeof outputs === 'number' ? new Array<boolean>(outputs).fill(true) : outputs).map((there, i) => (there ? `y${i}` : ''));
  const node: Node = { name: 'tested', operator, domain, inputs: names, outputs: made, attributes };
  const versions = domain === '' ? { '': opset } : { '': opset, [domain]: 1 };
  return { network: { nodes: [node], constants, numbers, inputs, outputs: made.filter((name) => name !== ''), opset: versions, folder: '.' }, feeds };
}

/** Checks both derivatives of an operator: against central differences, and against each other. */
export async function assertDerivatives(operator: OperatorCase): Promise<DerivativeCheck> {
  const { network, feeds } = networkOf(operator);
  const { graph } = await probe(network, feeds);
  const precision = operator.precision ?? 'float64';
  const double = inPrecision(rewrite(graph), precision);
  const converted = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, { ...tensor, dtype: precision, elements: asFloats(tensor.elements, precision) }]));
  const of = graph.outputs.filter((name) => isFloat(graph.values.get(name)?.dtype ?? 'bool'));
  const random = new RandomGenerator(2);
  const check = await checkDerivatives(double, converted, { of, by: graph.inputs.map(({ name }) => name), normal: () => random.normal(), step: precision === 'float64' ? 1e-6 : 1e-2 });
  const message = `${operator.operator} ${JSON.stringify(operator)}: ${JSON.stringify(check)}`;
  assert.ok((check.differences ?? NaN) <= (precision === 'float64' ? 1e-7 : 2e-2), message);
  assert.ok(check.adjoint <= (precision === 'float64' ? 1e-12 : 1e-5), message);
  assert.ok(check.largest > 0, message);
  return check;
}
