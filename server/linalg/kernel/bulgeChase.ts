/**
 * Upper band → upper bidiagonal, by chasing bulges with Householder reflections (Murata and Horikoshi 1975 for the
 * symmetric case; Lang, Parallel Computing 22, 1996; Haidar, Kurzak and Luszczek, SC 2013 for singular values).
 *
 * Sweep i clears row i beyond its first superdiagonal by a reflection of the next b columns. That fills a b × b bulge
 * below the diagonal; a reflection of b rows clears the bulge's first column only, which is enough to let the next
 * sweep pass, and pushes fill-in to the right of the band, b columns on, where the same two steps repeat until the
 * bulge leaves the matrix. All touched elements lie within b below and 2b above the diagonal.
 *
 * Band storage: element (r, c) at band + 8·(r·(3b − 1) + c + b), −b ≤ c − r < 2b. With the row stride 3b − 1 any block
 * inside the band is an ordinary matrix stored by rows.
 */
import { at, get, set } from './elements';
import { makeReflector, reflected } from './householder';
import { chaseGroups } from './pipeline';
import { reflectorVector } from './scratch';
import { reflectColumns, reflectRows } from './vectors';

/** Steps that a sweep must be ahead for the next one's to share no element with those still to come. */
const distance: i32 = 3;

/** Runs the sweeps from … to − 1 on an n × n band of width b: n/b steps of about 8·b² operations each. */
export function chaseBulges(band: usize, n: i32, b: i32, from: i32, to: i32): void {
  chaseBulgesPart(band, n, b, from, to, 0, 1, 0);
}

/** Every `parts`-th group of these sweeps, from number `part` on: what one of `parts` threads does. */
export function chaseBulgesPart(band: usize, n: i32, b: i32, from: i32, to: i32, part: i32, parts: i32, progress: usize): void {
  chaseGroups(chaseStep, distance, band, n, b, from, min(to, n - 1), part, parts, progress);
}

/** Clears row `row` right of column `first`, then column `first` below its diagonal. */
function chaseStep(band: usize, n: i32, b: i32, row: i32, first: i32, _begins: bool, _sweep: i32): void {
  const stride = 3 * b - 1, length = min(n - first, b), v = reflectorVector;
  if (length <= 1) return;
  const origin = at(band, b);

  const source = at(origin, row * stride + first);
  memory.copy(v, source, <usize>length << 3);
  memory.fill(source, 0, <usize>length << 3);
  let tau = makeReflector(v, length);
  store<f64>(source, reflected);
  if (tau != 0) reflectRows(at(origin, (row + 1) * stride + first), first + length - 1 - row, stride, v, length, tau);

  const corner = at(origin, first * stride + first);
  for (let i = 0; i < length; i++) {
    set(v, i, get(corner, i * stride));
    set(corner, i * stride, 0);
  }
  tau = makeReflector(v, length);
  store<f64>(corner, reflected);
  if (tau != 0) reflectColumns(corner + 8, length, min(first + length - 1 + b, n - 1) - first, stride, v, tau);
}

/** Diagonal (n elements) and superdiagonal (n − 1) of the bidiagonal matrix. */
export function readBidiagonal(band: usize, n: i32, b: i32, diagonal: usize, superdiagonal: usize): void {
  const stride = 3 * b - 1;
  for (let i = 0; i < n; i++) {
    set(diagonal, i, get(band, i * stride + i + b));
    if (i + 1 < n) set(superdiagonal, i, get(band, i * stride + i + 1 + b));
  }
}
