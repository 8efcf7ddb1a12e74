import { elementsOf } from '../../derivatives/graph.js';
import { samplesAt, withValues } from '../../derivatives/samples.js';
import { asFloats } from '../../derivatives/session.js';
import { predictions } from '../../inputs/accuracy.js';
import type { SolveControl } from '../../linalg/steps.js';
import type { AttributionStability } from '../../report/jacobians.js';
import { quantileCurves } from './measures.js';
import { streamOf, type NetworkAtInputs } from './networkAtInputs.js';
import { classesOf } from './networkQuestion.js';

/** Lengths of the noise relative to the input. */
const noiseLevels = [0.01, 0.03, 0.1, 0.3] as const;
/** Inputs together have at most about so many elements, which are sorted for each level and draw, but there are some of them always. */
const mostElements = 2e6;
const fewestInputs = 8;
/** Draws of noise for each input and level. */
const draws = 2;

/**
 * How the gradient of the predicted class turns when the input is moved by noise (Alvarez-Melis and Jaakkola 2018, Yeh et
 * al. 2019): A(x) = ∇f_c(x) with c the class predicted at x, against A(x + δ), δ normal with
 * E‖δ‖² = noise²·‖x‖². Means over two draws, quantiles over the inputs; of very
 * large inputs fewer are taken than the sample has. Null where f is no vector of logits, or its
 * variable is no input of the graph.
 */
export async function attributionStability(at: NetworkAtInputs, seed: number, { signal, progress }: SolveControl): Promise<AttributionStability | null> {
  const { derivatives, f, precision } = at;
  const classes = classesOf(at);
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
  const compared = Array.from({ length: samples.n }, (_, i) => i).filter((i) => lengthOf(attribution.subarray(i * width, (i + 1) * width)) > 0);
  const rows = { cosine: compared.map(() => [] as number[]), drift: compared.map(() => [] as number[]), spearman: compared.map(() => [] as number[]) };
  for (const [level, noise] of noiseLevels.entries()) {
    for (const row of Object.values(rows).flat()) row.push(0);
    for (let draw = 0; draw < draws; draw++) {
      const moved = precision === 'float64' ? new Float64Array(clean.length) : new Float32Array(clean.length);
      for (let i = 0; i < samples.n; i++) {
        const size = (noise * lengthOf(clean.subarray(i * width, (i + 1) * width))) / Math.sqrt(width);
        for (let j = i * width; j < (i + 1) * width; j++) moved[j] = clean[j] + size * random.normal();
      }
      const other = await derivatives.vectorJacobianProducts(f.tensor, f.input, cotangents, withValues(samples, f.input, moved), signal);
      for (const [row, i] of compared.entries()) {
        const [a, b] = [attribution.subarray(i * width, (i + 1) * width), other.subarray(i * width, (i + 1) * width)];
        rows.cosine[row][level] += cosine(a, b) / draws;
        rows.drift[row][level] += distance(a, b) / lengthOf(a) / draws;
        rows.spearman[row][level] += rankCorrelation(a, b) / draws;
      }
      progress?.((level + (draw + 1) / draws) / noiseLevels.length);
    }
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

/** Spearman's correlation of |a| and |b|: that of their ranks, equal entries sharing the mean of theirs; 0 where all are equal. */
function rankCorrelation(a: Float64Array, b: Float64Array): number {
  const [ranksA, ranksB] = [ranksOf(a), ranksOf(b)];
  const centre = (a.length - 1) / 2;
  return cosine(ranksA.map((rank) => rank - centre), ranksB.map((rank) => rank - centre));
}

/** Ranks of |x| from 0, equal entries sharing the mean of theirs. */
function ranksOf(vector: Float64Array): Float64Array {
  const sizes = vector.map(Math.abs);
  // Numbers alone are sorted much faster than places by a comparison.
  const sorted = sizes.slice().sort();
  return sizes.map((size) => (firstPlace(sorted, size, false) + firstPlace(sorted, size, true) - 1) / 2);
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
