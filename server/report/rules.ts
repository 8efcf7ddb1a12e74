import type { Severity } from './report.js';

/**
 * The rules that findings come from: ids, severities and thresholds, all in this file. A severity or a threshold can be
 * overridden per rule by the configuration; the texts are in weightTexts.ts and jacobianTexts.ts, a page per rule is in
 * docs/rules/.
 *
 * Severities say what a person should do, not how odd a spectrum is. error: the tensor is broken. warning: part of the
 * model does next to nothing or was never set. information: worth knowing, and seen in networks that work well.
 */

export type WeightRuleId =
  | 'weights/non-finite'
  | 'weights/zero-tensor'
  | 'weights/dead-units'
  | 'weights/duplicate'
  | 'weights/constant'
  | 'weights/noise-like'
  | 'weights/rank-collapsed'
  | 'weights/ill-conditioned'
  | 'weights/outlier-spike';

export type JacobianRuleId = 'jacobian/exploding' | 'jacobian/vanishing' | 'jacobian/saturated';

export type RuleId = WeightRuleId | JacobianRuleId;

/** A rule as the project ships it. */
export interface Rule {
  id: string;
  severity: Severity;
  thresholds: Readonly<Record<string, number>>;
  /** Documentation page, relative to the project. */
  help: string;
}

/** What a configuration may say about a rule. */
export type RuleSetting = 'off' | Severity | { severity?: 'off' | Severity; thresholds?: Record<string, number> };

/** A rule as it holds in this run. */
export interface RuleInForce {
  severity: Severity;
  /** Whether the severity is a person's choice. */
  configured: boolean;
  threshold(name: string): number;
}

/**
 * A row of a thousandth of the median row's norm: what its unit adds is of the size of float16's rounding (2⁻¹⁰) beside
 * an ordinary unit. Dead rows of trained networks mostly lie another factor of ten or more below.
 */
const deadRowShare = 1e-3;
/** The same for the columns through which other layers read a unit. */
const ignoredColumnShare = 1e-3;
/** A matrix with more zeros than this is sparse by design: rows of zeros are then worth knowing, not a warning. */
const sparseZeroShare = 0.5;
/** Fewer equal weights than this are too easily equal by design (a learned scale, an averaging kernel of one channel). */
const constantElements = 16;
/** Probability of naming pure noise something else, through the distance from the law; the edge adds 0.005. */
const noiseLevel = 0.01;
/**
 * With fewer values than this noise and structure cannot be told apart: a head of ten classes that works perfectly has
 * too few values for one to stand out, and saying "noise" would be a guess.
 */
const noiseValues = 16;
/** One direction that holds more than this leaves all others together about a tenth of its size: √(0.01/0.99). */
const collapsedShare = 0.99;
/** A matrix of two or three directions is easily one-sided; nothing has collapsed there. */
const collapsedDirections = 4;
/** Four of float32's seven digits are lost when such a layer is inverted. */
const conditionNumber = 1e4;
/** How far the first value must stand above the second … */
const spikeOverSecond = 5;
/** … or above the largest value of a random matrix like the layer's background. */
const spikeOverEdge = 10;
/** Two or three values are no spectrum to stand out from. */
const spikeDirections = 4;

/**
 * Networks that are trained well stretch their inputs up to some hundredfold inside. Beyond a thousandfold, three of
 * float32's seven digits of the input are amplified into the first digit of the layer.
 */
const explodingStretch = 1e3;
/**
 * Gradients of earlier layers are scaled by this factor, too: below it they are of the size of float16's smallest normal
 * numbers (6·10⁻⁵), and a step of the usual size leaves the layers as they are.
 */
const vanishingStretch = 1e-4;
/** Half of the units of a random ReLU layer are closed at an input; three of four is what training or a bias has made. */
const saturatedShare = 0.75;

const rule = (id: RuleId, severity: Severity, thresholds: Record<string, number> = {}): Rule => ({ id, severity, thresholds, help: `docs/rules/${id}.md` });

