/**
 * Matrix product C ← β·C + α·A·B, the routine that nearly all arithmetic of the two-stage reductions runs in.
 *
 * Goto's scheme (Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34, 2008):
 * a block of B of blockInner × blockColumns and a block of A of blockRows × blockInner are copied ("packed") into
 * the order in which the innermost kernel reads them; the kernel keeps a 4 × 4 tile of C in registers and walks along
 * the inner dimension, two loads of B and four broadcasts of A for 16 multiply–adds. Strides for both directions of
 * every operand as in BLIS (Van Zee and van de Geijn, ACM TOMS 41, 2015): transposes cost nothing.
 *
 * The tile is 4 × 4 and not larger because 16-byte SIMD has sixteen registers; five rows spill on some compilers.
 * The loop along the inner dimension is not unrolled: that makes it slower, not faster, in V8.
 */
import { at, multiplyAdd } from './elements';
import { blockColumns, blockInner, blockRows, packedLeft, packedRight, tile } from './scratch';

/**
 * C (rows × columns) ← β·C + α·A (rows × inner)·B (inner × columns), β is 0 or 1.
 * Each operand is an address with a row stride and a column stride in elements; one stride of C must be 1.
 */
export function gemm(
  rows: i32, columns: i32, inner: i32, alpha: f64,
  a: usize, aRow: i32, aColumn: i32,
  b: usize, bRow: i32, bColumn: i32,
  beta: i32, c: usize, cRow: i32, cColumn: i32,
): void {
  if (cColumn != 1 && columns > 1) {
    // The kernel writes along rows of C: with C stored by columns compute Cᵀ = Bᵀ·Aᵀ.
    product(columns, rows, inner, alpha, b, bColumn, bRow, a, aColumn, aRow, beta, c, cColumn);
  } else {
    product(rows, columns, inner, alpha, a, aRow, aColumn, b, bRow, bColumn, beta, c, cRow);
  }
}

function product(
  rows: i32, columns: i32, inner: i32, alpha: f64,
  a: usize, aRow: i32, aColumn: i32,
  b: usize, bRow: i32, bColumn: i32,
  beta: i32, c: usize, cRow: i32,
): void {
  if (inner == 0 && beta == 0) {
    for (let i = 0; i < rows; i++) memory.fill(at(c, i * cRow), 0, <usize>columns << 3);
  }
  for (let j0 = 0; j0 < columns; j0 += blockColumns) {
    const width = min(columns - j0, blockColumns);
    for (let p0 = 0; p0 < inner; p0 += blockInner) {
      const depth = min(inner - p0, blockInner);
      const add = beta != 0 || p0 > 0;
      packStrips(width, depth, at(b, p0 * bRow + j0 * bColumn), bColumn, bRow, packedRight);
      for (let i0 = 0; i0 < rows; i0 += blockRows) {
        const height = min(rows - i0, blockRows);
        packStrips(height, depth, at(a, i0 * aRow + p0 * aColumn), aRow, aColumn, packedLeft);
        multiplyBlock(height, width, depth, alpha, add, at(c, i0 * cRow + j0), cRow);
      }
    }
  }
}

function multiplyBlock(height: i32, width: i32, depth: i32, alpha: f64, add: bool, c: usize, cRow: i32): void {
  for (let j = 0; j < width; j += 4) {
    const right = at(packedRight, j * depth);
    for (let i = 0; i < height; i += 4) {
      const left = at(packedLeft, i * depth), target = at(c, i * cRow + j);
      if (i + 4 <= height && j + 4 <= width) {
        if (add) addTile(depth, left, right, target, cRow, alpha);
        else setTile(depth, left, right, target, cRow, alpha);
      } else {
        setTile(depth, left, right, tile, 4, alpha);
        copyTile(min(height - i, 4), min(width - j, 4), add, target, cRow);
      }
    }
  }
}

/**
 * Packs `count` lines of `depth` elements into strips of four: strip s holds, for each p, the elements p of the lines
 * 4s … 4s + 3 side by side. The last strip is filled up with zeros.
 */
function packStrips(count: i32, depth: i32, from: usize, lineStride: i32, stride: i32, to: usize): void {
  const line = <usize>lineStride << 3, step = <usize>stride << 3;
  let s = 0;
  if (lineStride == 1) {
    // Four neighbouring lines are neighbours in memory too: walk along p outside, along the strips inside.
    const strip = <usize>depth << 5, whole = count & ~3;
    for (let p = 0; p < depth; p++) {
      let q = to + (<usize>p << 5), source = from + <usize>p * step;
      for (s = 0; s < whole; s += 4) {
        v128.store(q, v128.load(source));
        v128.store(q, v128.load(source, 16), 16);
        source += 32;
        q += strip;
      }
    }
    s = whole;
  } else if (stride == 1) {
    for (; s + 4 <= count; s += 4) packFourLines(depth, from + <usize>s * line, line, at(to, s * depth));
  }
  for (; s < count; s += 4) {
    const filled = min(count - s, 4);
    for (let l = 0; l < 4; l++) {
      let q = at(to, s * depth + l), source = from + <usize>(s + l) * line;
      for (let p = 0; p < depth; p++) {
        store<f64>(q, l < filled ? load<f64>(source) : 0);
        q += 32;
        source += step;
      }
    }
  }
}

