import type { GraphNode, ValueInfo } from '../formats/modelFile.js';
import { isKnownDomain } from './attributes.js';
import { maximumRank, type ConstantResolver } from './constantResolver.js';
import type { Scope } from './graphScope.js';
import { inferShape, inferValues, type Shape } from './shapeRules.js';

export type { Shape } from './shapeRules.js';

/**
 * Sizes of the values of a graph as far as it tells them: what the file declares first, then forward through the
 * operations that vision and sequence models are made of. Unknown sizes are null; an unknown rank is a null shape.
 * Cost: one pass over the nodes.
 */
export class ShapeInference {
  private readonly shapes = new Map<Scope, Map<string, Shape>>();
  /** Elements of small integer values (computed shapes), null where one depends on an unknown size. */
  private readonly values = new Map<Scope, Map<string, (number | null)[]>>();

  constructor(
    root: Scope,
    private readonly resolver: ConstantResolver,
  ) {
    for (const { node, scope } of root.allNodes()) this.visit(scope, node);
  }

  /** The shape of a value: null where even its rank is unknown. */
  of(scope: Scope, name: string): Shape | null {
    const home = scope.definingScope(name);
    if (!home) return null;
    const found = this.shapes.get(home)?.get(name);
    if (found) return found;
    const initializer = home.producers.has(name) ? undefined : home.initializers.get(name);
    return initializer?.shape ?? declaredShape(home.infos.get(name));
  }

  /** The elements of a small integer value, as far as they are known. */
  valuesOf(scope: Scope, name: string): (number | null)[] | null {
    const home = scope.definingScope(name);
    return (home && this.values.get(home)?.get(name)) ?? this.resolver.numbers(scope, name);
  }

  private visit(scope: Scope, node: GraphNode): void {
    if (!isKnownDomain(node.domain)) return;
    const input = (i: number) => this.of(scope, node.inputs[i] ?? '');
    const numbers = (i: number) => (node.inputs[i] ? this.valuesOf(scope, node.inputs[i]) : null);
    const constant = this.resolver.resolve(scope, node.outputs[0] ?? '')?.shape ?? null;
    const values = inferValues(node, { shape: input, values: numbers });
    if (values) entry(this.values, scope).set(node.outputs[0], values);
    for (const [output, name] of node.outputs.entries()) {
      if (name === '') continue;
      const inferred = output === 0 && constant ? constant : inferShape(node, output, { shape: input, values: numbers });
      const shape = merge(declaredShape(scope.infos.get(name)), inferred && credible(inferred));
      if (shape) entry(this.shapes, scope).set(name, shape);
    }
  }
}

function entry<Value>(maps: Map<Scope, Map<string, Value>>, scope: Scope): Map<string, Value> {
  let map = maps.get(scope);
  if (!map) maps.set(scope, (map = new Map<string, Value>()));
  return map;
}

function declaredShape(info: ValueInfo | undefined): Shape | null {
  return info?.shape?.map((size) => (typeof size === 'number' && size >= 0 ? size : null)) ?? null;
}

/** Damaged attributes lead to sizes that cannot be: those are unknown. */
function credible(shape: Shape): Shape | null {
  return shape.length > maximumRank ? null : shape.map((size) => (size !== null && Number.isSafeInteger(size) && size >= 0 ? size : null));
}

/** What is declared, its gaps filled with what follows from the operation. */
function merge(declared: Shape | null, inferred: Shape | null): Shape | null {
  if (!declared || declared.length !== inferred?.length) return declared ?? inferred;
  return declared.map((size, axis) => size ?? inferred[axis]);
}
