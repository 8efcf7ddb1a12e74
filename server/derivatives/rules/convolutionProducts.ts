import type { GraphBuilder } from '../builder.js';
import { elementsOf, type Value } from '../graph.js';
import { readAfter, windowElements, type Windows } from './windows.js';

/**
 * A convolution and all its derivatives are one sum with three operands,
 *   Σ wide[n, c, i·stride + q·dilation − before] · narrow[n, o, i] · weights[o, c, q],
 * taken over two of them. Shapes: wide [N, C, ...wide], narrow [N, O, ...narrow], weights [O, C / groups, ...kernel].
 * Conv makes the narrow side from the wide one, ConvTranspose the wide side from the narrow one; their weights have the
 * same layout.
 */
export interface Convolution {
  windows: Windows;
  groups: number;
}

/** The narrow side: Conv. */
export function narrowSide(graph: GraphBuilder, { windows, groups }: Convolution, wide: Value, weights: Value): Value {
  // Elements at the end that fill no window are left out by Conv itself, unless there are enough for one more.
  const surplus = windows.map((window) => (-readAfter(window) >= window.stride ? -readAfter(window) : 0));
  const cut = graph.pad(wide, wide.shape.map(() => 0), [0, 0, ...surplus.map((count) => 0 - count)]);
  const pads = [...windows.map(({ before }) => before), ...windows.map((window) => Math.max(0, readAfter(window)))];
  return graph.one('Conv', [cut, weights], [wide.shape[0], weights.shape[0], ...windows.map(({ narrow }) => narrow)], { ...stepAttributes(windows), pads, group: groups });
}

/** The wide side: Conv with turned weights where the stride is 1, since that is faster, and ConvTranspose elsewhere. */
export function wideSide(graph: GraphBuilder, { windows, groups }: Convolution, narrow: Value, weights: Value): Value {
  const shape = [narrow.shape[0], weights.shape[1] * groups, ...windows.map(({ wide }) => wide)];
  const reach = windows.map(({ dilation, kernel }) => dilation * (kernel - 1));
  const before = windows.map((window, i) => reach[i] - window.before);
  const after = windows.map((window, i) => reach[i] - readAfter(window));
  if (windows.every(({ stride }) => stride === 1) && [...before, ...after].every((count) => count >= 0)) {
    return graph.one('Conv', [narrow, turnedWeights(graph, weights, groups)], shape, { ...stepAttributes(windows), pads: [...before, ...after], group: groups });
  }
  const missing = windows.map((window) => Math.max(0, -readAfter(window)));
  // Zeros behind the last window: an attribute for fewer than the stride.
  const added = missing.map((count, i) => Math.min(count, windows[i].stride - 1));
  const rest = missing.map((count, i) => count - added[i]);
  const pads = [...windows.map((window) => window.before), ...windows.map((window) => Math.max(0, readAfter(window)))];
  const most = shape.map((size, i) => (i < 2 ? size : size - rest[i - 2]));
  const result = graph.one('ConvTranspose', [narrow, weights], most, { ...stepAttributes(windows), pads, group: groups, output_padding: added.some((count) => count > 0) ? added : undefined });
  return graph.pad(result, shape.map(() => 0), [0, 0, ...rest]);
}

/**
 * The weights: the elements of all windows side by side, and one product of matrices.
 * @param wide [A, N, C, ...wide]
 * @param narrow [B, N, O, ...narrow]; A or B is 1
 * @returns [A·B, O, C / groups, ...kernel]
 */
export function weightSide(graph: GraphBuilder, { windows, groups }: Convolution, wide: Value, narrow: Value): Value {
  const [first, batch, wideChannels] = wide.shape;
  const [second, , narrowChannels] = narrow.shape;
  const kernel = windows.map((window) => window.kernel);
  const places = batch * elementsOf(windows.map((window) => window.narrow));
  const [rows, columns] = [narrowChannels / groups, (wideChannels / groups) * elementsOf(kernel)];
  const elements = windowElements(graph, channelsFirst(graph, wide), windows, 2);
  const cotangent = channelsFirst(graph, narrow);
  const shape = [first * second, narrowChannels, wideChannels / groups, ...kernel];
  if (groups > 1) {
    const product = graph.matrixProduct(graph.reshape(cotangent, [second, groups, rows, places]), graph.transposeLast(graph.reshape(elements, [first, groups, columns, places])));
    return graph.reshape(product, shape);
  }
  const product = graph.gemm(graph.reshape(cotangent, [second * rows, places]), graph.reshape(elements, [first * columns, places]), { transposeB: true });
  return graph.reshape(graph.transpose(graph.reshape(product, [second, rows, first, columns]), [2, 0, 1, 3]), shape);
}

