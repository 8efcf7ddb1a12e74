import { singularValuesOfEach, singularValuesOfGrams } from '../../linalg/manySingularValues.js';
import type { MatrixProducts } from '../../linalg/matrixProducts.js';
import type { SolveControl } from '../../linalg/steps.js';
import type { NetworkAtInputs } from './networkAtInputs.js';
import type { Values } from './spectra.js';

/** Matrices that are solved together take about so much memory: more of them gain nothing. */
const togetherBytes = 64 * 2 ** 20;
/** Square root of the unit roundoff: what values have as their error that come from squares. */
const rootOfRoundoff = 2 ** -26;
/** Errors of a direct decomposition, per line of the matrix. */
const roundoffPerLine = 4 * 2 ** -52;

/**
 * All singular values of ∂of/∂by at every input, of the matrices written out. Those of float32 derivatives are taken from the
 * squares where that is faster: their own rounding, 10⁻⁷ of the largest entry, is far above what the squares lose. Where a
 * Jacobian is computed in one run, its squares are made beside it, and it is not written out at all.
 * @param loadProducts an engine for the products of large matrices, if there is one
 */
export async function wholeSpectra(at: NetworkAtInputs, of: string, by: string, loadProducts: () => Promise<MatrixProducts | null>, control: SolveControl): Promise<Values> {
  if (at.precision === 'float32') {
    const values = await valuesOfGrams(at, of, by, loadProducts, control);
    if (values !== null) return values;
  }
  return valuesOfMatrices(at, of, by, loadProducts, control);
}

async function valuesOfGrams(at: NetworkAtInputs, of: string, by: string, loadProducts: () => Promise<MatrixProducts | null>, { signal, progress }: SolveControl): Promise<Values | null> {
  const grams: Float64Array[] = [];
  let size = 0;
  const made = await at.derivatives.gramMatrices(of, by, at.samples, (place, matrix, side) => {
    grams[place] = matrix;
    size = side;
    progress?.((place + 1) / at.places.length / 2);
  }, signal);
  if (!made) return null;
  const solved = await singularValuesOfGrams(grams, size, await loadProducts(), { ...(signal && { signal }), progress: (share) => progress?.((1 + share) / 2) });
  return { singularValues: solved.map((values) => [...(values ?? [])]), exact: true, relativeError: rootOfRoundoff };
}

async function valuesOfMatrices(at: NetworkAtInputs, of: string, by: string, loadProducts: () => Promise<MatrixProducts | null>, { signal, progress }: SolveControl): Promise<Values> {
  const accuracy = at.precision === 'float32' ? 'gram' : 'full';
  const products = await loadProducts();
  const singularValues: number[][] = at.places.map(() => []);
  let shape = { rows: 0, columns: 0 };
  let done = 0;
  let waiting: { place: number; matrix: Float64Array }[] = [];
  const solve = async (): Promise<void> => {
    const solved = await singularValuesOfEach(waiting.map(({ matrix }) => matrix), { ...shape, accuracy, products }, signal === undefined ? {} : { signal });
    for (const [i, { place }] of waiting.entries()) singularValues[place] = [...(solved[i] ?? [])];
    done += waiting.length;
    waiting = [];
    progress?.(done / at.places.length);
  };
  await at.derivatives.jacobians(of, by, at.samples, async (place, matrix, { rows, columns }) => {
    signal?.throwIfAborted();
    shape = { rows, columns };
    waiting.push({ place, matrix });
    if (waiting.length * matrix.byteLength >= togetherBytes) await solve();
  }, signal);
  if (waiting.length > 0) await solve();
  const relativeError = accuracy === 'gram' ? rootOfRoundoff : roundoffPerLine * Math.max(shape.rows, shape.columns);
  return { singularValues, exact: true, relativeError };
}
