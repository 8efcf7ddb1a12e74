import { gridIndex, gridPoints, product, type PlainConvolution } from './convolutionGeometry.js';
import { alignedBytes, type CompiledKernel, KernelMemory } from './kernel.js';
import { type LinearOperator } from './lanczos.js';

/**
 * A zero-padded convolution as a linear operator, without its matrix. Images are stored with the channels innermost
 * (position, channel), which is a permutation of the unknowns and changes no singular value: then one output line and
 * one tap is a matrix product of a strided view of the padded image with a block of weights.
 */
export class ConvolutionProducts implements LinearOperator {
  readonly rows: number;
  readonly columns: number;
  private readonly memory: KernelMemory;
  private readonly isDepthwise: boolean;
  /** Taps that lie side by side in the image and in the weights, so that one product serves them all. */
  private readonly neighbours: number;
  private readonly inChannels: number;
  private readonly outChannels: number;
  private readonly paddedSize: number[];
  private readonly padded: number;
  private readonly output: number;
  private readonly weights: number;
  /**
   * Spatial size that the output is stored with. With stride 1 everywhere it is the padded image's: then output and
   * image keep step over the ends of lines, all lines are one product, and the few values between lines go unused.
   */
  private readonly storedSize: number[];
  private readonly storedLength: number;
  /** Positions that one product computes, and for each product the first element in the output and the padded image. */
  private readonly runLength: number;
  private readonly runs: { output: number; image: number }[];
  /** Per line of the output: first element in y and in the stored output. */
  private readonly outputLines: { plain: number; stored: number }[];
  /** Per tap: offset in the padded image, in elements. */
  private readonly tapOffsets: number[];
  /** Per line of the image: first element in x and in the padded image. */
  private readonly imageLines: { plain: number; padded: number }[];

  constructor(private readonly c: PlainConvolution, kernel: CompiledKernel) {
    this.memory = new KernelMemory(kernel);
    this.inChannels = c.groups * c.inPerGroup;
    this.outChannels = c.groups * c.outPerGroup;
    this.rows = product(c.outputSize) * this.outChannels;
    this.columns = product(c.imageSize) * this.inChannels;
    this.paddedSize = c.imageSize.map((size, axis) => Math.max((c.outputSize[axis] - 1) * c.strides[axis] + (c.kernel[axis] - 1) * c.dilations[axis] + 1, c.padBegin[axis] + size));
    this.neighbours = c.groups === 1 && lastOf(c.dilations) === 1 ? lastOf(c.kernel) : 1;
    this.isDepthwise = c.inPerGroup === 1 && c.outPerGroup === 1;
    const paddedLength = product(this.paddedSize) * this.inChannels;
    const weightLength = c.groups * c.taps * c.inPerGroup * c.outPerGroup;
    const last = c.strides.length - 1;
    const together = c.strides.every((stride) => stride === 1);
    this.storedSize = together ? this.paddedSize : c.outputSize;
    this.storedLength = product(this.storedSize) * this.outChannels;
    this.memory.reserve(alignedBytes(paddedLength) + alignedBytes(this.storedLength) + alignedBytes(weightLength));
    this.padded = this.memory.take(paddedLength);
    this.output = this.memory.take(this.storedLength);
    this.weights = this.memory.take(weightLength);
    this.writeWeights(weightLength);
    this.runLength = together ? gridIndex(c.outputSize.map((size) => size - 1), this.paddedSize) + 1 : c.outputSize[last];
    this.runs = (together ? [c.outputSize.map(() => 0)] : linesOf(c.outputSize)).map((p) => ({
      output: gridIndex(p, this.storedSize) * this.outChannels,
      image: gridIndex(p.map((x, axis) => x * c.strides[axis]), this.paddedSize) * this.inChannels,
    }));
    this.outputLines = linesOf(c.outputSize).map((p) => ({ plain: gridIndex(p, c.outputSize) * this.outChannels, stored: gridIndex(p, this.storedSize) * this.outChannels }));
    this.imageLines = linesOf(c.imageSize).map((p) => ({
      plain: gridIndex(p, c.imageSize) * this.inChannels,
      padded: gridIndex(p.map((x, axis) => x + c.padBegin[axis]), this.paddedSize) * this.inChannels,
    }));
    this.tapOffsets = [...gridPoints(c.kernel)].map((t) => gridIndex(t.map((x, axis) => x * c.dilations[axis]), this.paddedSize) * this.inChannels);
  }

  apply(x: Float64Array, y: Float64Array): void {
    const { c, memory, inChannels, outChannels } = this;
    const padded = memory.elements(this.padded, product(this.paddedSize) * inChannels).fill(0);
    const length = lastOf(c.imageSize) * inChannels;
    for (const line of this.imageLines) padded.set(x.subarray(line.plain, line.plain + length), line.padded);
    if (this.isDepthwise) this.depthwise(false);
    else this.eachProduct(this.neighbours, (image, weights, output, count, first) => {
      memory.exports.gemm(count, c.outPerGroup, this.neighbours * c.inPerGroup, 1, image, inChannels * lastOf(c.strides), 1, weights, c.outPerGroup, 1, first ? 0 : 1, output, outChannels, 1);
    });
    const output = memory.elements(this.output, this.storedLength);
    const outputLength = lastOf(c.outputSize) * outChannels;
    for (const line of this.outputLines) y.set(output.subarray(line.stored, line.stored + outputLength), line.plain);
  }

