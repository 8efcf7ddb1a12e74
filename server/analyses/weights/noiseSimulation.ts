import type { RandomGenerator } from '../../linalg/random.js';
import { fitMarchenkoPastur, type NoiseShape } from './marchenkoPastur.js';

/** Share of a diagonal entry below which an off-diagonal one is zero. */
const epsilon = 2 ** -52;

/**
 * Singular values of one draw of pure Gaussian noise of deviation 1, of all blocks together, descending.
 *
 * The eigenvalues of GᵀG for Gaussian G (N × M) are those of BBᵀ for a bidiagonal B with independent χ entries
 * (Dumitriu and Edelman, "Matrix models for beta ensembles", 2002), so a draw costs O(M²) instead of O(NM²).
 *
 * @param shape N may be any real number ≥ M, which lets a table run over M/N
 */
export function noiseSpectrum({ longer, shorter, blocks }: NoiseShape, random: RandomGenerator): Float64Array {
  const values = new Float64Array(blocks * shorter);
  const diagonal = new Float64Array(shorter);
  const squaredOffDiagonal = new Float64Array(shorter);
  for (let block = 0; block < blocks; block++) {
    // B has χ_N, χ_{N−1}, … on the diagonal and χ_{M−1}, χ_{M−2}, … below it; BBᵀ is tridiagonal.
    let below = 0;
    for (let i = 0; i < shorter; i++) {
      const square = chiSquare(longer - i, random);
      diagonal[i] = square + below;
      below = i + 1 < shorter ? chiSquare(shorter - 1 - i, random) : 0;
      squaredOffDiagonal[i] = square * below;
    }
    tridiagonalEigenvalues(diagonal, squaredOffDiagonal);
    for (let i = 0; i < shorter; i++) values[block * shorter + i] = Math.sqrt(Math.max(0, diagonal[i]));
  }
  return values.sort().reverse();
}

/**
 * The Kolmogorov–Smirnov distance of one draw of noise, after the very fit that real layers get.
 *
 * @param shape as for `noiseSpectrum`
 * @returns 1 where the fit finds no bulk
 */
export function noiseDistance(shape: NoiseShape, random: RandomGenerator): number {
  return fitMarchenkoPastur(noiseSpectrum(shape, random), shape).ks ?? 1;
}

/** A χ² number with `freedom` > 0 degrees of freedom: twice a Gamma(freedom/2) by Marsaglia and Tsang (2000). */
function chiSquare(freedom: number, random: RandomGenerator): number {
  const shape = freedom / 2;
  if (shape < 1) return chiSquare(freedom + 2, random) * (1 - random.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < 0.5 * x * x + d * (1 - v + Math.log(v))) return 2 * d * v;
  }
}

/**
 * Eigenvalues of a symmetric tridiagonal matrix in place of its diagonal, unordered, by the rational QL method
 * (Reinsch, "A stable, rational QL algorithm", 1973): no square roots in the inner loop, O(n²).
 *
 * @param diagonal n values; replaced by the eigenvalues
 * @param squares squares of the n − 1 off-diagonal entries, then one spare; destroyed
 */
export function tridiagonalEigenvalues(diagonal: Float64Array, squares: Float64Array): void {
  const n = diagonal.length;
  squares[n - 1] = 0;
  let shift = 0;
  let size = 0;
  let small = 0;
  let smallSquare = 0;
  for (let l = 0; l < n; l++) {
    const h = Math.abs(diagonal[l]) + Math.sqrt(squares[l]);
    if (size < h) {
      size = h;
      small = size * epsilon;
      smallSquare = small * small;
    }
    let m = l;
    while (squares[m] > smallSquare) m++;
    while (m > l && squares[l] > 0) {
      shift += shiftBlock(diagonal, squares, l);
      const { last, pivot } = sweep(diagonal, squares, l, m, small);
      diagonal[l] = pivot;
      squares[l] = last * pivot;
      if (squares[l] <= smallSquare) break;
    }
    diagonal[l] += shift;
  }
}

/** Takes an estimate of the eigenvalue at l from everything behind it; returns what was taken. */
function shiftBlock(diagonal: Float64Array, squares: Float64Array, l: number): number {
  const root = Math.sqrt(squares[l]);
  const before = diagonal[l];
  const p = (diagonal[l + 1] - before) / (2 * root);
  diagonal[l] = root / (p + (p < 0 ? -1 : 1) * Math.hypot(p, 1));
  const shift = before - diagonal[l];
  for (let i = l + 1; i < diagonal.length; i++) diagonal[i] -= shift;
  return shift;
}

/** One rational QL sweep from m down to l. */
function sweep(diagonal: Float64Array, squares: Float64Array, l: number, m: number, small: number): { last: number; pivot: number } {
  let g = diagonal[m] === 0 ? small : diagonal[m];
  let h = g;
  let s = 0;
  for (let i = m - 1; i >= l; i--) {
    const p = g * h;
    const r = p + squares[i];
    squares[i + 1] = s * r;
    s = squares[i] / r;
    diagonal[i + 1] = h + s * (h + diagonal[i]);
    g = diagonal[i] - squares[i] / g;
    if (g === 0) g = small;
    h = (g * p) / r;
  }
  return { last: s * g, pivot: h };
}