/** Every rule of the weight analysis, in the order in which findings are listed. */
export const weightRules: Readonly<Record<WeightRuleId, Rule>> = {
  // The layer computes NaN for every input.
  'weights/non-finite': rule('weights/non-finite', 'error'),
  // A layer of zeros passes nothing on; now and then that is a deliberate initialisation, so it is no error.
  'weights/zero-tensor': rule('weights/zero-tensor', 'warning'),
  // Such units take memory and time for next to nothing. Exactly true only of rows and columns that are 0; others change
  // the function by about a thousandth of what an ordinary unit does.
  'weights/dead-units': rule('weights/dead-units', 'warning', { rowShare: deadRowShare, columnShare: ignoredColumnShare, zeroShare: sparseZeroShare }),
  // Tied weights are common and right.
  'weights/duplicate': rule('weights/duplicate', 'information'),
  // All its units compute the same: an initialisation that training never touched, or a placeholder.
  'weights/constant': rule('weights/constant', 'warning', { elements: constantElements }),
  // A statistical flag. Untrained layers look so, but so do trained ones whose change hides inside the noise.
  'weights/noise-like': rule('weights/noise-like', 'information', { level: noiseLevel, values: noiseValues }),
  // Layers of working networks with a strong common direction look so; it costs capacity, not correctness.
  'weights/rank-collapsed': rule('weights/rank-collapsed', 'information', { share: collapsedShare, directions: collapsedDirections }),
  // Square random matrices are already ill-conditioned now and then; it matters only to those who invert the layer.
  'weights/ill-conditioned': rule('weights/ill-conditioned', 'information', { conditionNumber }),
  // Trained layers often have one strong direction; it matters when they are quantised, pruned or attacked.
  'weights/outlier-spike': rule('weights/outlier-spike', 'information', { overSecond: spikeOverSecond, overEdge: spikeOverEdge, directions: spikeDirections }),
};

/** Every rule of the Jacobian analysis. On inputs that are made up the first two are of severity information at most. */
export const jacobianRules: Readonly<Record<JacobianRuleId, Rule>> = {
  // Small changes of an input, rounding among them, decide what such a layer puts out.
  'jacobian/exploding': rule('jacobian/exploding', 'warning', { stretch: explodingStretch }),
  // What such a layer puts out hardly matters, and training cannot reach it.
  'jacobian/vanishing': rule('jacobian/vanishing', 'warning', { stretch: vanishingStretch }),
  // Usual for ReLU: sparse activations are no fault of a network that works.
  'jacobian/saturated': rule('jacobian/saturated', 'hint', { share: saturatedShare }),
};

/** Every rule, in the order in which rules are listed. */
export const rules: Readonly<Record<RuleId, Rule>> = { ...weightRules, ...jacobianRules };

/** All rule ids that this version knows. */
export const ruleIds: readonly string[] = Object.keys(rules);

/**
 * A shipped rule with a configuration applied to it.
 *
 * @returns null where the rule is switched off; unknown threshold names in the setting are ignored
 */
export function ruleInForce(shipped: Rule, setting: RuleSetting | undefined): RuleInForce | null {
  const { severity = shipped.severity, thresholds = {} } = typeof setting === 'string' ? { severity: setting } : (setting ?? {});
  if (severity === 'off') return null;
  return {
    severity,
    configured: typeof setting === 'string' || setting?.severity !== undefined,
    threshold: (name) => (Object.hasOwn(thresholds, name) ? thresholds[name] : shipped.thresholds[name]),
  };
}

/** Severities from the worst on. */
const severityOrder: readonly Severity[] = ['error', 'warning', 'information', 'hint'];

/** Negative when a is worse than b. */
export function compareSeverity(a: Severity, b: Severity): number {
  return severityOrder.indexOf(a) - severityOrder.indexOf(b);
}

/** The worst of some severities; null for none. */
export function worstSeverity(severities: readonly Severity[]): Severity | null {
  return severityOrder.find((severity) => severities.includes(severity)) ?? null;
}
