import { bandLength, bandReductionBytes, bandWidth, reduceToBand } from '../dense/bandReduction.js';
import { bandSingularValues, bandToValuesBytes } from '../dense/bidiagonal.js';
import { alignedBytes, type KernelMemory } from '../kernel.js';
import { type RandomGenerator } from '../random.js';
import { runAtOnce } from '../steps.js';

/** The largest singular triplets of a small matrix, descending. */
export interface ProjectedTriplets {
  values: Float64Array;
  left: Float64Array[];
  right: Float64Array[];
}

/** Inverse iteration has converged to rounding after two steps from a random vector; one more is a reserve. */
const inverseSteps = 3;

/** Bytes that `largestTriplets` takes from the kernel's memory for matrices up to size × size. */
export function projectedBytes(size: number): number {
  return alignedBytes(size * size) + alignedBytes(bandLength(size, bandWidth(size))) + bandReductionBytes(size, size, bandWidth(size)) + bandToValuesBytes(size);
}

/**
 * The `count` largest singular values, with vectors, of the leading size × size part of the row-major matrix P with
 * row length `stride`. Values by the two-stage kernel, vectors by inverse iteration with PPᵀ − σ²I, each kept orthogonal
 * to the ones before, so that a multiple value gets independent vectors. Cost O(count·size³), size up to some hundred.
 */
export function largestTriplets(memory: KernelMemory, projected: Float64Array, stride: number, size: number, count: number, random: RandomGenerator): ProjectedTriplets {
  const p = new Float64Array(size * size);
  for (let i = 0; i < size; i++) p.set(projected.subarray(i * stride, i * stride + size), i * size);
  const wanted = Math.min(count, size);
  const values = singularValuesOfSmall(memory, p, size).slice(0, wanted);
  const gram = new Float64Array(size * size);
  for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) gram[i * size + j] = gram[j * size + i] = rowsInner(p, size, i, j);
  const left: Float64Array[] = [];
  for (let k = 0; k < wanted; k++) left.push(inverseIteration(gram, size, values[k] ** 2, values[0] ** 2, left, random));
  const right = left.map((y, k) => {
    const x = new Float64Array(size);
    if (values[k] > 0) for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) x[j] += (y[i] * p[i * size + j]) / values[k];
    return x;
  });
  return { values, left, right };
}

function singularValuesOfSmall(memory: KernelMemory, p: Float64Array, size: number): Float64Array {
  const mark = memory.mark();
  const address = memory.take(size * size);
  memory.elements(address, size * size).set(p);
  const b = bandWidth(size);
  const band = memory.take(bandLength(size, b));
  runAtOnce(reduceToBand(memory, { address, rows: size, columns: size, rowStride: size, columnStride: 1 }, b, band));
  const values = runAtOnce(bandSingularValues(memory, band, size, b)).sort().reverse();
  memory.release(mark);
  return values;
}

function rowsInner(p: Float64Array, size: number, i: number, j: number): number {
  let sum = 0;
  for (let k = 0; k < size; k++) sum += p[i * size + k] * p[j * size + k];
  return sum;
}

/** An eigenvector of the symmetric matrix for the eigenvalue λ, orthogonal to `earlier`. */
function inverseIteration(gram: Float64Array, size: number, lambda: number, largest: number, earlier: Float64Array[], random: RandomGenerator): Float64Array {
  const factors = gram.slice();
  // A shift of a few rounding errors keeps the pivots away from zero.
  const shift = lambda + 4 * Number.EPSILON * largest;
  for (let i = 0; i < size; i++) factors[i * size + i] -= shift;
  const order = factorInPlace(factors, size, Number.EPSILON * Math.max(largest, Number.MIN_VALUE));
  let y: Float64Array = Float64Array.from({ length: size }, () => random.normal());
  for (let step = 0; step < inverseSteps; step++) {
    y = solveInPlace(factors, order, size, y);
    for (const other of earlier) {
      let overlap = 0;
      for (let i = 0; i < size; i++) overlap += other[i] * y[i];
      for (let i = 0; i < size; i++) y[i] -= overlap * other[i];
    }
    const length = Math.hypot(...y);
    for (let i = 0; i < size; i++) y[i] /= length;
  }
  return y;
}

/** LU factorization with partial pivoting; pivots below `floor` are raised to it. Returns the row order. */
function factorInPlace(a: Float64Array, n: number, floor: number): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let k = 0; k < n; k++) {
    let best = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i * n + k]) > Math.abs(a[best * n + k])) best = i;
    if (best !== k) {
      for (let j = 0; j < n; j++) [a[k * n + j], a[best * n + j]] = [a[best * n + j], a[k * n + j]];
      [order[k], order[best]] = [order[best], order[k]];
    }
    if (Math.abs(a[k * n + k]) < floor) a[k * n + k] = floor;
    for (let i = k + 1; i < n; i++) {
      const factor = a[i * n + k] / a[k * n + k];
      a[i * n + k] = factor;
      if (factor !== 0) for (let j = k + 1; j < n; j++) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return order;
}

function solveInPlace(lu: Float64Array, order: Int32Array, n: number, b: Float64Array): Float64Array {
  const x = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let sum = b[order[i]];
    for (let j = 0; j < i; j++) sum -= lu[i * n + j] * x[j];
    x[i] = sum;
  }
  for (let i = n - 1; i >= 0; i--) {
    let sum = x[i];
    for (let j = i + 1; j < n; j++) sum -= lu[i * n + j] * x[j];
    x[i] = sum / lu[i * n + i];
  }
  return x;
}
