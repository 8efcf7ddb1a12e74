import { elementsOf, NotDifferentiable, type Node } from '../../derivatives/graph.js';
import { NetworkDerivatives, type Precision } from '../../derivatives/networkDerivatives.js';
import { batchOf } from '../../derivatives/samples.js';
import { asFloats, dot, largestMagnitude, type Elements, type TensorData } from '../../derivatives/session.js';
import type { SelfCheck } from '../../report/jacobians.js';
import { quantileOf } from '../../report/sampleQuantiles.js';
import { streamOf, type NetworkAtInputs } from './networkAtInputs.js';

/** So many inputs of the sample are checked: one alone may lie at a kink. */
const checkedInputs = 3;
/**
 * Limits above which no number is shown. Rounding leaves 10⁻⁷ to 10⁻⁵ in float32 and 10⁻¹⁵ to 10⁻¹² in float64; a wrong
 * rule leaves about 1.
 */
const adjointLimit: Readonly<Record<Precision, number>> = { float32: 1e-3, float64: 1e-8 };
const float64Limit = 1e-2;
/** Step of central differences relative to the input: so short that hardly a kink of many thousands lies on it. */
const relativeStep = 1e-8;
/** Rounding of an output in float64, and the share of J·v from which on it hides too much for differences to tell anything. */
const outputRounding = 2 ** -48;
const mostRounding = 1e-3;
/** The point of the differences is so far from the input, relative to it. */
const relativeMove = 1e-2;
const differencesLimit = 1e-2;
/** Operators that round: differences see their steps, and derivatives pass straight through. */
const rounding = new Set(['QuantizeLinear', 'DynamicQuantizeLinear', 'Round', 'Floor', 'Ceil']);

/**
 * Checks ∂f/∂x of this network in random directions at inputs of the sample: J and Jᵀ against each other, float32 against
 * float64, and J·v against central differences of f in float64. Where a part has no float64, the first check alone decides.
 */
export async function selfCheck(at: NetworkAtInputs, seed: number, signal?: AbortSignal): Promise<SelfCheck> {
  const random = streamOf(seed, 'check');
  const normal = (): number => random.normal();
  const n = Math.min(checkedInputs, at.samples.n);
  const batches = Array.from({ length: n }, (_, i) => batchOf(at.samples, [i]));
  let adjoint = 0;
  for (const batch of batches) {
    signal?.throwIfAborted();
    adjoint = Math.max(adjoint, await adjointError(at, batch, normal));
  }
  const agreement = await inFloat64(at, batches, normal, signal);
  const within = (value: number | null, limit: number): boolean => value === null || value <= limit;
  // Where the network rounds, a step may fall on different sides of the two precisions: that is no mistake of a rule.
  const float64 = at.derivatives.single.network.nodes.some(isRounding) ? null : agreement.float64;
  const passed = adjoint <= adjointLimit[at.precision] && within(float64, float64Limit) && within(agreement.differences, differencesLimit);
  return { adjoint, ...agreement, n, passed };
}

function isRounding({ operator }: Node): boolean {
  return rounding.has(operator);
}

type Batch = Readonly<Record<string, TensorData>>;
type Agreement = Pick<SelfCheck, 'float64' | 'float64Reason' | 'differences'>;

/** |⟨u, J·v⟩ − ⟨Jᵀ·u, v⟩| relative to ‖u‖·‖J·v‖. */
async function adjointError({ derivatives: { single }, f: { tensor, input } }: NetworkAtInputs, batch: Batch, normal: () => number): Promise<number> {
  const direction = single.floats(directionOf(single, input, normal));
  const codirection = single.floats(directionOf(single, tensor, normal));
  const image = await single.jacobianVectorProducts(tensor, input, direction, batch);
  const gradient = await single.vectorJacobianProducts(tensor, input, codirection, batch);
  const scale = Math.sqrt(dot(codirection, codirection) * dot(image, image));
  const difference = Math.abs(dot(codirection, image) - dot(gradient, direction));
  return scale > 0 ? difference / scale : difference;
}

