/**
 * Symmetric band → tridiagonal, by chasing bulges (Murata and Horikoshi 1975; Lang, SIAM J. Sci. Comput. 14, 1993).
 *
 * Sweep i clears column i below its first subdiagonal by a reflection of the next b rows and columns. The reflection
 * of the columns fills the block below them; clearing the first column of that block is the next reflection, b rows
 * further down, and so on until the end of the matrix.
 *
 * Storage: the lower half by columns, element (r, c) at band + 8·(c·2b + r), 0 ≤ r − c < 2b. With the column stride 2b
 * in this formula any block below the diagonal is an ordinary matrix stored by columns.
 */
import { at, get, set } from './elements';
import { makeReflector, reflected } from './householder';
import { chaseGroups } from './pipeline';
import { groupFactors, groupReflectors, maximumPanel, rowSums } from './scratch';
import { dot, dotAndAxpy, reflectColumns, reflectRows, subtractBoth } from './vectors';

/** Steps that a sweep must be ahead for the next one's to share no element with those still to come. */
const distance: i32 = 2;

/** Runs the sweeps from … to − 1 on an n × n band of width b. */
export function chaseSymmetric(band: usize, n: i32, b: i32, from: i32, to: i32): void {
  chaseSymmetricPart(band, n, b, from, to, 0, 1, 0);
}

/** Every `parts`-th group of these sweeps, from number `part` on: what one of `parts` threads does. */
export function chaseSymmetricPart(band: usize, n: i32, b: i32, from: i32, to: i32, part: i32, parts: i32, progress: usize): void {
  chaseGroups(step, distance, band, n, b, from, min(to, n - 2), part, parts, progress);
}

/**
 * The block of rows first … first + b − 1 and columns column … first − 1: finishes the reflection of its columns, which the
 * step before has left in `v` and its factor at `factor`, clears its first column and reflects the diagonal block below.
 * Leaves the new reflection in their place.
 */
function step(band: usize, n: i32, b: i32, column: i32, first: i32, begins: bool, sweep: i32): void {
  const v = at(groupReflectors, sweep * maximumPanel), factor = at(groupFactors, sweep);
  const length = min(n - first, b), stride = 2 * b, width = first - column, block = at(band, column * stride + first);
  let tau: f64 = begins ? 0 : load<f64>(factor);
  store<f64>(factor, 0);
  if (width > 1 && tau != 0) reflectColumns(block, width, length, stride, v, tau);
  if (length <= 1) return;
  memory.copy(v, block, <usize>length << 3);
  tau = makeReflector(v, length);
  memory.fill(block, 0, <usize>length << 3);
  store<f64>(block, reflected);
  if (tau == 0) return;
  store<f64>(factor, tau);
  reflectRows(at(block, stride), width - 1, stride, v, length, tau);
  reflectBothSides(at(band, first * stride + first), length, stride, v, tau);
}

/** A ← H·A·H for the lower half of a symmetric block: A − v·wᵀ − w·vᵀ with w = τAv − ½τ²(vᵀAv)v. */
function reflectBothSides(a: usize, n: i32, stride: i32, v: usize, tau: f64): void {
  const w = rowSums;
  memory.fill(w, 0, <usize>n << 3);
  for (let c = 0; c < n; c++) {
    const diagonal = at(a, c * stride + c), below = n - c - 1;
    set(w, c, get(w, c) + load<f64>(diagonal) * get(v, c) + dotAndAxpy(get(v, c), diagonal + 8, at(v, c + 1), at(w, c + 1), below));
  }
  const half = -0.5 * tau * tau * dot(w, v, n);
  for (let i = 0; i < n; i++) set(w, i, tau * get(w, i) + half * get(v, i));
  for (let c = 0; c < n; c++) {
    const diagonal = at(a, c * stride + c);
    subtractBoth(get(w, c), at(v, c), get(v, c), at(w, c), diagonal, n - c);
  }
}

/** Diagonal (n elements) and squared subdiagonal (n, the last 0) of the tridiagonal matrix. */
export function readTridiagonal(band: usize, n: i32, b: i32, diagonal: usize, squares: usize): void {
  for (let i = 0; i < n; i++) {
    set(diagonal, i, get(band, i * 2 * b + i));
    const below = i + 1 < n ? get(band, i * 2 * b + i + 1) : 0;
    set(squares, i, below * below);
  }
}
