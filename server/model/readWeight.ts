import { readTensor, type TensorScan } from '../formats/decode.js';
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
  const reading = new Reading(options);
  await reading.fill(planView(layer.weight), target, { length: elements, step: elements, offset: 0 });
  return reading.scans.result();
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

  constructor(private readonly options: ReadWeightOptions) {}

  /**
   * Writes the elements of a view in row-major order: to the whole target or in blocks of `length` elements that begin at
   * `offset` and follow each other at `step`.
   */
  async fill(view: StridedView, target: Float64Array, blocks: { length: number; step: number; offset: number }): Promise<void> {
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
    await readTensor(tensor, (chunk, start) => values.set(chunk, start), this.options);
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
