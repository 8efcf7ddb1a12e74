import type { GraphNode } from '../formats/modelFile.js';
import { numberAttribute, numbersAttribute, stringAttribute } from './attributes.js';

/** What resolvePads needs to know of a window operation. Sizes per spatial axis. */
export interface WindowFacts {
  kernel: readonly number[];
  strides: readonly number[];
  dilations: readonly number[];
  inputSize: readonly number[] | null;
}

/**
 * Explicit pads (before each axis, then after each) and output padding of a convolution or pooling. `known` is false
 * where `auto_pad` or `output_shape` need an input size that is unknown; the pads are 0 then.
 */
export function resolvePads(node: GraphNode, { kernel, strides, dilations, inputSize }: WindowFacts): { pads: number[]; outputPadding: number[]; known: boolean } {
  const axes = kernel.length;
  const zeros = new Array<number>(axes).fill(0);
  const fitted = (name: string, length: number) => {
    const values = numbersAttribute(node, name);
    return values?.length === length && values.every(Number.isSafeInteger) ? values : null;
  };
  const outputPadding = fitted('output_padding', axes) ?? zeros;
  const explicit = fitted('pads', 2 * axes) ?? [...zeros, ...zeros];
  const automatic = stringAttribute(node, 'auto_pad', 'NOTSET');
  const outputShape = node.opType === 'ConvTranspose' ? fitted('output_shape', axes) : null;
  const same = automatic === 'SAME_UPPER' || automatic === 'SAME_LOWER';
  if (!same && !outputShape) return { pads: automatic === 'VALID' ? [...zeros, ...zeros] : explicit, outputPadding, known: true };
  const totals: (number | null)[] = zeros.map((_, axis) => {
    const extent = (kernel[axis] - 1) * dilations[axis] + 1;
    const size = inputSize?.[axis] ?? null;
    if (node.opType === 'ConvTranspose') {
      if (outputShape) return size === null ? null : strides[axis] * (size - 1) + outputPadding[axis] + extent - outputShape[axis];
      return extent + outputPadding[axis] - strides[axis];
    }
    if (strides[axis] === 1) return extent - 1;
    return size === null ? null : (Math.ceil(size / strides[axis]) - 1) * strides[axis] + extent - size;
  });
  const known = totals.every((total) => total !== null);
  if (!known) return { pads: [...zeros, ...zeros], outputPadding, known };
  const whole = totals.map((total) => Math.max(total, 0));
  const smaller = whole.map((total) => Math.floor(total / 2));
  const larger = whole.map((total, axis) => total - smaller[axis]);
  return { pads: automatic === 'SAME_LOWER' ? [...larger, ...smaller] : [...smaller, ...larger], outputPadding, known };
}

/** Sizes after a convolution or pooling window; null where the input's is unknown. */
export function windowOutput(node: GraphNode, spatial: readonly (number | null)[], kernel: readonly number[]): (number | null)[] {
  const ones = kernel.map(() => 1);
  const given = (name: string) => {
    const values = numbersAttribute(node, name);
    return values?.length === kernel.length ? values : ones;
  };
  const strides = given('strides');
  const dilations = given('dilations');
  const known = spatial.every((size) => size !== null) ? spatial : null;
  const { pads, outputPadding, known: padsKnown } = resolvePads(node, { kernel, strides, dilations, inputSize: known });
  const roundUp = numberAttribute(node, 'ceil_mode', 0) === 1;
  const automatic = stringAttribute(node, 'auto_pad', 'NOTSET').startsWith('SAME');
  return spatial.map((size, axis) => {
    if (size === null) return null;
    const extent = (kernel[axis] - 1) * dilations[axis] + 1;
    if (automatic && node.opType !== 'ConvTranspose') return Math.ceil(size / strides[axis]);
    if (!padsKnown) return null;
    const padding = pads[axis] + pads[axis + kernel.length];
    if (node.opType === 'ConvTranspose') return (size - 1) * strides[axis] + extent + outputPadding[axis] - padding;
    const steps = (size + padding - extent) / strides[axis];
    if (!roundUp) return Math.floor(steps) + 1;
    // A window that would start in the padding after the input is dropped.
    const count = Math.ceil(steps) + 1;
    return (count - 1) * strides[axis] >= size + pads[axis] ? count - 1 : count;
  });
}
