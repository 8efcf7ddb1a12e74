import { setImmediate } from 'node:timers/promises';
import { readTensor } from '../formats/decode.js';
import { elementsOf, quantisationTensors, weightTensors } from './expression.js';
import type { Layer, WeightExpression } from './model.js';
import { RunCopier } from './runCopier.js';
import { ScanCollector } from './scanCollector.js';
import { isIntermediate, mergedDimensions, quantisationBlocks, tileStrides, viewShape, type Dimension, type Intermediate, type StridedView } from './stridedView.js';
import { planView } from './viewPlan.js';

export { intermediateBytes } from './viewPlan.js';

export interface ReadWeightOptions {
  signal?: AbortSignal;
}

/** What reading a layer tells besides its matrix. */
export interface WeightScan {
  /** Weights that are NaN or infinite; `firstIndex` is flat, row-major in the whole stored tensor, also where a part of it is used. */
  nonFinite: { count: number; firstIndex: number | null };
  /** Weights equal to 0. */
  zeros: number;
  /** Stored elements that are subnormal in their own type. */
  denormals: number;
  /** The finite value that all weights have, or null. */
  constant: number | null;
  /** Of the stored bytes, scales and zero points included. */
  digest: string;
}

/** Indices that are made at a time when weights are traced back to their places in the file. */
const tracedElements = 256 * 1024;

/**
 * Reads a layer's matrix into `target`: groups × (rows/groups) × (columns/groups), row-major, float64. The stored tensor
 * is streamed in chunks straight to its places; no second copy of it is held, except where a reshape cuts an axis
 * unevenly or several tensors are concatenated. Quantised weights come out as (x − zeroPoint)·scale.
 *
 * The scan speaks of the weights as they are in the matrix, after scales and zero points: stored zeros with a zero point
 * are no zeros, and a finite element can overflow with its scale. Only `denormals` and `digest` are of what is stored.
 * @throws RangeError when `target` has not one element per weight; what readTensor throws; the signal's reason
 */
export async function readWeight(layer: Layer, target: Float64Array, options: ReadWeightOptions = {}): Promise<WeightScan> {
  const elements = elementsOf(layer.weight.shape);
  if (target.length !== elements) throw new RangeError(`Layer ${layer.id} has ${elements} weights; the target has room for ${target.length}.`);
  const reading = new Reading(options);
  const view = planView(layer.weight);
  const whole = { length: elements, step: elements, offset: 0 };
  await reading.fill(view, target, whole);
  const { nonFinite: stored, denormals, digest } = reading.scans.result();
  const { nonFinite, zeros, constant } = scanWeights(target);
  // What is not finite as stored stays so; more of it comes from scales.
  const firstIndex = nonFinite === stored.count ? stored.firstIndex : await new Tracing(options).first(view, target, whole);
  return { nonFinite: { count: nonFinite, firstIndex }, zeros, denormals, constant, digest };
}

/** Counts over the matrix; about 1 ns a weight. */
function scanWeights(weights: Float64Array): { nonFinite: number; zeros: number; constant: number | null } {
  let nonFinite = 0;
  let zeros = 0;
  for (const weight of weights) {
    if (weight === 0) zeros++;
    // Infinity and NaN alone do not vanish when subtracted from themselves.
    else if (weight - weight !== 0) nonFinite++;
  }
  const first = weights.length > 0 ? weights[0] : NaN;
  const constant = Number.isFinite(first) && weights.every((weight) => weight === first);
  // −0 is 0.
  return { nonFinite, zeros, constant: constant ? first + 0 : null };
}

/** Bytes of the layer's stored weights and scales: what an analysis reads from disk. */
export function weightBytes(layer: Layer): number {
  const { scales, zeroPoints } = quantisationTensors(layer.weight);
  const tensors = new Set([...weightTensors(layer.weight), ...scales, ...zeroPoints]);
  let bytes = 0;
  for (const { data } of tensors) bytes += data.encoding === 'inline' ? 8 * data.values.length : data.range.length;
  return bytes;
}

/** Blocks of `length` elements that begin at `offset` and follow each other at `step`. */
interface Blocks {
  length: number;
  step: number;
  offset: number;
}

/** One call of readWeight: its signal, the scales read so far, the scans of its tensors. */
class Reading {
  readonly scans = new ScanCollector();

  constructor(private readonly options: ReadWeightOptions) {}

  /** Writes the elements of a view in row-major order to blocks of the target. */
  async fill(view: StridedView, target: Float64Array, blocks: Blocks): Promise<void> {
    const total = elementsOf(viewShape(view));
    if (total === 0) return;
    const copier = new RunCopier(placed(view, blocks), [...view.offsets, blocks.offset], view.steps, await this.stepValues(view));
    const { source } = view;
    if (isIntermediate(source)) {
      copier.visit(target, await this.array(source), 0);
      return;
    }
    const { firstSourceIndex: start, lastSourceIndex } = copier;
    const count = lastSourceIndex - start + 1;
    const partial = count === total ? null : this.scans.partial(source);
    const scan = await readTensor(source, (values, at) => copier.visit(target, values, at, partial), { start, count, ...this.options });
    if (!partial) this.scans.add(scan);
  }

