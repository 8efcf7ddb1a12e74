import { formatLimit, formatNumber, formatShare } from './numbers.js';
import { longestMessage, quotedId, type FindingText } from './weightTexts.js';
import { plural } from './wording.js';

/** Titles and messages of the Jacobian rules; of the same lengths as those of the weight rules. */

/** Digits of the factor at which to start looking. */
const factorDigits = 3;
/** Digits of a mean share of units. */
const shareDigits = 2;

/** What a sentence about stretch rests on. */
export interface StretchBasis {
  /** Inputs of the sample. */
  n: number;
  synthetic: boolean;
  /** False where σ₁ is estimated. */
  exact: boolean;
  limit: number;
}

/** A layer where to start looking. */
export interface StartingPoint {
  layer: string;
  /** Median of σ₁ of its local Jacobian, or of what follows it. */
  factor: number;
  /** The factor is that of what follows the layer, up to the output. */
  behind: boolean;
}

/**
 * @param layer the first over the limit
 * @param stretch median of σ₁(input → layer)
 * @param largest the layer with the largest one, where that is another
 * @param start where the largest local factor on the way to `layer` is; null where none is known
 */
export function explodingText(layer: string, stretch: number, largest: { layer: string; stretch: number } | null, start: StartingPoint | null, basis: StretchBasis): FindingText {
  const sign = signOf(basis);
  const fact = (also: string): string => `Up to ${quotedId(layer)} inputs are stretched ${sign}${formatNumber(stretch)}-fold (${basisText(basis)})${also}.`;
  const action = start === null ? 'Start with the layers before it.' : `Start ${start.layer === layer ? 'there' : `at ${quotedId(start.layer)}`}, where the local factor is ${sign}${formatNumber(start.factor, factorDigits)}.`;
  const whole = largest === null ? null : `${fact(`, up to ${quotedId(largest.layer)} ${sign}${formatNumber(largest.stretch)}-fold`)} ${action}`;
  return {
    title: `Inputs are stretched ${sign}${formatNumber((largest ?? { stretch }).stretch)}-fold`,
    // The names of two or three layers may be long: the largest stretch is in the title, too.
    message: whole !== null && whole.length <= longestMessage ? whole : `${fact('')} ${action}`,
  };
}

/**
 * @param layer the first from which less than the limit arrives
 * @param stretch median of σ₁(layer → output)
 * @param start where the smallest factor on the way to the output is; null where none is known
 */
export function vanishingText(layer: string, stretch: number, start: StartingPoint | null, basis: StretchBasis): FindingText {
  const sign = signOf(basis);
  const arrives = stretch === 0 ? 'nothing' : `at most ${sign}${formatNumber(stretch)}`;
  const fact = `From ${quotedId(layer)} to the output ${arrives} of a change arrives (${basisText(basis)}).`;
  const message = `${fact} ${vanishingAction(start, sign)}`;
  return {
    title: stretch === 0 ? 'Nothing of a change arrives at the output' : `At most ${sign}${formatNumber(stretch)} of a change arrives at the output`,
    message: message.length <= longestMessage ? message : `${fact} ${vanishingAction(null, sign)}`,
  };
}

function vanishingAction(start: StartingPoint | null, sign: string): string {
  if (start === null) return 'Add a skip connection or normalisation behind it.';
  const factor = `${sign}${formatNumber(start.factor, factorDigits)}`;
  if (start.behind) return `Most is lost behind ${quotedId(start.layer)} (factor ${factor}): look at what follows it.`;
  return `Most is lost at ${quotedId(start.layer)} (local factor ${factor}): add a skip connection or normalisation before it.`;
}

/**
 * @param activation operator behind the layer
 * @param share mean share of closed units over the inputs
 * @param limit of that share
 */
export function saturatedText(layer: string, activation: string, share: number, basis: StretchBasis): FindingText {
  const percent = formatShare(share, shareDigits);
  const sign = basis.synthetic ? '≈ ' : '';
  const oneSided = closingAtZero.get(activation);
  return {
    title: `${sign}${percent} of units pass no derivative`,
    message: `${quotedId(layer)}: on average ${sign}${percent} of units pass ${oneSided === undefined ? 'next to no' : 'no'} derivative (${oneSided ?? activation}, ${inputsText(basis)}, limit ${formatLimit(100 * basis.limit)} %). ${oneSided === undefined ? 'They sit at its ends: smaller weights or a normalisation before it open them.' : `Usual for ${oneSided}; look here first only if training has stalled.`}`,
  };
}

/** Activations that are 0 on one side by design, by operator, in the words of the field. */
const closingAtZero: ReadonlyMap<string, string> = new Map([['Relu', 'ReLU'], ['ThresholdedRelu', 'thresholded ReLU'], ['HardSwish', 'hard swish']]);

function signOf({ synthetic, exact }: StretchBasis): string {
  return synthetic || !exact ? '≈ ' : '';
}

function inputsText({ n, synthetic }: StretchBasis): string {
  return plural(n, synthetic ? 'random input' : 'input');
}

function basisText(basis: StretchBasis): string {
  return `median of ${inputsText(basis)}, limit ${formatLimit(basis.limit)}`;
}
