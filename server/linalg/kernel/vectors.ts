/** Vector operations on contiguous elements: what Householder reflections and bulge chasing are made of. */
import { at, get, lanesSum, multiplyAdd } from './elements';

/** Σ aᵢbᵢ. */
export function dot(a: usize, b: usize, n: i32): f64 {
  let s0 = f64x2.splat(0), s1 = s0, s2 = s0, s3 = s0, i = 0;
  for (; i + 8 <= n; i += 8) {
    s0 = multiplyAdd(v128.load(a), v128.load(b), s0);
    s1 = multiplyAdd(v128.load(a, 16), v128.load(b, 16), s1);
    s2 = multiplyAdd(v128.load(a, 32), v128.load(b, 32), s2);
    s3 = multiplyAdd(v128.load(a, 48), v128.load(b, 48), s3);
    a += 64; b += 64;
  }
  let sum = lanesSum(f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3)));
  for (; i < n; i++) {
    sum += load<f64>(a) * load<f64>(b);
    a += 8; b += 8;
  }
  return sum;
}

/** y ← y + factor·x. */
export function axpy(factor: f64, x: usize, y: usize, n: i32): void {
  const f = f64x2.splat(factor);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(y, multiplyAdd(f, v128.load(x), v128.load(y)));
    v128.store(y, multiplyAdd(f, v128.load(x, 16), v128.load(y, 16)), 16);
    x += 32; y += 32;
  }
  for (; i < n; i++) {
    store<f64>(y, load<f64>(y) + factor * load<f64>(x));
    x += 8; y += 8;
  }
}

/** Returns Σ aᵢxᵢ and does y ← y + factor·a: both uses of a column of a symmetric matrix share its loads. */
export function dotAndAxpy(factor: f64, a: usize, x: usize, y: usize, n: i32): f64 {
  const f = f64x2.splat(factor);
  let s0 = f64x2.splat(0), s1 = s0, i = 0;
  for (; i + 4 <= n; i += 4) {
    const p = v128.load(a), q = v128.load(a, 16);
    s0 = multiplyAdd(p, v128.load(x), s0);
    s1 = multiplyAdd(q, v128.load(x, 16), s1);
    v128.store(y, multiplyAdd(f, p, v128.load(y)));
    v128.store(y, multiplyAdd(f, q, v128.load(y, 16)), 16);
    a += 32; x += 32; y += 32;
  }
  let sum = lanesSum(f64x2.add(s0, s1));
  for (; i < n; i++) {
    const p = load<f64>(a);
    sum += p * load<f64>(x);
    store<f64>(y, load<f64>(y) + factor * p);
    a += 8; x += 8; y += 8;
  }
  return sum;
}

/** a ← a − f·x − g·y. */
export function subtractBoth(f: f64, x: usize, g: f64, y: usize, a: usize, n: i32): void {
  const p = f64x2.splat(-f), q = f64x2.splat(-g);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(a, multiplyAdd(q, v128.load(y), multiplyAdd(p, v128.load(x), v128.load(a))));
    v128.store(a, multiplyAdd(q, v128.load(y, 16), multiplyAdd(p, v128.load(x, 16), v128.load(a, 16))), 16);
    a += 32; x += 32; y += 32;
  }
  for (; i < n; i++) {
    store<f64>(a, load<f64>(a) - f * load<f64>(x) - g * load<f64>(y));
    a += 8; x += 8; y += 8;
  }
}

/** yᵢ ← yᵢ + xᵢ². */
export function addSquares(x: usize, y: usize, n: i32): void {
  let i = 0;
  for (; i + 2 <= n; i += 2) {
    const p = v128.load(x);
    v128.store(y, multiplyAdd(p, p, v128.load(y)));
    x += 16; y += 16;
  }
  if (i < n) store<f64>(y, load<f64>(y) + load<f64>(x) * load<f64>(x));
}

