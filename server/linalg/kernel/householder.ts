/**
 * Householder reflections and the QR factorization of a narrow panel.
 *
 * H = I − τ·v·vᵀ with v₀ = 1 maps x to (β, 0, …, 0). A product of reflections is kept in the compact form
 * H₁H₂…H_w = I − V·T·Vᵀ with T upper triangular (Schreiber and Van Loan, SIAM J. Sci. Stat. Comput. 10, 1989), so
 * that applying all of them is three matrix products. The panel is split in halves recursively, so that its own
 * arithmetic runs in matrix products too (Elmroth and Gustavson, IBM J. Res. Dev. 44, 2000).
 */
import { at, get, set } from './elements';
import { gemm } from './gemm';
import { panelProduct, panelTriangle } from './scratch';
import { dot, reflectRows, scale } from './vectors';

/** Panels no wider than this are factored one reflection at a time. */
const leafWidth: i32 = 8;

/** First element of the reflected vector, set by `makeReflector`. */
export let reflected: f64 = 0;

/**
 * Overwrites x (n ≥ 1 elements) by v with v₀ = 1, leaves β in `reflected` and returns τ; τ = 0 where there is nothing
 * to reflect. β has the sign opposite to x₀, so that x₀ − β never cancels.
 */
export function makeReflector(x: usize, n: i32): f64 {
  const first = load<f64>(x);
  store<f64>(x, 1);
  reflected = first;
  const rest = n > 1 ? dot(x + 8, x + 8, n - 1) : 0;
  if (rest == 0) return 0;
  const norm = sqrt<f64>(first * first + rest), beta = first > 0 ? -norm : norm;
  scale(1 / (first - beta), x + 8, n - 1);
  reflected = beta;
  return (beta - first) / beta;
}

/**
 * QR factorization of a rows × width panel stored by columns, `stride` elements apart.
 * On return the panel holds V (ones on the diagonal, zeros above it), r the upper triangle R and t the triangle T,
 * both width × width by rows with zeros below the diagonal. A panel with fewer rows than columns gets as many
 * reflections as rows, and R is then upper trapezoidal.
 */
export function factorPanel(x: usize, rows: i32, width: i32, stride: i32, r: usize, t: usize): void {
  memory.fill(r, 0, <usize>(width * width) << 3);
  memory.fill(t, 0, <usize>(width * width) << 3);
  factorColumns(x, rows, 0, width, width, stride, r, t);
}

/** The same for the columns from … to − 1, to which all earlier reflections have been applied. */
function factorColumns(x: usize, rows: i32, from: i32, to: i32, width: i32, stride: i32, r: usize, t: usize): void {
  if (to - from <= leafWidth) {
    factorLeaf(x, rows, from, to, width, stride, r, t);
    return;
  }
  const middle = (from + to + leafWidth) / (2 * leafWidth) * leafWidth + from % leafWidth;
  const half = min(max(middle, from + 1), to - 1), left = half - from, right = to - half;
  factorColumns(x, rows, from, half, width, stride, r, t);
  const height = rows - from;
  if (height > 0) {
    // X₂ ← (I − V₁·T₁·V₁ᵀ)ᵀ·X₂
    const v = at(x, from * stride + from), rest = at(x, half * stride + from), t1 = at(t, from * width + from);
    gemm(left, right, height, 1, v, stride, 1, rest, 1, stride, 0, panelProduct, right, 1);
    gemm(left, right, left, 1, t1, 1, width, panelProduct, right, 1, 0, panelTriangle, right, 1);
    gemm(height, right, left, -1, v, 1, stride, panelTriangle, right, 1, 1, rest, 1, stride);
  }
  factorColumns(x, rows, half, to, width, stride, r, t);
  const lower = rows - half;
  if (lower > 0) {
    // (I − V₁T₁V₁ᵀ)(I − V₂T₂V₂ᵀ) = I − [V₁ V₂]·[[T₁, −T₁V₁ᵀV₂T₂], [0, T₂]]·[V₁ V₂]ᵀ
    gemm(left, right, lower, 1, at(x, from * stride + half), stride, 1, at(x, half * stride + half), 1, stride, 0, panelProduct, right, 1);
    gemm(left, right, right, 1, panelProduct, right, 1, at(t, half * width + half), width, 1, 0, panelTriangle, right, 1);
    gemm(left, right, left, -1, at(t, from * width + from), width, 1, panelTriangle, right, 1, 0, at(t, from * width + half), width, 1);
  }
}

function factorLeaf(x: usize, rows: i32, from: i32, to: i32, width: i32, stride: i32, r: usize, t: usize): void {
  for (let j = from; j < to; j++) {
    const column = at(x, j * stride), above = min(j, rows);
    for (let i = 0; i < above; i++) set(r, i * width + j, get(column, i));
    memory.fill(column, 0, <usize>above << 3);
    if (j >= rows) continue;
    const v = at(column, j), n = rows - j, tau = makeReflector(v, n);
    set(r, j * width + j, reflected);
    set(t, j * width + j, tau);
    if (tau == 0) continue;
    reflectRows(at(x, (j + 1) * stride + j), to - j - 1, stride, v, n, tau);
    for (let i = from; i < j; i++) set(panelProduct, i - from, dot(at(x, i * stride + j), v, n));
    for (let i = from; i < j; i++) {
      let sum: f64 = 0;
      for (let k = i; k < j; k++) sum += get(t, i * width + k) * get(panelProduct, k - from);
      set(t, i * width + j, -tau * sum);
    }
  }
}
