import { blockBytes, blockSingularValues, blockWork, scaleByPowerOfTwo, scalingExponent, timesPowerOfTwo } from './dense/blockSingularValues.js';
import { addUpperGram, gramBytes } from './dense/gram.js';
import { productsPayFrom } from './dense/routes.js';
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

/**
 * All singular values of each of many matrices of one shape, descending, e.g. of the Jacobians at a set of inputs. Rows and
 * columns of zeros are left out first: where ReLUs are closed, half of a Jacobian may be such. All are solved in one memory of
 * the kernel, and nothing is allocated for a matrix but its values.
 * @param matrices row-major, not changed
 * @returns null for a matrix with an entry that is not finite
 * Throws the signal's reason on abort, a RangeError for a wrong length or where memory is short, and CheckFailed as
 * `MatrixWorkspace.singularValues`.
 */
export async function singularValuesOfEach(matrices: readonly Float64Array[], settings: ManySettings, control: SolveControl = {}): Promise<(Float64Array | null)[]> {
  const { rows, columns } = settings;
  const wrong = matrices.find((matrix) => matrix.length !== rows * columns);
  if (wrong !== undefined) throw new RangeError(`A matrix of ${rows} × ${columns} has ${rows * columns} entries, and ${wrong.length} were given.`);
  const [small, large] = [Math.min(rows, columns), Math.max(rows, columns)];
  if (small === 0) return matrices.map(() => new Float64Array(0));
  const memory = new KernelMemory(await compileKernel());
  const work = takesGram(settings, small, large) ? (large * small * small) / 2 + symmetricEigenvaluesWork(small) : blockWork(large, small);
  return runSteps(solveAll(memory, matrices, settings), matrices.length * work, control);
}

/**
 * Singular values of matrices A of which AAᵀ is given: the roots of its eigenvalues, descending, with the error ε·σ₁²/σₖ, at
 * most √ε·σ₁.
 * @param grams symmetric, size × size; not changed
 * @returns null for one with an entry that is not finite. Throws as `singularValuesOfEach`.
 */
export async function singularValuesOfGrams(grams: readonly Float64Array[], size: number, products: MatrixProducts | null, control: SolveControl = {}): Promise<(Float64Array | null)[]> {
  const wrong = grams.find((matrix) => matrix.length !== size * size);
  if (wrong !== undefined) throw new RangeError(`A matrix of ${size} × ${size} has ${size * size} entries, and ${wrong.length} were given.`);
  if (size === 0) return grams.map(() => new Float64Array(0));
  const memory = new KernelMemory(await compileKernel());
  return runSteps(solveGrams(memory, grams, size, products), grams.length * symmetricEigenvaluesWork(size), control);
}

function* solveGrams(memory: KernelMemory, grams: readonly Float64Array[], size: number, products: MatrixProducts | null): Steps<(Float64Array | null)[]> {
  const all: (Float64Array | null)[] = [];
  for (const gram of grams) {
    const lines = linesInUse(gram, size, size)?.rows ?? null;
    if (lines === null) {
      all.push(null);
      continue;
    }
    const n = lines.length;
    const values = new Float64Array(size);
    if (n > 0) {
      memory.reserve(alignedBytes(n * n) + symmetricEigenvaluesBytes(n));
      const address = memory.take(n * n);
      const stored = memory.elements(address, n * n);
      let to = 0;
      for (const i of lines) for (const j of lines) stored[to++] = gram[i * size + j];
      const exponent = scalingExponent(memory.exports.maximumAbsolute(address, n * n));
      if (exponent !== 0) scaleByPowerOfTwo(memory, address, n * n, exponent);
      const eigenvalues = yield* eigenvaluesInPlace(memory, address, n, n >= productsPayFrom ? products : null);
      values.set(eigenvalues.reverse().map((lambda) => Math.sqrt(timesPowerOfTwo(Math.max(lambda, 0), -exponent))));
    }
    all.push(values);
  }
  return all;
}