  applyTransposed(y: Float64Array, x: Float64Array): void {
    const { c, memory, inChannels, outChannels } = this;
    const padded = memory.elements(this.padded, product(this.paddedSize) * inChannels).fill(0);
    const output = memory.elements(this.output, this.storedLength).fill(0);
    const outputLength = lastOf(c.outputSize) * outChannels;
    for (const line of this.outputLines) output.set(y.subarray(line.plain, line.plain + outputLength), line.stored);
    if (this.isDepthwise) this.depthwise(true);
    else this.eachProduct(1, (image, weights, output, count) => {
      memory.exports.gemm(count, c.inPerGroup, c.outPerGroup, 1, output, outChannels, 1, weights, 1, c.outPerGroup, 1, image, inChannels * lastOf(c.strides), 1);
    });
    const length = lastOf(c.imageSize) * inChannels;
    for (const line of this.imageLines) x.set(padded.subarray(line.padded, line.padded + length), line.plain);
  }

  /**
   * One channel in and one out per group: a product with a vector of weights along the channels, position by position.
   * Matrix products of size 1 would be nothing but overhead.
   */
  private depthwise(transposed: boolean): void {
    const { c, memory, inChannels: channels } = this;
    const padded = memory.elements(this.padded, product(this.paddedSize) * channels);
    const output = memory.elements(this.output, this.storedLength);
    const weights = memory.elements(this.weights, c.taps * channels);
    const step = channels * lastOf(c.strides);
    if (!transposed) output.fill(0);
    for (const run of this.runs) {
      for (let t = 0; t < c.taps; t++) {
        for (let p = 0; p < this.runLength; p++) {
          const image = run.image + this.tapOffsets[t] + p * step;
          const out = run.output + p * channels;
          if (transposed) for (let g = 0; g < channels; g++) padded[image + g] += weights[g * c.taps + t] * output[out + g];
          else for (let g = 0; g < channels; g++) output[out + g] += weights[g * c.taps + t] * padded[image + g];
        }
      }
    }
  }

  /** Calls `multiply` with the addresses of each run, group and `together` taps; `first` at the first tap. */
  private eachProduct(together: number, multiply: (image: number, weights: number, output: number, count: number, first: boolean) => void): void {
    const { c } = this;
    const block = c.inPerGroup * c.outPerGroup;
    for (const run of this.runs) {
      for (let g = 0; g < c.groups; g++) {
        for (let t = 0; t < c.taps; t += together) {
          multiply(this.padded + 8 * (run.image + this.tapOffsets[t] + g * c.inPerGroup), this.weights + 8 * (g * c.taps + t) * block, this.output + 8 * (run.output + g * c.outPerGroup), this.runLength, t === 0);
        }
      }
    }
  }

  /** [group][tap][in][out] from [group][out][in][tap]. */
  private writeWeights(length: number): void {
    const { c } = this;
    const target = this.memory.elements(this.weights, length);
    for (let g = 0; g < c.groups; g++) {
      for (let o = 0; o < c.outPerGroup; o++) {
        for (let i = 0; i < c.inPerGroup; i++) {
          for (let t = 0; t < c.taps; t++) target[((g * c.taps + t) * c.inPerGroup + i) * c.outPerGroup + o] = c.weights[((g * c.outPerGroup + o) * c.inPerGroup + i) * c.taps + t];
        }
      }
    }
  }
}

function lastOf(list: number[]): number {
  return list[list.length - 1];
}

/** First points of all lines along the last axis. */
function linesOf(size: number[]): number[][] {
  return [...gridPoints([...size.slice(0, -1), 1])];
}

/** Elements of the operator's matrix for one group: rows and columns. */
export function groupShape(c: PlainConvolution): { rows: number; columns: number } {
  return { rows: product(c.outputSize) * c.outPerGroup, columns: product(c.imageSize) * c.inPerGroup };
}

/** Writes the matrix of every group, row-major, into zeroed storage: rows (channel, position), columns alike. */
export function writeDenseBlocks(c: PlainConvolution, target: Float64Array): void {
  const { rows, columns } = groupShape(c);
  const outputs = product(c.outputSize);
  const pixels = product(c.imageSize);
  const tapPoints = [...gridPoints(c.kernel)];
  let p = 0;
  for (const point of gridPoints(c.outputSize)) {
    tapPoints.forEach((tap, t) => {
      const source = point.map((x, axis) => x * c.strides[axis] + tap[axis] * c.dilations[axis] - c.padBegin[axis]);
      if (source.some((x, axis) => x < 0 || x >= c.imageSize[axis])) return;
      const q = gridIndex(source, c.imageSize);
      for (let g = 0; g < c.groups; g++) {
        for (let o = 0; o < c.outPerGroup; o++) {
          for (let i = 0; i < c.inPerGroup; i++) {
            target[g * rows * columns + (o * outputs + p) * columns + i * pixels + q] = c.weights[((g * c.outPerGroup + o) * c.inPerGroup + i) * c.taps + t];
          }
        }
      }
    });
    p++;
  }
}
