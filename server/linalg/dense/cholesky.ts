import { alignedBytes, compileKernel, KernelMemory } from '../kernel.js';

/** Columns of a block: products of this depth hold most of the arithmetic. */
const panelWidth = 32;

/**
 * Cholesky factorization A = L·Lᵀ of a symmetric positive definite matrix, in blocks (Golub and Van Loan, "Matrix
 * computations", section 4.2): the trailing matrix is brought up to date by products.
 *
 * @param a size × size, row-major, not changed; only the lower half is read
 * @returns L, row-major with zeros above the diagonal; null where A is not positive definite to rounding
 * Throws a RangeError for a wrong size, an Error for NaN and infinity. Cost: size³/3 operations.
 */
export async function cholesky(a: Float64Array, size: number): Promise<Float64Array | null> {
  if (a.length !== size * size) throw new RangeError(`A symmetric matrix of size ${size} has ${size * size} entries, and ${a.length} were given.`);
  const memory = new KernelMemory(await compileKernel());
  memory.reserve(alignedBytes(size * size));
  const address = memory.take(size * size);
  const l = memory.elements(address, size * size);
  l.set(a);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) if (!Number.isFinite(l[i * size + j])) throw new Error('The matrix holds a value that is not finite (NaN or infinity): it has no Cholesky factor.');
    l.fill(0, i * size + i + 1, (i + 1) * size);
  }
  const at = (i: number, j: number) => address + 8 * (i * size + j);
  for (let k = 0; k < size; k += panelWidth) {
    const width = Math.min(panelWidth, size - k);
    if (!factorDiagonal(l, size, k, width)) return null;
    // Rows below: L₂₁ = A₂₁·L₁₁⁻ᵀ, row by row.
    for (let i = k + width; i < size; i++) {
      for (let j = k; j < k + width; j++) {
        let sum = l[i * size + j];
        for (let p = k; p < j; p++) sum -= l[i * size + p] * l[j * size + p];
        l[i * size + j] = sum / l[j * size + j];
      }
    }
    // A₂₂ ← A₂₂ − L₂₁·L₂₁ᵀ, in strips of the lower half.
    for (let i = k + width; i < size; i += panelWidth) {
      const height = Math.min(panelWidth, size - i);
      memory.exports.gemm(height, i + height - k - width, width, -1, at(i, k), size, 1, at(k + width, k), 1, size, 1, at(i, k + width), size, 1);
    }
  }
  for (let i = 0; i < size; i++) l.fill(0, i * size + i + 1, (i + 1) * size);
  return l.slice();
}

/** Cholesky factor of a diagonal block in place; false where a pivot is not positive. */
function factorDiagonal(l: Float64Array, size: number, k: number, width: number): boolean {
  for (let j = k; j < k + width; j++) {
    let pivot = l[j * size + j];
    for (let p = k; p < j; p++) pivot -= l[j * size + p] ** 2;
    if (!(pivot > 0)) return false;
    const root = Math.sqrt(pivot);
    l[j * size + j] = root;
    for (let i = j + 1; i < k + width; i++) {
      let sum = l[i * size + j];
      for (let p = k; p < j; p++) sum -= l[i * size + p] * l[j * size + p];
      l[i * size + j] = sum / root;
    }
  }
  return true;
}
