import { setImmediate } from 'node:timers/promises';
import type { StoredTensor } from '../formats/modelFile.js';
import { elementsOf } from './expression.js';
import { RunCopier } from './runCopier.js';
import { isIntermediate, viewShape, type StridedView } from './stridedView.js';
import { placed, type Blocks, type ReadWeightOptions } from './weightReading.js';

/** Indices that are made at a time when weights are traced back to their places in the file. */
const tracedElements = 256 * 1024;

/**
 * Finds where a weight of the matrix lies in the file: the same copying as a reading, with indices for elements. Takes
 * another 8 bytes a weight, and only for layers that get no decomposition.
 */
export class Tracing {
  /** Places of all tensors are numbered through: where each begins. */
  private readonly begins: { tensor: StoredTensor; place: number }[] = [];
  private end = 0;

  constructor(private readonly options: ReadWeightOptions) {}

  /** Index of the first element, in the file's order, whose weight is not finite; in its own tensor. */
  async first(view: StridedView, weights: Float64Array, blocks: Blocks): Promise<number | null> {
    return (await this.firstPlace(view, weights, blocks))?.index ?? null;
  }

  /** The same, and the tensor. */
  async firstPlace(view: StridedView, weights: Float64Array, blocks: Blocks): Promise<{ tensor: StoredTensor; index: number } | null> {
    const places = new Float64Array(weights.length);
    await this.fill(view, places, blocks);
    let first = Infinity;
    for (let i = 0; i < weights.length; i++) if (places[i] < first && !Number.isFinite(weights[i])) first = places[i];
    const begin = this.begins.findLast(({ place }) => place <= first);
    return begin === undefined || first === Infinity ? null : { tensor: begin.tensor, index: first - begin.place };
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
    this.begins.push({ tensor: source, place: begin });
    this.end += elementsOf(source.shape);
    const { firstSourceIndex: start, lastSourceIndex: last } = copier;
    for (let at = start; at <= last; at += tracedElements) {
      await setImmediate();
      this.options.signal?.throwIfAborted();
      copier.visit(places, Float64Array.from({ length: Math.min(tracedElements, last + 1 - at) }, (_, i) => begin + at + i), at);
    }
  }
}
