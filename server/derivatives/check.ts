import { jacobianVectorProduct, vectorJacobianProduct } from './differentiate.js';
import { withFloat64Kernels } from './float64/index.js';
import { elementsOf, isFloat, type ShapedGraph } from './graph.js';
import { asFloats, dot, GraphSession, largestMagnitude, type Elements, type TensorData } from './session.js';

/** How well the two derivatives of a network agree with each other, and with differences of its outputs. */
export interface DerivativeCheck {
  /** |⟨u, J·v⟩ − ⟨Jᵀ·u, v⟩| relative to ‖u‖·‖J·v‖. */
  adjoint: number;
  /** Largest |J·v − (f(x + h·v) − f(x − h·v)) / 2h| relative to the largest |J·v|; null where it was not asked for. */
  differences: number | null;
  /** Largest |f(x + h·v)|; 0 where no differences were asked for. */
  magnitude: number;
  /** Largest |J·v|: where it is 0, or rounding beside the magnitude, the network does not change at all. */
  largest: number;
}

export interface CheckSettings {
  of: readonly string[];
  by: readonly string[];
  /** Standard normal numbers for the directions. */
  normal: () => number;
  /** Step h of central differences; null: none. */
  step: number | null;
}

/** Several directions at once take ways of their own; differences are taken along the first. */
const directions = 2;

/**
 * Checks the derivatives of a network at one point in random directions.
 * @throws NotDifferentiable for a missing rule, and where onnxruntime refuses a graph
 */
export async function checkDerivatives(network: ShapedGraph, feeds: Readonly<Record<string, TensorData>>, { of, by, normal, step }: CheckSettings): Promise<DerivativeCheck> {
  const valueOf = (name: string) => network.values.get(name) ?? { name, shape: [], dtype: 'float32' as const };
  const direction = (name: string): TensorData => {
    const { shape, dtype } = valueOf(name);
    return { dtype, shape: [directions, ...shape], elements: asFloats(Float64Array.from({ length: directions * elementsOf(shape) }, normal), dtype === 'float64' ? dtype : 'float32') };
  };
  const tangents = by.map(direction);
  const cotangents = of.map(direction);
  const forward = jacobianVectorProduct(network, { of, by, directions });
  const images = await runOnce(forward.graph, { ...feeds, ...named(forward.seeds, tangents) }, forward.results);
  const reverse = vectorJacobianProduct(network, { of, by, directions });
  const gradients = await runOnce(reverse.graph, { ...feeds, ...named(reverse.seeds, cotangents) }, reverse.results);
  const left = sumOf(images, (image, i) => dot(image, cotangents[i].elements));
  const right = sumOf(gradients, (gradient, i) => dot(gradient, tangents[i].elements));
  const scale = Math.sqrt(sumOf(images, (image) => dot(image, image)) * sumOf(cotangents, ({ elements }) => dot(elements, elements)));
  const largest = images.reduce((most, image) => Math.max(most, largestMagnitude(image)), 0);
  const adjoint = scale > 0 ? Math.abs(left - right) / scale : Math.abs(right);
  if (step === null) return { adjoint, differences: null, magnitude: 0, largest };
  const moved = (sign: 1 | -1): Record<string, TensorData> => {
    const inputs = { ...feeds };
    for (const [i, name] of by.entries()) inputs[name] = shiftedBy(feeds[name], tangents[i].elements, sign * step);
    return inputs;
  };
  const [ahead, behind] = [await runOnce(network, moved(1), of), await runOnce(network, moved(-1), of)];
  let difference = 0;
  for (const [i, image] of images.entries()) {
    for (let k = 0; k < ahead[i].length; k++) difference = Math.max(difference, Math.abs(Number(image[k]) - (Number(ahead[i][k]) - Number(behind[i][k])) / (2 * step)));
  }
  const magnitude = ahead.reduce((most, values) => Math.max(most, largestMagnitude(values)), 0);
  return { adjoint, differences: largest > 0 ? difference / largest : difference, magnitude, largest };
}

async function runOnce(graph: ShapedGraph, feeds: Readonly<Record<string, TensorData>>, outputs: readonly string[]): Promise<Elements[]> {
  const written = [...graph.values.values()].some(({ dtype }) => dtype === 'float64') ? withFloat64Kernels({ ...graph, outputs }) : { ...graph, outputs };
  const session = await GraphSession.create(written, { optimization: 'basic' });
  const results = await session.run(feeds).finally(() => session.release());
  return outputs.map((name) => results.get(name)?.elements ?? new Float64Array());
}

function named(names: readonly string[], tensors: readonly TensorData[]): Record<string, TensorData> {
  return Object.fromEntries(names.map((name, i) => [name, tensors[i]]));
}

function shiftedBy(tensor: TensorData, direction: Elements, factor: number): TensorData {
  if (!isFloat(tensor.dtype)) return tensor;
  const moved = new Float64Array(tensor.elements.length);
  for (let i = 0; i < moved.length; i++) moved[i] = Number(tensor.elements[i]) + factor * Number(direction[i]);
  return { ...tensor, elements: asFloats(moved, tensor.dtype === 'float64' ? tensor.dtype : 'float32') };
}

function sumOf<Item>(items: readonly Item[], term: (item: Item, index: number) => number): number {
  return items.reduce((sum, item, i) => sum + term(item, i), 0);
}
