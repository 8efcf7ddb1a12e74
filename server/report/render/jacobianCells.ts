import { jacobianOverviewOf, labelOf } from '../jacobianView.js';
import type { JacobianReport, JacobianSpectra, LayerJacobians } from '../jacobians.js';
import type { JacobianOverview } from '../jacobianViews.js';
import { tightFactor } from '../jacobianAnswer.js';
import { formatNumber } from '../numbers.js';
import type { Report } from '../report.js';
import { quantileOf } from '../sampleQuantiles.js';
import type { Answer } from '../views.js';
import { nothing, plural } from '../wording.js';

/** Digits of ratios, of mean and deviation of ln σ, and of effective ranks. */
const ratioDigits = 3;

/** One use of a layer, or f itself, as people read it. */
export interface JacobianCells {
  label: string;
  /** Median of σ₁(input → layer). */
  toLayer: string;
  /** Its quantiles. */
  range: string;
  /** The largest seen. */
  largest: string;
  /** Proven bound, with its ratio to the largest seen. */
  bound: string;
  /** Median of σ₁ of the local Jacobian. */
  local: string;
  /** Median of σ₁(layer → output). */
  toOutput: string;
  /** Mean and deviation of the local ln σ. */
  isometry: string;
  /** Of input → layer, of how many directions. */
  effectiveRank: string;
}

/** Whether the weights of the report were analysed; else its Jacobians are all there is to tell. */
export function hasWeights(report: Report): boolean {
  return report.settings.only.includes('weights');
}

/** The first lines of a report: those of its Jacobians where only these were asked for. */
export function headAnswer(report: Report, answer: Answer, jacobians: JacobianOverview | null): Answer {
  if (hasWeights(report)) return answer;
  return answerOfJacobians(report, jacobians) ?? answer;
}

/** The answer of the Jacobian analysis; null where it was not asked for. */
export function answerOfJacobians(report: Report, jacobians: JacobianOverview | null): Answer | null {
  const { incomplete } = report;
  if (jacobians === null) return withoutJacobians(report);
  if (jacobians.state !== 'cancelled' || incomplete === undefined) return jacobians.answer;
  const done = new Set(jacobians.rows.map(({ layer }) => layer)).size;
  return { verdict: `${incomplete.reason === 'timeout' ? 'Timed out' : 'Cancelled'} after the Jacobians of ${done} of ${plural(incomplete.layersTotal, 'layer')}.`, rest: 'What was done stays; the answer for the whole network is withheld.', basis: jacobians.answer.basis };
}

/** Why the analysis as a whole has no numbers; null where it was not asked for, or has some. */
function withoutJacobians(report: Report): Answer | null {
  if (!report.settings.only.includes('jacobian') || jacobianOverviewOf(report) !== null) return null;
  const reason = report.skipped.find(({ analysis, layer }) => analysis === 'jacobian' && layer === undefined)?.reason;
  return { verdict: 'There are no Jacobians.', rest: reason ?? 'The analysis did not come to them.', basis: '' };
}

/** What was passed over, without the analysis as a whole: that is told where its numbers would stand. */
export function skippedParts(report: Report): Report {
  return { ...report, skipped: report.skipped.filter(({ analysis, layer, tensor }) => analysis !== 'jacobian' || layer !== undefined || tensor !== undefined || !isTold(report)) };
}

/** Whether the reason stands in the answer of the analysis. */
function isTold(report: Report): boolean {
  return withoutJacobians(report) !== null || report.jacobians?.selfCheck.passed === false || report.jacobians?.output === null;
}

/** The uses of layers in topological order, and f at the end where it is no layer's output. Cost O(layers · inputs). */
export function jacobianCells(jacobians: JacobianReport, synthetic: boolean): JacobianCells[] {
  const repeated = new Set(jacobians.layers.filter(({ call }) => call > 0).map(({ layer }) => layer));
  const rows = jacobians.layers.map((use) => cellsOf(labelOf(use, repeated), use, synthetic));
  const { output } = jacobians;
  if (output === null || jacobians.layers.some(({ value }) => value === jacobians.function.tensor)) return rows;
  const none = { layerLocal: null, layerToOutput: null, bound: null };
  return [...rows, cellsOf('output', { ...none, inputToLayer: output, truth: largestOf(output) }, synthetic)];
}

type Numbers = Pick<LayerJacobians, 'inputToLayer' | 'layerLocal' | 'layerToOutput' | 'bound' | 'truth'>;

function cellsOf(label: string, use: Numbers, synthetic: boolean): JacobianCells {
  const { inputToLayer, layerLocal, layerToOutput, truth } = use;
  const sign = (spectra: JacobianSpectra): string => (synthetic || !spectra.exact ? '≈ ' : '');
  const median = (spectra: JacobianSpectra | null): string => (spectra === null ? nothing : signed(sign(spectra), stretchAt(spectra, '0.5')));
  return {
    label,
    toLayer: median(inputToLayer),
    range: inputToLayer === null ? nothing : rangeText(sign(inputToLayer), inputToLayer),
    largest: inputToLayer === null ? nothing : signed(sign(inputToLayer), truth),
    bound: boundText(use),
    local: median(layerLocal),
    toOutput: median(layerToOutput),
    isometry: layerLocal === null ? nothing : isometryText(synthetic ? '≈ ' : '', layerLocal),
    effectiveRank: inputToLayer === null ? nothing : effectiveRankText(synthetic ? '≈ ' : '', inputToLayer),
  };
}

function stretchAt(spectra: JacobianSpectra, share: keyof JacobianSpectra['quantiles']): number | null {
  return spectra.quantiles[share].at(0) ?? null;
}

function largestOf({ singularValues }: JacobianSpectra): number | null {
  const values = singularValues.flatMap((ofInput) => ofInput.slice(0, 1));
  return values.length === 0 ? null : values.reduce((a, b) => Math.max(a, b));
}

function signed(sign: string, value: number | null): string {
  return value === null ? nothing : sign + formatNumber(value);
}

function rangeText(sign: string, spectra: JacobianSpectra): string {
  const [low, high] = [stretchAt(spectra, '0.05'), stretchAt(spectra, '0.95')];
  return low === null || high === null ? nothing : `${sign}${formatNumber(low)}–${formatNumber(high)}`;
}

function boundText({ bound, truth }: Numbers): string {
  if (bound === null) return nothing;
  const ratio = truth === null || truth === 0 ? '' : bound / truth < tightFactor ? ' (tight)' : ` (${formatNumber(bound / truth, ratioDigits)} ×)`;
  return `≤ ${formatNumber(bound)}${ratio}`;
}

function isometryText(sign: string, { measures }: JacobianSpectra): string {
  const [mean, deviation] = [quantileOf(measures.meanLog, 0.5), quantileOf(measures.deviationLog, 0.5)];
  return mean === null || deviation === null ? nothing : `${sign}${formatNumber(mean, ratioDigits)} ± ${formatNumber(deviation, ratioDigits)}`;
}

function effectiveRankText(sign: string, { measures, rows, columns }: JacobianSpectra): string {
  const rank = quantileOf(measures.effectiveRank, 0.5);
  return rank === null ? nothing : `${sign}${formatNumber(rank, ratioDigits)}/${Math.min(rows, columns)}`;
}
