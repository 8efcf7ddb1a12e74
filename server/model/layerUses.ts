import type { GraphNode } from '../formats/modelFile.js';
import { numbersAttribute, stringAttribute } from './attributes.js';
import type { ConstantResolver } from './constantResolver.js';
import type { FoundLayer, LayerDraft } from './draft.js';
import { elementsOf } from './expression.js';
import type { Scope, Use } from './graphScope.js';
import type { LayerUse } from './model.js';
import { describe } from './operators/dense.js';
import type { ShapeInference } from './shapes.js';

/** Operations between a product and the bias that is added to it; exporters write at most two. */
const maximumSteps = 8;

/** Products of integers, which are rescaled afterwards: Cast, then Mul. */
const integerProducts = new Set(['MatMulInteger', 'ConvInteger']);
/** Products whose result is quantised again. */
const requantised = new Set(['QLinearMatMul', 'QLinearConv']);
/** Where QGemm is told how to quantise its result; without it the result is floating point. */
const scaleOfQGemm = 7;

/** A use of a layer, and the layer. */
export interface FoundUse {
  found: FoundLayer;
  use: LayerDraft;
}

/**
 * The value of the graph that each use of a layer yields: that of its affine map with the bias, before any activation or
 * normalisation. Names are those of the graph with the model's own functions inlined.
 * @param uses in topological order
 * @returns one entry for each of them, in the same order
 * Cost: a few steps forward from each use.
 */
export function layerUses(uses: readonly FoundUse[], root: Scope, resolver: ConstantResolver, shapes: ShapeInference): LayerUse[] {
  const calls = new Map<string, number>();
  const walk = new OutputWalk(resolver, shapes);
  return uses.map(({ found: { layer }, use }) => {
    const call = calls.get(layer.id) ?? 0;
    calls.set(layer.id, call + 1);
    const outcome = use.at.scope === root ? walk.outputOf(use) : { reason: `It stands inside ${ownerOf(use.at.scope)}, whose values are none of the network around it.` };
    return { layer: layer.id, call, output: 'output' in outcome ? outcome.output : null, reason: 'output' in outcome ? null : outcome.reason };
  });
}

type Outcome = { output: string } | { reason: string };

class OutputWalk {
  constructor(
    private readonly resolver: ConstantResolver,
    private readonly shapes: ShapeInference,
  ) {}

  outputOf(use: LayerDraft): Outcome {
    const { node, scope } = use.at;
    const [own = ''] = node.outputs;
    if (use.part !== undefined) return use.part;
    if (use.kind === 'recurrent') return { reason: `A gate inside ${describe(node)} has no value of its own in the graph.` };
    if (use.kind === 'attention') return { reason: `A projection inside ${describe(node)} has no value of its own in the graph.` };
    if (own === '') return { reason: `${describe(node)} makes no value.` };
    if (use.kind === 'embedding') return node.opType.startsWith('Gather') ? { output: own } : { reason: `A table inside ${describe(node)} has no value of its own in the graph.` };
    if (stringAttribute(node, 'activation', '') !== '') return { reason: `${describe(node)} applies ${stringAttribute(node, 'activation', '')} itself: the value before it is not in the graph.` };
    if (requantised.has(node.opType) || (node.opType === 'QGemm' && (node.inputs[scaleOfQGemm] ?? '') !== '')) return this.dequantised(scope, node, own);
    const product = integerProducts.has(node.opType) ? this.rescaled(scope, own) : own;
    if (product === null) return { reason: `${describe(node)} yields integers, and the graph does not rescale them to floating point right after it.` };
    return use.biasInputs.some((input) => (node.inputs[input] ?? '') !== '') ? { output: product } : this.withBias(use, product);
  }

  /** The value after DequantizeLinear. */
  private dequantised(scope: Scope, node: GraphNode, output: string): Outcome {
    const reader = scope.usesOf(output).find((use) => use.scope === scope && use.input === 0 && use.node.opType === 'DequantizeLinear');
    return reader ? { output: reader.node.outputs[0] } : { reason: `${describe(node)} yields quantised numbers, and the graph has no floating-point value of them.` };
  }

