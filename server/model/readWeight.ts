import { readTensor, type TensorScan } from '../formats/decode.js';
import { elementsOf, quantisationTensors, weightTensors } from './expression.js';
import type { Layer, WeightExpression } from './model.js';
import { RunCopier } from './runCopier.js';
import { ScanCollector } from './scanCollector.js';
import { dequantizeView, mergedDimensions, multiplyView, quantisationBlocks, reshapeView, sliceView, tileStrides, transposeView, viewShape, wholeView, type Dimension, type StridedView } from './stridedView.js';

export interface ReadWeightOptions {
  signal?: AbortSignal;
}

/**
 * Reads a layer's matrix into `target`: groups × (rows/groups) × (columns/groups), row-major, float64. The stored tensor
 * is streamed in chunks straight to its places; no second copy of it is held, except where a reshape cuts an axis
 * unevenly or several tensors are concatenated. Quantised weights come out as (x − zeroPoint)·scale.
 *
 * The scan is of the stored elements that the matrix uses, before scales; `firstIndex` is flat, row-major in the whole
 * stored tensor, also when a part of it is used.
 * @throws RangeError when `target` has not one element per weight; what readTensor throws; the signal's reason
 */
export async function readWeight(layer: Layer, target: Float64Array, options: ReadWeightOptions = {}): Promise<TensorScan> {
  const elements = elementsOf(layer.weight.shape);
  if (target.length !== elements) throw new RangeError(`Layer ${layer.id} has ${elements} weights; the target has room for ${target.length}.`);
  const reading = new Reading(options.signal);
  const view = await reading.view(layer.weight);
  await reading.fill(view, target);
  return reading.scans.result();
}

/** Bytes that readWeight may hold besides its target: 0 for what is streamed, else the size of its intermediate arrays. */
export function intermediateBytes(expression: WeightExpression): number {
  if (expression.op === 'stored') return 0;
  if (expression.op === 'concat') return 8 * elementsOf(expression.shape) + Math.max(...expression.of.map(intermediateBytes));
  return intermediateBytes(expression.of);
}

/** Bytes of the layer's stored weights and scales: what an analysis reads from disk. */
export function weightBytes(layer: Layer): number {
  const { scales, zeroPoints } = quantisationTensors(layer.weight);
  const tensors = new Set([...weightTensors(layer.weight), ...scales, ...zeroPoints]);
  let bytes = 0;
  for (const { data } of tensors) bytes += data.encoding === 'inline' ? 8 * data.values.length : data.range.length;
  return bytes;
}

/** One call of readWeight: its signal, the scales read so far, the scans of its tensors. */
class Reading {
  readonly scans = new ScanCollector();

  constructor(private readonly signal: AbortSignal | undefined) {}

  /** Where the elements of an expression lie; an expression that is no view of one tensor is evaluated first. */
  async view(expression: WeightExpression): Promise<StridedView> {
    switch (expression.op) {
      case 'stored':
        return wholeView(expression.tensor, expression.shape);
      case 'transpose':
        return transposeView(await this.view(expression.of), expression.permutation);
      case 'scale':
        return multiplyView(await this.view(expression.of), expression.factor);
      case 'reshape': {
        const inner = await this.view(expression.of);
        return reshapeView(inner, expression.shape) ?? wholeView(await this.evaluate(inner), expression.shape);
      }
      case 'slice': {
        const inner = await this.view(expression.of);
        const length = expression.shape[expression.axis];
        const cut = sliceView(inner, expression.axis, expression.start, length);
        if (cut) return cut;
        const whole = wholeView(await this.evaluate(inner), expression.of.shape);
        return sliceView(whole, expression.axis, expression.start, length) ?? whole;
      }
      case 'dequantize': {
        const inner = await this.view(expression.of);
        const attached = dequantizeView(inner, expression);
        if (attached) return attached;
        const values = await this.evaluate(inner);
        await this.dequantizeInPlace(values, expression);
        return wholeView(values, expression.shape);
      }
      case 'concat': {
        const values = new Float64Array(elementsOf(expression.shape));
        const inner = elementsOf(expression.shape.slice(expression.axis + 1));
        const outerStep = expression.shape[expression.axis] * inner;
        let offset = 0;
        for (const part of expression.of) {
          const length = part.shape[expression.axis] * inner;
          await this.fill(await this.view(part), values, { length, step: outerStep, offset });
          offset += length;
        }
        return wholeView(values, expression.shape);
      }
    }
  }

  /**
   * Writes the elements of a view in row-major order: to the whole target or, with `blocks`, in blocks of `length`
   * elements that begin at `offset` and follow each other at `step`.
   */
  async fill(view: StridedView, target: Float64Array, blocks?: { length: number; step: number; offset: number }): Promise<void> {
    const total = elementsOf(viewShape(view));
    if (total === 0) return;
    const dimensions = placed(view, blocks ?? { length: total, step: total });
    const copier = new RunCopier(dimensions, [...view.offsets, blocks?.offset ?? 0], view.steps, await this.stepValues(view));
    if (view.source instanceof Float64Array) {
      copier.visit(target, view.source, 0);
      return;
    }
    const { firstSourceIndex: start, lastSourceIndex } = copier;
    const count = lastSourceIndex - start + 1;
    const partial = count !== total ? this.scans.partial(view.source) : null;
    const visit = (values: Float64Array, at: number) => copier.visit(target, values, at, partial);
    const scan = await readTensor(view.source, visit, { start, count, ...(this.signal ? { signal: this.signal } : {}) });
    if (!partial) this.scans.add(scan);
  }

  /** The elements of a view as an array of its own. */
  private async evaluate(view: StridedView): Promise<Float64Array> {
    const values = new Float64Array(elementsOf(viewShape(view)));
    await this.fill(view, values);
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
    await readTensor(tensor, (chunk, start) => values.set(chunk, start), this.signal ? { signal: this.signal } : {});
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
 * The dimensions of a view, each with its step in the target as last stride, in the order of the source: what is written
 * in blocks of `length` is split there.
 */
function placed(view: StridedView, blocks: { length: number; step: number }): Dimension[] {
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
