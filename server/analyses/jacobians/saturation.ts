import type { Node } from '../../derivatives/graph.js';
import type { Saturation } from '../../report/jacobians.js';
import type { NetworkAtInputs } from './networkAtInputs.js';

/** A unit whose derivative is below this share of the activation's largest passes next to nothing. */
const negligible = 0.01;
/** x beyond which the derivative of the logistic function, σ(x)(1 − σ(x)) ≤ ¼, is below 1 % of its largest. */
const sigmoidEnd = Math.log((1 + Math.sqrt(1 - negligible)) / (1 - Math.sqrt(1 - negligible)));
/** The same of tanh, 1 − tanh² ≤ 1. */
const tanhEnd = Math.atanh(Math.sqrt(1 - negligible));

/** Whether a unit is closed, by its value before the activation. */
type IsClosed = (value: number) => boolean;

/** Activations that can close, by operator. */
const closes: Readonly<Record<string, (node: Node) => IsClosed>> = {
  Relu: () => (x) => x <= 0,
  ThresholdedRelu: (node) => {
    const alpha = floatOf(node, 'alpha', 1);
    return (x) => x <= alpha;
  },
  Sigmoid: () => (x) => Math.abs(x) >= sigmoidEnd,
  Tanh: () => (x) => Math.abs(x) >= tanhEnd,
  HardSigmoid: (node) => {
    const [alpha, beta] = [floatOf(node, 'alpha', 0.2), floatOf(node, 'beta', 0.5)];
    return (x) => alpha * x + beta <= 0 || alpha * x + beta >= 1;
  },
  HardSwish: () => (x) => x <= -3,
};

/** Operations between a layer and its activation that keep units apart and in their sign. */
const passing = new Set(['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose', 'BatchNormalization', 'Cast']);

/**
 * How many units of a layer pass no derivative at the inputs of the sample, by the one activation that reads its output.
 * Null where there is none, or it never closes.
 */
export async function saturationOf(at: NetworkAtInputs, value: string, signal?: AbortSignal): Promise<Saturation | null> {
  const found = activationOf(at, value);
  if (found === null) return null;
  const isClosed = closes[found.node.operator](found.node);
  const values = (await at.derivatives.values([found.value], at.samples, signal)).get(found.value) ?? new Float64Array();
  const units = values.length / at.samples.n;
  const open = new Uint8Array(units);
  let closed = 0;
  for (let i = 0; i < values.length; i++) {
    if (isClosed(values[i])) closed++;
    else open[i % units] = 1;
  }
  return { activation: found.node.operator, share: closed / values.length, never: units - open.reduce((sum, seen) => sum + seen, 0), units };
}

/** The one activation behind a value, and the value that it reads. */
function activationOf({ derivatives }: NetworkAtInputs, value: string): { node: Node; value: string } | null {
  const { nodes } = derivatives.single.network;
  let current = value;
  for (let step = 0; step <= passing.size; step++) {
    const readers = nodes.filter(({ inputs }) => inputs.includes(current));
    if (readers.length !== 1) return null;
    const [node] = readers;
    if (node.domain !== '') return null;
    if (Object.hasOwn(closes, node.operator)) return { node, value: current };
    if (!passing.has(node.operator) || node.inputs[0] !== current) return null;
    [current] = node.outputs;
  }
  return null;
}

function floatOf({ attributes }: Node, name: string, missing: number): number {
  const attribute = Object.hasOwn(attributes, name) ? attributes[name] : null;
  return attribute?.type === 'float' ? attribute.value : missing;
}
