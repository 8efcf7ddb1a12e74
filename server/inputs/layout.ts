import type { ValueInfo } from '../formats/modelFile.js';
import { elementCount, emptyLike, formatShape, InputsError, type InputArray, type InputElements } from './inputArray.js';

/** Order of an image's axes behind the batch: [channels, height, width] or [height, width, channels]. */
export type Layout = 'nchw' | 'nhwc';

/** A dimension of a model's input: a number, or null where the model leaves it open. */
export type Dimension = number | null;

/** What the model says of one of its inputs, without the batch. */
export interface SampleShape {
  /** Behind the batch dimension; null where the model does not say. */
  dimensions: Dimension[] | null;
  /** False for a model whose whole input is one sample, such as [5]. */
  batched: boolean;
  /** Where the model fixes how many inputs it takes at once; null where it leaves that open or is not batched. */
  batch: Dimension;
  layout: Layout | null;
}

/** How surely a size is that of a channel axis: 1 and 3 are grey and RGB, 2 and 4 have alpha or are other stacks. */
const CHANNEL_EVIDENCE = new Map<Dimension, number>([[1, 2], [3, 2], [2, 1], [4, 1]]);

/** @param shape of the model's input, as declared */
export function sampleShape({ shape }: Pick<ValueInfo, 'shape'>): SampleShape {
  if (shape === null) return { dimensions: null, batched: true, batch: null, layout: null };
  const dimensions = shape.map((size) => (typeof size === 'number' && size >= 0 ? size : null));
  const single = dimensions.length === 0 || (dimensions.length === 1 && dimensions[0] !== null && dimensions[0] > 1);
  const behind = single ? dimensions : dimensions.slice(1);
  return { dimensions: behind, batched: !single, batch: single ? null : dimensions[0], layout: layoutOf(behind) };
}

/**
 * The layout of an image-shaped sample, which has three dimensions: nhwc where the last one looks more like channels than
 * the first; nchw, ONNX's own, where it does not; null for other ranks.
 */
export function layoutOf(dimensions: readonly Dimension[]): Layout | null {
  if (dimensions.length !== 3) return null;
  const [first, , last] = dimensions.map((size) => CHANNEL_EVIDENCE.get(size) ?? 0);
  return last > first ? 'nhwc' : 'nchw';
}

/** Channels, height and width of an image-shaped sample. */
export function imageSize(dimensions: readonly Dimension[], layout: Layout): { channels: Dimension; height: Dimension; width: Dimension } {
  const [a, b, c] = dimensions;
  return layout === 'nchw' ? { channels: a, height: b, width: c } : { channels: c, height: a, width: b };
}

/** @throws InputsError where the text is no layout */
export function parseLayout(text: string): Layout {
  const layout = text.toLowerCase();
  if (layout !== 'nchw' && layout !== 'nhwc') throw new InputsError('inputs/option', `--layout ${text} is not known: give nchw (channels before height and width) or nhwc (channels last).`);
  return layout;
}

/**
 * The array as n samples of the model's shape: [n, ...sample]. The first dimension of the array is the batch; a single
 * sample without one is accepted where its elements fit. Equal element counts are reshaped; where `stated` differs from
 * the model's layout, the axes are transposed. Cost: a copy where it transposes, else none.
 * @param stated the file's layout, if the user states one
 * @throws InputsError `inputs/shape` with both shapes
 */
export function fitToModel(array: InputArray, model: SampleShape, stated: Layout | null, name: string): InputArray {
  const { dimensions } = model;
  const { shape } = array;
  if (shape.length === 0) throw new InputsError('inputs/shape', `${name} holds a single number, and inputs are [n, …] with the batch first: save it with a batch dimension.`);
  if (dimensions === null) return array;
  const own = shape.slice(1);
  const transposes = stated !== null && model.layout !== null && stated !== model.layout;
  const sample = fill(dimensions, own, transposes && own.length === 3 ? turned(own, stated) : own);
  if (sample !== null && elementCount(own) === elementCount(sample)) return arranged(array, shape[0], sample, model.layout, stated, name);
  const whole = fill(dimensions, shape, transposes && shape.length === 3 ? turned(shape, stated) : shape);
  if (whole !== null && elementCount(shape) === elementCount(whole)) return arranged({ ...array, shape: [1, ...shape] }, 1, whole, model.layout, stated, name);
  const size = sample === null ? '' : `, ${elementCount(sample)} elements an input`;
  throw new InputsError('inputs/shape', `${name} is ${formatShape(shape)}, ${elementCount(own)} elements an input, and the model takes ${formatShape(['n', ...dimensions])}${size}: give inputs of that size, batch first.`);
}

function arranged(array: InputArray, n: number, sample: number[], layout: Layout | null, stated: Layout | null, name: string): InputArray {
  const own = array.shape.slice(1);
  const target = [n, ...sample];
  if (layout === null) return { ...array, shape: target };
  if (stated !== null && stated !== layout) return { ...array, shape: target, data: transposed(array.data, n, turned(sample, layout), stated) };
  // The same three sizes in the other order: a reshape would tear the pictures apart without a word.
  const other: Layout = layout === 'nchw' ? 'nhwc' : 'nchw';
  const swapped = turned(sample, layout);
  const channels = layout === 'nchw' ? sample[0] : sample[2];
  const same = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((size, axis) => size === b[axis]);
  if (stated === null && !same(own, sample) && same(own, swapped) && channels > 1) {
    throw new InputsError('inputs/shape', `${name} is ${formatShape(array.shape)} and the model takes ${formatShape(target)}, the other order of the axes: say which the file has with --layout ${other}, or --layout ${layout} to take its numbers as they are.`);
  }
  return { ...array, shape: target };
}

/** Open dimensions of the model from the array's sample; null where they do not follow from it. */
function fill(dimensions: readonly Dimension[], own: readonly number[], guide: readonly number[]): number[] | null {
  if (guide.length === dimensions.length) return dimensions.map((size, axis) => size ?? guide[axis]);
  const open = dimensions.filter((size) => size === null).length;
  const fixed = elementCount(dimensions.map((size) => size ?? 1));
  const elements = elementCount(own);
  if (open === 0) return dimensions.map((size) => size ?? 1);
  if (open > 1 || fixed === 0 || elements % fixed !== 0) return null;
  return dimensions.map((size) => size ?? elements / fixed);
}

/** A sample's sizes in the other layout. */
function turned(sample: readonly number[], from: Layout): number[] {
  const [a, b, c] = sample;
  return from === 'nchw' ? [b, c, a] : [c, a, b];
}

/** Samples of shape `sample` in layout `from`, in the other layout. */
function transposed(data: InputElements, n: number, sample: readonly number[], from: Layout): InputElements {
  const result = emptyLike(data, data.length);
  // Channels first to last is a transposition of [channels, pixels], and back of [pixels, channels].
  const [rows, columns] = from === 'nchw' ? [sample[0], sample[1] * sample[2]] : [sample[0] * sample[1], sample[2]];
  for (let image = 0; image < n; image++) {
    const start = image * rows * columns;
    for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) result[start + column * rows + row] = data[start + row * columns + column];
  }
  return result;
}
