import { elementsOf } from '../../derivatives/graph.js';
import { familySingularValues } from '../../linalg/krylov/familyLanczos.js';
import { singularValueDensity } from '../../linalg/krylov/spectralDensity.js';
import type { SolveControl } from '../../linalg/steps.js';
import type { SpectralDensity } from '../../report/jacobians.js';
import { streamOf, type NetworkAtInputs } from './networkAtInputs.js';
import type { Values } from './spectra.js';

/** How many singular values are computed of a Jacobian that is too large to be written out. */
export const largestCount = 20;
/** Wanted error of the values relative to σ₁; a hundredth of it takes about half as many products again. */
const tolerance = { float32: 1e-3, float64: 1e-5 } as const;
/** Rounding of a product of a derivative with a vector, relative to the norm. */
const productError = { float32: 2 ** -22, float64: 2 ** -48 } as const;

/** Where the bases of the iterations and the runs of the network share the memory. */
export interface LargestSettings {
  seed: number;
  memoryBytes: number;
}

/** The distribution of all singular values at one input of the sample; null where no input has finite ones. */
async function densityAt(at: NetworkAtInputs, of: string, by: string, place: number | null, seed: number, signal?: AbortSignal): Promise<SpectralDensity | null> {
  if (place === null) return null;
  const [{ operator }] = at.derivatives.operators(of, by, at.samples, [place]);
  const density = await singularValueDensity(operator, { productError: productError[at.precision], random: streamOf(seed, 'density') }, signal === undefined ? {} : { signal });
  return { input: at.places[place], ...density };
}

/** The input whose σ₁ is the median: the lower one of two. */
function medianPlace(singularValues: readonly (readonly number[])[]): number | null {
  const known = [...singularValues.keys()].filter((place) => singularValues[place].length > 0).sort((a, b) => singularValues[a][0] - singularValues[b][0]);
  return known.at(Math.floor((known.length - 1) / 2)) ?? null;
}

/** The 20 largest singular values of ∂of/∂by at every input, and how the others are distributed at one of them. */
export async function largestValues(at: NetworkAtInputs, of: string, by: string, { seed, memoryBytes }: LargestSettings, { signal, progress }: SolveControl): Promise<{ values: Values; density: SpectralDensity | null }> {
  const { derivatives, samples, precision } = at;
  const [rows, columns] = [elementsOf(derivatives.shapeOf(of)), elementsOf(derivatives.shapeOf(by))];
  const singularValues: number[][] = at.places.map(() => []);
  let [relativeError, done] = [0, 0];
  for (const { places, members, operator } of derivatives.operators(of, by, samples)) {
    const solved = await familySingularValues(
      { ...operator, members, rows, columns },
      { count: largestCount, tolerance: tolerance[precision], productError: productError[precision], memoryBytes, random: streamOf(seed, 'lanczos') },
      { ...(signal && { signal }), progress: (share) => progress?.((done + share * places.length) / at.places.length) },
    );
    for (const [i, place] of places.entries()) {
      const found = solved[i];
      if (found === null) continue;
      singularValues[place] = [...found.singularValues];
      relativeError = Math.max(relativeError, found.relativeError);
    }
    done += places.length;
  }
  return { values: { singularValues, exact: false, relativeError }, density: await densityAt(at, of, by, medianPlace(singularValues), seed, signal) };
}
