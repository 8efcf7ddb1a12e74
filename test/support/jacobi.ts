/**
 * Singular values by one-sided Jacobi rotations (Hestenes 1958): the shortest accurate algorithm there is, slow and
 * independent of everything in server/linalg. rows × columns, row-major; descending.
 */
export function jacobiSingularValues(matrix: ArrayLike<number>, rows: number, columns: number): number[] {
  // Columns of A, or of Aᵀ where that has fewer.
  const [count, length] = columns <= rows ? [columns, rows] : [rows, columns];
  const v = Array.from({ length: count }, (_, j) => Array.from({ length }, (_, i) => (columns <= rows ? matrix[i * columns + j] : matrix[j * columns + i])));
  const scale = Math.max(...v.flat().map(Math.abs), 0);
  if (count === 0 || scale === 0) return new Array<number>(count).fill(0);
  // By a power of two, so that squares neither overflow nor vanish and no bit is lost.
  const power = 2 ** -Math.max(-1000, Math.min(1000, Math.floor(Math.log2(scale))));
  for (const column of v) for (let i = 0; i < length; i++) column[i] *= power;
  const inner = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  for (let sweep = 0, rotated = true; rotated && sweep < 60; sweep++) {
    rotated = false;
    for (let p = 0; p < count; p++) {
      for (let q = p + 1; q < count; q++) {
        const [a, b, c] = [inner(v[p], v[p]), inner(v[q], v[q]), inner(v[p], v[q])];
        if (Math.abs(c) <= 1e-16 * Math.sqrt(a * b) || c * c === 0) continue;
        rotated = true;
        const zeta = (b - a) / (2 * c);
        const tangent = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const cosine = 1 / Math.hypot(1, tangent);
        const sine = cosine * tangent;
        // Rutishauser's form adds a small correction to each element, so that thousands of rotations do not stretch.
        const half = sine / (1 + cosine);
        for (let i = 0; i < length; i++) {
          const [x, y] = [v[p][i], v[q][i]];
          v[p][i] = x - sine * (y + half * x);
          v[q][i] = y + sine * (x - half * y);
        }
      }
    }
  }
  return v.map((column) => Math.sqrt(inner(column, column)) / power).sort((x, y) => y - x);
}
