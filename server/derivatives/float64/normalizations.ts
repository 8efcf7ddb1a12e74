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

const mean: Lowering = (operation) => {
  const { graph } = operation;
  if (operation.input(0).dtype !== 'float64') return null;
  const sum = operation.inputs.map((_, i) => operation.input(i)).reduce((total, value) => graph.add(total, value));
  return [graph.divide(sum, operation.inputs.length)];
};

/** Averages, and a normalization by them, that onnxruntime has no double kernel of. */
export const normalizations: Lowerings = { InstanceNormalization: instanceNormalization, Mean: mean };
