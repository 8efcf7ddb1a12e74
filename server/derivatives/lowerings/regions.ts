import type { GraphBuilder } from '../builder.js';
import type { Value } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';

/** Below every number of a network, and finite, so that nothing becomes NaN. */
const lowest = -3e38;

/**
 * Means of samples within regions of pictures (He et al. 2017, arXiv:1703.06870), as two products of matrices for each
 * region: weights of rows [R, 1, P, height], picture [R, C, height, width], weights of columns [R, 1, width, Q].
 * https://onnx.ai/onnx/operators/onnx__RoiAlign.html
 */
const roiAlign: Lowering = (operation) => {
  const { graph } = operation;
  const pictures = graph.gather(operation.input(0), operation.input(2), 0);
  const [regions, , height, width] = pictures.shape;
  const [rows, columns] = operation.output().shape.slice(2);
  const [down, across] = [samplesAlong(operation, 1, rows, height), samplesAlong(operation, 0, columns, width)];
  const product = (byRows: Value, byColumns: Value): Value => {
    const [left, right] = [byRows, byColumns].map((weights) => graph.reshape(weights, [regions, 1, ...weights.shape.slice(1)]));
    return graph.matrixProduct(graph.matrixProduct(left, pictures), graph.transposeLast(right));
  };
  if (operation.text('mode', 'avg') === 'avg') return [product(meanOf(graph, down, rows), meanOf(graph, across, columns))];
  return [largestWeighted(graph, down, across, [rows, columns], product)];
};

/**
 * The mode max of onnxruntime: of the four pixels around each sample, each times its own weight, the largest, and of these
 * the largest of all samples of a part.
 */
function largestWeighted(graph: GraphBuilder, down: Samples, across: Samples, [rows, columns]: readonly number[], product: (byRows: Value, byColumns: Value) => Value): Value {
  const corners = [down.before, down.after].flatMap((byRows) => [across.before, across.after].map((byColumns) => product(byRows, byColumns)));
  const largest = graph.one('Max', corners, corners[0].shape);
  const [regions, channels] = largest.shape;
  const isThere = graph.binary('And', graph.reshape(down.isThere, [regions, 1, rows * down.most, 1]), graph.reshape(across.isThere, [regions, 1, 1, columns * across.most]), 'bool');
  const sampled = graph.where(isThere, largest, graph.scalar(lowest, largest));
  return graph.reduce('ReduceMax', graph.reshape(sampled, [regions, channels, rows, down.most, columns, across.most]), [3, 5]);
}

/** Samples along one axis of the pictures, `most` in each part of each region. */
interface Samples {
  /** The weights of the pixel before each sample, and of that after it: [R, parts·most, size]. */
  before: Value;
  after: Value;
  /** What each has in the mean of its part, and whether the part has it at all: [R, parts·most]. */
  shares: Value;
  isThere: Value;
  most: number;
}

/** Along one axis of the pictures, the weights of its elements in the mean of each part of each region: [R, parts, size]. */
function meanOf(graph: GraphBuilder, { before, after, shares, most }: Samples, parts: number): Value {
  const weights = graph.multiply(graph.add(before, after), graph.reshape(shares, [...shares.shape, 1]));
  const [regions, , size] = weights.shape;
  return graph.sum(graph.reshape(weights, [regions, parts, most, size]), [2]);
}

/** @param first index of the start of a region among its four corners; its end is two further on */
function samplesAlong(operation: Operation, first: number, parts: number, size: number): Samples {
  const { graph } = operation;
  const corners = operation.input(1);
  const isHalf = operation.text('coordinate_transformation_mode', 'half_pixel') === 'half_pixel';
  const scale = operation.float('spatial_scale', 1);
  const corner = (index: number): Value => {
    const scaled = graph.multiply(graph.slice(corners, [1], [index], [index + 1]), scale);
    return isHalf ? graph.subtract(scaled, 0.5) : scaled;
  };
  const start = corner(first);
  const length = graph.subtract(corner(first + 2), start);
  // Regions of old models have at least the size of a pixel.
  const extent = isHalf ? length : graph.one('Max', [length, graph.scalar(1, length)], length.shape);
  const counts = sampleCounts(operation, first, parts, isHalf);
  const most = Math.max(1, ...counts);
  const grid = counts.flatMap((count) => Array.from({ length: parts * most }, (_, i) => (Math.floor(i / most) + ((i % most) + 0.5) / count) / parts));
  const shares = counts.flatMap((count) => Array.from({ length: parts * most }, (_, i) => (i % most < count ? 1 / count : 0)));
  const shape = [counts.length, parts * most];
  const places = graph.add(start, graph.multiply(extent, graph.constant(corners.dtype, shape, grid)));
  const isThere = graph.constant('bool', shape, shares.map((share) => (share > 0 ? 1 : 0)));
  return { ...interpolation(graph, places, size), shares: graph.constant(corners.dtype, shape, shares), isThere, most };
}

