import { checkDerivatives } from '../../derivatives/check.js';
import { NotDifferentiable, type ShapedGraph } from '../../derivatives/graph.js';
import { NetworkDerivatives, type Precision } from '../../derivatives/networkDerivatives.js';
import { batchOf, type Samples } from '../../derivatives/samples.js';
import { asFloats, type Elements } from '../../derivatives/session.js';
import type { SelfCheck } from '../../report/jacobians.js';
import { quantile } from './measures.js';
import { streamOf, type NetworkAtInputs } from './networkAtInputs.js';

/** So many inputs of the sample are checked: one alone may lie at a kink. */
const checkedInputs = 3;
/**
 * Limits above which no number is shown. Rounding leaves 10⁻⁷ to 10⁻⁵ in float32 and 10⁻¹⁵ to 10⁻¹² in float64; a wrong
 * rule leaves about 1.
 */
const adjointLimit: Readonly<Record<Precision, number>> = { float32: 1e-3, float64: 1e-8 };
const float64Limit = 1e-2;
/** Step of central differences relative to the input: rounding leaves about 10⁻⁹, curvature 10⁻¹⁰. */
const relativeStep = 1e-6;
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
  const [of, by] = [at.f.tensor, at.f.input];
  let adjoint = 0;
  for (let i = 0; i < n; i++) {
    signal?.throwIfAborted();
    adjoint = Math.max(adjoint, (await checkDerivatives(at.derivatives.single.network, batchOf(at.samples, [i]), { of: [of], by: [by], normal, step: null })).adjoint);
  }
  const agreement = await inFloat64(at, n, normal, signal);
  const within = (value: number | null, limit: number): boolean => value === null || value <= limit;
  const passed = adjoint <= adjointLimit[at.precision] && within(agreement.float64, float64Limit) && within(agreement.differences, differencesLimit);
  return { adjoint, ...agreement, n, passed };
}

type Agreement = Pick<SelfCheck, 'float64' | 'float64Reason' | 'differences'>;

/** Float32 against float64, and float64 against differences; medians, since at a kink one input may see another piece. */
async function inFloat64(at: NetworkAtInputs, n: number, normal: () => number, signal?: AbortSignal): Promise<Agreement> {
  const [of, by] = [at.f.tensor, at.f.input];
  const opened: NetworkDerivatives[] = [];
  try {
    const open = async (precision: Precision): Promise<NetworkDerivatives> => {
      if (precision === at.precision) return at.derivatives.single;
      const derivatives = await NetworkDerivatives.create(at.network, batchOf(at.samples, [0]), { precision });
      opened.push(derivatives);
      return derivatives;
    };
    const [single, double] = [await open('float32'), await open('float64')];
    const isInput = double.network.inputs.some(({ name }) => name === by);
    const rounds = double.network.nodes.some(({ operator }) => rounding.has(operator));
    const float64: number[] = [];
    const differences: number[] = [];
    for (let i = 0; i < n; i++) {
      signal?.throwIfAborted();
      const direction = Float64Array.from({ length: elementsIn(double.network, by) }, normal);
      const batch = batchOf(at.samples, [i]);
      const products = async (derivatives: NetworkDerivatives): Promise<Elements> => derivatives.jacobianVectorProducts(of, by, derivatives.floats(direction), batch);
      float64.push(relativeDifference(await products(single), await products(double)));
      if (isInput && !rounds) differences.push(await centralDifferences(double.network, at.samples, i, of, by, normal));
    }
    return { float64: median(float64), float64Reason: null, differences: differences.length === 0 ? null : median(differences) };
  } catch (error) {
    if (!(error instanceof NotDifferentiable)) throw error;
    return { float64: null, float64Reason: error.message, differences: null };
  } finally {
    for (const derivatives of opened) await derivatives.release();
  }
}

async function centralDifferences(network: ShapedGraph, samples: Samples, place: number, of: string, by: string, normal: () => number): Promise<number> {
  const feeds = Object.fromEntries(Object.entries(batchOf(samples, [place])).map(([name, tensor]) => [name, network.values.get(name)?.dtype === 'float64' ? { ...tensor, dtype: 'float64' as const, elements: asFloats(tensor.elements, 'float64') } : tensor]));
  const step = relativeStep * (rootMeanSquare(feeds[by].elements) || 1);
  return (await checkDerivatives(network, feeds, { of: [of], by: [by], normal, step })).differences ?? 0;
}

function elementsIn(network: ShapedGraph, name: string): number {
  return network.values.get(name)?.shape.reduce((product, size) => product * size, 1) ?? 0;
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
  let sum = 0;
  for (const x of elements) sum += Number(x) ** 2;
  return Math.sqrt(sum / Math.max(1, elements.length));
}

function median(values: readonly number[]): number {
  return quantile([...values].sort((a, b) => a - b), 0.5);
}
