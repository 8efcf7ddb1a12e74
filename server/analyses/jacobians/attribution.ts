import { elementsOf } from '../../derivatives/graph.js';
import { samplesAt, withValues } from '../../derivatives/samples.js';
import { asFloats } from '../../derivatives/session.js';
import { classesOf, predictions } from '../../inputs/accuracy.js';
import type { SolveControl } from '../../linalg/steps.js';
import type { AttributionStability } from '../../report/jacobians.js';
import { quantileCurves } from './measures.js';
import { streamOf, type NetworkAtInputs } from './networkAtInputs.js';

/** Lengths of the noise relative to the input. */
const noiseLevels = [0.01, 0.03, 0.1, 0.3] as const;
/** Inputs together have at most about so many elements, which are sorted for each level, but there are some of them always. */
const mostElements = 2e6;
const fewestInputs = 8;

/**
 * How the gradient of the predicted class turns when the input is moved by noise (Alvarez-Melis and Jaakkola 2018, Yeh et
 * al. 2019): A(x) = ∇f_c(x) with c the class predicted at x, against A(x + δ), δ normal with E‖δ‖² = noise²·‖x‖², one draw
 * for each input. Of very large inputs fewer are taken than the sample has. Null where f is no vector of logits, or its
 * variable is no input of the graph.
 */
export async function attributionStability(at: NetworkAtInputs, seed: number, { signal, progress }: SolveControl): Promise<AttributionStability | null> {
  const { derivatives, f, precision } = at;
  const classes = classesOf(derivatives.shapeOf(f.tensor));
  if (classes === null || !Object.hasOwn(at.samples.inputs, f.input)) return null;
  const width = elementsOf(derivatives.shapeOf(f.input));
  const n = Math.min(at.samples.n, Math.max(fewestInputs, Math.floor(mostElements / width)));
  const samples = samplesAt(at.samples, Array.from({ length: n }, (_, i) => i));
  const random = streamOf(seed, 'noise');
  const logits = (await derivatives.values([f.tensor], samples, signal)).get(f.tensor) ?? [];
  const cotangents = new Float64Array(samples.n * classes);
  for (const [i, prediction] of predictions(logits, classes).entries()) cotangents[i * classes + prediction] = 1;
  const clean = Float64Array.from(asFloats(samples.inputs[f.input].elements, 'float64'));
  const attribution = await derivatives.vectorJacobianProducts(f.tensor, f.input, cotangents, samples, signal);
  const part = (gradients: Float64Array, i: number): Float64Array => gradients.subarray(i * width, (i + 1) * width);
  const compared = Array.from({ length: samples.n }, (_, i) => i).filter((i) => lengthOf(part(attribution, i)) > 0);
  const ranks = compared.map((i) => centredRanks(part(attribution, i)));
  const rows = { cosine: compared.map(() => [] as number[]), drift: compared.map(() => [] as number[]), spearman: compared.map(() => [] as number[]) };
  for (const [level, noise] of noiseLevels.entries()) {
    const moved = precision === 'float64' ? new Float64Array(clean.length) : new Float32Array(clean.length);
    for (let i = 0; i < samples.n; i++) {
      const size = (noise * lengthOf(part(clean, i))) / Math.sqrt(width);
      for (let j = i * width; j < (i + 1) * width; j++) moved[j] = clean[j] + size * random.normal();
    }
    const other = await derivatives.vectorJacobianProducts(f.tensor, f.input, cotangents, withValues(samples, f.input, moved), signal);
    for (const [row, i] of compared.entries()) {
      const [a, b] = [part(attribution, i), part(other, i)];
      rows.cosine[row].push(cosine(a, b));
      rows.drift[row].push(distance(a, b) / lengthOf(a));
      rows.spearman[row].push(cosine(ranks[row], centredRanks(b)));
    }
    progress?.((level + 1) / noiseLevels.length);
  }
  return { n, noise: [...noiseLevels], cosine: quantileCurves(rows.cosine), drift: quantileCurves(rows.drift), spearman: quantileCurves(rows.spearman), zeroGradients: samples.n - compared.length };
}

function lengthOf(vector: Float64Array): number {
  return Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
}

/** 0 where the moved gradient has vanished. */
function cosine(a: Float64Array, b: Float64Array): number {
  const lengths = lengthOf(a) * lengthOf(b);
  return lengths > 0 ? a.reduce((sum, x, i) => sum + x * b[i], 0) / lengths : 0;
}

function distance(a: Float64Array, b: Float64Array): number {
  return Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0));
}

/** Ranks of |x|, equal entries sharing the mean of theirs, less their mean: their cosine is Spearman's correlation. */
function centredRanks(vector: Float64Array): Float64Array {
  const sizes = vector.map(Math.abs);
  // Numbers alone are sorted much faster than places by a comparison.
  const sorted = sizes.slice().sort();
  return sizes.map((size) => (firstPlace(sorted, size, false) + firstPlace(sorted, size, true) - sorted.length) / 2);
}

/** First place in an ascending list whose entry is not below `value` or, with `beyond`, above it. */
function firstPlace(sorted: Float64Array, value: number, beyond: boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value || (beyond && sorted[middle] === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}
