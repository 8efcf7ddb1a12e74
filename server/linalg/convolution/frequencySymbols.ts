import { gridIndex, gridPoints, product, type PlainConvolution } from './convolutionGeometry.js';
import { alignedBytes, type KernelMemory } from '../kernel.js';

/** Sizes of the blocks that a convolution on a periodic image falls into. */
export interface BlockSizes {
  /** Frequencies of the input that a stride folds onto one of the output: product of the strides. */
  aliases: number;
  rows: number;
  columns: number;
}

export function blockSizes({ strides, outPerGroup, inPerGroup }: Pick<PlainConvolution, 'strides' | 'outPerGroup' | 'inPerGroup'>): BlockSizes {
  const aliases = product(strides);
  return { aliases, rows: outPerGroup, columns: aliases * inPerGroup };
}

/** Bytes of the kernel's memory that a `FrequencySymbols` takes. */
export function symbolBytes(c: PlainConvolution, batch: number): number {
  const pairs = c.outPerGroup * c.inPerGroup;
  const lines = 2 * batch * blockSizes(c).aliases;
  return alignedBytes(pairs * c.taps) + alignedBytes(lines * c.taps) + alignedBytes(lines * pairs);
}

/**
 * The blocks K̂(u) = Σ_t K_t·exp(−2πi·u·d·t/size) of one group, many frequencies in one matrix product: their phases
 * (2·aliases·frequencies × taps) times the weights (taps × channel pairs). With a stride the aliases u, u + size/s, … of
 * one output frequency stand side by side, divided by √s, on each axis.
 */
export class FrequencySymbols {
  private readonly weights: number;
  private readonly phases: number;
  private readonly symbols: number;
  private readonly sizes: BlockSizes;
  private readonly pairs: number;
  /** cos and −sin of 2πk/size for each axis. */
  private readonly circles: { cosine: Float64Array; sine: Float64Array }[];
  /** Per tap and axis: dilation times tap. */
  private readonly tapOffsets: number[][];
  private readonly aliasPoints: number[][];

  /** @param batch most frequencies at a time */
  constructor(private readonly memory: KernelMemory, private readonly c: PlainConvolution, batch: number) {
    this.sizes = blockSizes(c);
    this.pairs = c.outPerGroup * c.inPerGroup;
    const lines = 2 * batch * this.sizes.aliases;
    this.weights = memory.take(this.pairs * c.taps);
    this.phases = memory.take(lines * c.taps);
    this.symbols = memory.take(lines * this.pairs);
    this.circles = c.imageSize.map((n) => ({
      cosine: Float64Array.from({ length: n }, (_, k) => Math.cos((2 * Math.PI * k) / n)),
      sine: Float64Array.from({ length: n }, (_, k) => -Math.sin((2 * Math.PI * k) / n)),
    }));
    this.tapOffsets = [...gridPoints(c.kernel)].map((tap) => tap.map((x, axis) => x * c.dilations[axis]));
    this.aliasPoints = [...gridPoints(c.strides)].map((alias) => alias.map((x, axis) => x * c.outputSize[axis]));
    memory.elements(this.weights, this.pairs * c.taps).set(c.weights);
  }

  /** Computes the blocks of frequencies of the output; `copyBlock` reads them. */
  evaluate(frequencies: readonly number[][]): void {
    const { c, aliasPoints, tapOffsets, circles, sizes } = this;
    const lines = 2 * frequencies.length * sizes.aliases;
    const phases = this.memory.elements(this.phases, lines * c.taps);
    const scale = 1 / Math.sqrt(sizes.aliases);
    let at = 0;
    for (const u of frequencies) {
      for (const alias of aliasPoints) {
        for (const tap of tapOffsets) {
          let re = scale;
          let im = 0;
          for (let axis = 0; axis < tap.length; axis++) {
            // The index modulo the size keeps the angle small, and with it exact.
            const angle = ((u[axis] + alias[axis]) * tap[axis]) % c.imageSize[axis];
            const cosine = circles[axis].cosine[angle];
            const sine = circles[axis].sine[angle];
            const turned = re * cosine - im * sine;
            im = re * sine + im * cosine;
            re = turned;
          }
          phases[at] = re;
          phases[at + c.taps] = im;
          at++;
        }
        at += c.taps;
      }
    }
    this.memory.exports.gemm(lines, this.pairs, c.taps, 1, this.phases, c.taps, 1, this.weights, 1, c.taps, 0, this.symbols, this.pairs, 1);
  }

  /**
   * Copies block `index` of the last batch: element (o, alias·inPerGroup + i) to address + 8·(o·rowStride +
   * column·columnStride), the imaginary part `plane` elements further on.
   */
  copyBlock(index: number, address: number, rowStride: number, columnStride: number, plane: number): void {
    const { outPerGroup, inPerGroup } = this.c;
    for (let alias = 0; alias < this.sizes.aliases; alias++) {
      const from = this.symbols + 8 * 2 * (index * this.sizes.aliases + alias) * this.pairs;
      const to = address + 8 * alias * inPerGroup * columnStride;
      this.memory.exports.copyMatrix(outPerGroup, inPerGroup, from, inPerGroup, 1, to, rowStride, columnStride);
      this.memory.exports.copyMatrix(outPerGroup, inPerGroup, from + 8 * this.pairs, inPerGroup, 1, to + 8 * plane, rowStride, columnStride);
    }
  }
}

/** An output frequency u with the copies of its block's values: 2 where −u is another frequency with the same values. */
export interface FrequencyPair {
  frequency: number[];
  copies: 1 | 2;
}

/** One of each pair u, −u, in batches of at most `size`. */
export function* frequencyBatches(outputSize: number[], size: number): Generator<FrequencyPair[]> {
  let batch: FrequencyPair[] = [];
  for (const u of gridPoints(outputSize)) {
    const own = gridIndex(u, outputSize);
    const partner = gridIndex(u.map((x, axis) => (outputSize[axis] - x) % outputSize[axis]), outputSize);
    if (own > partner) continue;
    batch.push({ frequency: u, copies: own === partner ? 1 : 2 });
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
