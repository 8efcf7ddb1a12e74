/**
 * Float64 elements in linear memory, and the one arithmetic instruction that everything here is built on.
 *
 * A matrix is an address and two strides, counted in elements: element (i, j) lies at
 * base + 8·(i·rowStride + j·columnStride). A transpose is the same matrix with its strides exchanged.
 */

/** Address of element `i` of the array at `base`. */
// @ts-ignore: decorator
@inline
export function at(base: usize, i: i32): usize {
  return base + (<usize>i << 3);
}

// @ts-ignore: decorator
@inline
export function get(base: usize, i: i32): f64 {
  return load<f64>(base + (<usize>i << 3));
}

// @ts-ignore: decorator
@inline
export function set(base: usize, i: i32, value: f64): void {
  store<f64>(base + (<usize>i << 3), value);
}

/** a·b + c, with one rounding where the build has relaxed SIMD and the processor a fused instruction. */
// @ts-ignore: decorator
@inline
export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f64x2.relaxed_madd(a, b, c);
  return f64x2.add(c, f64x2.mul(a, b));
}

/** Sum of the two lanes. */
// @ts-ignore: decorator
@inline
export function lanesSum(a: v128): f64 {
  return f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1);
}

/** Copies a rows × columns matrix between any two layouts, in tiles that stay in the first cache. */
export function copyMatrix(
  rows: i32, columns: i32,
  from: usize, fromRowStride: i32, fromColumnStride: i32,
  to: usize, toRowStride: i32, toColumnStride: i32,
): void {
  if (fromColumnStride == 1 && toColumnStride == 1) {
    for (let i = 0; i < rows; i++) memory.copy(at(to, i * toRowStride), at(from, i * fromRowStride), <usize>columns << 3);
    return;
  }
  if (fromRowStride == 1 && toRowStride == 1) {
    for (let j = 0; j < columns; j++) memory.copy(at(to, j * toColumnStride), at(from, j * fromColumnStride), <usize>rows << 3);
    return;
  }
  const tile = 16, fromStep = <usize>fromRowStride << 3, toStep = <usize>toRowStride << 3;
  for (let i0 = 0; i0 < rows; i0 += tile) {
    const i1 = min(i0 + tile, rows);
    for (let j = 0; j < columns; j++) {
      let p = at(from, i0 * fromRowStride + j * fromColumnStride), q = at(to, i0 * toRowStride + j * toColumnStride);
      for (let i = i0; i < i1; i++) {
        store<f64>(q, load<f64>(p));
        p += fromStep;
        q += toStep;
      }
    }
  }
}

/** Writes zeros to `count` elements, `stride` apart. */
export function clear(count: i32, base: usize, stride: i32): void {
  for (let i = 0; i < count; i++) set(base, i * stride, 0);
}
