import { readParts, readTensor } from '../formats/decode.js';
import type { StoredTensor } from '../formats/modelFile.js';
import { elementsOf } from './expression.js';
import type { WeightExpression } from './model.js';
import { RunCopier, type StepValues } from './runCopier.js';
import type { ScanCollector } from './scanCollector.js';
import { isIntermediate, mergedDimensions, quantisationBlocks, stepRange, tileStrides, viewShape, type Dimension, type Intermediate, type StridedView } from './stridedView.js';

export interface ReadWeightOptions {
  signal?: AbortSignal;
}

/** Decoding this many elements that nobody needs takes about as long as one more read of the file. */
const bridgedElements = 16 * 1024;

/** Blocks of `length` elements that begin at `offset` and follow each other at `step`. */
export interface Blocks {
  length: number;
  step: number;
  offset: number;
}

/**
 * One reading of weights. With `scans`, every tensor is read as a whole, in the file's order, and scanned; without, only
 * the parts that are needed are read.
 */
export class Reading {
  constructor(
    private readonly options: ReadWeightOptions,
    private readonly scans: ScanCollector | null,
  ) {}

  /** Writes the elements of a view in row-major order to blocks of the target; without a target they are only scanned. */
  async fill(view: StridedView, target: Float64Array | null, blocks: Blocks): Promise<void> {
    const total = elementsOf(viewShape(view));
    if (total === 0) return;
    const { offsets, values } = await this.stepValues(view);
    const copier = new RunCopier(placed(view, blocks), [...offsets, blocks.offset], view.steps, values);
    const { source } = view;
    if (isIntermediate(source)) {
      const made = await this.array(source, target !== null);
      if (made) copier.visit(target, made, 0);
      return;
    }
    if (!this.scans) {
      const parts = source.data.encoding === 'raw' ? copier.parts(bridgedElements) : copier.parts(Infinity);
      await readParts(source, (chunk, at) => copier.visit(target, chunk, at), parts, this.options);
      return;
    }
    const { firstSourceIndex: start, lastSourceIndex } = copier;
    const count = lastSourceIndex - start + 1;
    const partial = count === total ? null : this.scans.partial(source);
    const visit = target || partial ? (values: Float64Array, at: number) => copier.visit(target, values, at, partial) : () => undefined;
    const scan = await readTensor(source, visit, { start, count, ...this.options });
    if (!partial) this.scans.add(scan);
  }

  /** The elements of an intermediate; null where they are only scanned. */
  private async array(intermediate: Intermediate, wanted: boolean): Promise<Float64Array | null> {
    const values = wanted ? new Float64Array(intermediate.elements) : null;
    for (const part of intermediate.parts) await this.fill(part.view, values, part);
    if (intermediate.dequantize) await this.dequantizeInPlace(values, intermediate.dequantize);
    return values;
  }

  /** Scale and zero point of each step of a view, widened, and the view's offsets in what was read of them. */
  private async stepValues(view: StridedView): Promise<{ offsets: number[]; values: StepValues[] }> {
    const values: StepValues[] = [];
    const offsets = [...view.offsets];
    for (const step of view.steps) {
      if (step.kind === 'multiply') {
        values.push({ scale: Float64Array.of(step.factor), zeroPoint: null });
        continue;
      }
      const read = async (tensor: StoredTensor, index: number): Promise<Float64Array> => {
        if (this.scans) return this.all(tensor);
        const [start, count] = stepRange(view, index);
        offsets[index] = 0;
        const part = new Float64Array(count);
        await readParts(tensor, (chunk, at) => part.set(chunk, at - start), [[start, count]], this.options);
        return part;
      };
      values.push({ scale: await read(step.scale, step.scaleIndex), zeroPoint: step.zeroPoint ? await read(step.zeroPoint, step.zeroPointIndex) : null });
    }
    return { offsets, values };
  }

  private async all(tensor: StoredTensor): Promise<Float64Array> {
    const values = new Float64Array(elementsOf(tensor.shape));
    const scan = await readTensor(tensor, (chunk, start) => values.set(chunk, start), this.options);
    this.scans?.addScale(scan);
    return values;
  }

  /** The general case: blocks that do not divide their axis. */
  private async dequantizeInPlace(values: Float64Array | null, expression: Extract<WeightExpression, { op: 'dequantize' }>): Promise<void> {
    const scale = await this.all(expression.scale);
    const zeroPoint = expression.zeroPoint ? await this.all(expression.zeroPoint) : null;
    if (!values) return;
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
export function placed(view: StridedView, blocks: Pick<Blocks, 'length' | 'step'>): Dimension[] {
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
