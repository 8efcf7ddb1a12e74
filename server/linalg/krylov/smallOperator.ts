import { compileKernel, KernelMemory } from '../kernel.js';
import { type LinearOperator, type SingularVectors } from './linearOperator.js';
import { MatrixWorkspace } from '../matrixWorkspace.js';
import { largestTriplets, projectedBytes } from './projected.js';
import { thinQr } from '../dense/qr.js';
import { type RandomGenerator } from '../random.js';
import { type SolveControl } from '../steps.js';

/** Writes the lines of the operator's smaller side out, by its products with unit vectors: small × large, row-major. */
function writeLines(operator: LinearOperator, target: Float64Array): void {
  const { rows, columns } = operator;
  const large = Math.max(rows, columns);
  const unit = new Float64Array(Math.min(rows, columns));
  const line = new Float64Array(large);
  for (let i = 0; i < unit.length; i++) {
    unit.fill(0);
    unit[i] = 1;
    if (rows <= columns) operator.applyTransposed(unit, line);
    else operator.apply(unit, line);
    target.set(line, i * large);
  }
}

/** The largest singular triplets of a small operator: QR factorization of its lines, and the triplets of the triangle. */
export async function denseTriplets(operator: LinearOperator, count: number, random: RandomGenerator): Promise<{ singularValues: Float64Array; relativeError: number; vectors: SingularVectors }> {
  const { rows, columns } = operator;
  const small = Math.min(rows, columns);
  const large = Math.max(rows, columns);
  const lines = new Float64Array(small * large);
  writeLines(operator, lines);
  const { q, r } = await thinQr(Float64Array.from(lines, (_, k) => lines[(k % small) * large + Math.floor(k / small)]), large, small);
  const memory = new KernelMemory(await compileKernel());
  memory.reserve(projectedBytes(small));
  const found = largestTriplets(memory, r, small, small, count, random);
  // Of the large × small matrix: long vectors Q·y, short ones x.
  const long = new Float64Array(found.values.length * large);
  found.left.forEach((y, k) => {
    if (found.values[k] === 0) return;
    for (let i = 0; i < large; i++) for (let j = 0; j < small; j++) long[k * large + i] += q[i * small + j] * y[j];
  });
  const short = Float64Array.from({ length: found.values.length * small }, (_, at) => found.right[Math.floor(at / small)][at % small]);
  const vectors = rows <= columns ? { left: short, right: long } : { left: long, right: short };
  return { singularValues: found.values, relativeError: 8 * small * Number.EPSILON, vectors };
}

/** All singular values of a small operator, descending. */
export async function denseSingularValues(operator: LinearOperator, control: SolveControl): Promise<{ singularValues: Float64Array; relativeError: number }> {
  const workspace = await MatrixWorkspace.create();
  writeLines(operator, workspace.allocate(1, Math.min(operator.rows, operator.columns), Math.max(operator.rows, operator.columns)));
  return workspace.singularValues(control);
}
