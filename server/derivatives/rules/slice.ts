import type { Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { shifted, type Rule } from '../rule.js';
import { selection } from './positions.js';

/** Elements start, start + step, … of one axis, `count` of them. */
interface SlicedAxis {
  axis: number;
  start: number;
  step: number;
  count: number;
}

/**
 * Every step-th element of some axes (https://onnx.ai/onnx/operators/onnx__Slice.html). Where starts and ends depend on the
 * data, the elements are found by their positions.
 */
export const slice: Rule = {
  forward(operation, tangents) {
    const [tangent] = tangents;
    const sliced = slicedAxes(operation);
    if (tangent === null || sliced === null) return byPositions.forward(operation, tangents);
    const { graph, directions } = operation;
    if (sliced.some(({ count }) => count === 0)) return [graph.filled(0, [directions, ...operation.output().shape], tangent.dtype)];
    const starts = sliced.map(({ start }) => start);
    // One past the last element, which for a step back may be −1.
    const ends = sliced.map(({ start, step, count }) => start + (count - 1) * step + Math.sign(step));
    return [graph.slice(tangent, shifted(sliced.map(({ axis }) => axis)), starts, ends, sliced.map(({ step }) => step))];
  },
  reverse(operation, cotangents, needed) {
    const [cotangent] = cotangents;
    const sliced = slicedAxes(operation);
    if (cotangent === null || sliced === null) return byPositions.reverse(operation, cotangents, needed);
    return [putBetweenZeros(operation, cotangent, sliced)];
  },
};

const byPositions = selection([0]);

/** The sliced elements in their places, and zeros everywhere else: the transpose of a slice. */
function putBetweenZeros(operation: Operation, cotangent: Value, sliced: readonly SlicedAxis[]): Value {
  const { graph } = operation;
  const shape = [operation.directions, ...operation.input(0).shape];
  if (sliced.some(({ count }) => count === 0)) return graph.filled(0, shape, cotangent.dtype);
  const [before, after] = [shape.map(() => 0), shape.map(() => 0)];
  let value = cotangent;
  for (const { axis, start, step, count } of sliced) {
    const [place, stride] = [axis + 1, Math.abs(step)];
    if (step < 0) value = graph.slice(value, [place], [count - 1], [-1], [-1]);
    value = spread(operation, value, place, stride);
    before[place] = step < 0 ? start + (count - 1) * step : start;
    after[place] = shape[place] - before[place] - count * stride;
  }
  return graph.pad(value, before, after);
}

/** stride − 1 zeros after every element of an axis. */
function spread({ graph }: Operation, value: Value, axis: number, stride: number): Value {
  if (stride === 1) return value;
  const { shape } = value;
  const [front, back] = [shape.slice(0, axis + 1), shape.slice(axis + 1)];
  const apart = graph.reshape(value, [...front, 1, ...back]);
  const zeros = apart.shape.map((_, place) => (place === axis + 1 ? stride - 1 : 0));
  const padded = graph.pad(apart, apart.shape.map(() => 0), zeros);
  return graph.reshape(padded, [...shape.slice(0, axis), shape[axis] * stride, ...back]);
}

/** The axes with their starts counted from the front and kept within the axis; null where a parameter is not fixed. */
function slicedAxes(operation: Operation): SlicedAxis[] | null {
  const { graph } = operation;
  const shape = operation.input(0).shape;
  const parameters = operation.inputs.slice(1).map((value) => value && graph.numbersOf(value));
  if (operation.inputs.slice(1).some((value, i) => value !== null && parameters[i] === null)) return null;
  const starts = parameters[0] ?? [];
  const axes = parameters.at(2) ?? starts.map((_, i) => i);
  const steps = parameters.at(3) ?? starts.map(() => 1);
  return starts.map((given, i) => {
    const axis = operation.axis(axes[i]);
    const size = shape[axis];
    const start = Math.min(Math.max(given < 0 ? given + size : given, 0), steps[i] < 0 ? size - 1 : size);
    return { axis, start, step: steps[i], count: operation.output().shape[axis] };
  });
}
