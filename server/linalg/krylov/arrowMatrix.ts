import { type RandomGenerator } from '../random.js';

/**
 * What is left of a symmetric operator in a Lanczos basis with thick restarts: tridiagonal, but for its first
 * `spokes.length` rows and columns, which are diagonal and meet the one behind them in the spokes:
 *
 *     λ₁       s₁
 *        λ₂    s₂
 *     s₁ s₂ α₃ β₃
 *           β₃ α₄
 */
export interface ArrowMatrix {
  diagonal: readonly number[];
  spokes: readonly number[];
  /** Entry i couples i to i + 1; those of the rows with spokes are not read. */
  offDiagonal: readonly number[];
}

/** Inverse iteration gives an eigenvector to rounding after two steps; one more is a reserve. */
const inverseSteps = 3;

/** The upper half of the matrix, size × size by rows. */
export function writeArrow({ diagonal, spokes, offDiagonal }: ArrowMatrix, target: Float64Array): void {
  const size = diagonal.length;
  target.fill(0);
  for (let i = 0; i < size; i++) {
    target[i * size + i] = diagonal[i];
    if (i < spokes.length) target[i * size + spokes.length] = spokes[i];
    else if (i + 1 < size) target[i * size + i + 1] = offDiagonal[i];
  }
}

/**
 * Eigenvectors for some eigenvalues, the largest first, by inverse iteration, each vector kept orthogonal to those before.
 * Cost: O(values²·size).
 */
export function arrowVectors(matrix: ArrowMatrix, values: Float64Array, random: RandomGenerator): Float64Array[] {
  const size = matrix.diagonal.length;
  const unit = values[0] > 0 ? values[0] : 1;
  const scaled = (entries: readonly number[]): number[] => entries.map((entry) => entry / unit);
  const [diagonal, couplings] = [scaled(matrix.diagonal), scaled(matrix.spokes)];
  const off = scaled(matrix.offDiagonal.slice(couplings.length, size - 1));
  const found: Float64Array[] = [];
  for (const value of values) {
    // A shift of a few rounding errors keeps the pivots away from zero.
    const shift = value / unit + 4 * Number.EPSILON;
    let x: Float64Array = Float64Array.from({ length: size }, () => random.normal());
    for (let step = 0; step < inverseSteps; step++) {
      x = solveShifted(diagonal, couplings, off, shift, x);
      for (const other of found) {
        let overlap = 0;
        for (let i = 0; i < size; i++) overlap += other[i] * x[i];
        for (let i = 0; i < size; i++) x[i] -= overlap * other[i];
      }
      let length = 0;
      for (const entry of x) length += entry * entry;
      const scale = 1 / Math.sqrt(length);
      for (let i = 0; i < size; i++) x[i] *= scale;
    }
    found.push(x);
  }
  return found;
}

/** Eliminates the rows with spokes, then the tridiagonal rest with row exchanges. */
function solveShifted(entries: readonly number[], couplings: readonly number[], off: readonly number[], shift: number, right: Float64Array): Float64Array {
  const kept = couplings.length;
  const pivots = couplings.map((_, i) => {
    const pivot = entries[i] - shift;
    return Math.abs(pivot) < Number.EPSILON ? -Number.EPSILON : pivot;
  });
  const diagonal = entries.slice(kept).map((entry) => entry - shift);
  const rest = right.slice(kept);
  for (let i = 0; i < kept; i++) {
    diagonal[0] -= (couplings[i] / pivots[i]) * couplings[i];
    rest[0] -= (couplings[i] / pivots[i]) * right[i];
  }
  const solved = solveTridiagonal(diagonal, off, rest);
  const x = new Float64Array(right.length);
  x.set(solved, kept);
  for (let i = 0; i < kept; i++) x[i] = (right[i] - couplings[i] * solved[0]) / pivots[i];
  return x;
}

/** Solves a symmetric tridiagonal system with entries of about one, by elimination with row exchanges; zero pivots are raised to rounding size. */
export function solveTridiagonal(diagonal: ArrayLike<number>, off: readonly number[], right: Float64Array): Float64Array<ArrayBuffer> {
  const n = diagonal.length;
  const d = Float64Array.from(diagonal);
  const upper = Float64Array.from(off);
  const second = new Float64Array(n);
  const x = Float64Array.from(right);
  for (let i = 0; i + 1 < n; i++) {
    const below = off[i];
    const following = i + 2 < n ? off[i + 1] : 0;
    if (Math.abs(d[i]) >= Math.abs(below)) {
      if (d[i] === 0) d[i] = Number.EPSILON;
      const factor = below / d[i];
      d[i + 1] -= factor * upper[i];
      x[i + 1] -= factor * x[i];
    } else {
      const factor = d[i] / below;
      const pivotRight = d[i + 1];
      d[i] = below;
      d[i + 1] = upper[i] - factor * pivotRight;
      upper[i] = pivotRight;
      second[i] = following;
      if (i + 2 < n) upper[i + 1] = -factor * following;
      [x[i], x[i + 1]] = [x[i + 1], x[i] - factor * x[i + 1]];
    }
  }
  if (Math.abs(d[n - 1]) < Number.EPSILON) d[n - 1] = Number.EPSILON;
  for (let i = n - 1; i >= 0; i--) x[i] = (x[i] - (i + 1 < n ? upper[i] * x[i + 1] : 0) - (i + 2 < n ? second[i] * x[i + 2] : 0)) / d[i];
  return x;
}
