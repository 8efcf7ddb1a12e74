import { elementsOf, type Value } from '../graph.js';
import type { Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';

/** Losses of classifiers, whose scores have the classes along axis 1. Definitions: https://onnx.ai/onnx/operators */
export const losses: Lowerings = {
  NegativeLogLikelihoodLoss: (operation) => [negativeLogLikelihood(operation, operation.input(0))],
  SoftmaxCrossEntropyLoss: (operation) => {
    const scores = operation.input(0);
    const logarithms = operation.graph.unary('LogSoftmax', scores, { axis: 1 });
    return [negativeLogLikelihood(operation, logarithms), logarithms];
  },
};

/**
 * −w·ln p of the right class for every sample, or their sum, or their mean weighted by w; targets equal to ignore_index
 * have the weight 0.
 * @param logarithms ln p: [N, C, …]
 */
function negativeLogLikelihood(operation: Operation, logarithms: Value): Value {
  const { graph } = operation;
  const [samples, , ...places] = logarithms.shape;
  const { target, weight } = targetAndWeight(operation);
  const chosen = graph.one('GatherElements', [logarithms, graph.reshape(target, [samples, 1, ...places])], [samples, 1, ...places], { axis: 1 });
  const likelihood = graph.negate(graph.reshape(chosen, target.shape));
  const loss = weight ? graph.multiply(likelihood, weight) : likelihood;
  const axes = target.shape.map((_, axis) => axis);
  switch (operation.text('reduction', 'mean')) {
    case 'none':
      return loss;
    case 'sum':
      return graph.sum(loss, axes);
    default:
      return graph.divide(graph.sum(loss, axes), weight ? graph.sum(weight, axes) : elementsOf(target.shape));
  }
}

/** Indices of classes that all exist, and the weight of every target; null where all have the weight 1. */
function targetAndWeight(operation: Operation): { target: Value; weight: Value | null } {
  const { graph } = operation;
  const given = operation.input(1);
  const weights = operation.inputs.at(2) ?? null;
  if (!operation.has('ignore_index')) return { target: given, weight: weights && graph.gather(weights, given, 0) };
  const ignored = graph.compare('Equal', given, operation.integer('ignore_index', 0));
  const target = graph.where(ignored, graph.scalar(0, given), given);
  const dtype = operation.input(0).dtype;
  const kept = graph.cast(graph.one('Not', [ignored], ignored.shape), dtype);
  return { target, weight: weights ? graph.multiply(graph.gather(weights, target, 0), kept) : kept };
}
