import { Differentiator, type DerivativeGraph } from './differentiate.js';
import { NotDifferentiable, operatorName, type Node, type ShapedGraph, type Value } from './graph.js';
import { bySampleOf } from './rules/bySample.js';

export interface SampleGradientRequest {
  /** The value whose cotangents are given, [1, samples, ...]. */
  of: string;
  /** Parameters: constants of the network. */
  by: readonly string[];
  samples: number;
  /** Whether the first axis of a value counts the samples. */
  isBatched: (name: string) => boolean;
}

/**
 * Jᵀ·c of every sample of a batch by parameters that all samples share, in one graph: results of the shape
 * [samples, ...shape of the parameter]. Cotangents of values of the data are carried once, their first axis being the
 * samples; those of parameters, and of what is computed from parameters alone, in as many directions as there are samples.
 * From the first to the second an operator has a quick way, or its rule for as many directions, each with the cotangent of
 * one sample and zeros for the others.
 * @throws NotDifferentiable for a missing rule, and where a value that a parameter goes into is not laid out by samples
 */
export function sampleGradients(network: ShapedGraph, request: SampleGradientRequest): DerivativeGraph {
  const { of, by, isBatched } = request;
  const parameter = by.find((name) => network.dataDependent.has(name));
  if (parameter !== undefined) throw new NotDifferentiable(`${parameter} depends on the inputs and is no parameter of the network.`);
  if (!isBatched(of) || !network.dataDependent.has(of)) throw notBySample(of);
  const differentiator = new SampleDifferentiator(network, request);
  const seed = differentiator.seed('cotangent', of);
  const cotangents = differentiator.reverse(new Map([[of, seed]]));
  return differentiator.result([seed], by.map((name) => cotangents.get(name) ?? differentiator.zeros(name)), 'gradients');
}

class SampleDifferentiator extends Differentiator {
  constructor(
    network: ShapedGraph,
    private readonly samples: SampleGradientRequest,
  ) {
    super(network, { of: [samples.of], by: samples.by, directions: 1 }, (name) => (network.dataDependent.has(name) ? 1 : samples.samples));
  }

  protected override pulledBack(node: Node, cotangents: readonly (Value | null)[], needed: readonly boolean[]): (Value | null)[] {
    if (!node.outputs.some((name) => this.network.dataDependent.has(name))) return this.apply(node, this.samples.samples, (rule, operation) => rule.reverse(operation, cotangents, needed));
    const ofData = needed.map((isNeeded, i) => isNeeded && this.network.dataDependent.has(node.inputs[i]));
    const ofParameters = needed.map((isNeeded, i) => isNeeded && !ofData[i]);
    const toData = ofData.includes(true) ? super.pulledBack(node, cotangents, ofData) : [];
    const toParameters = ofParameters.includes(true) ? this.bySample(node, cotangents, ofParameters) : [];
    return needed.map((_, i) => (ofParameters[i] ? toParameters[i] : toData[i]) ?? null);
  }

  /** Cotangents of operands that all samples share. */
  private bySample(node: Node, cotangents: readonly (Value | null)[], needed: readonly boolean[]): (Value | null)[] {
    const mixed = node.outputs.find((name, i) => cotangents[i] !== null && !this.samples.isBatched(name));
    if (mixed !== undefined) throw notBySample(mixed);
    const quick = bySampleOf(operatorName(node));
    const [cotangent] = cotangents;
    const found = quick === null || cotangent === null ? [] : this.apply(node, 1, (_, operation) => needed.map((isNeeded, i) => (isNeeded ? quick(operation, cotangent, i) : null)));
    const missing = needed.map((isNeeded, i) => isNeeded && (found[i] ?? null) === null);
    if (!missing.includes(true)) return found;
    const apart = cotangents.map((value) => value && this.eachAlone(value));
    const byRule = this.apply(node, this.samples.samples, (rule, operation) => rule.reverse(operation, apart, missing));
    return needed.map((_, i) => (missing[i] ? byRule[i] : found[i]) ?? null);
  }

  /** [1, N, ...] → [N, N, ...]: in each direction the cotangent of one sample. */
  private eachAlone(cotangent: Value): Value {
    const { samples } = this.samples;
    const identity = Array.from({ length: samples * samples }, (_, i) => (i % (samples + 1) === 0 ? 1 : 0));
    const rest = cotangent.shape.slice(2).map(() => 1);
    return this.builder.multiply(cotangent, this.builder.constant(cotangent.dtype, [samples, samples, ...rest], identity));
  }
}

function notBySample(value: string): NotDifferentiable {
  return new NotDifferentiable(`The gradients of single samples cannot be told apart in ${value}, whose first axis does not count them.`);
}
