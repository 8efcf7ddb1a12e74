import { type BoundedOperation, type Gain, type Gains, rootOfSquares, sum } from './boundedOperation.js';

const added: Gain = (operation) => sum(operation.broadcast());

/** Each element is one of those of the operands, at kinks a mean of them. */
const chosen: Gain = (operation) => rootOfSquares(operation.broadcast());

/** Sums add the bounds of their operands, products with constants multiply them. */
export const arithmeticGains: Gains = {
  Add: added,
  Sub: added,
  Sum: added,
  Mean: (operation) => sum(operation.broadcast()) / operation.bounds.length,
  Max: chosen,
  Min: chosen,
  /** A condition carries no derivative, and for each element one of the two others is taken. */
  Where: (operation) => rootOfSquares(operation.broadcast([1, 2])),
  Mul: product,
  Div: quotient,
};

async function product(operation: BoundedOperation): Promise<number> {
  if (operation.isActive(0) && operation.isActive(1)) operation.refuse('multiplies two values that depend on the input, which has no Lipschitz constant over all inputs');
  return sum(operation.broadcast()) * (await operation.largestMagnitude(operation.isActive(0) ? 1 : 0));
}

async function quotient(operation: BoundedOperation): Promise<number> {
  if (operation.isActive(1)) operation.refuse('divides by a value that depends on the input, which has no Lipschitz constant over all inputs');
  const { values } = await operation.constant(1);
  let smallest = Infinity;
  for (const value of values) smallest = Math.min(smallest, Math.abs(value));
  return smallest > 0 ? sum(operation.broadcast()) / smallest : operation.refuse('divides by a constant with a zero in it');
}
