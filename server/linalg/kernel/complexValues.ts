/**
 * Singular values of one small complex matrix: thousands of them make up the spectrum of a convolution, and each is too
 * small for blocked products.
 *
 * Golub and Kahan's bidiagonalisation (SIAM J. Numer. Anal. 2, 1965) by reflections H = I − τ·v·v*, v = x + (x₀/|x₀|)·‖x‖·e₁,
 * which maps x to −(x₀/|x₀|)·‖x‖·e₁. The phases of the bidiagonal matrix do not matter: diagonal unitary matrices on both
 * sides take them away, so only the lengths ‖x‖ are kept, and their squares go to dqds.
 *
 * The matrix has rows ≥ columns and is stored by columns, real parts first: re(i, j) at j·rows + i, im(i, j) after
 * rows·columns elements more. All loops run along columns.
 */
import { dqdsRun, dqdsStackLength, dqdsStart } from './dqds';
import { at, get, lanesSum, multiplyAdd, set } from './elements';

/** No matrix of the sizes meant here comes near; −1 of dqds says that it does not converge. */
const unlimited: f64 = 1e15;

/** Real and imaginary part of the last complex inner product. */
let productReal: f64 = 0;
let productImaginary: f64 = 0;

/** Elements of working memory for a rows × columns matrix. */
export function complexWorkLength(rows: i32, columns: i32): i32 {
  return 4 * rows + 2 * columns + 4 * columns + dqdsStackLength(columns);
}

/**
 * Writes the `columns` singular values, unordered, to `target`; destroys the matrix, whose entries should be about one.
 * Returns 0, or −1 where dqds does not converge.
 */
export function complexSingularValues(matrix: usize, rows: i32, columns: i32, work: usize, target: usize): i32 {
  const v = work, y = at(v, 2 * rows), u = at(y, 2 * rows), q = at(u, 2 * columns), e = at(q, columns), plane = rows * columns;
  let largest: f64 = 0;
  for (let k = 0; k < columns; k++) {
    const height = rows - k, column = at(matrix, k * rows + k);
    memory.copy(v, column, <usize>height << 3);
    memory.copy(at(v, rows), at(column, plane), <usize>height << 3);
    complexProduct(v, rows, v, rows, height);
    const square = productReal;
    set(q, k, square);
    largest = max(largest, square);
    const rest = columns - k - 1;
    if (square > 0 && rest > 0) {
      const tau = reflect(v, rows, square);
      for (let j = k + 1; j < columns; j++) {
        const other = at(matrix, j * rows + k);
        complexProduct(v, rows, other, plane, height);
        complexAxpy(-tau * productReal, -tau * productImaginary, v, rows, other, plane, height);
      }
    }
    if (rest == 0) break;
    let squareRight: f64 = 0;
    for (let j = 0; j < rest; j++) {
      const entry = at(matrix, (k + 1 + j) * rows + k), re = load<f64>(entry), im = -load<f64>(at(entry, plane));
      set(u, j, re);
      set(u, columns + j, im);
      squareRight += re * re + im * im;
    }
    set(e, k, squareRight);
    largest = max(largest, squareRight);
    if (squareRight == 0 || rest == 1 || height == 1) continue;
    const tau = reflect(u, columns, squareRight), below = height - 1;
    memory.fill(y, 0, <usize>(2 * rows) << 3);
    for (let j = 0; j < rest; j++) complexAxpy(get(u, j), get(u, columns + j), at(matrix, (k + 1 + j) * rows + k + 1), plane, y, rows, below);
    for (let j = 0; j < rest; j++) complexAxpy(-tau * get(u, j), tau * get(u, columns + j), y, rows, at(matrix, (k + 1 + j) * rows + k + 1), plane, below);
  }
  return finish(q, e, columns, largest, target);
}

/** Turns x (real parts, then imaginary ones `plane` elements on) into v; returns τ = 2/(v*v). */
function reflect(x: usize, plane: i32, square: f64): f64 {
  const re = load<f64>(x), im = load<f64>(at(x, plane)), first = sqrt<f64>(re * re + im * im), norm = sqrt<f64>(square);
  if (first > 0) {
    store<f64>(x, re + re / first * norm);
    store<f64>(at(x, plane), im + im / first * norm);
  } else {
    store<f64>(x, norm);
  }
  return 1 / (square + first * norm);
}

function finish(q: usize, e: usize, n: i32, largest: f64, target: usize): i32 {
  if (largest == 0) {
    memory.fill(target, 0, <usize>n << 3);
    return 0;
  }
  for (let k = 0; k < n; k++) set(q, k, get(q, k) / largest);
  for (let k = 0; k + 1 < n; k++) set(e, k, get(e, k) / largest);
  const qSpare = at(e, n), eSpare = at(qSpare, n), stack = at(eSpare, n);
  dqdsStart(n, q, e, qSpare, eSpare, target, stack);
  if (dqdsRun(unlimited) != 0) return -1;
  const scale = sqrt<f64>(largest);
  for (let k = 0; k < n; k++) set(target, k, scale * sqrt<f64>(get(target, k)));
  return 0;
}

/** a*·b into `productReal` and `productImaginary`. */
function complexProduct(a: usize, aPlane: i32, b: usize, bPlane: i32, n: i32): void {
  const ai = at(a, aPlane), bi = at(b, bPlane), whole = <usize>(n & ~1) << 3;
  let s0 = f64x2.splat(0), s1 = s0, t0 = s0, t1 = s0, o: usize = 0;
  for (; o < whole; o += 16) {
    const ar = v128.load(a + o), ac = v128.load(ai + o), br = v128.load(b + o), bc = v128.load(bi + o);
    s0 = multiplyAdd(ar, br, s0);
    s1 = multiplyAdd(ac, bc, s1);
    t0 = multiplyAdd(ar, bc, t0);
    t1 = multiplyAdd(ac, br, t1);
  }
  let re = lanesSum(f64x2.add(s0, s1)), im = lanesSum(f64x2.sub(t0, t1));
  if (n & 1) {
    const ar = load<f64>(a + o), ac = load<f64>(ai + o), br = load<f64>(b + o), bc = load<f64>(bi + o);
    re += ar * br + ac * bc;
    im += ar * bc - ac * br;
  }
  productReal = re;
  productImaginary = im;
}

/** y ← y + (fr + i·fi)·x. */
function complexAxpy(fr: f64, fi: f64, x: usize, xPlane: i32, y: usize, yPlane: i32, n: i32): void {
  const xi = at(x, xPlane), yi = at(y, yPlane), whole = <usize>(n & ~1) << 3, real = f64x2.splat(fr), imaginary = f64x2.splat(fi), negative = f64x2.splat(-fi);
  let o: usize = 0;
  for (; o < whole; o += 16) {
    const xr = v128.load(x + o), xc = v128.load(xi + o);
    v128.store(y + o, multiplyAdd(negative, xc, multiplyAdd(real, xr, v128.load(y + o))));
    v128.store(yi + o, multiplyAdd(imaginary, xr, multiplyAdd(real, xc, v128.load(yi + o))));
  }
  if (n & 1) {
    const xr = load<f64>(x + o), xc = load<f64>(xi + o);
    store<f64>(y + o, load<f64>(y + o) + fr * xr - fi * xc);
    store<f64>(yi + o, load<f64>(yi + o) + fr * xc + fi * xr);
  }
}
