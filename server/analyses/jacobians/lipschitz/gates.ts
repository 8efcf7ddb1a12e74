import type { Node, ShapedGraph } from '../../../derivatives/graph.js';
import { geluSlope, geluTanhSlope, mishSlope, swishSlope } from './activations.js';

/** Multiplications by numbers that are followed back from one value. */
const maximumFactors = 8;
/** w = P·x + Q·x³ of the approximate GELU has Q/P³ = 0.044715·π/2; constants are stored with the digits of float32. */
const geluCubicRatio = (0.044715 * Math.PI) / 2;
const ratioTolerance = 1e-4;
/** The slope changes by less than a hundredth of what the ratio does. */
const ratioMargin = 1 + 1e-5;

/** A number times a value. */
interface Scaled {
  core: string;
  factor: number;
}

/** y = factor·x·g(k·x) by element. */
export interface GatedProduct {
  of: string;
  /** sup |dy/dx| */
  slope: number;
}

/**
 * Products of a value and a bounded function of the same value, as exporters write them where there is no operator: SiLU
 * x·σ(kx), GELU x·(1 + erf(kx)) and its approximation with tanh, hard swish and Mish. The derivative of x·g(kx) by x is that
 * of z·g(z) at z = kx, so that k does not matter.
 */
export class Gates {
  private readonly producers: ReadonlyMap<string, Node>;

  constructor(private readonly network: ShapedGraph) {
    this.producers = new Map(network.nodes.flatMap((node) => (node.domain === '' ? node.outputs.map((name) => [name, node] as const) : [])));
  }

  /** The product that a node computes; null where it is none of these. */
  product(node: Node): GatedProduct | null {
    if (node.operator !== 'Mul' || node.domain !== '') return null;
    const [left, right] = node.inputs.map((name) => this.scaled(name));
    for (const [operand, gate] of [[left, right], [right, left]]) {
      const found = this.gate(gate.core);
      if (found?.of !== operand.core || this.shapeOf(operand.core) !== this.shapeOf(node.outputs[0])) continue;
      return { of: operand.core, slope: Math.abs(operand.factor * gate.factor) * found.slope };
    }
    return null;
  }

  /** g of a value that is g(k·x), with the slope of x·g(k·x). */
  private gate(name: string): GatedProduct | null {
    const node = this.producers.get(name);
    switch (node?.operator) {
      case 'Sigmoid':
        return { of: this.scaled(node.inputs[0]).core, slope: swishSlope };
      case 'HardSigmoid':
        return { of: this.scaled(node.inputs[0]).core, slope: rampSlope(attribute(node, 'beta') ?? 0.5) };
      case 'Tanh':
        return this.softplusGate(node.inputs[0]);
      case 'Clip':
        return this.ramp(node);
      case 'Add':
        return this.onePlus(node);
      default:
        return null;
    }
  }

  private softplusGate(name: string): GatedProduct | null {
    const node = this.producers.get(name);
    return node?.operator === 'Softplus' ? { of: this.scaled(node.inputs[0]).core, slope: mishSlope } : null;
  }

  /** min(max(k·x + b, 0), h). */
  private ramp(node: Node): GatedProduct | null {
    const limit = (input: number, name: string): number | null => this.number(node.inputs.at(input)) ?? attribute(node, name);
    const [least, most, sum] = [limit(1, 'min'), limit(2, 'max'), this.producers.get(node.inputs[0])];
    if (least !== 0 || most === null || !(most > 0) || sum?.operator !== 'Add') return null;
    for (const [value, other] of [sum.inputs, [...sum.inputs].reverse()]) {
      const offset = this.number(other);
      if (offset !== null) return { of: this.scaled(value).core, slope: most * rampSlope(offset / most) };
    }
    return null;
  }

  /** 1 + erf(k·x), or 1 + tanh(P·x + Q·x³): twice what GELU multiplies x with. */
  private onePlus(node: Node): GatedProduct | null {
    for (const [value, other] of [node.inputs, [...node.inputs].reverse()]) {
      const inner = this.producers.get(value);
      if (this.number(other) !== 1 || inner === undefined) continue;
      if (inner.operator === 'Erf') return { of: this.scaled(inner.inputs[0]).core, slope: 2 * geluSlope };
      if (inner.operator === 'Tanh') return this.cubicGate(this.scaled(inner.inputs[0]));
    }
    return null;
  }

  private cubicGate({ core, factor }: Scaled): GatedProduct | null {
    const sum = this.producers.get(core);
    if (sum?.operator !== 'Add') return null;
    for (const [first, second] of [sum.inputs, [...sum.inputs].reverse()]) {
      const [linear, cubic] = [this.scaled(first), this.scaled(second)];
      const [p, q] = [factor * linear.factor, factor * cubic.factor];
      if (this.cubeOf(cubic.core) !== linear.core) continue;
      return Math.abs(q / p ** 3 / geluCubicRatio - 1) < ratioTolerance ? { of: linear.core, slope: 2 * geluTanhSlope * ratioMargin } : null;
    }
    return null;
  }

  /** x of a value that is x³. */
  private cubeOf(name: string): string | null {
    const node = this.producers.get(name);
    if (node?.operator === 'Pow') return this.number(node.inputs[1]) === 3 ? node.inputs[0] : null;
    if (node?.operator !== 'Mul') return null;
    for (const [square, value] of [node.inputs, [...node.inputs].reverse()]) {
      const inner = this.producers.get(square);
      if (inner?.operator === 'Mul' && inner.inputs.every((input) => input === value)) return value;
    }
    return null;
  }

  /** A value without the numbers that it is multiplied with. */
  private scaled(name: string): Scaled {
    let [core, factor] = [name, 1];
    for (let step = 0; step < maximumFactors; step++) {
      const node = this.producers.get(core);
      const [first = '', second = ''] = node?.inputs ?? [];
      const [left, right] = [this.number(first), this.number(second)];
      if (node?.operator === 'Identity') core = first;
      else if (node?.operator === 'Neg') [core, factor] = [first, -factor];
      else if (node?.operator === 'Mul' && right !== null) [core, factor] = [first, factor * right];
      else if (node?.operator === 'Mul' && left !== null) [core, factor] = [second, factor * left];
      else if (node?.operator === 'Div' && right !== null && right !== 0) [core, factor] = [first, factor / right];
      else break;
    }
    return { core, factor };
  }

  /** A constant that is one number. */
  private number(name: string | undefined): number | null {
    const numbers = name === undefined || this.network.dataDependent.has(name) ? undefined : this.network.numbers.get(name);
    return numbers?.length === 1 ? numbers[0] : null;
  }

  private shapeOf(name: string): string {
    return this.network.values.get(name)?.shape.join() ?? name;
  }
}

/** sup |d/dx x·min(max(αx + β, 0), 1)|: on the ramp 2αx + β, where −β ≤ αx ≤ 1 − β; beyond it 1. */
function rampSlope(beta: number): number {
  return Math.max(1, Math.abs(beta), Math.abs(2 - beta));
}

function attribute({ attributes }: Node, name: string): number | null {
  const found = Object.hasOwn(attributes, name) ? attributes[name] : null;
  return found?.type === 'float' ? found.value : null;
}
