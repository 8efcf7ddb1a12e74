import { gridIndex, gridPoints, gridSpan, product, type PlainConvolution, type PlainGeometry } from './convolutionGeometry.js';
import { alignedBytes, type CompiledKernel, KernelMemory } from '../kernel.js';
import { type LinearOperator } from '../krylov/linearOperator.js';

/**
 * A zero-padded convolution of one group as a linear operator, without its matrix. Images are stored with the channels
 * innermost (position, channel), which is a permutation of the unknowns and changes no singular value: then one output
 * line and one tap is a matrix product of a strided view of the padded image with a block of weights.
 */
export class ConvolutionProducts implements LinearOperator {
  readonly rows: number;
  readonly columns: number;
  private readonly memory: KernelMemory;
  /** One channel in and one out: products of size 1 × 1 would be nothing but overhead. */
  private readonly isScalar: boolean;
  /** Taps that lie side by side in the image and in the weights, so that one product serves them all. */
  private readonly neighbours: number;
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

  /** @param c of one group: see `groupOf` */
  constructor(private readonly c: PlainConvolution, kernel: CompiledKernel) {
    const { inPerGroup: inChannels, outPerGroup: outChannels } = c;
    this.memory = new KernelMemory(kernel);
    this.rows = product(c.outputSize) * outChannels;
    this.columns = product(c.imageSize) * inChannels;
    this.paddedSize = gridSpan(c);
    this.isScalar = inChannels === 1 && outChannels === 1;
    this.neighbours = lastOf(c.dilations) === 1 ? lastOf(c.kernel) : 1;
    const paddedLength = product(this.paddedSize) * inChannels;
    const weightLength = c.taps * inChannels * outChannels;
    const last = c.strides.length - 1;
    const together = c.strides.every((stride) => stride === 1);
    this.storedSize = together ? this.paddedSize : c.outputSize;
    this.storedLength = product(this.storedSize) * outChannels;
    this.memory.reserve(alignedBytes(paddedLength) + alignedBytes(this.storedLength) + alignedBytes(weightLength));
    this.padded = this.memory.take(paddedLength);
    this.output = this.memory.take(this.storedLength);
    this.weights = this.memory.take(weightLength);
    this.writeWeights(weightLength);
    this.runLength = together ? gridIndex(c.outputSize.map((size) => size - 1), this.paddedSize) + 1 : c.outputSize[last];
    this.runs = (together ? [c.outputSize.map(() => 0)] : linesOf(c.outputSize)).map((p) => ({
      output: gridIndex(p, this.storedSize) * outChannels,
      image: gridIndex(p.map((x, axis) => x * c.strides[axis]), this.paddedSize) * inChannels,
    }));
    this.outputLines = linesOf(c.outputSize).map((p) => ({ plain: gridIndex(p, c.outputSize) * outChannels, stored: gridIndex(p, this.storedSize) * outChannels }));
    this.imageLines = linesOf(c.imageSize).map((p) => ({
      plain: gridIndex(p, c.imageSize) * inChannels,
      padded: gridIndex(p.map((x, axis) => x + c.padBegin[axis]), this.paddedSize) * inChannels,
    }));
    this.tapOffsets = [...gridPoints(c.kernel)].map((t) => gridIndex(t.map((x, axis) => x * c.dilations[axis]), this.paddedSize) * inChannels);
  }

  apply(x: Float64Array, y: Float64Array): void {
    const { c, memory } = this;
    const { inPerGroup: inChannels, outPerGroup: outChannels } = c;
    const padded = memory.elements(this.padded, product(this.paddedSize) * inChannels).fill(0);
    const length = lastOf(c.imageSize) * inChannels;
    for (const line of this.imageLines) padded.set(x.subarray(line.plain, line.plain + length), line.padded);
    if (this.isScalar) this.scalarProducts(false);
    else this.eachProduct(this.neighbours, (image, weights, output, first) => {
      memory.exports.gemm(this.runLength, outChannels, this.neighbours * inChannels, 1, image, inChannels * lastOf(c.strides), 1, weights, outChannels, 1, first ? 0 : 1, output, outChannels, 1);
    });
    const output = memory.elements(this.output, this.storedLength);
    const outputLength = lastOf(c.outputSize) * outChannels;
    for (const line of this.outputLines) y.set(output.subarray(line.stored, line.stored + outputLength), line.plain);
  }

