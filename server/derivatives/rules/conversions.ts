import { isFloat, type Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { elementwise, type Rule, type Rules } from '../rule.js';

/** Between floating-point types a direction is converted with its value; values of other types have none. */
const conversion: Rule = {
  forward: (operation, [tangent]) => [tangent && converted(operation, tangent, operation.output())],
  reverse: (operation, [cotangent]) => [cotangent && converted(operation, cotangent, operation.input(0))],
};

function converted({ graph }: Operation, direction: Value, { dtype }: Value): Value | null {
  return isFloat(dtype) ? graph.cast(direction, dtype) : null;
}

/** Operations that leave the numbers as they are, up to the type of their elements. */
export const conversions: Rules = { Identity: elementwise(() => null), Cast: conversion, CastLike: conversion };