function takesGram({ accuracy }: ManySettings, small: number, large: number): boolean {
  return accuracy === 'gram' && large >= gramRatio * small;
}

function* solveAll(memory: KernelMemory, matrices: readonly Float64Array[], settings: ManySettings): Steps<(Float64Array | null)[]> {
  const { rows, columns } = settings;
  const count = Math.min(rows, columns);
  const all: (Float64Array | null)[] = [];
  for (const matrix of matrices) {
    const lines = linesInUse(matrix, rows, columns);
    if (lines === null) all.push(null);
    else if (lines.rows.length === 0) all.push(new Float64Array(count));
    else {
      const values = new Float64Array(count);
      values.set(yield* solveOne(memory, matrix, columns, lines, settings));
      all.push(values);
    }
  }
  return all;
}

/** Rows and columns that hold an entry other than 0; null where an entry is not finite. */
function linesInUse(matrix: Float64Array, rows: number, columns: number): { rows: Uint32Array; columns: Uint32Array } | null {
  const inRow = new Uint8Array(rows);
  const inColumn = new Uint8Array(columns);
  // Zero times a number is 0, but for NaN and infinity: their sum tells without a branch for each entry.
  let finite = 0;
  for (let i = 0, at = 0; i < rows; i++) {
    let used = 0;
    for (let j = 0; j < columns; j++, at++) {
      const x = matrix[at];
      finite += 0 * x;
      const isUsed = x === 0 ? 0 : 1;
      used |= isUsed;
      inColumn[j] |= isUsed;
    }
    inRow[i] = used;
  }
  const places = (flags: Uint8Array): Uint32Array => Uint32Array.from(flags.keys()).filter((place) => flags[place] === 1);
  return finite === 0 ? { rows: places(inRow), columns: places(inColumn) } : null;
}

/** Singular values of the lines in use, descending; those of the whole matrix are these and zeros. */
function* solveOne(memory: KernelMemory, matrix: Float64Array, stride: number, lines: { rows: Uint32Array; columns: Uint32Array }, settings: ManySettings): Steps<Float64Array> {
  const [rows, columns] = [lines.rows.length, lines.columns.length];
  const [small, large] = [Math.min(rows, columns), Math.max(rows, columns)];
  const gram = takesGram(settings, small, large);
  memory.reserve(alignedBytes(rows * columns) + (gram ? gramBytes(large, small) : blockBytes(large, small)));
  const view = tallView(memory.take(rows * columns), rows, columns);
  const stored = memory.elements(view.address, rows * columns);
  if (stored.length === matrix.length) stored.set(matrix);
  else {
    let to = 0;
    for (const i of lines.rows) for (const j of lines.columns) stored[to++] = matrix[i * stride + j];
  }
  const { products = null } = settings;
  if (gram) return yield* rootsOfGram(memory, view, scalingExponent(memory.exports.maximumAbsolute(view.address, rows * columns)), small >= productsPayFrom ? products : null);
  return (yield* blockSingularValues(memory, view, products)).values.sort().reverse();
}

/** Roots of the eigenvalues of AᵀA, of the entries times 2^exponent (changed). */
function* rootsOfGram(memory: KernelMemory, a: MatrixView, exponent: number, products: MatrixProducts | null): Steps<Float64Array> {
  const n = a.columns;
  if (exponent !== 0) scaleByPowerOfTwo(memory, a.address, a.rows * n, exponent);
  const mark = memory.mark();
  const gram = memory.takeZeroed(n * n);
  yield* addUpperGram(memory, a, gram, products);
  const eigenvalues = yield* eigenvaluesInPlace(memory, gram, n, products);
  memory.release(mark);
  return eigenvalues.reverse().map((lambda) => timesPowerOfTwo(Math.sqrt(Math.max(lambda, 0)), -exponent));
}
