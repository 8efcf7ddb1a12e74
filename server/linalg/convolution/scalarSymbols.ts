import { product, type PlainConvolution } from './convolutionGeometry.js';

/**
 * Singular values of a convolution with one channel on a periodic image, without transforming the image: the kernel has
 * few taps, so its discrete Fourier transform K̂(u) = Σ_t w_t·exp(−2πi·u·d·t/size) is summed directly, one axis after
 * the other. Where strides fold several frequencies onto one, the block is a row of numbers, and its norm the value.
 *
 * @param weights the taps, row-major
 * @param imageSize of the periodic image; every stride divides it
 * @returns one value per frequency of the output, row-major over imageSize/strides, not sorted
 * Cost: points·(taps of the first axis) complex multiplications, and less for the other axes.
 * Error: taps rounding errors relative to Σ|w|.
 */
export function scalarSymbolNorms(weights: Float64Array, c: Pick<PlainConvolution, 'kernel' | 'dilations' | 'strides'>, imageSize: readonly number[]): Float64Array {
  const { kernel, dilations, strides } = c;
  let real = weights;
  let imaginary: Float64Array = new Float64Array(weights.length);
  for (let axis = kernel.length - 1; axis > 0; axis--) {
    const outer = product(kernel.slice(0, axis));
    const inner = product(imageSize.slice(axis + 1));
    [real, imaginary] = transformAxis(real, imaginary, { outer, taps: kernel[axis], inner, dilation: dilations[axis], size: imageSize[axis] });
  }
  let squares = foldedSquares(real, imaginary, { taps: kernel[0], inner: product(imageSize.slice(1)), dilation: dilations[0], size: imageSize[0], stride: strides[0] });
  for (let axis = 1; axis < kernel.length; axis++) {
    if (strides[axis] === 1) continue;
    const outer = product(imageSize.slice(0, axis).map((size, a) => size / strides[a]));
    squares = foldAxis(squares, { outer, size: imageSize[axis], inner: product(imageSize.slice(axis + 1)), stride: strides[axis] });
  }
  const aliases = product(strides);
  for (let i = 0; i < squares.length; i++) squares[i] = Math.sqrt(squares[i] / aliases);
  return squares;
}

/**
 * The first axis, which is the last to be transformed and the longest piece of work: [taps][inner] → |K̂|² line by line,
 * [size/stride][inner], those of the frequencies that meet in one of the output added up. No array of all K̂ is made.
 */
function foldedSquares(real: Float64Array, imaginary: Float64Array, { taps, inner, dilation, size, stride }: Omit<TransformedAxis, 'outer'> & { stride: number }): Float64Array<ArrayBuffer> {
  const kept = size / stride;
  const squares = new Float64Array(kept * inner);
  const lineReal = new Float64Array(inner);
  const lineImaginary = new Float64Array(inner);
  for (let u = 0; u < size; u++) {
    lineReal.fill(0);
    lineImaginary.fill(0);
    for (let t = 0; t < taps; t++) addTurned(real, imaginary, t * inner, turn(u * dilation * t, size), lineReal, lineImaginary, 0, inner);
    const to = (u % kept) * inner;
    for (let x = 0; x < inner; x++) squares[to + x] += lineReal[x] * lineReal[x] + lineImaginary[x] * lineImaginary[x];
  }
  return squares;
}

/** exp(−2πi·step/size); the index modulo the size keeps the angle small, and with it exact. */
function turn(step: number, size: number): { cosine: number; sine: number } {
  const angle = (-2 * Math.PI * (step % size)) / size;
  return { cosine: Math.cos(angle), sine: Math.sin(angle) };
}

/** Adds a run of complex numbers, turned by an angle. */
function addTurned(real: Float64Array, imaginary: Float64Array, from: number, { cosine, sine }: { cosine: number; sine: number }, toReal: Float64Array, toImaginary: Float64Array, to: number, length: number): void {
  for (let x = 0; x < length; x++) {
    const re = real[from + x];
    const im = imaginary[from + x];
    toReal[to + x] += cosine * re - sine * im;
    toImaginary[to + x] += cosine * im + sine * re;
  }
}

interface TransformedAxis {
  outer: number;
  taps: number;
  inner: number;
  dilation: number;
  size: number;
}

/** [outer][taps][inner] → [outer][size][inner]: the taps of one axis become its frequencies. */
function transformAxis(real: Float64Array, imaginary: Float64Array, { outer, taps, inner, dilation, size }: TransformedAxis): [Float64Array, Float64Array] {
  const newReal = new Float64Array(outer * size * inner);
  const newImaginary = new Float64Array(outer * size * inner);
  for (let o = 0; o < outer; o++) {
    for (let u = 0; u < size; u++) {
      const to = (o * size + u) * inner;
      for (let t = 0; t < taps; t++) addTurned(real, imaginary, (o * taps + t) * inner, turn(u * dilation * t, size), newReal, newImaginary, to, inner);
    }
  }
  return [newReal, newImaginary];
}

/** [outer][size][inner] → [outer][size/stride][inner]: sums over the frequencies that meet in one of the output. */
function foldAxis(values: Float64Array, { outer, size, inner, stride }: { outer: number; size: number; inner: number; stride: number }): Float64Array<ArrayBuffer> {
  const kept = size / stride;
  const folded = new Float64Array(outer * kept * inner);
  for (let o = 0; o < outer; o++) {
    for (let u = 0; u < size; u++) {
      const from = (o * size + u) * inner;
      const to = (o * kept + (u % kept)) * inner;
      for (let x = 0; x < inner; x++) folded[to + x] += values[from + x];
    }
  }
  return folded;
}