/**
 * The weights for each sample by itself.
 * @param wide [N, C, ...wide]
 * @param narrow [N, O, ...narrow]
 * @returns [N, O, C / groups, ...kernel]
 */
export function weightsBySample(graph: GraphBuilder, { windows, groups }: Convolution, wide: Value, narrow: Value): Value {
  const [samples, wideChannels] = wide.shape;
  const channels = narrow.shape[1];
  const kernel = windows.map((window) => window.kernel);
  const places = elementsOf(windows.map((window) => window.narrow));
  const [rows, columns] = [channels / groups, (wideChannels / groups) * elementsOf(kernel)];
  const elements = graph.reshape(windowElements(graph, wide, windows, 2), [samples, groups, columns, places]);
  const product = graph.matrixProduct(graph.reshape(narrow, [samples, groups, rows, places]), graph.transposeLast(elements));
  return graph.reshape(product, [samples, channels, wideChannels / groups, ...kernel]);
}

/** The narrow side for K weights [K, O, C / groups, ...kernel] at once: [K, N, O, ...narrow]. */
export function narrowSides(graph: GraphBuilder, convolution: Convolution, wide: Value, weights: Value): Value {
  const { groups } = convolution;
  const [count, channels, ...kernel] = weights.shape;
  const grouped = graph.reshape(weights, [count, groups, channels / groups, elementsOf(kernel)]);
  const folded = graph.reshape(graph.transpose(grouped, [1, 0, 2, 3]), [count * channels, ...kernel]);
  return unfoldedChannels(graph, narrowSide(graph, convolution, wide, folded), groups, count);
}

/** The wide side for K weights [K, O, C / groups, ...kernel] at once: [K, N, C, ...wide]. */
export function wideSides(graph: GraphBuilder, convolution: Convolution, narrow: Value, weights: Value): Value {
  const [count, channels, width, ...kernel] = weights.shape;
  const turned = graph.transpose(graph.reshape(weights, [count, channels, width * elementsOf(kernel)]), [1, 0, 2]);
  const folded = graph.reshape(turned, [channels, count * width, ...kernel]);
  return unfoldedChannels(graph, wideSide(graph, convolution, narrow, folded), convolution.groups, count);
}

/** [N, groups · K · channels, ...] → [K, N, groups · channels, ...]. */
function unfoldedChannels(graph: GraphBuilder, value: Value, groups: number, count: number): Value {
  const [batch, channels, ...spatial] = value.shape;
  const apart = graph.reshape(value, [batch, groups, count, channels / groups / count, elementsOf(spatial)]);
  return graph.reshape(graph.transpose(apart, [2, 0, 1, 3, 4]), [count, batch, channels / count, ...spatial]);
}

/** [A, N, C, ...] → [A, C, N, ...]. */
function channelsFirst(graph: GraphBuilder, value: Value): Value {
  return graph.transpose(value, value.shape.map((_, axis) => (axis === 1 ? 2 : axis === 2 ? 1 : axis)));
}

/**
 * The weights of the transposed convolution: reversed along the kernel, input and output channels of each group
 * exchanged. onnxruntime works this out once where the weights are constant.
 */
function turnedWeights(graph: GraphBuilder, weights: Value, groups: number): Value {
  const [channels, width, ...kernel] = weights.shape;
  const axes = kernel.flatMap((size, i) => (size > 1 ? [i + 2] : []));
  const reversed = axes.length === 0 ? weights : graph.slice(weights, axes, axes.map((axis) => weights.shape[axis] - 1), axes.map(() => -1), axes.map(() => -1));
  const grouped = graph.reshape(reversed, [groups, channels / groups, width, elementsOf(kernel)]);
  return graph.reshape(graph.transpose(grouped, [0, 2, 1, 3]), [groups * width, channels / groups, ...kernel]);
}

function stepAttributes(windows: Windows): { kernel_shape: number[]; strides: number[]; dilations: number[] } {
  return { kernel_shape: windows.map(({ kernel }) => kernel), strides: windows.map(({ stride }) => stride), dilations: windows.map(({ dilation }) => dilation) };
}
