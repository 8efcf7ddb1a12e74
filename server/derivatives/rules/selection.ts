import type { Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { alignTangent, fillOutput, plus, sumToShape, type Rule, type Rules } from '../rule.js';
import { byElement } from './byElement.js';

/** Each element is that of one of two operands; the condition has no derivative. */
const where: Rule = {
  forward(operation, tangents) {
    const rank = operation.output().shape.length;
    const parts = [1, 2].map((operand) => {
      const tangent = tangents.at(operand) ?? null;
      return tangent && chosen(operation, alignTangent(operation, tangent, rank), operand);
    });
    const sum = plus(operation.graph, parts[0], parts[1]);
    return [sum && fillOutput(operation, sum)];
  },
  reverse(operation, [cotangent], needed) {
    const part = (operand: number): Value | null => {
      if (cotangent === null || !needed[operand]) return null;
      return sumToShape(operation, chosen(operation, cotangent, operand), operation.input(operand).shape);
    };
    return [null, part(1), part(2)];
  },
};

/** A direction where its operand is chosen, and 0 elsewhere: a product would turn infinite elements into NaN. */
function chosen(operation: Operation, direction: Value, operand: number): Value {
  const { graph } = operation;
  const zero = graph.scalar(0, direction);
  return operand === 1 ? graph.where(operation.input(0), direction, zero) : graph.where(operation.input(0), zero, direction);
}

/** The largest or smallest of the operands; equal ones share the derivative, as in PyTorch. */
const extreme = byElement((operation, operand) => {
  const { graph } = operation;
  const y = operation.output();
  const shares = operation.inputs.map((_, i) => graph.indicator('Equal', operation.input(i), y));
  return graph.divide(shares[operand], shares.reduce((sum, share) => graph.add(sum, share)));
});

/** min(max(x, low), high): 1 for x at a bound and between them, as in PyTorch; a bound has the derivative beyond it. */
const clip = byElement((operation, operand) => {
  const { graph } = operation;
  const x = operation.input(0);
  const [low, high] = [operation.inputs.at(1) ?? null, operation.inputs.at(2) ?? null];
  const both = (a: Value | null, b: Value | null): Value | null => (a === null || b === null ? (a ?? b) : graph.multiply(a, b));
  if (operand === 0) return both(low && graph.indicator('GreaterOrEqual', x, low), high && graph.indicator('LessOrEqual', x, high));
  if (operand === 1) return both(low && graph.indicator('Less', x, low), low && high && graph.indicator('LessOrEqual', low, high));
  const above = high && graph.indicator('Greater', x, high);
  return low && high && above ? graph.binary('Max', above, graph.indicator('Less', high, low)) : above;
});

/** Operations that choose among their operands by element. Definitions: https://onnx.ai/onnx/operators */
export const selection: Rules = { Where: where, Max: extreme, Min: extreme, Clip: clip };
