import type { GraphNode } from '../formats/modelFile.js';
import { isKnownDomain, numberAttribute, numbersAttribute } from './attributes.js';
import type { ConstantResolver } from './constantResolver.js';
import type { FoundLayer, LayerDraft } from './draft.js';
import { elementsOf } from './expression.js';
import type { Scope } from './graphScope.js';
import type { LayerReader } from './model.js';
import type { ShapeInference } from './shapes.js';

/** Operations between two layers; more is a graph of another kind. */
const maximumSteps = 64;

/** Every unit by itself: a unit that is constant stays constant, and no other unit learns of it. */
const unitwise = new Set(
  'Identity Cast Dropout Relu LeakyRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Tanh Softplus Softsign Gelu FastGelu BiasGelu QuickGelu Mish Swish Erf Exp Sqrt Abs Neg Clip ThresholdedRelu QuantizeLinear DequantizeLinear BatchNormalization InstanceNormalization MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool'.split(' '),
);
const arithmetic = new Set(['Add', 'Sub', 'Mul', 'Div', 'PRelu', 'Pow', 'Max', 'Min']);

/** Where the units of a layer lie in a value: at an axis, `run` neighbours per unit. */
interface UnitPlace {
  /** Counted from the front (channels of feature maps) or, negative, from the end. */
  axis: number;
  /** Neighbouring indices of the axis that belong to one unit. */
  run: number;
}

/**
 * Finds for dense layers and convolutions who reads their output, so that a unit whose columns are zero in all readers
 * can be called unread. Cost: one walk forward per layer, ending at the next layers.
 */
export function attachReaders(layers: readonly FoundLayer[], root: Scope, resolver: ConstantResolver, shapes: ShapeInference): void {
  const byInput = new Map<GraphNode, { found: FoundLayer; use: LayerDraft }[]>();
  for (const found of layers) {
    for (const use of found.uses) {
      const list = byInput.get(use.at.node);
      if (list) list.push({ found, use });
      else byInput.set(use.at.node, [{ found, use }]);
    }
  }
  const walk = new ReaderWalk(byInput, resolver, shapes);
  for (const found of layers) {
    const { layer, uses } = found;
    if (layer.kind !== 'dense' && layer.kind !== 'convolution' && layer.kind !== 'convolutionTranspose') continue;
    layer.readers = uses.every((use) => use.at.scope === root) ? walk.readersOf(uses, layer.matrixShape[0]) : null;
  }
}

class ReaderWalk {
  constructor(
    private readonly byInput: ReadonlyMap<GraphNode, { found: FoundLayer; use: LayerDraft }[]>,
    private readonly resolver: ConstantResolver,
    private readonly shapes: ShapeInference,
  ) {}

  /** The readers of a layer's output over all its uses; null where one is unknown. */
  readersOf(uses: readonly LayerDraft[], units: number): LayerReader[] | null {
    const readers = new Map<string, LayerReader>();
    for (const use of uses) {
      if (use.output === null || use.unitAxis === -2) return null;
      if (!this.follow(use.at.scope, use.output, { axis: use.unitAxis, run: 1 }, units, readers, 0)) return null;
    }
    return readers.size > 0 ? [...readers.values()] : null;
  }

  /** Collects the readers behind a value; false where one is not understood. */
  private follow(scope: Scope, value: string, place: UnitPlace, units: number, readers: Map<string, LayerReader>, steps: number): boolean {
    if (steps > maximumSteps || scope.isOutput(value)) return false;
    const uses = scope.usesOf(value);
    return (
      uses.length > 0 &&
      uses.every(({ node, input, scope: inner }) => {
        if (inner !== scope) return false;
        // Asking for the shape reads no values.
        if (node.opType === 'Shape' || node.opType === 'Size') return true;
        const layers = this.byInput.get(node);
        if (layers) return layers.every(({ found, use }) => use.input === value && this.addReader(found, use, value, place, units, readers));
        const next = this.placeAfter(scope, node, input, place, units);
        return next !== null && this.follow(scope, node.outputs[0], next, units, readers, steps + 1);
      })
    );
  }

