import type { Lowering, Lowerings } from '../lowering.js';

/**
 * The latest keys and values of an attention, written into those of all steps: at `write_indices` of each sample, or from
 * the start; a circular cache goes on at its beginning. https://onnx.ai/onnx/operators/onnx__TensorScatter.html
 */
const tensorScatter: Lowering = (operation) => {
  const { graph } = operation;
  const [cache, update] = [operation.input(0), operation.input(1)];
  const axis = operation.axis(operation.integer('axis', -2));
  const start = operation.inputs.at(2) ?? graph.constant('int64', [1], [0]);
  const along = (count: number, at: number): number[] => update.shape.map((_, i) => (i === at ? count : 1));
  const steps = graph.constant('int64', along(update.shape[axis], axis), Array.from({ length: update.shape[axis] }, (_, i) => i));
  const places = graph.add(graph.reshape(graph.cast(start, 'int64'), along(start.shape[0] ?? 1, 0)), steps);
  const wrapped = operation.text('mode', 'linear') === 'circular' ? graph.binary('Mod', places, cache.shape[axis]) : places;
  return [graph.one('ScatterElements', [cache, graph.expand(wrapped, update.shape), update], cache.shape, { axis })];
};

export const caches: Lowerings = { TensorScatter: tensorScatter };
