import type { GraphBuilder } from '../builder.js';
import type { Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { plus } from '../rule.js';

/**
 * How the windows of a convolution or a pool lie along one spatial axis: element q of window i is element
 * i·stride + q·dilation − before of the wide side, and beyond its ends there are zeros. The wide side is the input of a
 * convolution or a pool, and the output of a transposed convolution.
 */
export interface WindowAxis {
  kernel: number;
  stride: number;
  dilation: number;
  before: number;
  /** Elements that the windows lie over. */
  wide: number;
  /** Number of windows. */
  narrow: number;
}

/** One for each spatial axis. These are the last axes of the values below. */
export type Windows = readonly WindowAxis[];

/**
 * The windows of Conv and of the pools: https://onnx.ai/onnx/operators/onnx__Conv.html
 * @param kernel, wide, narrow sizes by spatial axis
 */
export function windowsOf(operation: Operation, kernel: readonly number[], wide: readonly number[], narrow: readonly number[]): Windows {
  const padding = operation.text('auto_pad', 'NOTSET');
  return kernel.map((size, axis) => {
    const { stride, dilation } = stepsOf(operation, axis);
    const span = dilation * (size - 1) + 1;
    const added = Math.max(0, (Math.ceil(wide[axis] / stride) - 1) * stride + span - wide[axis]);
    const before = padding === 'SAME_UPPER' ? Math.floor(added / 2) : padding === 'SAME_LOWER' ? Math.ceil(added / 2) : padding === 'VALID' ? 0 : padsOf(operation, axis);
    return { kernel: size, stride, dilation, before, wide: wide[axis], narrow: narrow[axis] };
  });
}

/**
 * The windows of ConvTranspose: https://onnx.ai/onnx/operators/onnx__ConvTranspose.html
 * Where only the size of the result is told, what is cut off is shared between both ends.
 */
export function transposedWindowsOf(operation: Operation, kernel: readonly number[], wide: readonly number[], narrow: readonly number[]): Windows {
  const padding = operation.text('auto_pad', 'NOTSET');
  const isCut = operation.has('output_shape') || padding.startsWith('SAME');
  return kernel.map((size, axis) => {
    const { stride, dilation } = stepsOf(operation, axis);
    const added = operation.integers('output_padding')?.at(axis) ?? 0;
    const cut = Math.max(0, (narrow[axis] - 1) * stride + added + dilation * (size - 1) + 1 - wide[axis]);
    const shared = padding === 'SAME_UPPER' ? Math.floor(cut / 2) : Math.ceil(cut / 2);
    const before = isCut ? shared : padding === 'VALID' ? 0 : padsOf(operation, axis);
    return { kernel: size, stride, dilation, before, wide: wide[axis], narrow: narrow[axis] };
  });
}

function stepsOf(operation: Operation, axis: number): { stride: number; dilation: number } {
  return { stride: operation.integers('strides')?.at(axis) ?? 1, dilation: operation.integers('dilations')?.at(axis) ?? 1 };
}

function padsOf(operation: Operation, axis: number): number {
  return operation.integers('pads')?.[axis] ?? 0;
}

/** Elements that the last window reads beyond the end of the wide side; negative: elements there that no window reads. */
export function readAfter({ kernel, stride, dilation, before, wide, narrow }: WindowAxis): number {
  return (narrow - 1) * stride + dilation * (kernel - 1) + 1 - wide - before;
}

/** Windows that lie side by side, without gaps. */
export function areTiles({ kernel, stride, dilation, before, wide, narrow }: WindowAxis): boolean {
  return kernel === stride && dilation === 1 && before === 0 && wide === kernel * narrow;
}

/**
 * The elements of all windows: [..., ...wide] → [..., ...kernel, ..., ...narrow].
 * @param at axis at which those of the kernel are put
 */
export function windowElements(graph: GraphBuilder, value: Value, windows: Windows, at: number): Value {
  let result = padded(graph, value, windows);
  for (const [i, window] of windows.entries()) {
    const parts = partsAlong(graph, result, window, result.shape.length - windows.length + i);
    result = graph.concat(parts.map((part) => graph.reshape(part, inserted(part.shape, at + i, 1))), at + i);
  }
  return result;
}

/** The sums of the windows: [..., ...wide] → [..., ...narrow]. */
export function windowSums(graph: GraphBuilder, value: Value, windows: Windows): Value {
  let result = padded(graph, value, windows);
  for (const [i, window] of windows.entries()) {
    result = partsAlong(graph, result, window, result.shape.length - windows.length + i).reduce((sum, part) => graph.add(sum, part));
  }
  return result;
}

/** The transposed of `windowElements`: adds every element of every window where it came from. */
export function addedWindows(graph: GraphBuilder, value: Value, windows: Windows, at: number): Value {
  let result = value;
  for (let i = windows.length - 1; i >= 0; i--) result = addedAlong(graph, result, windows[i], at + i, result.shape.length - windows.length + i);
  return result;
}

/** The transposed of `windowSums`: [..., ...narrow] → [..., ...wide]. */
export function spreadWindows(graph: GraphBuilder, value: Value, windows: Windows): Value {
  const at = value.shape.length - windows.length;
  return addedWindows(graph, graph.reshape(value, inserted(value.shape, at, ...windows.map(() => 1))), windows, at);
}

function padded(graph: GraphBuilder, value: Value, windows: Windows): Value {
  const others = new Array<number>(value.shape.length - windows.length).fill(0);
  return graph.pad(value, [...others, ...windows.map(({ before }) => before)], [...others, ...windows.map((window) => Math.max(0, readAfter(window)))]);
}

/** The first elements of all windows along an axis, the second ones, and so on. */
function partsAlong(graph: GraphBuilder, value: Value, { kernel, stride, dilation, narrow }: WindowAxis, axis: number): Value[] {
  return Array.from({ length: kernel }, (_, q) => graph.slice(value, [axis], [q * dilation], [q * dilation + (narrow - 1) * stride + 1], [stride]));
}

/** Takes the axis of the kernel away; where it has size 1, its element is that of all places in the window. */
function addedAlong(graph: GraphBuilder, value: Value, window: WindowAxis, kernelAxis: number, axis: number): Value {
  const { kernel, stride, dilation, before, wide, narrow } = window;
  const without = (shape: readonly number[]): number[] => shape.filter((_, i) => i !== kernelAxis);
  if (areTiles(window)) {
    const order = inserted(without(value.shape.map((_, i) => i)), axis, kernelAxis);
    const turned = graph.transpose(value, order);
    const tiles = graph.expand(turned, turned.shape.map((size, i) => (i === axis ? kernel : size)));
    return graph.reshape(tiles, without(value.shape).map((size, i) => (i === axis - 1 ? wide : size)));
  }
  const spaced = withZerosBetween(graph, value, axis, stride);
  let sum: Value | null = null;
  for (let q = 0; q < kernel; q++) {
    const start = q * dilation - before;
    const first = Math.max(0, Math.ceil(-start / stride));
    const last = Math.min(narrow - 1, Math.floor((wide - 1 - start) / stride));
    if (first > last) continue;
    const place = Math.min(q, value.shape[kernelAxis] - 1);
    const part = graph.slice(spaced, [kernelAxis, axis], [place, first * stride], [place + 1, last * stride + 1]);
    const alone = graph.reshape(part, without(part.shape));
    const around = (count: number): number[] => alone.shape.map((_, i) => (i === axis - 1 ? count : 0));
    sum = plus(graph, sum, graph.pad(alone, around(start + first * stride), around(wide - 1 - start - last * stride)));
  }
  return sum ?? graph.filled(0, without(value.shape).map((size, i) => (i === axis - 1 ? wide : size)), value.dtype);
}

/** Puts stride − 1 zeros behind each element of an axis. */
function withZerosBetween(graph: GraphBuilder, value: Value, axis: number, stride: number): Value {
  if (stride === 1) return value;
  const apart = graph.reshape(value, inserted(value.shape, axis + 1, 1));
  const spaced = graph.pad(apart, apart.shape.map(() => 0), apart.shape.map((_, i) => (i === axis + 1 ? stride - 1 : 0)));
  return graph.reshape(spaced, value.shape.map((size, i) => (i === axis ? size * stride : size)));
}

function inserted(list: readonly number[], at: number, ...items: number[]): number[] {
  return [...list.slice(0, at), ...items, ...list.slice(at)];
}
