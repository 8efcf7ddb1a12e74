import FFT from 'fft.js';

/** Complex numbers as two arrays of the same length. */
export interface ComplexVector {
  real: Float64Array;
  imaginary: Float64Array;
}

/** What is used of fft.js, whose own types are `any`. */
interface PowerOfTwoFft {
  createComplexArray(): number[];
  transform(target: number[], interleaved: number[]): void;
  inverseTransform(target: number[], interleaved: number[]): void;
}

const powerOfTwoFft = (size: number): PowerOfTwoFft => new FFT(size);

/**
 * Discrete Fourier transform X_k = Σ x_j·exp(−2πi·jk/n), any length n ≥ 1; the input is not changed.
 * Powers of two go to fft.js; other lengths are written as a convolution of power-of-two length
 * (Bluestein, IEEE Trans. Audio Electroacoust. 18, 1970). Cost O(n log n), error a few rounding errors times log n.
 */
export function fourierTransform(input: ComplexVector): ComplexVector {
  const n = input.real.length;
  if (n <= 1) return { real: input.real.slice(), imaginary: input.imaginary.slice() };
  return (n & (n - 1)) === 0 ? powerOfTwoTransform(input) : bluesteinTransform(input);
}

/** Transform along every axis of a row-major array of the given shape. */
export function fourierTransformAxes(input: ComplexVector, shape: number[]): ComplexVector {
  const real = input.real.slice();
  const imaginary = input.imaginary.slice();
  let inner = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const n = shape[axis];
    const line: ComplexVector = { real: new Float64Array(n), imaginary: new Float64Array(n) };
    for (let start = 0; start < real.length; start += n * inner) {
      for (let offset = start; offset < start + inner; offset++) {
        for (let j = 0; j < n; j++) {
          line.real[j] = real[offset + j * inner];
          line.imaginary[j] = imaginary[offset + j * inner];
        }
        const transformed = fourierTransform(line);
        for (let j = 0; j < n; j++) {
          real[offset + j * inner] = transformed.real[j];
          imaginary[offset + j * inner] = transformed.imaginary[j];
        }
      }
    }
    inner *= n;
  }
  return { real, imaginary };
}

function powerOfTwoTransform({ real, imaginary }: ComplexVector): ComplexVector {
  const n = real.length;
  const fft = powerOfTwoFft(n);
  const interleaved = fft.createComplexArray();
  const target = fft.createComplexArray();
  for (let j = 0; j < n; j++) {
    interleaved[2 * j] = real[j];
    interleaved[2 * j + 1] = imaginary[j];
  }
  fft.transform(target, interleaved);
  return { real: Float64Array.from({ length: n }, (_, j) => target[2 * j]), imaginary: Float64Array.from({ length: n }, (_, j) => target[2 * j + 1]) };
}

/** jk = (j² + k² − (k − j)²)/2 turns the transform into a convolution with the chirp exp(iπj²/n). */
function bluesteinTransform({ real, imaginary }: ComplexVector): ComplexVector {
  const n = real.length;
  const length = 2 ** Math.ceil(Math.log2(2 * n - 1));
  const fft = powerOfTwoFft(length);
  const signal = fft.createComplexArray().fill(0);
  const chirp = fft.createComplexArray().fill(0);
  const cosine = new Float64Array(n);
  const sine = new Float64Array(n);
  for (let j = 0; j < n; j++) {
    // j² modulo 2n keeps the angle small, and with it exact.
    const angle = (Math.PI * ((j * j) % (2 * n))) / n;
    cosine[j] = Math.cos(angle);
    sine[j] = Math.sin(angle);
    signal[2 * j] = real[j] * cosine[j] + imaginary[j] * sine[j];
    signal[2 * j + 1] = imaginary[j] * cosine[j] - real[j] * sine[j];
    for (const at of j === 0 ? [0] : [j, length - j]) {
      chirp[2 * at] = cosine[j];
      chirp[2 * at + 1] = sine[j];
    }
  }
  const a = fft.createComplexArray();
  const b = fft.createComplexArray();
  fft.transform(a, signal);
  fft.transform(b, chirp);
  for (let j = 0; j < 2 * length; j += 2) {
    const re = a[j] * b[j] - a[j + 1] * b[j + 1];
    a[j + 1] = a[j] * b[j + 1] + a[j + 1] * b[j];
    a[j] = re;
  }
  fft.inverseTransform(b, a);
  const result: ComplexVector = { real: new Float64Array(n), imaginary: new Float64Array(n) };
  for (let k = 0; k < n; k++) {
    result.real[k] = b[2 * k] * cosine[k] + b[2 * k + 1] * sine[k];
    result.imaginary[k] = b[2 * k + 1] * cosine[k] - b[2 * k] * sine[k];
  }
  return result;
}
