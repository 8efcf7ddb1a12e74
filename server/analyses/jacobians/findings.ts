import type { InputsReport, JacobianReport, JacobianSpectra, LayerJacobians } from '../../report/jacobians.js';
import { explodingText, saturatedText, vanishingText, type StartingPoint, type StretchBasis } from '../../report/jacobianTexts.js';
import type { Finding } from '../../report/report.js';
import { compareSeverity, jacobianRules, ruleInForce, type JacobianRuleId, type RuleInForce, type RuleSetting } from '../../report/rules.js';
import type { FindingText } from '../../report/weightTexts.js';

/** What the rules look at. */
interface Subject {
  /** Uses of layers in topological order. */
  uses: readonly LayerJacobians[];
  basis: Omit<StretchBasis, 'exact' | 'limit'>;
}

type Found = FindingText & { layer: string; evidence: Finding['evidence'] };
type Check = (subject: Subject, rule: RuleInForce) => Found[];

/** Rules that speak of the network as a whole: of a part of its layers they would be wrong. */
const wholeNetwork: readonly JacobianRuleId[] = ['jacobian/exploding', 'jacobian/vanishing'];

/**
 * Findings of the Jacobian analysis, in the order of the rules and then of the layers. Numbers at inputs that are made up
 * say little of those that the network will see: then findings are of severity information at most, unless configured.
 *
 * @param complete false where the analysis was cut off: then nothing is said of the network as a whole
 * @param rules severities and thresholds by rule id, which replace the shipped ones
 */
export function findJacobianFindings(inputs: Pick<InputsReport, 'source'>, jacobians: Pick<JacobianReport, 'inputIndices' | 'layers'>, complete: boolean, rules: Readonly<Record<string, RuleSetting>>): Finding[] {
  const synthetic = inputs.source === 'synthetic';
  const subject: Subject = { uses: jacobians.layers, basis: { n: jacobians.inputIndices.length, synthetic } };
  return Object.values(jacobianRules).flatMap((shipped) => {
    const id = shipped.id as JacobianRuleId;
    const rule = ruleInForce(shipped, rules[id]);
    if (rule === null || (!complete && wholeNetwork.includes(id))) return [];
    const mild = synthetic && !rule.configured && compareSeverity(rule.severity, 'information') < 0;
    const severity = mild ? 'information' : rule.severity;
    return checks[id](subject, rule).map(({ layer, title, message, evidence }): Finding => ({ rule: id, severity, layer, title, message, evidence, help: shipped.help }));
  });
}

const checks: Readonly<Record<JacobianRuleId, Check>> = {
  'jacobian/exploding': exploding,
  'jacobian/vanishing': vanishing,
  'jacobian/saturated': saturated,
};

/** Median of σ₁ over the inputs; null where it is not known. */
function medianOf(spectra: JacobianSpectra | null): number | null {
  return spectra?.quantiles['0.5'].at(0) ?? null;
}

/** One finding, on the first layer over the limit: those behind it inherit its stretch. */
function exploding({ uses, basis }: Subject, rule: RuleInForce): Found[] {
  const limit = rule.threshold('stretch');
  const over = uses.flatMap((use, place) => {
    const stretch = medianOf(use.inputToLayer);
    return stretch !== null && stretch > limit ? [{ use, place, stretch }] : [];
  });
  if (over.length === 0) return [];
  const [first] = over;
  const largest = over.reduce((most, each) => (each.stretch > most.stretch ? each : most));
  const start = extreme(wayTo(uses, first.place).flatMap(localFactor), (a, b) => a > b);
  const another = largest === first ? null : { layer: largest.use.layer, stretch: largest.stretch };
  const text = explodingText(first.use.layer, first.stretch, another, start, { ...basis, exact: first.use.inputToLayer?.exact === true, limit });
  return [
    {
      ...text,
      layer: first.use.layer,
      evidence: { stretch: first.stretch, limit, largest: largest.stretch, largestLayer: largest.use.layer, layersOver: over.length, start: start?.layer ?? null, startFactor: start?.factor ?? null, inputs: basis.n, synthetic: basis.synthetic },
    },
  ];
}

/** One finding, on the first layer below the limit. */
function vanishing({ uses, basis }: Subject, rule: RuleInForce): Found[] {
  const limit = rule.threshold('stretch');
  const below = uses.flatMap((use, place) => {
    const stretch = medianOf(use.layerToOutput);
    return stretch !== null && stretch < limit ? [{ use, place, stretch }] : [];
  });
  if (below.length === 0) return [];
  const [first] = below;
  // Layers that do not reach the output are no way to it.
  const last = uses.findLastIndex(({ layerToOutput }) => medianOf(layerToOutput) !== null);
  const behind = medianOf(uses[last].layerToOutput);
  const factors = [
    ...wayTo(uses, last).filter((place) => place.index > first.place).flatMap(localFactor),
    ...(behind === null ? [] : [{ layer: uses[last].layer, factor: behind, behind: true }]),
  ];
  const start = extreme(factors, (a, b) => a < b);
  const text = vanishingText(first.use.layer, first.stretch, start, { ...basis, exact: first.use.layerToOutput?.exact === true, limit });
  return [
    {
      ...text,
      layer: first.use.layer,
      evidence: { stretch: first.stretch, limit, layersBelow: below.length, start: start?.layer ?? null, startFactor: start?.factor ?? null, behind: start?.behind ?? null, inputs: basis.n, synthetic: basis.synthetic },
    },
  ];
}

/** One finding a layer, of the use with the most closed units. */
function saturated({ uses, basis }: Subject, rule: RuleInForce): Found[] {
  const limit = rule.threshold('share');
  const worst = new Map<string, NonNullable<LayerJacobians['saturation']>>();
  for (const { layer, saturation } of uses) {
    if (saturation !== null && saturation.share > limit && saturation.share > (worst.get(layer)?.share ?? 0)) worst.set(layer, saturation);
  }
  return [...worst].map(([layer, { activation, share, never, units }]) => ({
    ...saturatedText(layer, activation, share, { ...basis, exact: true, limit }),
    layer,
    evidence: { share, limit, activation, never, units, inputs: basis.n, synthetic: basis.synthetic },
  }));
}

interface Place {
  use: LayerJacobians;
  index: number;
}

/**
 * The layers through which every path to one of them goes, that one included, from the first on: their local factors
 * multiply to no less than its σ₁.
 */
function wayTo(uses: readonly LayerJacobians[], index: number): Place[] {
  const way: Place[] = [];
  for (let at = index; at >= 0; ) {
    const use = uses[at];
    way.unshift({ use, index: at });
    // A layer that is used several times: the nearest use before this one.
    at = use.localFrom === null ? -1 : uses.slice(0, at).findLastIndex(({ layer }) => layer === use.localFrom);
  }
  return way;
}

function localFactor({ use }: Place): StartingPoint[] {
  const factor = medianOf(use.layerLocal);
  return factor === null ? [] : [{ layer: use.layer, factor, behind: false }];
}

/** The one that comes before all others; null of none. */
function extreme(points: readonly StartingPoint[], before: (a: number, b: number) => boolean): StartingPoint | null {
  return points.reduce<StartingPoint | null>((best, point) => (best === null || before(point.factor, best.factor) ? point : best), null);
}
