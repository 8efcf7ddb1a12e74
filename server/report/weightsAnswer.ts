import { activeFindings } from './layerFacts.js';
import { formatCount, formatNumber } from './numbers.js';
import type { Finding, Metrics, SpectrumMethod } from './report.js';
import { compareSeverity, jacobianRules } from './rules.js';
import type { Answer, LayerDetail } from './views.js';
import { conditionText, plural } from './wording.js';

/** κ below which the answer calls a layer well conditioned: float32 keeps four of its seven digits. */
const wellConditioned = 1e3;

type Detail = Omit<LayerDetail, 'answer'>;

/** What the methods of the report do, for those who do not know their names. */
const methodWords: Readonly<Record<SpectrumMethod, string>> = {
  'two-stage': 'by direct decomposition',
  'qr-first': 'by a QR factorisation and the decomposition of its triangle',
  gram: 'from the eigenvalues of its product with its own transpose',
  krylov: 'by Krylov iteration',
  fft: 'by Fourier transform',
  lanczos: 'by Lanczos iteration',
};

/** The first lines of the Weights tab: what does this layer's spectrum say? */
export function weightsAnswer(detail: Detail): Answer {
  return { ...sentences(detail), basis: basisOf(detail) };
}

function sentences(detail: Detail): Omit<Answer, 'basis'> {
  const { row, metrics, health } = detail;
  if (health.nonFinite.count > 0) {
    const at = health.nonFinite.firstIndex === null ? '' : `, the first at flat index ${formatCount(health.nonFinite.firstIndex)}`;
    return { verdict: `${row.id} holds ${plural(health.nonFinite.count, 'value')} that ${health.nonFinite.count === 1 ? 'is' : 'are'} not finite${at}.`, rest: 'Its spectrum is not computed.' };
  }
  if (metrics === null) return { verdict: `${row.id} was not analysed.`, rest: row.reason ?? '' };
  if (metrics.spectralNorm === 0) return { verdict: `All ${formatCount(row.parameters)} weights of ${row.id} are 0.`, rest: 'There is no spectrum to draw.' };
  if (health.constant !== null) return { verdict: `Every weight of ${row.id} is ${formatNumber(health.constant)}.`, rest: 'The matrix has rank 1.' };
  const worst = activeFindings(detail.findings).filter(({ rule }) => !Object.hasOwn(jacobianRules, rule)).sort((a, b) => compareSeverity(a.severity, b.severity)).at(0);
  return worst === undefined ? sound(row, metrics, detail) : named(worst, detail, metrics);
}

function named(finding: Finding, detail: Detail, metrics: Metrics): Omit<Answer, 'basis'> {
  const { row, noise } = detail;
  switch (finding.rule) {
    case 'weights/dead-units': {
      const dead = deadUnits(finding);
      // Rows near 0 need not lower the numerical rank: then only the units are counted.
      if (dead !== null && metrics.numericalRank >= row.fullRank) {
        return { verdict: `${dead} of the ${plural(row.matrixShape[0], 'unit')} of ${row.id} ${dead === 1 ? 'is' : 'are'} dead.`, rest: energySentence(row, metrics) };
      }
      const units = dead === null ? 'some units are dead' : `${plural(dead, 'unit')} ${dead === 1 ? 'is' : 'are'} dead`;
      return { verdict: `${uses(row, metrics)}; ${units}.`, rest: conditioning(row, metrics) };
    }
    case 'weights/noise-like':
      return { verdict: `${row.id} cannot be told from random weights.`, rest: noiseSentence(finding, noise) };
    case 'weights/duplicate':
      return { verdict: `${row.id} holds the same bytes as ${detail.health.duplicateOf ?? 'another layer'}.`, rest: energySentence(row, metrics) };
    case 'weights/rank-collapsed':
      return { verdict: `${row.id} has collapsed: ${directions(metrics.energyRank?.['0.99'] ?? null)} of ${row.fullRank} ${metrics.energyRank?.['0.99'] === 1 ? 'holds' : 'hold'} 99 % of the energy.`, rest: conditioning(row, metrics) };
    case 'weights/outlier-spike': {
      const second = detail.spectrum?.curve.y[1] ?? 0;
      const ratio = second > 0 ? `, ${formatNumber(metrics.spectralNorm / second, 3)} × the second` : '';
      return { verdict: `One direction of ${row.id} dominates: σ₁ ${formatNumber(metrics.spectralNorm)}${ratio}.`, rest: energySentence(row, metrics) };
    }
    case 'weights/ill-conditioned':
      return { verdict: `${row.id} is ill-conditioned: κ ${conditionText(metrics.conditionNumber)}.`, rest: conditioning(row, metrics) };
    default:
      return { verdict: `${uses(row, metrics)}.`, rest: finding.message };
  }
}

