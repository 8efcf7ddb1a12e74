/**
 * Singular values of an upper bidiagonal matrix by dqds, the differential quotient–difference algorithm with shifts
 * (Fernando and Parlett, Numer. Math. 67, 1994). It works on the squares qₖ = dₖ² and eₖ = eₖ² alone: one pass
 *
 *     d ← q₁ − τ;  for each k:  q̂ₖ ← d + eₖ;  êₖ ← eₖ·qₖ₊₁/q̂ₖ;  d ← d·qₖ₊₁/q̂ₖ − τ;  last:  q̂ₙ ← d
 *
 * turns B into B̂ with B̂ᵀB̂ = BBᵀ − τI. Nothing is subtracted but the shift, so every value, the small ones too, comes
 * out with a relative error of a few rounding errors, as long as no d is negative: τ must not exceed the smallest
 * eigenvalue, and a pass with a negative d is done again with a smaller τ. The passes drive the last e to zero; then
 * the last q, plus the sum of all shifts, is an eigenvalue and the matrix shrinks by one.
 *
 * The rules for shifts, deflation and splitting follow Parlett and Marques, "An implementation of the dqds algorithm
 * (positive case)", Linear Algebra Appl. 309, 2000, which LAPACK's dlasq routines implement.
 */
import { at, get, set } from './elements';

/** A squared off-diagonal is negligible below ε² times the eigenvalue it couples to. */
const negligible: f64 = 4.930380657631324e-32;
const epsilon: f64 = 2.220446049250313e-16;
/** Below this an off-diagonal is zero even for a zero eigenvalue: matrices are scaled to about one beforehand. */
const tiny: f64 = 1e-300;

// The four arrays: current and next q and e; `parity` tells which pair is current.
let q: usize = 0;
let e: usize = 0;
let qNext: usize = 0;
let eNext: usize = 0;
let parity: i32 = 0;
let values: usize = 0;
// Segments still to be done, four elements each: first index, 2·last index + parity, shift sum high and low.
let stack: usize = 0;
let stackSize: i32 = 0;

// The segment in work, first … last, and the sum of its shifts (with the part that rounding cut off).
let first: i32 = 0;
let last: i32 = -1;
let shiftSum: f64 = 0;
let shiftLow: f64 = 0;
let iterations: i32 = 0;
let limit: i32 = 0;
/** No pass has been done on this segment yet: nothing is known about its d. */
let untouched: bool = false;
/** The segment has shrunk since the last pass. */
let shrunk: bool = false;

// What the last good pass found: the smallest d of all, of all but the last, of all but the last two; the last two d.
let smallest: f64 = 0;
let smallestButOne: f64 = 0;
let smallestButTwo: f64 = 0;
let lastD: f64 = 0;
let lastButOneD: f64 = 0;
let smallestE: f64 = 0;
/** Fraction of the smallest d that is tried as shift while the small eigenvalue has not settled at the end. */
let fraction: f64 = 0.25;
let unsettled: bool = false;
/** The index at which a pass met a negative d. */
let failedAt: i32 = 0;

/** Elements of the stack for n values. */
export function dqdsStackLength(n: i32): i32 {
  return 4 * n + 4;
}

/**
 * Prepares the n values of the bidiagonal matrix whose squares are in qs (n) and es (n − 1). `qSpare` and `eSpare`
 * hold n elements each and are overwritten, as are qs and es; `target` receives the eigenvalues of BᵀB, unordered.
 */
export function dqdsStart(n: i32, qs: usize, es: usize, qSpare: usize, eSpare: usize, target: usize, segments: usize): void {
  q = qs; e = es; qNext = qSpare; eNext = eSpare;
  parity = 0;
  values = target;
  stack = segments;
  stackSize = 0;
  last = -1;
  first = 0;
  if (n > 0) push(0, n - 1, 0, 0);
}

/**
 * Goes on until about `budget` elements have been passed over.
 * @returns 0 when all values are there, 1 when there is more to do, −1 when a segment does not converge
 */
export function dqdsRun(budget: f64): i32 {
  while (true) {
    if (last < first && !pop()) return 0;
    if (!deflate()) continue;
    iterations++;
    if (iterations > limit) return -1;
    const length = last - first + 1, passes = pass(chooseShift());
    if (passes < 0) return -1;
    budget -= <f64>length * passes;
    if (budget <= 0) return 1;
  }
}

function push(from: i32, to: i32, sum: f64, low: f64): void {
  set(stack, 4 * stackSize, <f64>from);
  set(stack, 4 * stackSize + 1, <f64>(2 * to + parity));
  set(stack, 4 * stackSize + 2, sum);
  set(stack, 4 * stackSize + 3, low);
  stackSize++;
}

