import { circularCost, circularSpectrum, type ConvolutionKernel } from '../../../linalg/convolution/convolutionOperator.js';
import type { MatrixWorkspace, SolveControl } from '../../../linalg/matrixWorkspace.js';

/** A periodic grid is thinned out where its exact norm would take longer than this. */
const defaultLongestSeconds = 2;
/** Errors of the sums in which norms are multiplied and added. */
const rounding = 16 * Number.EPSILON;

/** A convolution as the bound needs it: how the image lies in its padding does not matter. */
export interface GridConvolution extends Pick<ConvolutionKernel, 'groups' | 'outChannels' | 'inChannels' | 'kernel' | 'strides' | 'dilations' | 'weights'> {
  imageSize: readonly number[];
  /** Whether windows reach beyond the image. */
  isPadded: boolean;
}

/** Spectral norms of the linear operations of a network, rounded up, each computed when it is needed. */
export class OperatorNorms {
  private readonly known = new Map<string, number>();

  constructor(
    private readonly workspace: MatrixWorkspace,
    private readonly signal?: AbortSignal,
    /** Predicted time beyond which the frequencies of a convolution are thinned out. */
    private readonly longestSeconds = defaultLongestSeconds,
  ) {}

  /**
   * Largest singular value of any of `groups` matrices of rows × columns, row-major, one after the other, by a direct
   * decomposition. Throws the signal's reason, and a RangeError where there is not enough memory.
   */
  async dense(groups: number, rows: number, columns: number, values: Float64Array): Promise<number> {
    if (values.length === 0) return 0;
    this.workspace.allocate(groups, rows, columns).set(values);
    const { singularValues, relativeError } = await this.workspace.singularValues(this.control());
    return singularValues[0] * (1 + relativeError + rounding);
  }

  /**
   * An upper bound of the norm of a convolution with zero padding: it is a part of the circular one on a grid that is
   * larger by what the kernel covers, and a multiple of the stride (mathematics.md 5.1). A window that touches the image
   * begins at most (k − 1)·d before it, which on that grid is still outside; the others see zeros.
   *
   * Where all frequencies of that grid would take too long, fewer are looked at: with u and v fixed, |uᴴK̂(θ)v|² is a real
   * trigonometric polynomial in each angle, of degree n = ⌊(k − 1)·d/s⌋ for stride s, and one of degree n is at most
   * 1/cos(π·n/N) times its largest value at N > 2n equidistant points (Ehlich and Zeller, Math. Z. 86, 1964).
   */
  async convolution({ imageSize, isPadded, ...kernel }: GridConvolution): Promise<number> {
    const reach = kernel.kernel.map((size, axis) => (size - 1) * kernel.dilations[axis]);
    const degrees = reach.map((length, axis) => Math.floor(length / kernel.strides[axis]));
    let points = imageSize.map((size, axis) => Math.ceil((size + (isPadded ? reach[axis] : 0)) / kernel.strides[axis]));
    const operator = (): ConvolutionKernel => ({ ...kernel, pads: kernel.kernel.flatMap(() => [0, 0]), outputPadding: kernel.kernel.map(() => 0), transposed: false, inputSize: points.map((count, axis) => count * kernel.strides[axis]) });
    let factor = 1;
    const { seconds } = circularCost(operator());
    if (seconds > this.longestSeconds) {
      const share = (this.longestSeconds / seconds) ** (1 / points.length);
      const whole = points;
      points = points.map((count, axis) => Math.min(count, Math.max(Math.floor(count * share), 2 * degrees[axis] + 1)));
      for (const [axis, count] of points.entries()) if (count < whole[axis]) factor /= Math.sqrt(Math.cos((Math.PI * degrees[axis]) / count));
    }
    const { largest, relativeError } = await circularSpectrum(operator(), 'norms', this.control());
    return largest * factor * (1 + relativeError + rounding);
  }

  /** A norm by a key that tells its weights and geometry, computed when it is first asked for. */
  async once(key: string, compute: () => Promise<number>): Promise<number> {
    const known = this.known.get(key) ?? (await compute());
    this.known.set(key, known);
    return known;
  }

  throwIfAborted(): void {
    this.signal?.throwIfAborted();
  }

  private control(): SolveControl {
    this.throwIfAborted();
    return this.signal === undefined ? {} : { signal: this.signal };
  }
}
