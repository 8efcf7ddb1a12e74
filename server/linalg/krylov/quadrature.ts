/** More sweeps than any eigenvalue of a symmetric tridiagonal matrix has been seen to take. */
const mostSweeps = 60;

/**
 * Gauss quadrature from a symmetric tridiagonal matrix (Golub and Welsch, Math. Comp. 23, 1969): its eigenvalues, and the
 * squared first entries of its eigenvectors, by the implicit QL iteration, of whose rotations only the first row is kept.
 * The weights sum to 1; nodes are right to rounding of the largest. Cost: about 30·n² operations. Throws an Error where an eigenvalue does not converge, for entries
 * that are not finite.
 */
export function gaussQuadrature(diagonal: readonly number[], offDiagonal: readonly number[]): { nodes: number[]; weights: number[] } {
  const n = diagonal.length;
  const d = Float64Array.from(diagonal);
  const e = Float64Array.from({ length: n }, (_, i) => (i + 1 < n ? offDiagonal[i] : 0));
  const first = Float64Array.from({ length: n }, (_, i) => (i === 0 ? 1 : 0));
  const negligible = Number.EPSILON * Math.max(...d.map(Math.abs), ...e.map(Math.abs));
  for (let l = 0; l < n; l++) {
    for (let sweep = 0; ; sweep++) {
      let m = l;
      while (m + 1 < n && Math.abs(e[m]) > negligible) m++;
      if (m === l) break;
      if (sweep === mostSweeps || Number.isNaN(d[l])) throw new Error(`Eigenvalue ${l + 1} of a tridiagonal matrix of size ${n} did not converge.`);
      rotate(d, e, first, l, m);
    }
  }
  return { nodes: [...d], weights: Array.from(first, (x) => x * x) };
}

/** One QL sweep from row m up to row l with Wilkinson's shift. */
function rotate(d: Float64Array, e: Float64Array, first: Float64Array, l: number, m: number): void {
  const half = (d[l + 1] - d[l]) / (2 * e[l]);
  let g = d[m] - d[l] + e[l] / (half + Math.sign(half || 1) * Math.hypot(half, 1));
  let [sine, cosine, shift] = [1, 1, 0];
  for (let i = m - 1; i >= l; i--) {
    const f = sine * e[i];
    const b = cosine * e[i];
    const r = Math.hypot(f, g);
    e[i + 1] = r;
    if (r === 0) {
      d[i + 1] -= shift;
      e[m] = 0;
      return;
    }
    sine = f / r;
    cosine = g / r;
    g = d[i + 1] - shift;
    const t = (d[i] - g) * sine + 2 * cosine * b;
    shift = sine * t;
    d[i + 1] = g + shift;
    g = cosine * t - b;
    const next = first[i + 1];
    first[i + 1] = sine * first[i] + cosine * next;
    first[i] = cosine * first[i] - sine * next;
  }
  d[l] -= shift;
  e[l] = g;
  e[m] = 0;
}
