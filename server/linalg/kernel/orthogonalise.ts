/**
 * Gram–Schmidt against many vectors: c ← V·x, x ← x − Vᵀ·c, for a basis V stored by rows. Matrix–vector products wait
 * for memory, so x is taken in chunks that stay in the first cache and four basis vectors share each load of it.
 */
import { at, get, lanesSum, multiplyAdd, set } from './elements';
import { axpy, dot } from './vectors';

const chunk: i32 = 2048;

/** One pass for one vector of `length` elements against `count` basis vectors; `coefficients` receives c. */
export function orthogonalise(basis: usize, count: i32, length: i32, x: usize, coefficients: usize): void {
  memory.fill(coefficients, 0, <usize>count << 3);
  for (let from = 0; from < length; from += chunk) {
    const n = min(chunk, length - from), part = at(x, from);
    let k = 0;
    for (; k + 4 <= count; k += 4) addFourDots(at(basis, k * length + from), length, part, n, at(coefficients, k));
    for (; k < count; k++) set(coefficients, k, get(coefficients, k) + dot(at(basis, k * length + from), part, n));
  }
  for (let from = 0; from < length; from += chunk) {
    const n = min(chunk, length - from), part = at(x, from);
    let k = 0;
    for (; k + 4 <= count; k += 4) subtractFour(at(basis, k * length + from), length, part, n, at(coefficients, k));
    for (; k < count; k++) axpy(-get(coefficients, k), at(basis, k * length + from), part, n);
  }
}

function addFourDots(v0: usize, stride: i32, x: usize, n: i32, sums: usize): void {
  const step = <usize>stride << 3, v1 = v0 + step, v2 = v1 + step, v3 = v2 + step, whole = <usize>(n & ~1) << 3;
  let s0 = f64x2.splat(0), s1 = s0, s2 = s0, s3 = s0, o: usize = 0;
  for (; o < whole; o += 16) {
    const p = v128.load(x + o);
    s0 = multiplyAdd(p, v128.load(v0 + o), s0);
    s1 = multiplyAdd(p, v128.load(v1 + o), s1);
    s2 = multiplyAdd(p, v128.load(v2 + o), s2);
    s3 = multiplyAdd(p, v128.load(v3 + o), s3);
  }
  let r0 = lanesSum(s0), r1 = lanesSum(s1), r2 = lanesSum(s2), r3 = lanesSum(s3);
  if (n & 1) {
    const p = load<f64>(x + o);
    r0 += p * load<f64>(v0 + o); r1 += p * load<f64>(v1 + o); r2 += p * load<f64>(v2 + o); r3 += p * load<f64>(v3 + o);
  }
  store<f64>(sums, load<f64>(sums) + r0);
  store<f64>(sums, load<f64>(sums, 8) + r1, 8);
  store<f64>(sums, load<f64>(sums, 16) + r2, 16);
  store<f64>(sums, load<f64>(sums, 24) + r3, 24);
}

function subtractFour(v0: usize, stride: i32, x: usize, n: i32, factors: usize): void {
  const step = <usize>stride << 3, v1 = v0 + step, v2 = v1 + step, v3 = v2 + step, whole = <usize>(n & ~1) << 3;
  const f0 = -load<f64>(factors), f1 = -load<f64>(factors, 8), f2 = -load<f64>(factors, 16), f3 = -load<f64>(factors, 24);
  const k0 = f64x2.splat(f0), k1 = f64x2.splat(f1), k2 = f64x2.splat(f2), k3 = f64x2.splat(f3);
  let o: usize = 0;
  for (; o < whole; o += 16) {
    let p = multiplyAdd(k0, v128.load(v0 + o), v128.load(x + o));
    p = multiplyAdd(k1, v128.load(v1 + o), p);
    p = multiplyAdd(k2, v128.load(v2 + o), p);
    v128.store(x + o, multiplyAdd(k3, v128.load(v3 + o), p));
  }
  if (n & 1) store<f64>(x + o, load<f64>(x + o) + f0 * load<f64>(v0 + o) + f1 * load<f64>(v1 + o) + f2 * load<f64>(v2 + o) + f3 * load<f64>(v3 + o));
}
