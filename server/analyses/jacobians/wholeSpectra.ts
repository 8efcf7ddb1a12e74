import type { MatrixWorkspace } from '../../linalg/matrixWorkspace.js';
import type { SolveControl } from '../../linalg/steps.js';
import type { NetworkAtInputs } from './networkAtInputs.js';
import type { Values } from './spectra.js';

/** All singular values of ∂of/∂by at every input, of the matrices written out. */
export async function wholeSpectra(at: NetworkAtInputs, of: string, by: string, workspace: MatrixWorkspace, { signal, progress }: SolveControl): Promise<Values> {
  const singularValues: number[][] = at.places.map(() => []);
  let relativeError = 0;
  let done = 0;
  await at.derivatives.jacobians(of, by, at.samples, async (place, matrix, { rows, columns }) => {
    signal?.throwIfAborted();
    if (allFinite(matrix)) {
      workspace.allocate(1, rows, columns).set(matrix);
      const solved = await workspace.singularValues(signal === undefined ? {} : { signal });
      singularValues[place] = [...solved.singularValues];
      relativeError = Math.max(relativeError, solved.relativeError);
    }
    progress?.(++done / at.places.length);
  }, signal);
  return { singularValues, exact: true, relativeError };
}

/** Zero times a number is 0, but for NaN and infinity: their sum tells without a branch for each entry. */
function allFinite(matrix: Float64Array): boolean {
  let sum = 0;
  for (const x of matrix) sum += 0 * x;
  return sum === 0;
}