/** x ← factor·x. */
export function scale(factor: f64, x: usize, n: i32): void {
  const f = f64x2.splat(factor);
  let i = 0;
  for (; i + 2 <= n; i += 2) {
    v128.store(x, f64x2.mul(f, v128.load(x)));
    x += 16;
  }
  if (i < n) store<f64>(x, factor * load<f64>(x));
}

/** max |xᵢ|; NaN where any element is NaN. */
export function maximumAbsolute(x: usize, n: i32): f64 {
  let m0 = f64x2.splat(0), m1 = m0, i = 0;
  for (; i + 4 <= n; i += 4) {
    m0 = f64x2.max(m0, f64x2.abs(v128.load(x)));
    m1 = f64x2.max(m1, f64x2.abs(v128.load(x, 16)));
    x += 32;
  }
  m0 = f64x2.max(m0, m1);
  let m = max(f64x2.extract_lane(m0, 0), f64x2.extract_lane(m0, 1));
  for (; i < n; i++) {
    m = max(m, abs(load<f64>(x)));
    x += 8;
  }
  return m;
}

/** Σ xᵢ², summed in runs so that rounding grows with the number of runs, not of elements. */
export function sumOfSquares(x: usize, n: i32): f64 {
  const run = 4096;
  let sum: f64 = 0;
  for (let i = 0; i < n; i += run) sum += dot(at(x, i), at(x, i), min(run, n - i));
  return sum;
}

/**
 * One reflection (I − τ·v·vᵀ) from the right on `count` rows of length n, `stride` elements apart:
 * row ← row − τ·(row·v)·v. Four rows at a time share the loads of v.
 */
export function reflectRows(rows: usize, count: i32, stride: i32, v: usize, n: i32, tau: f64): void {
  const step = <usize>stride << 3;
  let r = 0;
  for (; r + 4 <= count; r += 4) {
    reflectFourRows(rows, step, v, n, tau);
    rows += step << 2;
  }
  for (; r < count; r++) {
    axpy(-tau * dot(v, rows, n), v, rows, n);
    rows += step;
  }
}

function reflectFourRows(x0: usize, step: usize, v: usize, n: i32, tau: f64): void {
  const x1 = x0 + step, x2 = x1 + step, x3 = x2 + step, pairs = <usize>(n & ~1) << 3, end = <usize>n << 3, quads = <usize>(n & ~3) << 3;
  let s0 = f64x2.splat(0), s1 = s0, s2 = s0, s3 = s0, t0 = s0, t1 = s0, t2 = s0, t3 = s0, o: usize = 0;
  for (; o < quads; o += 32) {
    const p = v128.load(v + o), q = v128.load(v + o, 16);
    s0 = multiplyAdd(p, v128.load(x0 + o), s0); t0 = multiplyAdd(q, v128.load(x0 + o, 16), t0);
    s1 = multiplyAdd(p, v128.load(x1 + o), s1); t1 = multiplyAdd(q, v128.load(x1 + o, 16), t1);
    s2 = multiplyAdd(p, v128.load(x2 + o), s2); t2 = multiplyAdd(q, v128.load(x2 + o, 16), t2);
    s3 = multiplyAdd(p, v128.load(x3 + o), s3); t3 = multiplyAdd(q, v128.load(x3 + o, 16), t3);
  }
  let f0 = lanesSum(f64x2.add(s0, t0)), f1 = lanesSum(f64x2.add(s1, t1)), f2 = lanesSum(f64x2.add(s2, t2)), f3 = lanesSum(f64x2.add(s3, t3));
  for (; o < end; o += 8) {
    const p = load<f64>(v + o);
    f0 += p * load<f64>(x0 + o); f1 += p * load<f64>(x1 + o); f2 += p * load<f64>(x2 + o); f3 += p * load<f64>(x3 + o);
  }
  f0 *= -tau; f1 *= -tau; f2 *= -tau; f3 *= -tau;
  const k0 = f64x2.splat(f0), k1 = f64x2.splat(f1), k2 = f64x2.splat(f2), k3 = f64x2.splat(f3);
  for (o = 0; o < pairs; o += 16) {
    const p = v128.load(v + o);
    v128.store(x0 + o, multiplyAdd(k0, p, v128.load(x0 + o)));
    v128.store(x1 + o, multiplyAdd(k1, p, v128.load(x1 + o)));
    v128.store(x2 + o, multiplyAdd(k2, p, v128.load(x2 + o)));
    v128.store(x3 + o, multiplyAdd(k3, p, v128.load(x3 + o)));
  }
  if (o < end) {
    const p = load<f64>(v + o);
    store<f64>(x0 + o, load<f64>(x0 + o) + f0 * p);
    store<f64>(x1 + o, load<f64>(x1 + o) + f1 * p);
    store<f64>(x2 + o, load<f64>(x2 + o) + f2 * p);
    store<f64>(x3 + o, load<f64>(x3 + o) + f3 * p);
  }
}

