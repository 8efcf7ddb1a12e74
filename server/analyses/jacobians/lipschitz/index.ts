import { activationGains } from './activations.js';
import { arithmeticGains } from './arithmetic.js';
import type { Gains } from './boundedOperation.js';
import { linearGains } from './linear.js';
import { movementGains } from './movements.js';
import { normalizationGains } from './normalizations.js';
import { windowGains } from './windows.js';

/** How each operator passes bounds on, by its name as `operatorName` writes it. */
export const gains: ReadonlyMap<string, Gains[string]> = new Map([activationGains, arithmeticGains, linearGains, movementGains, normalizationGains, windowGains].flatMap((family) => Object.entries(family)));

/** Operators whose derivative is not bounded over all inputs. */
export const unboundedOperators: ReadonlySet<string> = new Set(['Pow', 'Exp', 'Sqrt', 'Log', 'Reciprocal', 'Sinh', 'Cosh', 'Tan', 'Acos', 'Asin', 'Acosh', 'Atanh', 'ReduceProd', 'ReduceSumSquare', 'ReduceLogSum', 'LpNormalization']);

/** Operators that round: their own derivative is zero between jumps, and the one that is passed through them is none of theirs. */
export const roundingOperators: ReadonlySet<string> = new Set(['QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear', 'com.microsoft.QuantizeLinear', 'com.microsoft.DequantizeLinear']);