/** Without a finding: does it stand above noise, and where does its energy lie? */
function sound(row: Detail['row'], metrics: Metrics, { noise }: Detail): Omit<Answer, 'basis'> {
  if (noise?.lawIsFit === true && noise.above > 0) {
    // One value above the edge happens to noise, too: that is no verdict on the layer.
    const stands = `${plural(noise.above, 'direction')} of ${row.id} ${noise.above === 1 ? 'stands' : 'stand'} above the 99 % noise edge${edgeText(noise)}`;
    return { verdict: `${stands}.`, rest: `${energySentence(row, metrics)} ${conditioning(row, metrics)}`.trim() };
  }
  return { verdict: `${uses(row, metrics)}.`, rest: `${energySentence(row, metrics)} ${conditioning(row, metrics)}`.trim() };
}

/**
 * The finding looks at the edge that noise passes in 0.5 % of cases, with the variance of all entries; the chart draws the
 * edge of the fitted bulk at 1 %. A value between the two is told, so that sentence and chart agree.
 */
function noiseSentence(finding: Finding, noise: Detail['noise']): string {
  const edge = typeof finding.evidence.edge === 'number' ? ` ${formatNumber(finding.evidence.edge)}` : '';
  const between = noise !== null && noise.above > 0 ? ` The ${plural(noise.above, 'value')} above the 99 % edge${edgeText(noise)} ${noise.above === 1 ? 'is' : 'are'} what noise shows now and then.` : '';
  return `No singular value stands above the 99.5 % noise edge${edge}, and their distribution is that of a random matrix.${between}`;
}

function edgeText(noise: Detail['noise']): string {
  const edge = noise?.edge ?? null;
  return edge === null ? '' : ` ${formatNumber(edge, 3)}`;
}

function uses(row: Detail['row'], metrics: Metrics): string {
  if (metrics.numericalRank >= row.fullRank) return row.fullRank === 1 ? `${row.id} has a single direction` : `${row.id} uses all of its ${row.fullRank} directions`;
  return `${row.id} uses ${metrics.numericalRank} of its ${row.fullRank} directions`;
}

function directions(count: number | null): string {
  return count === null ? 'few directions' : plural(count, 'direction');
}

function energySentence(row: Detail['row'], metrics: Metrics): string {
  const rank = metrics.energyRank?.['0.9'];
  if (rank === undefined || row.fullRank === 1) return '';
  return `${rank} of ${plural(row.fullRank, 'direction')} ${rank === 1 ? 'holds' : 'hold'} 90 % of the energy.`;
}

/** κ in words; where null directions make it, the rest is told apart. */
function conditioning(row: Detail['row'], metrics: Metrics): string {
  const { conditionNumber, conditionNumberNumericalRank: within, numericalRank } = metrics;
  if (conditionNumber === null || row.fullRank === 1) return '';
  if (numericalRank < row.fullRank && within !== null) {
    const well = within < wellConditioned ? `The other ${numericalRank} are well conditioned` : 'Without the null directions';
    return `${well}: κ ${formatNumber(within)} over the numerical rank.`;
  }
  return `κ is ${conditionText(conditionNumber)}; no direction is missing.`;
}

/** Units with dead rows and units that no layer reads; null where the evidence does not say. */
function deadUnits({ evidence }: Finding): number | null {
  const { count, ignoredCount } = evidence;
  if (typeof count !== 'number') return null;
  return count + (typeof ignoredCount === 'number' ? ignoredCount : 0);
}

/** What the numbers rest on: how many values, by which method, how exact. */
function basisOf({ row, spectrum, exact, relativeError, method, noise, metrics }: Detail): string {
  if (spectrum === null || metrics === null) return `${row.dtype}, ${row.matrixShape.join(' × ')}.`;
  const error = relativeError > 0 ? ` (error at most ${formatNumber(relativeError, 2)} σ₁)` : '';
  const parts = [`${plural(row.fullRank, 'singular value')} of the ${row.matrixShape.join(' × ')} matrix, ${exact ? 'exact' : '≈ estimated'}${error}${method === null ? '' : `, ${methodWords[method]}`}.`];
  if (row.groups > 1) parts.push(`The union of its ${row.groups} groups.`);
  if (noise !== null && !noise.lawIsFit && metrics.marchenkoPastur.reason !== null) parts.push(`No noise law is fitted: ${metrics.marchenkoPastur.reason}.`);
  return parts.join(' ');
}
