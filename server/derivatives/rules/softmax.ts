import type { Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { linear, type Rules } from '../rule.js';

/** Σ over the axis of the softmax, kept at size 1, for every direction. */
function sumOverAxis(operation: Operation, directions: Value): Value {
  return operation.graph.sum(directions, [operation.axis(operation.integer('axis', -1)) + 1], true);
}

/** p ∘ (v − Σ p ∘ v): the Jacobian diag(p) − p·pᵀ of p = softmax(x) is symmetric. */
function softmaxProduct(operation: Operation, direction: Value): Value {
  const { graph } = operation;
  const p = operation.output();
  const weighted = graph.multiply(direction, p);
  return graph.subtract(weighted, graph.multiply(sumOverAxis(operation, weighted), p));
}

function probabilities(operation: Operation): Value {
  return operation.graph.unary('Exp', operation.output());
}

/** Softmax over one axis, as from operator set 13 on, and its logarithm ln p, whose Jacobian is 1 − 1·pᵀ. */
export const softmax: Rules = {
  Softmax: linear(softmaxProduct, softmaxProduct),
  LogSoftmax: linear(
    (operation, tangent) => operation.graph.subtract(tangent, sumOverAxis(operation, operation.graph.multiply(tangent, probabilities(operation)))),
    (operation, cotangent) => operation.graph.subtract(cotangent, operation.graph.multiply(sumOverAxis(operation, cotangent), probabilities(operation))),
  ),
};
