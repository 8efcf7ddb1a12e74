import { RandomGenerator } from '../../server/linalg/random.js';

/** Test matrices, row-major. */
export function gaussian(rows: number, columns: number, seed: number): Float64Array {
  const random = new RandomGenerator(seed);
  return Float64Array.from({ length: rows * columns }, () => random.normal());
}

/** rows × columns with prescribed singular values, by random reflections from both sides of the diagonal matrix. */
export function withSingularValues(rows: number, columns: number, values: ArrayLike<number>, seed: number): Float64Array {
  const random = new RandomGenerator(seed);
  const a = new Float64Array(rows * columns);
  for (let i = 0; i < Math.min(rows, columns); i++) a[i * columns + i] = values[i];
  for (let k = 0; k < 3; k++) {
    const u = unit(rows, random);
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let i = 0; i < rows; i++) sum += u[i] * a[i * columns + j];
      for (let i = 0; i < rows; i++) a[i * columns + j] -= 2 * sum * u[i];
    }
    const v = unit(columns, random);
    for (let i = 0; i < rows; i++) {
      let sum = 0;
      for (let j = 0; j < columns; j++) sum += v[j] * a[i * columns + j];
      for (let j = 0; j < columns; j++) a[i * columns + j] -= 2 * sum * v[j];
    }
  }
  return a;
}

function unit(n: number, random: RandomGenerator): number[] {
  const x = Array.from({ length: n }, () => random.normal());
  const length = Math.hypot(...x);
  return x.map((value) => value / length);
}

export function frobeniusNorm(a: ArrayLike<number>): number {
  return Math.hypot(...Array.from(a));
}

/** Largest difference relative to the largest expected value. */
export function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  const scale = Math.max(...Array.from(expected, Math.abs), Number.MIN_VALUE);
  return Math.max(0, ...Array.from(expected, (value, i) => Math.abs(actual[i] - value) / scale));
}