function pop(): bool {
  if (stackSize == 0) return false;
  stackSize--;
  first = <i32>get(stack, 4 * stackSize);
  const code = <i32>get(stack, 4 * stackSize + 1);
  last = code >> 1;
  if ((code & 1) != parity) exchange();
  shiftSum = get(stack, 4 * stackSize + 2);
  shiftLow = get(stack, 4 * stackSize + 3);
  iterations = 0;
  limit = 100 * (last - first + 1) + 100;
  untouched = true;
  shrunk = false;
  fraction = 0.25;
  unsettled = false;
  return true;
}

function exchange(): void {
  let t = q; q = qNext; qNext = t;
  t = e; e = eNext; eNext = t;
  parity ^= 1;
}

function emit(index: i32, value: f64): void {
  set(values, index, shiftSum + (value + shiftLow));
}

/**
 * Takes off the end of the segment what has converged, splits it at negligible off-diagonals and turns it round where
 * the large values are at the end. False when nothing of the segment is left.
 */
function deflate(): bool {
  while (last >= first) {
    if (last == first) {
      emit(last, get(q, last));
      last--;
      break;
    }
    if (get(e, last - 1) <= negligible * (shiftSum + get(q, last))) {
      emit(last, get(q, last));
      last--;
      shrunk = true;
      continue;
    }
    if (last - 1 == first || get(e, last - 2) <= negligible * shiftSum || get(e, last - 2) <= negligible * get(q, last - 1)) {
      emitPair(get(q, last - 1), get(e, last - 1), get(q, last));
      last -= 2;
      shrunk = true;
      continue;
    }
    if (untouched || smallestE <= negligible * shiftSum || smallestE <= 1e-290) {
      if (split()) continue;
    }
    if (untouched && get(q, last) > 1.5 * get(q, first)) reverse();
    return true;
  }
  return false;
}

/** Eigenvalues of the last 2 × 2 block, without cancellation: LAPACK's dlasq3 has the same formulas. */
function emitPair(above: f64, coupling: f64, below: f64): void {
  let large = max(above, below), small = min(above, below);
  if (coupling > small * negligible) {
    const t = 0.5 * (large - small + coupling);
    let s: f64 = 0;
    if (t != 0) {
      s = small * (coupling / t);
      s = s <= t ? small * (coupling / (t * (1 + sqrt<f64>(1 + s / t)))) : small * (coupling / (t + sqrt<f64>(t) * sqrt<f64>(t + s)));
    }
    const sum = large + (s + coupling);
    small = sum > 0 ? small * (large / sum) : 0;
    large = sum;
  }
  emit(last - 1, large);
  emit(last, small);
}

/** Cuts the segment at its last negligible off-diagonal; the part before it waits on the stack. */
function split(): bool {
  for (let k = last - 2; k >= first; k--) {
    if (get(e, k) <= negligible * shiftSum || get(e, k) < tiny) {
      set(e, k, 0);
      push(first, k, shiftSum, shiftLow);
      first = k + 1;
      shrunk = true;
      return true;
    }
  }
  return false;
}

/** B and its flip have the same singular values, and dqds finds them from the small end. */
function reverse(): void {
  for (let i = first, j = last; i < j; i++, j--) {
    const t = get(q, i); set(q, i, get(q, j)); set(q, j, t);
  }
  for (let i = first, j = last - 1; i < j; i++, j--) {
    const t = get(e, i); set(e, i, get(e, j)); set(e, j, t);
  }
}

/**
 * Σ of the ratios that bound how far the smallest eigenvalue lies below the last d (the squared norm of the rest of
 * its eigenvector, section 6.3.3 of Parlett and Marques); −1 where the off-diagonals do not decay.
 */
function eigenvectorTail(): f64 {
  let sum: f64 = 0, term: f64 = 1;
  for (let k = last - 1; k >= first; k--) {
    if (get(e, k) > get(q, k)) return -1;
    const before = term;
    term *= get(e, k) / get(q, k);
    sum += term;
    if (100 * max(term, before) < sum || sum > 0.563) break;
  }
  return 1.05 * sum;
}