/** Four contiguous lines → one strip, by 2 × 2 transposes in registers. */
function packFourLines(depth: i32, from: usize, line: usize, to: usize): void {
  let s0 = from, s1 = s0 + line, s2 = s1 + line, s3 = s2 + line, p = 0;
  for (; p + 2 <= depth; p += 2) {
    const a0 = v128.load(s0), a1 = v128.load(s1), a2 = v128.load(s2), a3 = v128.load(s3);
    v128.store(to, v128.shuffle<i64>(a0, a1, 0, 2));
    v128.store(to, v128.shuffle<i64>(a2, a3, 0, 2), 16);
    v128.store(to, v128.shuffle<i64>(a0, a1, 1, 3), 32);
    v128.store(to, v128.shuffle<i64>(a2, a3, 1, 3), 48);
    s0 += 16; s1 += 16; s2 += 16; s3 += 16;
    to += 64;
  }
  if (p < depth) {
    store<f64>(to, load<f64>(s0));
    store<f64>(to, load<f64>(s1), 8);
    store<f64>(to, load<f64>(s2), 16);
    store<f64>(to, load<f64>(s3), 24);
  }
}

/** Tile of C ← tile + α·(strip of A)·(strip of B). */
function addTile(depth: i32, a: usize, b: usize, c: usize, cRow: i32, alpha: f64): void {
  const zero = f64x2.splat(0);
  let c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero, c30 = zero, c31 = zero;
  do {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load64_splat(a);
    c00 = multiplyAdd(x, b0, c00); c01 = multiplyAdd(x, b1, c01);
    x = v128.load64_splat(a, 8);
    c10 = multiplyAdd(x, b0, c10); c11 = multiplyAdd(x, b1, c11);
    x = v128.load64_splat(a, 16);
    c20 = multiplyAdd(x, b0, c20); c21 = multiplyAdd(x, b1, c21);
    x = v128.load64_splat(a, 24);
    c30 = multiplyAdd(x, b0, c30); c31 = multiplyAdd(x, b1, c31);
    a += 32; b += 32;
  } while (--depth > 0);
  const scale = f64x2.splat(alpha), row = <usize>cRow << 3;
  v128.store(c, f64x2.add(v128.load(c), f64x2.mul(scale, c00)));
  v128.store(c, f64x2.add(v128.load(c, 16), f64x2.mul(scale, c01)), 16);
  c += row;
  v128.store(c, f64x2.add(v128.load(c), f64x2.mul(scale, c10)));
  v128.store(c, f64x2.add(v128.load(c, 16), f64x2.mul(scale, c11)), 16);
  c += row;
  v128.store(c, f64x2.add(v128.load(c), f64x2.mul(scale, c20)));
  v128.store(c, f64x2.add(v128.load(c, 16), f64x2.mul(scale, c21)), 16);
  c += row;
  v128.store(c, f64x2.add(v128.load(c), f64x2.mul(scale, c30)));
  v128.store(c, f64x2.add(v128.load(c, 16), f64x2.mul(scale, c31)), 16);
}

/** Tile of C ← α·(strip of A)·(strip of B). */
function setTile(depth: i32, a: usize, b: usize, c: usize, cRow: i32, alpha: f64): void {
  const zero = f64x2.splat(0);
  let c00 = zero, c01 = zero, c10 = zero, c11 = zero, c20 = zero, c21 = zero, c30 = zero, c31 = zero;
  do {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load64_splat(a);
    c00 = multiplyAdd(x, b0, c00); c01 = multiplyAdd(x, b1, c01);
    x = v128.load64_splat(a, 8);
    c10 = multiplyAdd(x, b0, c10); c11 = multiplyAdd(x, b1, c11);
    x = v128.load64_splat(a, 16);
    c20 = multiplyAdd(x, b0, c20); c21 = multiplyAdd(x, b1, c21);
    x = v128.load64_splat(a, 24);
    c30 = multiplyAdd(x, b0, c30); c31 = multiplyAdd(x, b1, c31);
    a += 32; b += 32;
  } while (--depth > 0);
  const scale = f64x2.splat(alpha), row = <usize>cRow << 3;
  v128.store(c, f64x2.mul(scale, c00)); v128.store(c, f64x2.mul(scale, c01), 16);
  c += row;
  v128.store(c, f64x2.mul(scale, c10)); v128.store(c, f64x2.mul(scale, c11), 16);
  c += row;
  v128.store(c, f64x2.mul(scale, c20)); v128.store(c, f64x2.mul(scale, c21), 16);
  c += row;
  v128.store(c, f64x2.mul(scale, c30)); v128.store(c, f64x2.mul(scale, c31), 16);
}

/** The part of the scratch tile that lies inside C. */
function copyTile(height: i32, width: i32, add: bool, c: usize, cRow: i32): void {
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      const target = at(c, i * cRow + j);
      store<f64>(target, (add ? load<f64>(target) : 0) + load<f64>(at(tile, 4 * i + j)));
    }
  }
}