  applyTransposed(y: Float64Array, x: Float64Array): void {
    const { c, memory } = this;
    const { inPerGroup: inChannels, outPerGroup: outChannels } = c;
    const padded = memory.elements(this.padded, product(this.paddedSize) * inChannels).fill(0);
    const output = memory.elements(this.output, this.storedLength).fill(0);
    const outputLength = lastOf(c.outputSize) * outChannels;
    for (const line of this.outputLines) output.set(y.subarray(line.plain, line.plain + outputLength), line.stored);
    if (this.isScalar) this.scalarProducts(true);
    else this.eachProduct(1, (image, weights, output) => {
      memory.exports.gemm(this.runLength, inChannels, outChannels, 1, output, outChannels, 1, weights, 1, outChannels, 1, image, inChannels * lastOf(c.strides), 1);
    });
    const length = lastOf(c.imageSize) * inChannels;
    for (const line of this.imageLines) x.set(padded.subarray(line.padded, line.padded + length), line.plain);
  }

  /** Of one channel: each tap is a number times a run of the image. */
  private scalarProducts(transposed: boolean): void {
    const { c, memory, runLength } = this;
    const padded = memory.elements(this.padded, product(this.paddedSize));
    const output = memory.elements(this.output, this.storedLength);
    const weights = memory.elements(this.weights, c.taps);
    const step = lastOf(c.strides);
    if (!transposed) output.fill(0);
    for (const run of this.runs) {
      for (let t = 0; t < c.taps; t++) {
        const weight = weights[t];
        const image = run.image + this.tapOffsets[t];
        const out = run.output;
        if (transposed) for (let p = 0; p < runLength; p++) padded[image + p * step] += weight * output[out + p];
        else for (let p = 0; p < runLength; p++) output[out + p] += weight * padded[image + p * step];
      }
    }
  }

  /** Calls `multiply` with the addresses of each run and `together` taps; `first` at the first tap. */
  private eachProduct(together: number, multiply: (image: number, weights: number, output: number, first: boolean) => void): void {
    const { c } = this;
    const block = c.inPerGroup * c.outPerGroup;
    for (const run of this.runs) {
      for (let t = 0; t < c.taps; t += together) multiply(this.padded + 8 * (run.image + this.tapOffsets[t]), this.weights + 8 * t * block, this.output + 8 * run.output, t === 0);
    }
  }

  /** [tap][in][out] from [out][in][tap]. */
  private writeWeights(length: number): void {
    const { weights, outPerGroup, inPerGroup, taps } = this.c;
    const target = this.memory.elements(this.weights, length);
    for (let o = 0; o < outPerGroup; o++) {
      for (let i = 0; i < inPerGroup; i++) {
        for (let t = 0; t < taps; t++) target[(t * inPerGroup + i) * outPerGroup + o] = weights[(o * inPerGroup + i) * taps + t];
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
export function groupShape(c: PlainGeometry): { rows: number; columns: number } {
  return { rows: product(c.outputSize) * c.outPerGroup, columns: product(c.imageSize) * c.inPerGroup };
}

/** Writes the matrix of every group, row-major, into zeroed storage: rows (position, channel), columns alike. */
export function writeDenseBlocks(c: PlainConvolution, target: Float64Array): void {
  const { rows, columns } = groupShape(c);
  const tapPoints = [...gridPoints(c.kernel)];
  let p = 0;
  for (const point of gridPoints(c.outputSize)) {
    tapPoints.forEach((tap, t) => {
      const source = point.map((x, axis) => x * c.strides[axis] + tap[axis] * c.dilations[axis] - c.padBegin[axis]);
      if (source.some((x, axis) => x < 0 || x >= c.imageSize[axis])) return;
      const q = gridIndex(source, c.imageSize);
      for (let g = 0; g < c.groups; g++) {
        for (let o = 0; o < c.outPerGroup; o++) {
          const to = (g * rows + p * c.outPerGroup + o) * columns + q * c.inPerGroup;
          const from = (g * c.outPerGroup + o) * c.inPerGroup * c.taps + t;
          for (let i = 0; i < c.inPerGroup; i++) target[to + i] = c.weights[from + i * c.taps];
        }
      }
    });
    p++;
  }
}
