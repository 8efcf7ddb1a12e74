import { isFloat, type Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { elementwise, type Rule, type Rules } from '../rule.js';

/**
 * Between floating-point types a direction is converted with its value. From quantized values it goes on as it is, in units
 * of their integers; to integers there is none.
 */
const conversion: Rule = {
  forward: (operation, [tangent]) => [tangent && converted(operation, tangent, operation.output())],
  reverse: (operation, [cotangent]) => [cotangent && converted(operation, cotangent, operation.input(0))],
};

function converted({ graph, inputs }: Operation, direction: Value, { dtype }: Value): Value | null {
  if (isFloat(dtype)) return graph.cast(direction, dtype);
  return inputs[0] !== null && isFloat(inputs[0].dtype) ? null : direction;
}

/** Operations that leave the numbers as they are, up to the type of their elements. */
export const conversions: Rules = { Identity: elementwise(() => null), Cast: conversion, CastLike: conversion };