/** A shift as close below the smallest eigenvalue as what is known allows. */
function chooseShift(): f64 {
  const settling = smallest == lastD || smallest == lastButOneD;
  let tau: f64 = 0;
  if (untouched) {
    tau = 0;
  } else if (shrunk) {
    tau = 0.25 * smallestButOne;
    if (smallestButOne == lastButOneD) {
      const tail = eigenvectorTail();
      if (tail >= 0 && tail < 0.563) tau = get(q, last) * (1 - sqrt<f64>(tail)) / (1 + tail);
    }
    if (tau > get(q, last)) tau = 0.25 * get(q, last);
  } else if (!settling) {
    fraction = unsettled ? fraction + 0.333 * (1 - fraction) : 0.25;
    tau = fraction * smallest;
  } else if (smallest == lastD && smallestButOne == lastButOneD) {
    tau = twoByTwoShift();
  } else {
    tau = 0.25 * smallest;
    if (smallest == lastD) {
      const tail = eigenvectorTail();
      if (tail >= 0 && tail < 0.563) tau = lastD * (1 - sqrt<f64>(tail)) / (1 + tail);
    }
  }
  unsettled = !settling;
  untouched = false;
  shrunk = false;
  return tau;
}

/** The last two d are the two smallest: Gershgorin's circles of the last rows, with the gap to the rest. */
function twoByTwoShift(): f64 {
  const b1 = sqrt<f64>(get(q, last) * get(e, last - 1)), b2 = sqrt<f64>(get(q, last - 1) * get(e, last - 2));
  const a = get(q, last - 1) + get(e, last - 1), gap2 = smallestButTwo - a - 0.25 * smallestButTwo;
  const gap1 = gap2 > 0 && gap2 > b2 ? a - lastD - (b2 / gap2) * b2 : a - lastD - (b1 + b2);
  if (gap1 > 0 && gap1 > b1) return max(lastD - (b1 / gap1) * b1, 0.5 * smallest);
  let tau: f64 = lastD > b1 ? lastD - b1 : 0;
  if (a > b1 + b2) tau = min(tau, a - (b1 + b2));
  return max(tau, 0.333 * smallest);
}

/** Passes with shift `tau`, smaller ones where it was too large, until one succeeds. Returns how many, −1: none. */
function pass(tau: f64): i32 {
  for (let tries = 1; tries < 7; tries++) {
    const found = transform(tau);
    if (found >= 0) {
      // Neumaier's compensated sum: thousands of shifts add up without loss.
      const sum = shiftSum + tau;
      shiftLow += tau - (sum - shiftSum);
      shiftSum = sum;
      exchange();
      return tries;
    }
    if (isNaN<f64>(found) || tries >= 3) tau = 0;
    // Only the last d is negative, so the eigenvalue is just below: the defect tells how far.
    else if (failedAt == last && tries == 1) tau = max((tau + found) * (1 - 2 * epsilon), 0);
    else tau *= 0.25;
  }
  return -1;
}

/** One pass into qNext and eNext. Returns the smallest d (negative: τ was too large), NaN for 0/0. */
function transform(tau: f64): f64 {
  let d = get(q, first) - tau;
  failedAt = first;
  if (d < 0) return d;
  // Lane 0 keeps the smallest d and lane 1 the smallest e, in one comparison.
  let minima = f64x2.replace_lane(f64x2.splat(1e300), 0, d);
  let p = at(q, first), pe = at(e, first), r = at(qNext, first), re = at(eNext, first);
  const stop = at(q, last - 2);
  for (; p < stop; p += 8) {
    const following = load<f64>(p, 8), coupling = load<f64>(pe), pivot = d + coupling, product = d * following, next = coupling * following;
    store<f64>(r, pivot);
    const reduced = next / pivot;
    d = product / pivot - tau;
    store<f64>(re, reduced);
    minima = f64x2.pmin(minima, f64x2.replace_lane(f64x2.splat(d), 1, reduced));
    pe += 8; r += 8; re += 8;
  }
  const butTwo = f64x2.extract_lane(minima, 0);
  if (!(butTwo >= 0)) return butTwo;
  let least = butTwo, butOne: f64 = least, previous = d;
  for (let k = last - 2; k < last; k++) {
    const following = get(q, k + 1), coupling = get(e, k), pivot = d + coupling;
    set(qNext, k, pivot);
    set(eNext, k, coupling * following / pivot);
    previous = d;
    butOne = least;
    d = d * following / pivot - tau;
    if (d < least) least = d;
    failedAt = k + 1;
    if (d < 0) return d;
    if (isNaN<f64>(d)) return NaN;
  }
  set(qNext, last, d);
  smallestButTwo = butTwo;
  smallestButOne = butOne;
  smallest = least;
  lastButOneD = previous;
  lastD = d;
  smallestE = f64x2.extract_lane(minima, 1);
  return least;
}
