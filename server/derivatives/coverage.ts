import { controlFlow } from './controlFlow.js';
import { float64Operators } from './float64/index.js';
import { loweredOperators } from './lowerings/index.js';
import { optionalOperators, sequenceOperators } from './lowerings/sequences.js';
import { differentiableOperators, ruleNamed } from './rules/index.js';
import { constantRule } from './rule.js';

/** How the derivative of an operator is found. */
export interface Coverage {
  operator: string;
  /** A rule of its own, one that says that it is constant between jumps, simpler operators in its place, or what it does for the inputs at hand. */
  derivative: 'rule' | 'constant' | 'lowered' | 'lowered where needed' | 'followed';
  /** Whether it is written otherwise where derivatives are computed in float64. */
  float64: boolean;
}

/** All operators that can be differentiated, by name. */
export function coverage(): Coverage[] {
  const [rules, lowered, double] = [new Set(differentiableOperators()), new Set(loweredOperators()), new Set(float64Operators())];
  const followed = new Set([...controlFlow, ...sequenceOperators, ...optionalOperators]);
  return [...new Set([...rules, ...lowered, ...followed])].sort().map((operator) => {
    const rule = ruleNamed(operator);
    const derivative = followed.has(operator) ? 'followed' : rule === null ? 'lowered' : lowered.has(operator) ? 'lowered where needed' : rule === constantRule ? 'constant' : 'rule';
    return { operator, derivative, float64: double.has(operator) };
  });
}

/** The text of docs/operators.md. */
export function coveragePage(): string {
  const words = { rule: 'by a rule', constant: 'zero: constant between jumps', lowered: 'by the operators it is made of', 'lowered where needed': 'by a rule; older and special forms by other operators', followed: 'what it does for the inputs at hand' };
  const operators = coverage();
  const rows = operators.map(({ operator, derivative, float64 }) => `| ${operator} | ${words[derivative]} | ${float64 ? 'yes' : ''} |`);
  return [
    '# Operators that can be differentiated',
    '',
    `Made by \`npm run operators\` from the rules in \`server/derivatives\`: ${operators.length} operators, those of onnxruntime with their domain in front. Any other operator stops only the analyses that pass through it. [Derivatives](derivatives.md) tells how one is added.`,
    '',
    '| operator | derivative | written as other operators in float64 |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