  /** Dynamic quantisation: a product of integers → Cast → Mul(·, scale of x · scale of W). */
  private rescaled(scope: Scope, output: string): string | null {
    const cast = this.onlyReader(scope, output);
    const multiply = cast?.node.opType === 'Cast' ? this.onlyReader(scope, cast.node.outputs[0]) : null;
    return multiply?.node.opType === 'Mul' ? multiply.node.outputs[0] : null;
  }

  /**
   * The sum of a product and its bias where that alone reads the product; else the product, whose derivatives are the same:
   * a fused operation may add the bias and go on with a sum that is no value of the graph.
   */
  private withBias(use: LayerDraft, product: string): Outcome {
    const { scope } = use.at;
    let place: number | null = use.convolution === null ? use.unitAxis : -1 - use.convolution.kernel.length;
    let value = product;
    for (let step = 0; step < maximumSteps && place !== null; step++) {
      const reader = this.onlyReader(scope, value);
      if (!reader) break;
      const { node, input } = reader;
      const [, , ...rest] = node.inputs;
      const other = node.inputs[1 - input] ?? '';
      if ((node.opType === 'Add' || node.opType === 'Sum' || (node.opType === 'Sub' && input === 0)) && rest.length === 0) {
        return { output: this.isBias(use, other, { place, value }) ? node.outputs[0] : product };
      }
      place = input === 0 ? this.placeAfter(scope, node, place, unitsOf(use)) : null;
      [value] = node.outputs;
    }
    return { output: product };
  }

  /** The place of the units, from the end, after an operation that only moves elements; null after any other. */
  private placeAfter(scope: Scope, node: GraphNode, place: number, units: number): number | null {
    switch (node.opType) {
      case 'Identity':
      case 'Cast':
        return place;
      case 'Transpose': {
        const permutation = numbersAttribute(node, 'perm');
        const after = permutation?.indexOf(permutation.length + place) ?? -1;
        return permutation === null || after < 0 ? null : after - permutation.length;
      }
      case 'Reshape':
      case 'Flatten':
      case 'Squeeze':
      case 'Unsqueeze':
        return place === -1 && this.shapes.of(scope, node.outputs[0])?.at(-1) === units ? place : null;
      default:
        return null;
    }
  }

  /** Whether a value is a constant with one number for each unit, broadcast along all other axes. */
  private isBias(use: LayerDraft, name: string, { place, value }: { place: number; value: string }): boolean {
    const { scope } = use.at;
    const constant = this.resolver.resolve(scope, name);
    if (!constant) return false;
    const units = unitsOf(use);
    if (elementsOf(constant.shape) !== units) return false;
    const inner = constant.shape.slice(constant.shape.findIndex((size) => size !== 1));
    // A product with one vector has no axis but that of the units.
    const end = this.shapes.of(scope, value)?.length === 1 ? -1 : place;
    return units === 1 || (end === -1 ? inner.at(-1) !== 1 : inner.length === -end && inner[0] === units);
  }

  /** The one place that reads a value, asking for its shape aside; null where there are several, or none. */
  private onlyReader(scope: Scope, value: string): Use | null {
    const uses = scope.usesOf(value).filter(({ node }) => node.opType !== 'Shape' && node.opType !== 'Size');
    return uses.length === 1 && uses[0].scope === scope && !scope.isOutput(value) ? uses[0] : null;
  }
}

function unitsOf({ weight }: LayerDraft): number {
  const [groups, rows] = weight.shape;
  return groups * rows;
}

/** The node of the network that a nested graph belongs to, for a sentence. */
function ownerOf(scope: Scope): string {
  let [inner, outer] = [scope, scope.parent];
  while (outer?.parent) [inner, outer] = [outer, outer.parent];
  const owner = outer && [...outer.children].find(([, bodies]) => bodies.includes(inner))?.[0];
  return owner ? describe(owner) : 'a nested graph';
}
