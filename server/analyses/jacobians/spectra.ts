import { elementsOf } from '../../derivatives/graph.js';
import type { MatrixProducts } from '../../linalg/matrixProducts.js';
import type { SolveControl } from '../../linalg/steps.js';
import type { JacobianSpectra } from '../../report/jacobians.js';
import { measuresByInput, measuresOf, quantileCurves } from './measures.js';
import type { NetworkAtInputs } from './networkAtInputs.js';
import { wholeSpectra } from './wholeSpectra.js';
import { largestCount, largestValues } from './largestValues.js';

/** Jacobians whose smaller side is at most this are written out, and all their singular values computed. */
const wholeSide = 1024;

/** From this smaller side on another engine's products pay. */
const productsSide = 512;

export interface SpectraSettings {
  /** What matrices or bases may take, beside the runs of the network. */
  memoryBytes: number;
  seed: number;
  /** An engine for the products of large matrices; null where there is none. */
  loadProducts: () => Promise<MatrixProducts | null>;
}

/** Singular values of one Jacobian at every input. */
export interface Values {
  /** By input, descending; empty for a Jacobian with an entry that is not finite. */
  singularValues: number[][];
  exact: boolean;
  relativeError: number;
}

/**
 * The singular values of ∂of/∂by at every input of the sample: all of them where the smaller side is at most 1,024 and the
 * matrices fit into memory, else the 20 largest and how the others are distributed.
 * @throws NotDifferentiable for a missing rule, and where `of` does not depend on `by`
 */
export async function spectraOf(at: NetworkAtInputs, of: string, by: string, { memoryBytes, seed, loadProducts }: SpectraSettings, control: SolveControl): Promise<JacobianSpectra> {
  const { derivatives } = at;
  const [rows, columns] = [elementsOf(derivatives.shapeOf(of)), elementsOf(derivatives.shapeOf(by))];
  if (of === by) return assembled(at, rows, columns, identityValues(at.samples.n, rows), null);
  const isWhole = Math.min(rows, columns) <= wholeSide && 8 * rows * columns <= memoryBytes;
  if (isWhole) return assembled(at, rows, columns, await wholeSpectra(at, of, by, Math.min(rows, columns) >= productsSide ? loadProducts : () => Promise.resolve(null), control), null);
  const { values, density } = await largestValues(at, of, by, { seed, memoryBytes }, control);
  return assembled(at, rows, columns, values, density);
}

/** ∂y/∂y, whose values are all 1; as many of them as of any other Jacobian. */
function identityValues(n: number, size: number): Values {
  const exact = size <= wholeSide;
  return { singularValues: Array.from({ length: n }, () => new Array<number>(exact ? size : largestCount).fill(1)), exact, relativeError: 0 };
}

function assembled(at: NetworkAtInputs, rows: number, columns: number, { singularValues, exact, relativeError }: Values, density: JacobianSpectra['density']): JacobianSpectra {
  const { precision } = at;
  const known = singularValues.filter((values) => values.length > 0);
  const measures = singularValues.map((values) => (exact && values.length > 0 ? measuresOf(values, rows, columns, precision) : null));
  return { rows, columns, singularValues, exact, relativeError, quantiles: quantileCurves(known), measures: measuresByInput(measures), density };
}
