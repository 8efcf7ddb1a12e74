import { GraphBuilder } from '../../derivatives/builder.js';
import { describeNode, namesRead, nodesFor, operatorName, type Node, type ShapedGraph } from '../../derivatives/graph.js';
import { Operation } from '../../derivatives/operation.js';
import { constantRule } from '../../derivatives/rule.js';
import { ruleFor } from '../../derivatives/rules/index.js';
import { carriesTangent } from '../../derivatives/rules/quantization.js';
import { BoundedOperation, Unbounded, type OutputBounds } from './lipschitz/boundedOperation.js';
import { Gates } from './lipschitz/gates.js';
import { gains, roundingOperators, unboundedOperators } from './lipschitz/index.js';
import { NetworkConstants } from './lipschitz/networkConstants.js';
import type { OperatorNorms } from './lipschitz/operatorNorms.js';

/** A proven upper bound of the norm of a derivative, or one sentence why there is none. */
export type ValueBound = { bound: number; reason: null } | { bound: null; reason: string };

/**
 * For each value an upper bound of ‖∂value/∂variable‖₂ that holds at every input of the shapes of `network`: norms of
 * linear operations times Lipschitz constants of the functions between them, added where branches meet. 1 for the variable,
 * 0 for what does not depend on it. Where the network is a chain of linear maps whose leading directions meet, nothing is
 * lost; where they do not, and at every activation, the truth is smaller.
 *
 * The bound speaks of the derivative as it is computed here: a choice among values (ReLU's kink, Where) has that of
 * what is chosen.
 *
 * @param network as it was imported and probed, before operations are rewritten: LayerNormalization as such has a bound, and
 *   what it is made of has none
 * @param norms computed for those operations alone whose inputs have a bound
 * Throws the signal's reason.
 */
export async function jacobianBounds(network: ShapedGraph, variable: string, values: readonly string[], norms: OperatorNorms): Promise<Map<string, ValueBound>> {
  const walk = new BoundWalk(network, norms);
  walk.known.set(variable, { bound: 1, reason: null });
  for (const node of nodesFor(network.nodes, values)) {
    norms.throwIfAborted();
    await walk.pass(node);
  }
  return new Map(values.map((name) => [name, walk.known.get(name) ?? { bound: 0, reason: null }]));
}

class BoundWalk {
  /** Of the variable and the values that depend on it. */
  readonly known = new Map<string, ValueBound>();
  private readonly builder: GraphBuilder;
  private readonly constants: NetworkConstants;
  private readonly gates: Gates;

  constructor(
    private readonly network: ShapedGraph,
    private readonly norms: OperatorNorms,
  ) {
    this.builder = new GraphBuilder(network, false);
    this.constants = new NetworkConstants(network);
    this.gates = new Gates(network);
  }

  /** Adds the bounds of a node's outputs. */
  async pass(node: Node): Promise<void> {
    const read = namesRead(node).filter((name) => this.known.has(name));
    if (read.length === 0 || ruleFor(node) === constantRule) return;
    const sources = read.flatMap((name) => this.network.values.get(name) ?? []);
    const outputs = node.outputs.filter((name) => {
      const value = this.network.values.get(name);
      return value !== undefined && !this.known.has(name) && carriesTangent(operatorName(node), sources, value);
    });
    if (outputs.length === 0) return;
    const found = await this.outcome(node, read);
    for (const name of outputs) this.known.set(name, boundOf(node, found, node.outputs.indexOf(name)));
  }

  /** Bounds of the outputs, or the reason why there are none. */
  private async outcome(node: Node, read: readonly string[]): Promise<OutputBounds | string> {
    const gate = this.gates.product(node);
    const gated = gate === null ? undefined : this.known.get(gate.of);
    if (gate !== null && gated !== undefined) return gated.bound === null ? gated.reason : gate.slope * gated.bound;
    for (const name of read) {
      const reason = this.known.get(name)?.reason ?? null;
      if (reason !== null) return reason;
    }
    const operator = operatorName(node);
    const gain = gains.get(operator);
    const described = describeNode(node);
    if (roundingOperators.has(operator)) return `${described} rounds, which has no Lipschitz constant.`;
    if (gain === undefined) return unboundedOperators.has(operator) ? `${described} has no Lipschitz constant over all inputs.` : `${described} has no Lipschitz constant that is known here.`;
    try {
      return await gain(new BoundedOperation(this.operation(node), node.inputs.map((name) => this.known.get(name)?.bound ?? null), this.constants, this.norms));
    } catch (error) {
      this.norms.throwIfAborted();
      // Weights that are no numbers, too little memory: what stands behind such an operation has no bound, and the report says why.
      if (error instanceof Unbounded) return error.message;
      return `${described}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  private operation(node: Node): Operation {
    const values = (names: readonly string[]) => names.map((name) => (name === '' ? null : this.builder.value(name)));
    return new Operation(this.builder, node, values(node.inputs), values(node.outputs), this.network.opset['']);
  }
}

function boundOf(node: Node, found: OutputBounds | string, output: number): ValueBound {
  if (typeof found === 'string') return { bound: null, reason: found };
  const bound = typeof found === 'number' ? found : (found.at(output) ?? null);
  if (bound === null) return { bound: null, reason: `Output ${output} of ${describeNode(node)} has no Lipschitz constant that is known here.` };
  if (!Number.isFinite(bound)) return { bound: null, reason: `The bound exceeds the largest floating-point number at ${describeNode(node)}.` };
  return { bound, reason: null };
}
