import { GraphBuilder } from './builder.js';
import { describeNode, isFloat, nodesFor, NotDifferentiable, operatorName, type Node, type ShapedGraph, type Value } from './graph.js';
import { Operation } from './operation.js';
import { pointwiseRegions, type PointwiseRegion } from './pointwise.js';
import { plus, type Rule } from './rule.js';
import { ruleFor } from './rules/index.js';
import { carriesTangent } from './rules/quantization.js';

/** What is differentiated by what, and in how many directions at once. */
export interface DerivativeRequest {
  /** Values that are differentiated. */
  of: readonly string[];
  /** Inputs, intermediate values or constants by which they are. */
  by: readonly string[];
  /** K ≥ 1. */
  directions: number;
}

/** A graph that computes derivatives beside the network itself. */
export interface DerivativeGraph {
  /** Inputs are those of the network, then one for each direction-carrying value. */
  graph: ShapedGraph;
  /** Names of the inputs that take directions, in the order of the request. */
  seeds: string[];
  /** Names of the results, in the order of the request: shape [K, ...shape of the value]. */
  results: string[];
}

/**
 * Jacobian–vector products: for K tangents of the values `by`, those of the values `of`.
 * @throws NotDifferentiable for an operator without a rule between the two, naming the node
 */
export function jacobianVectorProduct(network: ShapedGraph, request: DerivativeRequest): DerivativeGraph {
  const differentiator = new Differentiator(network, request);
  const seeds = request.by.map((name) => differentiator.seed('tangent', name));
  const tangents = differentiator.forward(new Map(request.by.map((name, i) => [name, seeds[i]])));
  return differentiator.result(seeds, request.of.map((name) => tangents.get(name) ?? differentiator.zeros(name)), 'jvp');
}

/**
 * Vector–Jacobian products: for K cotangents of the values `of`, those of the values `by`, summed over `of`.
 * @throws NotDifferentiable as `jacobianVectorProduct`
 */
export function vectorJacobianProduct(network: ShapedGraph, request: DerivativeRequest): DerivativeGraph {
  const differentiator = new Differentiator(network, request);
  const seeds = request.of.map((name) => differentiator.seed('cotangent', name));
  const cotangents = differentiator.reverse(new Map(request.of.map((name, i) => [name, seeds[i]])));
  return differentiator.result(seeds, request.by.map((name) => cotangents.get(name) ?? differentiator.zeros(name)), 'vjp');
}

/** Jᵀ·(J·v) in one graph, for values that are found by products alone. @throws NotDifferentiable as `jacobianVectorProduct` */
export function gramProduct(network: ShapedGraph, request: DerivativeRequest): DerivativeGraph {
  const differentiator = new Differentiator(network, request);
  const seeds = request.by.map((name) => differentiator.seed('tangent', name));
  const tangents = differentiator.forward(new Map(request.by.map((name, i) => [name, seeds[i]])));
  const images = new Map(request.of.flatMap((name) => (tangents.has(name) ? [[name, tangents.get(name)] as [string, Value]] : [])));
  const cotangents = differentiator.reverse(images);
  return differentiator.result(seeds, request.by.map((name) => cotangents.get(name) ?? differentiator.zeros(name)), 'gram');
}

/** Carries tangents and cotangents through a network, and collects the operations that this takes. */
export class Differentiator {
  protected readonly builder: GraphBuilder;
  /** Nodes on a way from `by` to `of`. */
  private readonly nodes: Node[];
  /** Values on such a way, or beside it, that depend on `by`. */
  private readonly active: Set<string>;
  /** Parts that directions pass through in one multiplication, by what they make; and the operations in them. */
  private readonly regions: ReadonlyMap<string, PointwiseRegion>;
  private readonly inRegion: ReadonlySet<Node>;

