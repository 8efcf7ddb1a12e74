import { blockBytes, blockSingularValues, blockWork, scaleByPowerOfTwo, scalingExponent, timesPowerOfTwo } from './dense/blockSingularValues.js';
import { usualRoute } from './dense/routes.js';
import { eigenvaluesInPlace, symmetricEigenvaluesBytes, symmetricEigenvaluesWork } from './dense/symmetricEigenvalues.js';
import { alignedBytes, compileKernel, KernelMemory, type MatrixView } from './kernel.js';
import { type MatrixProducts } from './matrixProducts.js';
import { tallView } from './matrixWorkspace.js';
import { runSteps, type SolveControl, type Steps } from './steps.js';

export interface ManySettings {
  rows: number;
  columns: number;
  /**
   * 'full': every value to some rounding errors of the largest. 'gram': where that is faster, by the eigenvalues of AAᵀ or
   * AᵀA, with the error ε·σ₁²/σₖ, at most √ε·σ₁: enough for entries that carry the rounding of float32.
   */
  accuracy: 'full' | 'gram';
  /** Engine for the products of large matrices; null: the kernel's own. */
  products?: MatrixProducts | null;
}

/** From this ratio of the sides on, AᵀA and its eigenvalues take less time than the usual route. */
const gramRatio = 1.2;
/** Rows of the longer side that one step adds, and columns of a product: what is left of the diagonal is not computed. */
const rowsPerStep = 1024;
const blockColumns = 64;

/**
 * All singular values of each of many matrices of one shape, descending, e.g. of the Jacobians at a set of inputs. All are
 * solved in one memory of the kernel, and nothing is allocated for a matrix but its values.
 * @param matrices row-major, not changed
 * @returns null for a matrix with an entry that is not finite
 * Throws the signal's reason on abort, a RangeError for a wrong length or where memory is short, and CheckFailed as
 * `MatrixWorkspace.singularValues`.
 */
export async function singularValuesOfEach(matrices: readonly Float64Array[], settings: ManySettings, control: SolveControl = {}): Promise<(Float64Array | null)[]> {
  const { rows, columns, accuracy, products = null } = settings;
  const wrong = matrices.find((matrix) => matrix.length !== rows * columns);
  if (wrong !== undefined) throw new RangeError(`A matrix of ${rows} × ${columns} has ${rows * columns} entries, and ${wrong.length} were given.`);
  const [small, large] = [Math.min(rows, columns), Math.max(rows, columns)];
  if (small === 0) return matrices.map(() => new Float64Array(0));
  const gram = accuracy === 'gram' && large >= gramRatio * small;
  const memory = new KernelMemory(await compileKernel());
  memory.reserve(alignedBytes(rows * columns) + (gram ? alignedBytes(small * small) + symmetricEigenvaluesBytes(small) : blockBytes(large, small)));
  const view = tallView(memory.take(rows * columns), rows, columns);
  const work = gram ? (large * small * small) / 2 + symmetricEigenvaluesWork(small) : blockWork(large, small);
  return runSteps(solveAll(memory, view, matrices, gram, usualRoute(large, small, products).products), matrices.length * work, control);
}

function* solveAll(memory: KernelMemory, view: MatrixView, matrices: readonly Float64Array[], gram: boolean, products: MatrixProducts | null): Steps<(Float64Array | null)[]> {
  const all: (Float64Array | null)[] = [];
  for (const matrix of matrices) {
    memory.elements(view.address, matrix.length).set(matrix);
    const largest = memory.exports.maximumAbsolute(view.address, matrix.length);
    if (!Number.isFinite(largest)) all.push(null);
    else if (largest === 0) all.push(new Float64Array(view.columns));
    else if (gram) all.push(yield* rootsOfGram(memory, view, scalingExponent(largest), products));
    else all.push((yield* blockSingularValues(memory, view, products)).values.sort().reverse());
  }
  return all;
}

/** Roots of the eigenvalues of AᵀA, of the entries times 2^exponent (changed). */
function* rootsOfGram(memory: KernelMemory, a: MatrixView, exponent: number, products: MatrixProducts | null): Steps<Float64Array> {
  const n = a.columns;
  if (exponent !== 0) scaleByPowerOfTwo(memory, a.address, a.rows * n, exponent);
  const mark = memory.mark();
  const gram = memory.takeZeroed(n * n);
  for (let from = 0; from < a.rows; from += rowsPerStep) {
    const count = Math.min(rowsPerStep, a.rows - from);
    for (let j = 0; j < n; j += blockColumns) {
      const width = Math.min(blockColumns, n - j);
      const columns = a.address + 8 * (from * a.rowStride + j * a.columnStride);
      memory.exports.gemm(width, n - j, count, 1, columns, a.columnStride, a.rowStride, columns, a.rowStride, a.columnStride, 1, gram + 8 * (j * n + j), n, 1);
      yield width * (n - j) * count;
    }
  }
  const eigenvalues = yield* eigenvaluesInPlace(memory, gram, n, products);
  memory.release(mark);
  return eigenvalues.reverse().map((lambda) => timesPowerOfTwo(Math.sqrt(Math.max(lambda, 0)), -exponent));
}