/** Samples of one part along an axis, for each region: as many as pixels where their number is not told. */
function sampleCounts(operation: Operation, first: number, parts: number, isHalf: boolean): number[] {
  const [regions] = operation.input(1).shape;
  const ratio = operation.integer('sampling_ratio', 0);
  if (ratio > 0) return new Array<number>(regions).fill(ratio);
  const corners = operation.parameters(1) ?? [];
  const scale = operation.float('spatial_scale', 1);
  return Array.from({ length: regions }, (_, region) => {
    const length = Math.fround(Math.fround(corners[4 * region + first + 2] * scale) - Math.fround(corners[4 * region + first] * scale));
    return Math.max(1, Math.ceil((isHalf ? length : Math.max(length, 1)) / parts));
  });
}

/**
 * Weights of linear interpolation at places [R, M], of the pixels before and after: [R, M, size]. Up to a pixel outside the edge counts, beyond it nothing.
 * At a pixel itself the derivative by the place is that towards the next one.
 */
function interpolation(graph: GraphBuilder, places: Value, size: number): Pick<Samples, 'before' | 'after'> {
  const column = (value: Value): Value => graph.reshape(value, [...value.shape, 1]);
  const within = graph.one('Clip', [places, graph.scalar(0, places), graph.scalar(size - 1, places)], places.shape);
  const before = graph.unary('Floor', within);
  const fraction = graph.subtract(within, before);
  const pixels = counting(graph, places, size);
  const atPixel = (pixel: Value, weight: Value): Value => graph.multiply(graph.indicator('Equal', pixels, column(pixel)), column(weight));
  const isNear = graph.multiply(graph.indicator('GreaterOrEqual', places, -1), graph.indicator('LessOrEqual', places, size));
  const ifNear = (weights: Value): Value => graph.multiply(weights, column(isNear));
  return { before: ifNear(atPixel(before, graph.subtract(1, fraction))), after: ifNear(atPixel(graph.add(before, 1), fraction)) };
}

/**
 * Maxima of the parts of regions, whose corners are rounded (Girshick 2015, arXiv:1504.08083): first along the columns,
 * then along the rows. https://onnx.ai/onnx/operators/onnx__MaxRoiPool.html
 */
const maxRoiPool: Lowering = (operation) => {
  const { graph } = operation;
  const corners = operation.input(1);
  const samples = graph.cast(graph.reshape(graph.slice(corners, [1], [0], [1]), [corners.shape[0]]), 'int64');
  const pictures = graph.gather(operation.input(0), samples, 0);
  const [regions, channels, height, width] = pictures.shape;
  const [rows, columns] = operation.output().shape.slice(2);
  const none = graph.scalar(lowest, pictures);
  const inColumns = graph.reshape(partOf(operation, 1, columns, width), [regions, 1, 1, columns, width]);
  const ofColumns = graph.reduce('ReduceMax', graph.where(inColumns, graph.reshape(pictures, [regions, channels, height, 1, width]), none), [4]);
  const inRows = graph.reshape(partOf(operation, 2, rows, height), [regions, 1, rows, height, 1]);
  const ofRows = graph.reduce('ReduceMax', graph.where(inRows, graph.reshape(ofColumns, [regions, channels, 1, height, columns]), none), [3]);
  return [graph.where(graph.compare('Greater', ofRows, lowest / 2), ofRows, graph.scalar(0, ofRows))];
};

/** Whether each element of an axis is in each part of each region: [R, parts, size]. */
function partOf(operation: Operation, first: number, parts: number, size: number): Value {
  const { graph } = operation;
  const corners = operation.input(1);
  const corner = (index: number): Value => graph.unary('Floor', graph.add(graph.multiply(graph.slice(corners, [1], [index], [index + 1]), operation.float('spatial_scale', 1)), 0.5));
  const start = corner(first);
  const length = graph.add(graph.subtract(corner(first + 2), start), 1);
  const extent = graph.divide(graph.one('Max', [length, graph.scalar(1, length)], length.shape), parts);
  const bound = (rounding: string, step: number): Value => {
    const numbers = counting(graph, start, parts);
    const place = graph.add(graph.unary(rounding, graph.multiply(extent, step === 0 ? numbers : graph.add(numbers, step))), start);
    return graph.reshape(place, [...place.shape, 1]);
  };
  const elements = counting(graph, start, size);
  return graph.binary('And', graph.compare('GreaterOrEqual', elements, bound('Floor', 0)), graph.compare('Less', elements, bound('Ceil', 1)), 'bool');
}

function counting(graph: GraphBuilder, like: Value, count: number): Value {
  return graph.constant(like.dtype, [count], Array.from({ length: count }, (_, i) => i));
}

export const regions: Lowerings = { RoiAlign: roiAlign, MaxRoiPool: maxRoiPool };
