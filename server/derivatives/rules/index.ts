import { operatorName, type Node } from '../graph.js';
import { type Rule, type Rules } from '../rule.js';
import { activations } from './activations.js';
import { arithmetic } from './arithmetic.js';
import { contractions } from './contractions.js';
import { steps } from './steps.js';

/** One file per family of operators. */
const families: readonly Rules[] = [activations, arithmetic, contractions, steps];

const rules = new Map(families.flatMap((family) => Object.entries(family)));

/** The rule of a node's operator; null where there is none. */
export function ruleFor(node: Node): Rule | null {
  return rules.get(operatorName(node)) ?? null;
}

/** Operators with a rule, as `operatorName` writes them. */
export function differentiableOperators(): string[] {
  return [...rules.keys()].sort();
}