  private addReader({ layer }: FoundLayer, use: LayerDraft, value: string, place: UnitPlace, units: number, readers: Map<string, LayerReader>): boolean {
    const convolution = layer.convolution !== null;
    if (layer.kind !== 'dense' && !convolution) return false;
    if (layer.groups > 1 || use.unitAxis === -2) return false;
    const rank = this.shapes.of(use.at.scope, value)?.length ?? null;
    const wanted = convolution ? 1 : -1;
    if (!sameAxis(place.axis, wanted, rank)) return false;
    const columnsPerUnit = place.run * (layer.convolution ? elementsOf(layer.convolution.kernel) : 1);
    if (columnsPerUnit * units !== layer.matrixShape[1]) return false;
    const known = readers.get(layer.id);
    readers.set(layer.id, { layer: layer.id, columnsPerUnit });
    return known === undefined || known.columnsPerUnit === columnsPerUnit;
  }

  /** Where the units lie after an operation; null where it mixes them or is unknown. */
  private placeAfter(scope: Scope, node: GraphNode, input: number, place: UnitPlace, units: number): UnitPlace | null {
    if (!isKnownDomain(node.domain) || node.outputs.slice(1).some((output) => output !== '' && scope.usesOf(output).length > 0)) return null;
    if (unitwise.has(node.opType)) return input === 0 ? place : null;
    if (arithmetic.has(node.opType)) {
      const other = node.inputs[1 - input] as string | undefined;
      return node.inputs.length === 2 && other !== undefined && this.resolver.resolve(scope, other) ? place : null;
    }
    if (input !== 0) return null;
    const before = this.shapes.of(scope, node.inputs[0]);
    const after = this.shapes.of(scope, node.outputs[0]);
    const axis = before && (place.axis < 0 ? place.axis + before.length : place.axis);
    if (node.opType === 'Transpose') {
      const permutation = numbersAttribute(node, 'perm');
      const at = axis === null ? -1 : (permutation?.indexOf(axis) ?? -1);
      return at < 0 ? null : { axis: at, run: place.run };
    }
    if (before === null || axis === null || after === null) return null;
    if (node.opType.startsWith('Reduce') && !/Reduce(Sum|Mean|Max|Min)$/.test(node.opType)) return null;
    if (node.opType.startsWith('Reduce')) return this.afterReduction(scope, node, axis, before, after, place);
    if (!['Flatten', 'Reshape', 'Squeeze', 'Unsqueeze'].includes(node.opType)) return null;
    return regrouped(before, after, axis, place.run, units);
  }

  private afterReduction(scope: Scope, node: GraphNode, axis: number, before: readonly unknown[], after: readonly unknown[], place: UnitPlace): UnitPlace | null {
    const given = numbersAttribute(node, 'axes') ?? this.resolver.numbers(scope, node.inputs[1]);
    const axes = given?.map((at) => (at < 0 ? at + before.length : at));
    if (!axes || axes.includes(axis)) return null;
    const kept = numberAttribute(node, 'keepdims', 1) === 1 ? axis : axis - axes.filter((at) => at < axis).length;
    return kept < after.length ? { axis: kept, run: place.run } : null;
  }
}

function sameAxis(axis: number, wanted: number, rank: number | null): boolean {
  if (axis === wanted) return true;
  return rank !== null && (axis + rank) % rank === (wanted + rank) % rank;
}

/**
 * The unit axis after a change of shape: the axes before it must stay or be folded away as a batch of 1, and what is
 * folded in after it lengthens the run. Units folded in front of another axis are lost.
 */
function regrouped(before: readonly (number | null)[], after: readonly (number | null)[], axis: number, run: number, units: number): UnitPlace | null {
  const tail = before.slice(axis + 1);
  if (!tail.every((size) => size !== null)) return null;
  const inner = elementsOf(tail);
  // The axis of the new shape that holds all units: with everything from it on equally many elements.
  for (let at = after.length - 1; at >= 0; at--) {
    const rest = after.slice(at);
    if (!rest.every((size) => size !== null)) return null;
    const size = rest[0];
    const behind = elementsOf(rest.slice(1));
    if (size * behind !== units * run * inner) continue;
    const longer = (run * inner) / behind;
    return Number.isInteger(longer) && size === units * longer ? { axis: at - after.length, run: longer } : null;
  }
  return null;
}
