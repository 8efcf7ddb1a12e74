import { operatorName, type Node } from '../graph.js';
import { type Rule, type Rules } from '../rule.js';
import { activations } from './activations.js';
import { arithmetic } from './arithmetic.js';
import { choices } from './choices.js';
import { contractions } from './contractions.js';
import { conversions } from './conversions.js';
import { convolutions } from './convolutions.js';
import { functions } from './functions.js';
import { normalizations } from './normalizations.js';
import { pooling } from './pooling.js';
import { reductions } from './reductions.js';
import { softmax } from './softmax.js';
import { sums } from './einsum.js';
import { indexing } from './indexing.js';
import { shapes } from './shapes.js';
import { splits } from './split.js';
import { quantization } from './quantization.js';
import { range } from './range.js';
import { steps } from './steps.js';

/** One file per family of operators. */
const families: readonly Rules[] = [activations, arithmetic, choices, contractions, conversions, convolutions, functions, normalizations, pooling, reductions, softmax, sums, indexing, shapes, splits, range, steps, quantization];

const rules = new Map(families.flatMap((family) => Object.entries(family)));

/** The rule of a node's operator; null where there is none. */
export function ruleFor(node: Node): Rule | null {
  return ruleNamed(operatorName(node));
}

/** The same by the operator's name, as `operatorName` writes it. */
export function ruleNamed(operator: string): Rule | null {
  return rules.get(operator) ?? null;
}

/** Operators with a rule, as `operatorName` writes them. */
export function differentiableOperators(): string[] {
  return [...rules.keys()].sort();
}
