import { compileKernel, KernelMemory } from '../kernel.js';
import { multiplyBlock, type BlockOperator, type LinearOperator, type SingularVectors } from './linearOperator.js';
import { MatrixWorkspace } from '../matrixWorkspace.js';
import { largestTriplets, projectedBytes } from './projected.js';
import { thinQr } from '../dense/qr.js';
import { type RandomGenerator } from '../random.js';
import { type SolveControl } from '../steps.js';

/** Matrices whose smaller side is at most this are written out and treated densely: cheaper and complete. */
export const denseSide = 48;

/** Writes the lines of the operator's smaller side out, by its products with unit vectors: small × large, row-major. */
export async function writeLines(operator: LinearOperator | BlockOperator, target: Float64Array): Promise<void> {
  const { rows, columns } = operator;
  const small = Math.min(rows, columns);
  const identity = new Float64Array(small * small);
  for (let i = 0; i < small; i++) identity[i * small + i] = 1;
  await multiplyBlock(operator, rows <= columns, identity, target, small);
}

/** The largest singular triplets of a small operator: QR factorization of its lines, and the triplets of the triangle. */
export async function denseTriplets(operator: LinearOperator | BlockOperator, count: number, random: RandomGenerator): Promise<{ singularValues: Float64Array; relativeError: number; vectors: SingularVectors }> {
  const { rows, columns } = operator;
  const small = Math.min(rows, columns);
  const large = Math.max(rows, columns);
  const lines = new Float64Array(small * large);
  await writeLines(operator, lines);
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
export async function denseSingularValues(operator: LinearOperator | BlockOperator, control: SolveControl): Promise<{ singularValues: Float64Array; relativeError: number }> {
  const workspace = await MatrixWorkspace.create();
  await writeLines(operator, workspace.allocate(1, Math.min(operator.rows, operator.columns), Math.max(operator.rows, operator.columns)));
  return workspace.singularValues(control);
}
