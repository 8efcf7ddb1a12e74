import type { Scanner } from '../formats/scan.js';
import type { Dimension, ViewStep } from './stridedView.js';

/** Scale and zero point of a step, widened; a multiplication is a scale of one element. */
export interface StepValues {
  scale: Float64Array;
  zeroPoint: Float64Array | null;
}

/**
 * Carries the elements of a strided view from its source, which arrives in chunks in ascending order, to their places in
 * the target. Dimensions come in descending order of source stride, so that the view's elements ascend too; the last
 * stride of each is the step in the target.
 */
export class RunCopier {
  readonly firstSourceIndex: number;
  readonly lastSourceIndex: number;
  private readonly outer: Dimension[];
  private readonly inner: Dimension;
  /** Indices of the current run's first element: source, scales and zero points, target. */
  private readonly base: number[];
  private readonly counter: number[];
  /** Elements of the current run already carried. */
  private done = 0;
  private finished = false;

  /** @param offsets of the view's first element, the target's last */
  constructor(
    dimensions: readonly Dimension[],
    offsets: readonly number[],
    private readonly steps: readonly ViewStep[],
    private readonly values: readonly StepValues[],
  ) {
    this.outer = dimensions.slice(0, -1);
    this.inner = dimensions.at(-1) ?? { size: 1, strides: offsets.map(() => 1) };
    this.base = [...offsets];
    this.counter = this.outer.map(() => 0);
    this.firstSourceIndex = offsets[0];
    this.lastSourceIndex = dimensions.reduce((last, dimension) => last + (dimension.size - 1) * dimension.strides[0], offsets[0]);
  }

  /**
   * Carries what lies in one chunk.
   * @param chunk source elements start … start + chunk.length − 1
   * @param target null: nothing is carried, and only the scanner hears of the elements
   * @param scanner told of every element carried, where only a part of the source is used
   */
  visit(target: Float64Array | null, chunk: Float64Array, start: number, scanner: Scanner | null = null): void {
    const end = start + chunk.length;
    const step = this.inner.strides[0];
    while (!this.finished) {
      const at = this.base[0] + this.done * step;
      if (at >= end) return;
      const count = Math.min(this.inner.size - this.done, Math.ceil((end - at) / step));
      if (target) this.carry(target, chunk, at - start, count);
      if (scanner) this.scan(scanner, chunk, at, start, count);
      this.done += count;
      if (this.done === this.inner.size) this.nextRun();
    }
  }

  private carry(target: Float64Array, chunk: Float64Array, from: number, count: number): void {
    const last = this.base.length - 1;
    const sourceStep = this.inner.strides[0];
    const targetStep = this.inner.strides[last];
    const to = this.base[last] + this.done * targetStep;
    if (this.steps.length === 0 && sourceStep === 1 && targetStep === 1) {
      target.set(chunk.subarray(from, from + count), to);
      return;
    }
    for (let i = 0, read = from, write = to; i < count; i++, read += sourceStep, write += targetStep) target[write] = chunk[read];
    for (const [i, step] of this.steps.entries()) this.apply(target, to, targetStep, count, step, this.values[i]);
  }

  /** One step on `count` elements of the target, in place. */
  private apply(target: Float64Array, to: number, targetStep: number, count: number, step: ViewStep, { scale, zeroPoint }: StepValues): void {
    if (step.kind === 'multiply') {
      for (let i = 0, write = to; i < count; i++, write += targetStep) target[write] *= scale[0];
      return;
    }
    const scaleStep = this.inner.strides[step.scaleIndex];
    const zeroStep = this.inner.strides[step.zeroPointIndex];
    let scaleAt = this.base[step.scaleIndex] + this.done * scaleStep;
    let zeroAt = this.base[step.zeroPointIndex] + this.done * zeroStep;
    for (let i = 0, write = to; i < count; i++, write += targetStep, scaleAt += scaleStep, zeroAt += zeroStep) {
      const zero = zeroPoint ? zeroPoint[zeroAt] : 0;
      target[write] = (target[write] - zero) * scale[scaleAt];
    }
  }

  private scan(scanner: Scanner, chunk: Float64Array, at: number, start: number, count: number): void {
    const step = this.inner.strides[0];
    const pieces = step === 1 ? 1 : count;
    const length = step === 1 ? count : 1;
    for (let i = 0; i < pieces; i++) {
      const first = at + i * step;
      const piece = chunk.subarray(first - start, first - start + length);
      scanner.bytes(new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength));
      scanner.values(piece, first);
    }
  }

  /**
   * The elements of the source that the view needs, as [first, count] ascending: neighbours up to `bridged` elements
   * apart are joined, since reading what lies between costs less than another read.
   */
  *parts(bridged: number): Generator<[start: number, count: number]> {
    const dimensions = [...this.outer, this.inner];
    // From the innermost outwards, dimensions whose repetitions lie close to each other become one part.
    let split = dimensions.length;
    let length = 1;
    while (split > 0 && dimensions[split - 1].strides[0] - length <= bridged) {
      split--;
      length += (dimensions[split].size - 1) * dimensions[split].strides[0];
    }
    const far = dimensions.slice(0, split);
    const counter = far.map(() => 0);
    for (let start = this.firstSourceIndex; ; ) {
      yield [start, length];
      let axis = far.length - 1;
      for (; axis >= 0; axis--) {
        start += far[axis].strides[0];
        if (++counter[axis] < far[axis].size) break;
        start -= far[axis].size * far[axis].strides[0];
        counter[axis] = 0;
      }
      if (axis < 0) return;
    }
  }

  private nextRun(): void {
    this.done = 0;
    for (let i = this.outer.length - 1; i >= 0; i--) {
      const { size, strides } = this.outer[i];
      this.counter[i]++;
      if (this.counter[i] < size) {
        for (const [k, stride] of strides.entries()) this.base[k] += stride;
        return;
      }
      for (const [k, stride] of strides.entries()) this.base[k] -= (size - 1) * stride;
      this.counter[i] = 0;
    }
    this.finished = true;
  }
}
