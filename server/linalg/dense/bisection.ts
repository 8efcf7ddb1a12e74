/**
 * Singular values of an upper bidiagonal matrix B, one by one, by counting (Golub and Kahan 1965; Fernando,
 * SIAM J. Matrix Anal. Appl. 20, 1998). The 2n × 2n tridiagonal matrix with zero diagonal and off-diagonals
 * d₁, e₁, d₂, e₂, …, dₙ has the eigenvalues ±σᵢ, and Sylvester's law of inertia counts those below x from the signs of
 * the pivots of its LDLᵀ factorization. Slower than dqds, but it cannot fail to converge: each step halves an interval.
 */

/** An interval of doubles cannot be halved more often than this. */
const maximumSteps = 1100;

/** Number of singular values below x > 0. Cost: 2n divisions. */
export function countBelow(diagonal: Float64Array, superdiagonal: Float64Array, x: number): number {
  const n = diagonal.length;
  let negative = 0;
  let pivot = -x;
  if (pivot < 0) negative++;
  for (let i = 1; i < 2 * n; i++) {
    const coupling = i % 2 === 1 ? diagonal[(i - 1) / 2] : superdiagonal[i / 2 - 1];
    // A zero pivot stands for a tiny negative one (Demmel and Kahan 1990).
    if (pivot === 0) pivot = -Number.MIN_VALUE;
    pivot = -x - (coupling / pivot) * coupling;
    if (pivot < 0) negative++;
  }
  return negative - n;
}

/**
 * The value with index `index` in descending order (0: the largest), to the last bits.
 * Cost: about 60 counts, more for values far below the largest.
 */
export function bisectSingularValue(diagonal: Float64Array, superdiagonal: Float64Array, index: number): number {
  const n = diagonal.length;
  let high = 0;
  for (let i = 0; i < n; i++) high = Math.max(high, Math.abs(diagonal[i]) + (i + 1 < n ? Math.abs(superdiagonal[i]) : 0), Math.abs(diagonal[i]) + (i > 0 ? Math.abs(superdiagonal[i - 1]) : 0));
  if (high === 0) return 0;
  // Scaled so that the largest row is one: no product below can overflow.
  const scale = high;
  const d = diagonal.map((value) => value / scale);
  const e = superdiagonal.map((value) => value / scale);
  const wanted = n - index;
  let low = 0;
  high = 1 + 4 * Number.EPSILON;
  for (let step = 0; step < maximumSteps; step++) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high || high - low <= Number.EPSILON * Number.EPSILON) break;
    if (countBelow(d, e, middle) >= wanted) high = middle;
    else low = middle;
  }
  return ((low + high) / 2) * scale;
}

/**
 * The eigenvalue with index `index` in ascending order (0: the smallest) of the symmetric tridiagonal matrix with the
 * given diagonal and squared off-diagonals (entries of about one), by counting sign changes of the pivots.
 */
export function bisectEigenvalue(diagonal: Float64Array, squares: Float64Array, index: number): number {
  const n = diagonal.length;
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < n; i++) {
    const radius = (i > 0 ? Math.sqrt(squares[i - 1]) : 0) + (i + 1 < n ? Math.sqrt(squares[i]) : 0);
    low = Math.min(low, diagonal[i] - radius);
    high = Math.max(high, diagonal[i] + radius);
  }
  for (let step = 0; step < maximumSteps; step++) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    let below = 0;
    let pivot = 1;
    for (let i = 0; i < n; i++) {
      pivot = diagonal[i] - middle - (i > 0 ? squares[i - 1] / pivot : 0);
      if (pivot === 0) pivot = -Number.MIN_VALUE;
      if (pivot < 0) below++;
    }
    if (below > index) high = middle;
    else low = middle;
  }
  return (low + high) / 2;
}