/** Float32 against float64, and float64 against differences; medians, since at a kink one input may see another piece. */
async function inFloat64(at: NetworkAtInputs, batches: readonly Batch[], normal: () => number, signal?: AbortSignal): Promise<Agreement> {
  const { tensor, input } = at.f;
  const opened: NetworkDerivatives[] = [];
  try {
    const open = async (precision: Precision): Promise<NetworkDerivatives> => {
      if (precision === at.precision) return at.derivatives.single;
      const derivatives = await NetworkDerivatives.create(at.network, batches[0], { precision });
      opened.push(derivatives);
      return derivatives;
    };
    const [single, double] = [await open('float32'), await open('float64')];
    const isInput = double.network.inputs.some(({ name }) => name === input);
    const rounds = double.network.nodes.some(isRounding);
    const float64: number[] = [];
    const differences: number[] = [];
    for (const batch of batches) {
      signal?.throwIfAborted();
      const direction = directionOf(double, input, normal);
      const products = async (derivatives: NetworkDerivatives): Promise<Elements> => derivatives.jacobianVectorProducts(tensor, input, derivatives.floats(direction), batch);
      float64.push(relativeDifference(await products(single), await products(double)));
      const difference = isInput && !rounds ? await centralDifferences(double, tensor, input, direction, movedBy(batch, input, normal)) : null;
      if (difference !== null) differences.push(difference);
    }
    return { float64: quantileOf(float64, 0.5), float64Reason: null, differences: quantileOf(differences, 0.5) };
  } catch (error) {
    if (!(error instanceof NotDifferentiable)) throw error;
    return { float64: null, float64Reason: error.message, differences: null };
  } finally {
    for (const derivatives of opened) await derivatives.release();
  }
}

/** The input a little aside: a constant background lies on the kinks of every window that is pooled over it. */
function movedBy(batch: Batch, input: string, normal: () => number): Batch {
  const size = relativeMove * (rootMeanSquare(batch[input].elements) || 1);
  return withInput(batch, input, (x) => x + size * normal());
}

/** Largest |J·v − (f(x + h·v) − f(x − h·v))/2h| relative to the largest |J·v|, in float64; null where rounding of f hides it. */
async function centralDifferences(double: NetworkDerivatives, tensor: string, input: string, direction: Float64Array, batch: Batch): Promise<number | null> {
  const step = relativeStep * (rootMeanSquare(batch[input].elements) || 1);
  const image = asFloats(await double.jacobianVectorProducts(tensor, input, direction, batch), 'float64');
  const valueAt = async (sign: 1 | -1): Promise<Float32Array | Float64Array> => asFloats((await double.values([tensor], withInput(batch, input, (x, i) => x + sign * step * direction[i]))).get(tensor)?.elements ?? new Float64Array(), 'float64');
  const [ahead, behind] = [await valueAt(1), await valueAt(-1)];
  if (outputRounding * largestMagnitude(ahead) > mostRounding * step * largestMagnitude(image)) return null;
  return relativeDifference(ahead.map((value, i) => (value - behind[i]) / (2 * step)), image);
}

/** A batch with other values of one input, in float64. */
function withInput(batch: Batch, input: string, value: (x: number, i: number) => number): Batch {
  const { shape, elements } = batch[input];
  return { ...batch, [input]: { dtype: 'float64', shape, elements: Float64Array.from(asFloats(elements, 'float64'), value) } };
}

function directionOf(derivatives: NetworkDerivatives, name: string, normal: () => number): Float64Array {
  return Float64Array.from({ length: elementsOf(derivatives.shapeOf(name)) }, normal);
}

/** Largest |a − b| relative to the largest |b|; 0 where both are 0. */
function relativeDifference(a: Elements, b: Elements): number {
  let [difference, largest] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference = Math.max(difference, Math.abs(Number(a[i]) - Number(b[i])));
    largest = Math.max(largest, Math.abs(Number(b[i])));
  }
  return largest > 0 ? difference / largest : difference;
}

function rootMeanSquare(elements: Elements): number {
  return Math.sqrt(dot(elements, elements) / Math.max(1, elements.length));
}
