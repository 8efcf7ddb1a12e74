import { gridIndex, gridPoints, groupOf, product, type PlainConvolution } from './convolutionGeometry.js';
import { alignedBytes, compileKernel, KernelMemory } from './kernel.js';
import { MatrixWorkspace } from './matrixWorkspace.js';
import { scalarSymbolNorms } from './scalarSymbols.js';
import { type SolveControl } from './steps.js';

/**
 * Exact singular values of a convolution on a periodic image (Sedghi, Gupta and Long, ICLR 2019). Fourier transforms on
 * both sides, which are unitary, make the operator block-diagonal: one outPerGroup × inPerGroup block
 * K̂(u) = Σ_t K_t·exp(−2πi·u·d·t/size) per frequency u. A stride s folds the s frequencies u, u + size/s, … of the input
 * onto one of the output: the blocks stand side by side, divided by √s, on each axis. The kernel is real, so the blocks
 * of u and −u are conjugates and have the same singular values: half of the frequencies are enough.
 */
export interface FrequencyBlocks {
  convolution: PlainConvolution;
  /** Side by side in one block: product of the strides. */
  aliases: number;
  blockRows: number;
  blockColumns: number;
  /** One of each pair u, −u. */
  pairs: number[][];
  /** The frequencies with u = −u, whose blocks are unitarily equal to real ones. */
  selfConjugate: number[][];
}

/** A batch of blocks holds at most this many bytes. */
const batchBytes = 32 * 1024 * 1024;

export function frequencyBlocks(convolution: PlainConvolution): FrequencyBlocks {
  const { outputSize, strides, outPerGroup, inPerGroup } = convolution;
  const aliases = product(strides);
  const pairs: number[][] = [];
  const selfConjugate: number[][] = [];
  for (const u of gridPoints(outputSize)) {
    const own = gridIndex(u, outputSize);
    const partner = gridIndex(u.map((x, axis) => (outputSize[axis] - x) % outputSize[axis]), outputSize);
    if (own === partner) selfConjugate.push(u);
    else if (own < partner) pairs.push(u);
  }
  return { convolution, aliases, blockRows: outPerGroup, blockColumns: aliases * inPerGroup, pairs, selfConjugate };
}

/** Singular values of one batch of blocks, in any order, and the bound of their error relative to the largest. */
export interface BatchValues {
  values: Float64Array;
  relativeError: number;
}

/**
 * All singular values, batch by batch. A complex block R + iM is handed to the real kernel as [[R, −M], [M, R]], which
 * has every singular value twice: exactly those of the frequencies u and −u together.
 */
export async function* blockValues(blocks: FrequencyBlocks, control: SolveControl): AsyncGenerator<BatchValues> {
  const { convolution, blockRows, blockColumns } = blocks;
  if (blockRows === 1 && convolution.inPerGroup === 1) {
    yield* scalarValues(blocks);
    return;
  }
  const workspace = await MatrixWorkspace.create();
  const symbols = new SymbolTable(blocks, new KernelMemory(await compileKernel()));
  const realWork = blocks.selfConjugate.length;
  const total = convolution.groups * (realWork + 8 * blocks.pairs.length);
  let done = 0;
  for (let group = 0; group < convolution.groups; group++) {
    symbols.useGroup(group);
    for (const [frequencies, size] of [[blocks.selfConjugate, 1], [blocks.pairs, 2]] as const) {
      const perBatch = Math.max(1, Math.floor(batchBytes / 8 / (size * size * blockRows * blockColumns)));
      for (let from = 0; from < frequencies.length; from += perBatch) {
        const batch = frequencies.slice(from, from + perBatch);
        const share = (size === 1 ? batch.length : 8 * batch.length) / total;
        const start = done;
        done += share;
        const target = workspace.allocate(batch.length, size * blockRows, size * blockColumns);
        batch.forEach((u, index) => {
          const at = target.subarray(index * size * size * blockRows * blockColumns);
          if (size === 1) symbols.writeReal(u, at);
          else symbols.writeEmbedded(u, at);
        });
        const { progress } = control;
        const inner: SolveControl = { ...control, ...(progress && { progress: (fraction: number) => progress(start + share * fraction) }) };
        const { singularValues, relativeError } = await workspace.singularValues(inner);
        yield { values: singularValues, relativeError: relativeError + convolution.taps * Number.EPSILON };
      }
    }
  }
}

/** Depthwise convolution: every block has one row of numbers, whose norm is the one singular value. */
function* scalarValues({ convolution }: FrequencyBlocks): Generator<BatchValues> {
  for (let group = 0; group < convolution.groups; group++) {
    yield { values: scalarSymbolNorms(groupOf(convolution, group).weights, convolution, convolution.imageSize), relativeError: (convolution.taps + 8) * Number.EPSILON };
  }
}

