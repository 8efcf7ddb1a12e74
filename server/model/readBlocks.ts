import { elementsOf, reshaped, sliced, transposed, weightTensors } from './expression.js';
import type { Layer, WeightExpression } from './model.js';
import { ScanCollector, type StoredScan } from './scanCollector.js';
import { isIntermediate, mergedDimensions, reshapeView, stepRange, viewShape, type Intermediate, type StridedView } from './stridedView.js';
import { Tracing } from './tracing.js';
import { planView } from './viewPlan.js';
import { Reading, type ReadWeightOptions } from './weightReading.js';

/** A layer's matrix with its longer side as rows: [longer, shorter]. */
export interface TallShape {
  longer: number;
  shorter: number;
  /** The longer side is that of the matrix's columns. */
  wide: boolean;
}

/** The layer's matrix as a tall one; of a single block. */
export function tallShape({ matrixShape: [rows, columns] }: Pick<Layer, 'matrixShape'>): TallShape {
  return rows >= columns ? { longer: rows, shorter: columns, wide: false } : { longer: columns, shorter: rows, wide: true };
}

/** Lines of memory that a block of rows of the tall matrix is written to: column j at `target[j·step + offset + …]`. */
export interface Lines {
  target: Float64Array;
  step: number;
  offset: number;
}

/**
 * Blocks of rows of a tall matrix must begin and end at multiples of this, where neighbours share a scale; null where
 * the matrix cannot be cut without being made as a whole first.
 */
export function blockQuantum(layer: Layer): number | null {
  const view = reshapeView(planView(layer.weight), layer.matrixShape);
  if (layer.groups !== 1 || view === null) return null;
  const [, ...inner] = mergedDimensions(view.axes[tallShape(layer).wide ? 1 : 0]);
  return elementsOf(inner.map(({ size }) => size));
}

/** Bytes that reading any block of `count` rows holds besides its target: scales, and parts that must be put together first. */
export function blockReadingBytes(layer: Layer, count: number): number {
  const { longer } = tallShape(layer);
  let largest = 0;
  // All blocks are alike, unless they take in different tensors.
  const end = isConcatenated(layer.weight) ? longer : 1;
  for (let from = 0; from < end; from += count) largest = Math.max(largest, readingBytes(planView(blockOf(layer, from, Math.min(count, longer - from)))));
  return largest;
}

/**
 * Writes rows from … from + count − 1 of the tall matrix, in float64, to lines of memory, one for each of its columns. Only the
 * ranges of the file that hold them are read, and of scales those that they need.
 * @throws what readTensor throws; the signal's reason
 */
export async function readBlock(layer: Layer, from: number, count: number, { target, step, offset }: Lines, options: ReadWeightOptions = {}): Promise<void> {
  await new Reading(options, null).fill(planView(blockOf(layer, from, count)), target, { length: count, step, offset });
}

/** What the stored elements of a layer tell, read in order and without a matrix: about 1 GB/s of stored bytes. */
export async function scanStored(layer: Layer, options: ReadWeightOptions = {}): Promise<StoredScan> {
  const scans = new ScanCollector();
  const elements = elementsOf(layer.weight.shape);
  await new Reading(options, scans).fill(planView(layer.weight), null, { length: elements, step: elements, offset: 0 });
  return scans.result();
}

/** Where a weight lies: how many of the layer's tensors come before its own, and its flat index there. */
export interface Place {
  tensor: number;
  index: number;
}

/** The place of the first weight of a block, in the file's order, that is not finite; null where all are. `block` is shorter × count. */
export async function firstNonFinite(layer: Layer, from: number, count: number, block: Float64Array, options: ReadWeightOptions = {}): Promise<Place | null> {
  const expression = blockOf(layer, from, count);
  const found = await new Tracing(options).firstPlace(planView(expression), block, { length: block.length, step: block.length, offset: 0 });
  return found === null ? null : { tensor: weightTensors(layer.weight).indexOf(found.tensor), index: found.index };
}

/** Shape [shorter, count]: the block's columns are lines. */
function blockOf(layer: Layer, from: number, count: number): WeightExpression {
  const matrix = reshaped(layer.weight, layer.matrixShape);
  return tallShape(layer).wide ? sliced(matrix, 1, from, count) : transposed(sliced(matrix, 0, from, count), [1, 0]);
}

function isConcatenated(expression: WeightExpression): boolean {
  if (expression.op === 'stored') return false;
  return expression.op === 'concat' || isConcatenated(expression.of);
}

function readingBytes(view: StridedView): number {
  const { source, steps } = view;
  let bytes = isIntermediate(source) ? intermediateReadingBytes(source) : 0;
  for (const step of steps) {
    if (step.kind === 'multiply') continue;
    bytes += 8 * stepRange(view, step.scaleIndex)[1];
    if (step.zeroPoint) bytes += 8 * stepRange(view, step.zeroPointIndex)[1];
  }
  return elementsOf(viewShape(view)) === 0 ? 0 : bytes;
}

function intermediateReadingBytes({ elements, parts, dequantize }: Intermediate): number {
  const scales = dequantize ? elementsOf(dequantize.scale.shape) + (dequantize.zeroPoint ? elementsOf(dequantize.zeroPoint.shape) : 0) : 0;
  return 8 * elements + Math.max(8 * scales, ...parts.map((part) => readingBytes(part.view)));
}
