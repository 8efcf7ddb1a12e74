import assert from 'node:assert/strict';
import { fourierTransform, fourierTransformAxes, type ComplexVector } from '../../../server/linalg/fft.js';
import { gaussian } from '../../support/matrices.js';

/** By the definition; angles reduced to one turn. */
function direct({ real, imaginary }: ComplexVector): ComplexVector {
  const n = real.length;
  const result: ComplexVector = { real: new Float64Array(n), imaginary: new Float64Array(n) };
  for (let k = 0; k < n; k++) {
    for (let j = 0; j < n; j++) {
      const angle = (-2 * Math.PI * ((j * k) % n)) / n;
      result.real[k] += real[j] * Math.cos(angle) - imaginary[j] * Math.sin(angle);
      result.imaginary[k] += real[j] * Math.sin(angle) + imaginary[j] * Math.cos(angle);
    }
  }
  return result;
}

describe('Fourier transform', () => {
  it('equals its definition for lengths 1 … 40, 64, 97 and 240, and leaves its input alone', () => {
    for (const n of [...Array.from({ length: 40 }, (_, k) => k + 1), 64, 97, 240]) {
      const input: ComplexVector = { real: gaussian(n, 1, n), imaginary: gaussian(n, 1, n + 500) };
      const copy = { real: input.real.slice(), imaginary: input.imaginary.slice() };
      const actual = fourierTransform(input);
      const expected = direct(copy);
      assert.deepEqual(input, copy);
      for (let k = 0; k < n; k++) {
        assert.ok(Math.hypot(actual.real[k] - expected.real[k], actual.imaginary[k] - expected.imaginary[k]) < 1e-13 * (1 + n), `${n} ${k}`);
      }
    }
  });

  it('of a two-dimensional image transforms rows and columns', () => {
    const [rows, columns] = [3, 4];
    const image: ComplexVector = { real: gaussian(rows, columns, 1), imaginary: new Float64Array(rows * columns) };
    const actual = fourierTransformAxes(image, [rows, columns]);
    for (let u = 0; u < rows; u++) {
      for (let v = 0; v < columns; v++) {
        let [re, im] = [0, 0];
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) {
            const angle = -2 * Math.PI * ((u * i) / rows + (v * j) / columns);
            re += image.real[i * columns + j] * Math.cos(angle);
            im += image.real[i * columns + j] * Math.sin(angle);
          }
        }
        assert.ok(Math.hypot(actual.real[u * columns + v] - re, actual.imaginary[u * columns + v] - im) < 1e-13);
      }
    }
  });
});