/** Evaluates symbols: a product of the phases of one frequency's aliases (2·aliases × taps) and the weights. */
class SymbolTable {
  private readonly weights: number;
  private readonly phases: number;
  private readonly target: number;
  private readonly channelPairs: number;
  /** cos and −sin of 2πk/size for each axis. */
  private readonly circles: { cosine: Float64Array; sine: Float64Array }[];
  private readonly tapPoints: number[][];
  private readonly aliasPoints: number[][];
  private readonly scale: number;

  constructor(private readonly blocks: FrequencyBlocks, private readonly memory: KernelMemory) {
    const { convolution, aliases } = blocks;
    const { taps, imageSize } = convolution;
    this.channelPairs = convolution.outPerGroup * convolution.inPerGroup;
    memory.reserve(alignedBytes(this.channelPairs * taps) + alignedBytes(2 * aliases * taps) + alignedBytes(2 * aliases * this.channelPairs));
    this.weights = memory.take(this.channelPairs * taps);
    this.phases = memory.take(2 * aliases * taps);
    this.target = memory.take(2 * aliases * this.channelPairs);
    this.circles = imageSize.map((n) => ({
      cosine: Float64Array.from({ length: n }, (_, k) => Math.cos((2 * Math.PI * k) / n)),
      sine: Float64Array.from({ length: n }, (_, k) => -Math.sin((2 * Math.PI * k) / n)),
    }));
    this.tapPoints = [...gridPoints(convolution.kernel)];
    this.aliasPoints = [...gridPoints(convolution.strides)];
    this.scale = 1 / Math.sqrt(aliases);
  }

  useGroup(group: number): void {
    const length = this.channelPairs * this.blocks.convolution.taps;
    this.memory.elements(this.weights, length).set(this.blocks.convolution.weights.subarray(group * length, (group + 1) * length));
  }

  /** [[R, −M], [M, R]] of the block of frequency u, row-major. */
  writeEmbedded(u: number[], target: Float64Array): void {
    const { blockRows, blockColumns, aliases, convolution } = this.blocks;
    const { inPerGroup } = convolution;
    const symbol = this.evaluate(u);
    const stride = 2 * blockColumns;
    const lower = blockRows * stride;
    for (let a = 0; a < aliases; a++) {
      const real = 2 * a * this.channelPairs;
      const imaginary = real + this.channelPairs;
      for (let o = 0; o < blockRows; o++) {
        for (let i = 0; i < inPerGroup; i++) {
          const at = o * stride + a * inPerGroup + i;
          const re = symbol[real + o * inPerGroup + i];
          const im = symbol[imaginary + o * inPerGroup + i];
          target[at] = re;
          target[at + blockColumns] = -im;
          target[at + lower] = im;
          target[at + lower + blockColumns] = re;
        }
      }
    }
  }

  /**
   * The block of a frequency with u = −u, made real: an alias that is its own conjugate is real already, and the two
   * columns K, K̄ of a conjugate pair become √2·Re K, √2·Im K by a unitary 2 × 2 matrix.
   */
  writeReal(u: number[], target: Float64Array): void {
    const { blockRows, blockColumns, aliases, convolution } = this.blocks;
    const { inPerGroup, imageSize, outputSize, strides } = convolution;
    const symbol = this.evaluate(u);
    for (let a = 0; a < aliases; a++) {
      const partner = gridIndex(this.aliasPoints[a].map((j, axis) => Math.floor(((2 * imageSize[axis] - u[axis] - j * outputSize[axis]) % imageSize[axis]) / outputSize[axis])), strides);
      const from = (a > partner ? 2 * partner + 1 : 2 * a) * this.channelPairs;
      const factor = a === partner ? 1 : Math.SQRT2;
      for (let o = 0; o < blockRows; o++) {
        for (let i = 0; i < inPerGroup; i++) target[o * blockColumns + a * inPerGroup + i] = factor * symbol[from + o * inPerGroup + i];
      }
    }
  }

  /** Real and imaginary part of each alias, one after the other, each outPerGroup × inPerGroup, with the stride's factor. */
  private evaluate(u: number[]): Float64Array {
    const { convolution, aliases } = this.blocks;
    const { taps, imageSize, outputSize, dilations } = convolution;
    const phases = this.memory.elements(this.phases, 2 * aliases * taps);
    this.aliasPoints.forEach((alias, a) => {
      this.tapPoints.forEach((tap, t) => {
        let re = this.scale;
        let im = 0;
        for (let axis = 0; axis < tap.length; axis++) {
          const angle = ((u[axis] + alias[axis] * outputSize[axis]) * dilations[axis] * tap[axis]) % imageSize[axis];
          const { cosine, sine } = this.circles[axis];
          [re, im] = [re * cosine[angle] - im * sine[angle], re * sine[angle] + im * cosine[angle]];
        }
        phases[2 * a * taps + t] = re;
        phases[(2 * a + 1) * taps + t] = im;
      });
    });
    this.memory.exports.gemm(2 * aliases, this.channelPairs, taps, 1, this.phases, taps, 1, this.weights, 1, taps, 0, this.target, this.channelPairs, 1);
    return this.memory.elements(this.target, 2 * aliases * this.channelPairs);
  }
}