  private async array(intermediate: Intermediate): Promise<Float64Array> {
    const values = new Float64Array(intermediate.elements);
    for (const part of intermediate.parts) await this.fill(part.view, values, part);
    if (intermediate.dequantize) await this.dequantizeInPlace(values, intermediate.dequantize);
    return values;
  }

  /** Scale and zero point of each step of a view, widened. */
  private async stepValues(view: StridedView): Promise<{ scale: Float64Array; zeroPoint: Float64Array | null }[]> {
    const values: { scale: Float64Array; zeroPoint: Float64Array | null }[] = [];
    for (const step of view.steps) {
      if (step.kind === 'multiply') values.push({ scale: Float64Array.of(step.factor), zeroPoint: null });
      else values.push({ scale: await this.all(step.scale), zeroPoint: step.zeroPoint ? await this.all(step.zeroPoint) : null });
    }
    return values;
  }

  private async all(tensor: Extract<WeightExpression, { op: 'stored' }>['tensor']): Promise<Float64Array> {
    const values = new Float64Array(elementsOf(tensor.shape));
    this.scans.addScale(await readTensor(tensor, (chunk, start) => values.set(chunk, start), this.options));
    return values;
  }

  /** The general case: blocks that do not divide their axis. */
  private async dequantizeInPlace(values: Float64Array, expression: Extract<WeightExpression, { op: 'dequantize' }>): Promise<void> {
    const scale = await this.all(expression.scale);
    const zeroPoint = expression.zeroPoint ? await this.all(expression.zeroPoint) : null;
    const blocks = quantisationBlocks(expression);
    const tiles = expression.shape.map((size, axis) => Math.ceil(size / blocks[axis]));
    const scaleStrides = tileStrides(tiles, expression.scale);
    const zeroStrides = tileStrides(tiles, expression.zeroPoint);
    const index = new Array<number>(expression.shape.length).fill(0);
    for (let i = 0; i < values.length; i++) {
      let scaleAt = 0;
      let zeroAt = 0;
      for (let axis = 0; axis < index.length; axis++) {
        const tile = Math.floor(index[axis] / blocks[axis]);
        scaleAt += tile * scaleStrides[axis];
        zeroAt += tile * zeroStrides[axis];
      }
      values[i] = (values[i] - (zeroPoint?.[zeroAt] ?? 0)) * scale[scaleAt];
      for (let axis = index.length - 1; axis >= 0 && ++index[axis] === expression.shape[axis]; axis--) index[axis] = 0;
    }
  }
}

/**
 * Finds where a weight of the matrix lies in the file: the same copying as a reading, with indices for elements. Takes
 * another 8 bytes a weight, and only for layers that get no decomposition.
 */
class Tracing {
  /** Places of all tensors are numbered through: where each begins. */
  private readonly begins: number[] = [];
  private end = 0;

  constructor(private readonly options: ReadWeightOptions) {}

  /** Index of the first element, in the file's order, whose weight is not finite; in its own tensor. */
  async first(view: StridedView, weights: Float64Array, blocks: Blocks): Promise<number | null> {
    const places = new Float64Array(weights.length);
    await this.fill(view, places, blocks);
    let first = Infinity;
    for (let i = 0; i < weights.length; i++) if (places[i] < first && !Number.isFinite(weights[i])) first = places[i];
    const begin = this.begins.findLast((place) => place <= first);
    return begin === undefined || first === Infinity ? null : first - begin;
  }

  private async fill(view: StridedView, places: Float64Array, blocks: Blocks): Promise<void> {
    if (elementsOf(viewShape(view)) === 0) return;
    const copier = new RunCopier(placed(view, blocks), [...view.offsets, blocks.offset], [], []);
    const { source } = view;
    if (isIntermediate(source)) {
      const inner = new Float64Array(source.elements);
      for (const part of source.parts) await this.fill(part.view, inner, part);
      copier.visit(places, inner, 0);
      return;
    }
    const begin = this.end;
    this.begins.push(begin);
    this.end += elementsOf(source.shape);
    const { firstSourceIndex: start, lastSourceIndex: last } = copier;
    for (let at = start; at <= last; at += tracedElements) {
      await setImmediate();
      this.options.signal?.throwIfAborted();
      copier.visit(places, Float64Array.from({ length: Math.min(tracedElements, last + 1 - at) }, (_, i) => begin + at + i), at);
    }
  }
}

/**
 * The dimensions of a view, each with its step in the target as last stride, in the order of the source: what is written
 * in blocks of `length` is split there.
 */
function placed(view: StridedView, blocks: Pick<Blocks, 'length' | 'step'>): Dimension[] {
  const dimensions: Dimension[] = [];
  let inner = 1;
  for (const dimension of view.axes.flat().reverse()) {
    if (dimension.size === 1) continue;
    const step = inner < blocks.length ? inner : (inner / blocks.length) * blocks.step;
    dimensions.push({ size: dimension.size, strides: [...dimension.strides, step] });
    inner *= dimension.size;
  }
  dimensions.sort((a, b) => b.strides[0] - a.strides[0]);
  return mergedDimensions(dimensions);
}
