import type { Value } from '../graph.js';
import type { Operation } from '../operation.js';
import type { Rules } from '../rule.js';
import { byElement, binary } from './byElement.js';

/**
 * Operations that choose one of their operands by element. Where several are the largest or smallest, they share the
 * derivative equally, as with torch.maximum. Definitions: https://onnx.ai/onnx/operators
 */
export const choices: Rules = {
  Max: byElement(share),
  Min: byElement(share),
  Where: byElement((operation, operand) => {
    const { graph } = operation;
    const chosen = graph.cast(operation.input(0), operation.output().dtype);
    return operand === 1 ? chosen : graph.subtract(1, chosen);
  }),
  Clip: byElement(clipFactor),
  // x above 0, slope·x elsewhere.
  PRelu: binary([
    ({ graph }, x, slope) => graph.where(graph.compare('Greater', x, 0), graph.scalar(1, x), slope),
    ({ graph }, x) => graph.binary('Min', x, 0),
  ]),
};

/** 1 / the number of operands that equal the output, for those that do. */
function share(operation: Operation, operand: number): Value | null {
  const { graph } = operation;
  const operands = operation.inputs.filter((input) => input !== null);
  if (operands.length === 1) return null;
  const chosen = operands.map((input) => graph.indicator('Equal', input, operation.output()));
  return graph.divide(chosen[operand], chosen.reduce((sum, indicator) => graph.add(sum, indicator)));
}

/** min(max(x, low), high): 1 for x from low to high, both included as with torch.clamp; for a bound, 1 where it is the result. */
function clipFactor(operation: Operation, operand: number): Value | null {
  const { graph } = operation;
  const x = operation.input(0);
  const [low, high] = [operation.inputs.at(1) ?? null, operation.inputs.at(2) ?? null];
  if (operand === 2) return high && graph.indicator('Greater', low ? graph.binary('Max', x, low) : x, high);
  const atMost = high && graph.indicator('LessOrEqual', operand === 0 ? x : (low ?? x), high);
  const other = low && graph.indicator(operand === 0 ? 'GreaterOrEqual' : 'Less', x, low);
  return atMost && other ? graph.multiply(atMost, other) : (atMost ?? other);
}
