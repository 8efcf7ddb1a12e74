import type { Value } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import { allAxes } from '../rule.js';

/** (x − mean)/√(variance + ε)·scale + shift over the axes after the second (Ulyanov et al. 2016). */
const instanceNormalization: Lowering = (operation) => {
  const { graph } = operation;
  const [x, scale, shift] = [operation.input(0), operation.input(1), operation.input(2)];
  if (x.dtype !== 'float64') return null;
  const axes = allAxes(x.shape).slice(2);
  const perChannel = (value: Value): Value => graph.reshape(value, [value.shape[0], ...axes.map(() => 1)]);
  const centred = graph.subtract(x, graph.mean(x, axes));
  const variance = graph.mean(graph.multiply(centred, centred), axes);
  const normal = graph.multiply(centred, graph.reciprocalRoot(graph.add(variance, operation.float('epsilon', 1e-5))));
  return [graph.add(graph.multiply(normal, perChannel(scale)), perChannel(shift))];
};

/** x/(bias + α/size·Σ x²)^β, summed over neighbouring channels (Krizhevsky et al. 2012). */
const localResponseNormalization: Lowering = (operation) => {
  const { graph } = operation;
  const x = operation.input(0);
  if (x.dtype !== 'float64') return null;
  const size = operation.integer('size', 1);
  const before = Math.floor((size - 1) / 2);
  const around = (count: number): number[] => x.shape.map((_, axis) => (axis === 1 ? count : 0));
  const squares = graph.pad(graph.multiply(x, x), around(before), around(size - 1 - before));
  let sum = graph.slice(squares, [1], [0], [x.shape[1]]);
  for (let i = 1; i < size; i++) sum = graph.add(sum, graph.slice(squares, [1], [i], [i + x.shape[1]]));
  const scaled = graph.add(graph.multiply(sum, operation.float('alpha', 1e-4) / size), operation.float('bias', 1));
  return [graph.divide(x, graph.binary('Pow', scaled, operation.float('beta', 0.75)))];
};

const mean: Lowering = (operation) => {
  const { graph } = operation;
  if (operation.input(0).dtype !== 'float64') return null;
  const sum = operation.inputs.map((_, i) => operation.input(i)).reduce((total, value) => graph.add(total, value));
  return [graph.divide(sum, operation.inputs.length)];
};

/** Averages, and normalisations by them, that onnxruntime has no double kernel of. */
export const normalizations: Lowerings = { InstanceNormalization: instanceNormalization, LRN: localResponseNormalization, Mean: mean };