  /** @param directionsOf how many the tangent or cotangent of a value has in front */
  constructor(
    protected readonly network: ShapedGraph,
    protected readonly request: DerivativeRequest,
    private readonly directionsOf: (name: string) => number = () => request.directions,
  ) {
    for (const name of [...request.of, ...request.by]) this.checkValue(name);
    this.builder = new GraphBuilder(network);
    this.active = new Set(request.by);
    this.nodes = nodesFor(network.nodes, request.of).filter((node) => {
      if (!node.inputs.some((name) => this.active.has(name))) return false;
      for (const name of node.outputs) if (name !== '' && this.carriesTangent(node, name)) this.active.add(name);
      return true;
    });
    const ends = new Set([...request.of, ...request.by]);
    // One direction passes through operations as they are as fast as it does through their slope.
    this.regions = request.directions > 1 ? pointwiseRegions(this.nodes, (name) => this.active.has(name), ends, (name) => this.builder.value(name)) : new Map();
    this.inRegion = new Set([...this.regions.values()].flatMap(({ nodes }) => nodes));
  }

  /** A new input for directions of a value. */
  seed(kind: 'tangent' | 'cotangent', name: string): Value {
    const { shape, dtype } = this.builder.value(name);
    return this.builder.input(this.builder.unused(`${kind} of ${name}`), [this.request.directions, ...shape], dtype);
  }

  zeros(name: string): Value {
    const { shape, dtype } = this.builder.value(name);
    return this.builder.filled(0, [this.directionsOf(name), ...shape], dtype);
  }

  /** Tangents of all values from those of some. */
  forward(seeds: ReadonlyMap<string, Value>): Map<string, Value> {
    const tangents = new Map(seeds);
    for (const node of this.nodes) {
      if (this.inRegion.has(node)) {
        const region = this.regions.get(node.outputs[0]);
        const through = region && this.through(region, tangents.get(region.root) ?? null);
        if (region && through) tangents.set(region.result, through);
        continue;
      }
      const operands = node.inputs.map((name) => tangents.get(name) ?? null);
      if (operands.every((tangent) => tangent === null)) continue;
      const results = this.apply(node, this.request.directions, (rule, operation) => rule.forward(operation, operands));
      for (const [i, name] of node.outputs.entries()) {
        const tangent = results.at(i) ?? null;
        // A value by which is differentiated has the tangent that it was given.
        if (this.active.has(name) && tangent !== null && !seeds.has(name)) tangents.set(name, this.checked(node, tangent, name));
      }
    }
    return tangents;
  }

  /** Cotangents of all values from those of some. */
  reverse(seeds: ReadonlyMap<string, Value>): Map<string, Value> {
    const cotangents = new Map(seeds);
    const kept = new Set(this.request.by);
    for (const node of [...this.nodes].reverse()) {
      if (this.inRegion.has(node)) {
        const region = this.regions.get(node.outputs[0]);
        const through = region && this.through(region, cotangents.get(region.result) ?? null);
        const sum = region && plus(this.builder, cotangents.get(region.root) ?? null, through ?? null);
        if (region && sum) cotangents.set(region.root, sum);
        continue;
      }
      const results = node.outputs.map((name) => (kept.has(name) ? null : (cotangents.get(name) ?? null)));
      if (results.every((cotangent) => cotangent === null)) continue;
      const needed = node.inputs.map((name) => this.active.has(name));
      const operands = this.pulledBack(node, results, needed);
      for (const [i, name] of node.inputs.entries()) {
        const cotangent = operands.at(i) ?? null;
        if (!needed[i] || cotangent === null) continue;
        const sum = plus(this.builder, cotangents.get(name) ?? null, this.checked(node, cotangent, name));
        if (sum !== null) cotangents.set(name, sum);
      }
    }
    return cotangents;
  }

  /** A tangent or cotangent at the other end of a region: it is the same product in both directions. */
  private through(region: PointwiseRegion, direction: Value | null): Value | null {
    const slope = direction && this.slopeOf(region);
    return slope && this.builder.multiply(direction, slope);
  }

