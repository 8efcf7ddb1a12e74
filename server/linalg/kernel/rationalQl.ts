/**
 * Eigenvalues of a symmetric tridiagonal matrix by the root-free QL iteration of Pal, Walker and Kahan, which works
 * with the squares of the off-diagonals alone (Parlett, "The symmetric eigenvalue problem", section 8.15; the idea is
 * Reinsch's, Comm. ACM 16, 1973; LAPACK's dsterf has the same recurrence).
 */
import { get, set } from './elements';

/** An off-diagonal is negligible below ε times the geometric mean of its diagonal neighbours … */
const relative: f64 = 4.930380657631324e-32;
/** … or below this in a matrix scaled to about one. */
const absolute: f64 = 1e-40;
/** Two or three iterations are usual. */
const maximumIterations: i32 = 80;

/**
 * Finishes the eigenvalues from … to − 1: afterwards diagonal[from … to − 1] holds them, unordered. To be called with
 * consecutive ranges. Returns 0, or −1 when one does not converge.
 */
export function rationalQl(diagonal: usize, squares: usize, n: i32, from: i32, to: i32): i32 {
  for (let l = from; l < to; l++) {
    let iterations = 0;
    while (true) {
      let m = l;
      while (m < n - 1) {
        const e = get(squares, m);
        if (e <= absolute || e <= relative * abs(get(diagonal, m) * get(diagonal, m + 1))) break;
        m++;
      }
      if (m < n - 1) set(squares, m, 0);
      if (m == l) break;
      if (++iterations > maximumIterations) return -1;
      sweep(diagonal, squares, l, m);
    }
  }
  return 0;
}

/** One QL step on rows l … m with Wilkinson's shift from the top 2 × 2 block. */
function sweep(diagonal: usize, squares: usize, l: i32, m: i32): void {
  const first = get(diagonal, l), root = sqrt<f64>(get(squares, l)), t = (get(diagonal, l + 1) - first) / (2 * root);
  const radius = sqrt<f64>(t * t + 1), shift = first - root / (t + (t >= 0 ? radius : -radius));
  let cosine: f64 = 1, sine: f64 = 0, gamma = get(diagonal, m) - shift, p = gamma * gamma;
  for (let i = m - 1; i >= l; i--) {
    const square = get(squares, i), r = p + square, oldCosine = cosine, oldGamma = gamma, alpha = get(diagonal, i);
    if (i != m - 1) set(squares, i + 1, sine * r);
    cosine = p / r;
    sine = square / r;
    gamma = cosine * (alpha - shift) - sine * oldGamma;
    set(diagonal, i + 1, oldGamma + (alpha - gamma));
    p = cosine != 0 ? gamma * gamma / cosine : oldCosine * square;
  }
  set(squares, l, sine * p);
  set(diagonal, l, shift + gamma);
}
