import { rules, type Rule, type RuleId } from './rules.js';

/** How a rule is spoken of when it concerns several layers: `4 of 8 layers have dead units`. */
export interface RulePhrase {
  /** In words, for lists of rules. */
  title: string;
  /** One sentence: what the rule finds. */
  description: string;
  /** After `1 of 8 layers`. */
  one: string;
  /** After `4 of 8 layers`. */
  many: string;
  /** In `No layer was found to be …`; null for rules that the sentence leaves out. */
  absent: string | null;
}

const knownPhrases: Readonly<Record<RuleId, RulePhrase>> = {
  'weights/non-finite': {
    title: 'Weights that are not finite',
    description: 'A weight tensor holds NaN or infinity, so it has no spectrum.',
    one: 'holds NaN or infinity',
    many: 'hold NaN or infinity',
    absent: null,
  },
  'weights/zero-tensor': {
    title: 'Tensor of zeros',
    description: 'Every weight of a layer is 0.',
    one: 'is all 0',
    many: 'are all 0',
    absent: null,
  },
  'weights/dead-units': {
    title: 'Dead units',
    description: 'Units of a layer have weights next to 0, or are read with weights next to 0 by every layer behind them.',
    one: 'has dead units',
    many: 'have dead units',
    absent: null,
  },
  'weights/duplicate': {
    title: 'Duplicate tensor',
    description: 'Two layers hold the same bytes.',
    one: 'holds the bytes of another',
    many: 'hold the bytes of another',
    absent: 'duplicated',
  },
  'weights/constant': {
    title: 'Constant tensor',
    description: 'Every weight of a layer has the same value.',
    one: 'has a single value everywhere',
    many: 'have a single value everywhere',
    absent: null,
  },
  'weights/noise-like': {
    title: 'Noise-like layer',
    description: 'The singular values of a layer cannot be told from those of a random matrix.',
    one: 'cannot be told from noise',
    many: 'cannot be told from noise',
    absent: 'noise',
  },
  'weights/rank-collapsed': {
    title: 'Collapsed rank',
    description: 'One direction of a layer holds nearly all of its energy.',
    one: 'has collapsed to one direction',
    many: 'have collapsed to one direction',
    absent: 'collapsed',
  },
  'weights/ill-conditioned': {
    title: 'Ill-conditioned layer',
    description: 'The largest singular value of a layer is very many times the smallest one.',
    one: 'is ill-conditioned',
    many: 'are ill-conditioned',
    absent: null,
  },
  'weights/outlier-spike': {
    title: 'Outlying direction',
    description: 'The largest singular value of a layer stands far above the second one or above the edge of noise.',
    one: 'has one dominating direction',
    many: 'have one dominating direction',
    absent: null,
  },
  'jacobian/exploding': {
    title: 'Exploding stretch',
    description: 'The inputs are stretched beyond a limit on their way to a layer.',
    one: 'stretches the inputs beyond the limit',
    many: 'stretch the inputs beyond the limit',
    absent: null,
  },
  'jacobian/vanishing': {
    title: 'Vanishing gradient',
    description: 'Of a change at a layer next to nothing arrives at the output.',
    one: 'hardly reaches the output',
    many: 'hardly reach the output',
    absent: null,
  },
  'jacobian/saturated': {
    title: 'Saturated units',
    description: 'Most units of a layer pass no derivative.',
    one: 'has mostly closed units',
    many: 'have mostly closed units',
    absent: null,
  },
};

/** By id, since the findings of a saved report may come from rules that this version does not know. */
const phrases: Readonly<Record<string, RulePhrase>> = knownPhrases;

/** Title and description of a rule; a rule that this version does not know is called by its id. */
export function ruleWords(rule: string): Pick<RulePhrase, 'title' | 'description'> {
  return Object.hasOwn(phrases, rule) ? phrases[rule] : { title: rule, description: `Findings of the rule ${rule}.` };
}

/** The rule as the project ships it; undefined where this version does not know it. */
export function shippedRule(rule: string): Rule | undefined {
  return Object.hasOwn(rules, rule) ? rules[rule as RuleId] : undefined;
}

/** Documentation page of a rule, relative to the project. */
export function ruleHelp(rule: string): string {
  return shippedRule(rule)?.help ?? `docs/rules/${rule}.md`;
}

/** Rules under which a layer carries no information at all: then nothing is said to be sound. */
export const emptyLayerRules: readonly string[] = ['weights/zero-tensor', 'weights/constant'];

/** What follows `n of m layers`. Rules that this version does not know are named by their id. */
export function rulePhrase(rule: string, layers: number): string {
  const phrase = Object.hasOwn(phrases, rule) ? phrases[rule] : undefined;
  if (phrase === undefined) return layers === 1 ? `is named by ${rule}` : `are named by ${rule}`;
  return layers === 1 ? phrase.one : phrase.many;
}

/** Words for the rules that found nothing, in the order noise, collapsed, duplicated. */
export function absentWords(rulesWithFindings: ReadonlySet<string>): string[] {
  return ['weights/noise-like', 'weights/rank-collapsed', 'weights/duplicate'].flatMap((rule) =>
    rulesWithFindings.has(rule) || phrases[rule].absent === null ? [] : [phrases[rule].absent],
  );
}
