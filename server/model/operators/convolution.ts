import { numberAttribute, numbersAttribute } from '../attributes.js';
import { constantTensor, isFloat, quantisedAlong, type ConstantResolver } from '../constantResolver.js';
import { draft, type Detected } from '../draft.js';
import { elementsOf, reshaped, transposed } from '../expression.js';
import type { PlacedNode } from '../graphScope.js';
import type { ConvolutionGeometry, WeightExpression } from '../model.js';
import type { ShapeInference } from '../shapes.js';
import { resolvePads } from '../windows.js';
import { describe, scaleAfter } from './dense.js';

interface Slots {
  weight: number;
  scale: number;
  zeroPoint: number;
  bias: number;
}

const slotsOf: Record<string, Slots> = {
  Conv: { weight: 1, scale: -1, zeroPoint: -1, bias: 2 },
  FusedConv: { weight: 1, scale: -1, zeroPoint: -1, bias: 2 },
  ConvTranspose: { weight: 1, scale: -1, zeroPoint: -1, bias: 2 },
  ConvInteger: { weight: 1, scale: -1, zeroPoint: 3, bias: -1 },
  QLinearConv: { weight: 3, scale: 4, zeroPoint: 5, bias: 8 },
};

/**
 * Convolutions in one, two and three dimensions: the reshaped kernel [C_out, C_in·k…], block-diagonal when grouped. A
 * transposed convolution, stored [C_in, C_out/g, k…], is turned to the same form.
 */
export function detectConvolution(at: PlacedNode, resolver: ConstantResolver, shapes: ShapeInference): Detected | null {
  const { node, scope } = at;
  const slots = (slotsOf as Partial<Record<string, Slots>>)[node.opType];
  if (!slots) return null;
  const kernel = resolver.resolve(scope, node.inputs[slots.weight] ?? '');
  if (!kernel) return null;
  const rank = kernel.shape.length;
  const groups = numberAttribute(node, 'group', 1);
  const transposedKind = node.opType === 'ConvTranspose';
  const channels = kernel.shape[0];
  if (rank < 3) return { reason: `${describe(node)}: a kernel with ${rank} axes is no convolution` };
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0) return { reason: `${describe(node)}: ${channels} channels do not divide into ${groups} groups` };
  const weight = dequantizedKernel(at, resolver, kernel, slots);
  const window = kernel.shape.slice(2);
  const taps = elementsOf(window);
  const perGroup = channels / groups;
  let matrix: WeightExpression;
  if (transposedKind) {
    const grouped = reshaped(weight, [groups, perGroup, kernel.shape[1], taps]);
    matrix = reshaped(transposed(grouped, [0, 2, 1, 3]), [groups, kernel.shape[1], perGroup * taps]);
  } else {
    matrix = reshaped(weight, [groups, perGroup, kernel.shape[1] * taps]);
  }
  const inChannels = transposedKind ? channels : kernel.shape[1] * groups;
  const outChannels = transposedKind ? kernel.shape[1] * groups : channels;
  const convolution = geometry(at, shapes, { transposed: transposedKind, window, groups, inChannels, outChannels });
  return {
    layers: [draft(at, matrix, { kind: transposedKind ? 'convolutionTranspose' : 'convolution', convolution, unitAxis: 1, biasInputs: [slots.bias] })],
  };
}

function dequantizedKernel({ node, scope }: PlacedNode, resolver: ConstantResolver, kernel: WeightExpression, slots: Slots): WeightExpression {
  if (isFloat(kernel) || (slots.scale < 0 && slots.zeroPoint < 0)) return kernel;
  const zeroPoint = resolver.tensor(scope, node.inputs[slots.zeroPoint]);
  const scale = resolver.tensor(scope, node.inputs[slots.scale]) ?? scaleAfter(scope, node, resolver);
  if (!scale && !zeroPoint) return kernel;
  return quantisedAlong(kernel, scale ?? constantTensor('1', 1), zeroPoint, 0, 0) ?? kernel;
}

function geometry({ node, scope }: PlacedNode, shapes: ShapeInference, facts: { transposed: boolean; window: number[]; groups: number; inChannels: number; outChannels: number }): ConvolutionGeometry {
  const { window } = facts;
  const ones = window.map(() => 1);
  const sized = (name: string, fallback: number[]) => {
    const values = numbersAttribute(node, name);
    return values?.length === fallback.length && values.every((value) => Number.isSafeInteger(value) && value > 0) ? values : fallback;
  };
  const strides = sized('strides', ones);
  const dilations = sized('dilations', ones);
  const input = shapes.of(scope, node.inputs[0] ?? '');
  const spatial = input?.slice(2) ?? [];
  const inputSize = spatial.length === window.length && spatial.every((size) => size !== null && size > 0) ? spatial.filter((size) => size !== null) : null;
  const resolved = resolvePads(node, { kernel: window, strides, dilations, inputSize });
  return {
    transposed: facts.transposed,
    kernel: window,
    strides,
    dilations,
    pads: resolved.pads,
    outputPadding: resolved.outputPadding,
    groups: facts.groups,
    inChannels: facts.inChannels,
    outChannels: facts.outChannels,
    // Padding that depends on an unknown size is unknown itself: then no operator can be stated.
    inputSize: resolved.known ? inputSize : null,
  };
}