/**
 * One reflection from the left on a rows × columns matrix stored by rows: A ← A − τ·v·(vᵀA).
 * Sixteen columns of vᵀA at a time stay in registers.
 */
export function reflectColumns(a: usize, rows: i32, columns: i32, stride: i32, v: usize, tau: f64): void {
  const step = <usize>stride << 3, end = at(v, rows);
  let c = 0;
  for (; c + 16 <= columns; c += 16) {
    let w0 = f64x2.splat(0), w1 = w0, w2 = w0, w3 = w0, w4 = w0, w5 = w0, w6 = w0, w7 = w0, p = at(a, c);
    for (let y = v; y < end; y += 8) {
      const k = v128.load64_splat(y);
      w0 = multiplyAdd(k, v128.load(p), w0); w1 = multiplyAdd(k, v128.load(p, 16), w1);
      w2 = multiplyAdd(k, v128.load(p, 32), w2); w3 = multiplyAdd(k, v128.load(p, 48), w3);
      w4 = multiplyAdd(k, v128.load(p, 64), w4); w5 = multiplyAdd(k, v128.load(p, 80), w5);
      w6 = multiplyAdd(k, v128.load(p, 96), w6); w7 = multiplyAdd(k, v128.load(p, 112), w7);
      p += step;
    }
    p = at(a, c);
    for (let y = v; y < end; y += 8) {
      const k = f64x2.splat(-tau * load<f64>(y));
      v128.store(p, multiplyAdd(k, w0, v128.load(p))); v128.store(p, multiplyAdd(k, w1, v128.load(p, 16)), 16);
      v128.store(p, multiplyAdd(k, w2, v128.load(p, 32)), 32); v128.store(p, multiplyAdd(k, w3, v128.load(p, 48)), 48);
      v128.store(p, multiplyAdd(k, w4, v128.load(p, 64)), 64); v128.store(p, multiplyAdd(k, w5, v128.load(p, 80)), 80);
      v128.store(p, multiplyAdd(k, w6, v128.load(p, 96)), 96); v128.store(p, multiplyAdd(k, w7, v128.load(p, 112)), 112);
      p += step;
    }
  }
  for (; c + 2 <= columns; c += 2) {
    let w = f64x2.splat(0), p = at(a, c);
    for (let y = v; y < end; y += 8) {
      w = multiplyAdd(v128.load64_splat(y), v128.load(p), w);
      p += step;
    }
    p = at(a, c);
    for (let y = v; y < end; y += 8) {
      v128.store(p, multiplyAdd(f64x2.splat(-tau * load<f64>(y)), w, v128.load(p)));
      p += step;
    }
  }
  if (c < columns) {
    let w: f64 = 0;
    for (let r = 0; r < rows; r++) w += get(v, r) * get(a, r * stride + c);
    w *= -tau;
    for (let r = 0; r < rows; r++) {
      const p = at(a, r * stride + c);
      store<f64>(p, load<f64>(p) + w * get(v, r));
    }
  }
}