  /** dresult/droot of a region by its elements, [1, ...shape]: what a cotangent of ones becomes. */
  private slopeOf({ root, result, nodes }: PointwiseRegion): Value | null {
    const { shape, dtype } = this.builder.value(result);
    const cotangents = new Map([[result, this.builder.filled(1, [1, ...shape], dtype)]]);
    for (const node of [...nodes].reverse()) {
      const results = node.outputs.map((name) => cotangents.get(name) ?? null);
      const needed = node.inputs.map((name) => this.active.has(name));
      const operands = this.apply(node, 1, (rule, operation) => rule.reverse(operation, results, needed));
      for (const [i, name] of node.inputs.entries()) {
        const sum = needed[i] ? plus(this.builder, cotangents.get(name) ?? null, operands.at(i) ?? null) : null;
        if (sum !== null) cotangents.set(name, sum);
      }
    }
    return cotangents.get(root) ?? null;
  }

  result(seeds: readonly Value[], results: readonly Value[], prefix: string): DerivativeGraph {
    const named = results.map((value, i) => this.builder.name(value, this.builder.unused(`${prefix} ${i}`)).name);
    const graph = this.builder.graph([...this.network.inputs, ...seeds], named);
    return { graph: { ...graph, nodes: nodesFor(graph.nodes, named) }, seeds: seeds.map(({ name }) => name), results: named };
  }

  /** Cotangents of a node's operands from those of what it yields. */
  protected pulledBack(node: Node, cotangents: readonly (Value | null)[], needed: readonly boolean[]): (Value | null)[] {
    return this.apply(node, this.request.directions, (rule, operation) => rule.reverse(operation, cotangents, needed));
  }

  /** Runs a node's rule for so many directions; a mistake in it, or a shape that it does not know, is told with the node. */
  protected apply(node: Node, directions: number, run: (rule: Rule, operation: Operation) => (Value | null)[]): (Value | null)[] {
    const values = (names: readonly string[]): (Value | null)[] => names.map((name) => (name === '' ? null : this.builder.value(name)));
    try {
      return run(this.rule(node), new Operation(this.builder, node, values(node.inputs), values(node.outputs), this.network.opset[''], directions));
    } catch (error) {
      if (error instanceof NotDifferentiable) throw error;
      throw new NotDifferentiable(`The derivative of ${describeNode(node)} could not be built: ${error instanceof Error ? error.message : String(error)}`, node);
    }
  }

  private rule(node: Node): Rule {
    const rule = ruleFor(node);
    if (rule === null) throw new NotDifferentiable(`There is no derivative rule for ${describeNode(node)}: what does not pass through it can still be analysed.`, node);
    return rule;
  }

  /** A tangent or cotangent has the shape of its value, directions in front. */
  private checked(node: Node, tangent: Value, name: string): Value {
    const expected = [this.directionsOf(name), ...this.builder.value(name).shape];
    if (tangent.shape.join() === expected.join()) return tangent;
    throw new NotDifferentiable(`The derivative rule of ${operatorName(node)} yields the shape [${tangent.shape.join(', ')}] for ${name}, which needs [${expected.join(', ')}]; please report this network.`, node);
  }

  /** Floating-point values do, and quantized ones: those have tangents in units of their integers, of a floating-point type. */
  private carriesTangent(node: Node, name: string): boolean {
    const value = this.network.values.get(name);
    const inputs = node.inputs.flatMap((input) => (this.active.has(input) ? (this.network.values.get(input) ?? []) : []));
    return value !== undefined && carriesTangent(operatorName(node), inputs, value);
  }

  private checkValue(name: string): void {
    const value = this.network.values.get(name);
    if (value === undefined) throw new NotDifferentiable(`The network has no value ${name} to differentiate.`);
    if (!isFloat(value.dtype)) throw new NotDifferentiable(`${name} holds elements of type ${value.dtype}, which have no derivatives; choose a floating-point value, such as the output of an embedding.`);
  }
}
