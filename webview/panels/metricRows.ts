import type { Health, Metrics } from '../../server/report/report.js';
import type { LayerDetail } from '../../server/report/views.js';
import { condition, dimensions, integer, significant } from '../numbers.js';
import { t } from '../strings.js';
import { operatorWords } from '../charts/operatorSpectrum.js';

/** One line of the Numbers: the definition is what hovering shows; a missing value has its reason. */
export interface MetricRow {
  label: string;
  /** null: it does not exist, and `reason` says why. */
  value: string | null;
  /** Formula or words, and the field of the report. */
  definition: string;
  field: string;
  reason: string;
}

export interface MetricGroup {
  title: string;
  rows: MetricRow[];
}

/** All numbers of a layer, in groups. */
export function metricGroups(detail: LayerDetail): MetricGroup[] {
  const groups = detail.metrics === null ? [] : metricsGroups(detail.metrics, detail);
  const operators = detail.operatorSpectra.length === 0 ? [] : [operatorGroup(detail)];
  return [...groups, ...operators, healthGroup(detail.health, detail)];
}

function metricsGroups(metrics: Metrics, detail: LayerDetail): MetricGroup[] {
  const full = integer(detail.row.fullRank);
  const zero = t('the weights are all zero');
  const value = (label: string, field: string, number: number | null, definition: string, reason = zero, digits = 4): MetricRow => ({ label, field, definition, reason, value: number === null ? null : significant(number, digits) });
  const text = (label: string, field: string, shown: string | null, definition: string, reason = zero): MetricRow => ({ label, field, definition, reason, value: shown });
  const ranks = metrics.energyRank;
  const tail = metrics.alpha;
  const noTail = t('no tail of 10 values to fit');
  const law = metrics.marchenkoPastur;
  const noLaw = law.reason ?? t('no noise law could be fitted');
  const line = metrics.powerLaw;
  const noLine = t('needs at least two distinct positive singular values');
  return [
    {
      title: t('Size'),
      rows: [
        value('σ₁', 'metrics.spectralNorm', metrics.spectralNorm, t('largest singular value: the most a unit of input is stretched')),
        value(t('‖W‖ Frobenius'), 'metrics.frobeniusNorm', metrics.frobeniusNorm, t('√Σσ², the length of all weights together')),
        value(t('nuclear norm'), 'metrics.nuclearNorm', metrics.nuclearNorm, t('Σσ, the sum of all singular values')),
        value('log₁₀ Σσ²', 'metrics.logNorm', metrics.logNorm, t('logarithm of the squared Frobenius norm')),
        value('log₁₀ σ₁²', 'metrics.logSpectralNorm', metrics.logSpectralNorm, t('logarithm of the squared spectral norm')),
        value(t('Cartan coordinate'), 'metrics.cartan', metrics.cartan, t('½ ln(d·σ₁²/Σσ²), d = {0}: 0 when all σ are equal', full)),
      ],
    },
    {
      title: t('Rank'),
      rows: [
        value(t('stable rank'), 'metrics.stableRank', metrics.stableRank, 'Σσ²/σ₁²'),
        value(t('effective rank (Σσ)'), 'metrics.effectiveRank', metrics.effectiveRank, t('exp(−Σp ln p) with p = σ/Σσ (Roy and Vetterli 2007)')),
        value(t('entropy rank (Σσ²)'), 'metrics.entropyRank', metrics.entropyRank, t('exp(−Σp ln p) with p = σ²/Σσ²')),
        value(t('participation ratio'), 'metrics.participationRatio', metrics.participationRatio, '(Σσ²)²/Σσ⁴'),
        text(t('numerical rank'), 'metrics.numericalRank', t('{0} of {1}', integer(metrics.numericalRank), full), t('singular values above max(m, n)·ε·σ₁')),
        text('r₅₀ · r₉₀ · r₉₅ · r₉₉', 'metrics.energyRank', ranks === null ? null : `${integer(ranks['0.5'])} · ${integer(ranks['0.9'])} · ${integer(ranks['0.95'])} · ${integer(ranks['0.99'])}`, t('fewest directions that hold 50, 90, 95 and 99 % of Σσ²')),
        text('κ', 'metrics.conditionNumber', metrics.conditionNumber === null ? null : condition(metrics.conditionNumber), t('σ₁ over the smallest of all singular values; ∞ where that is 0 to rounding')),
        value(t('κ over numerical rank'), 'metrics.conditionNumberNumericalRank', metrics.conditionNumberNumericalRank, t('σ₁ over the smallest singular value within the numerical rank')),
      ],
    },
    {
      title: t('Tail'),
      rows: [
        text('α', 'metrics.alpha.value', tail === null ? null : `${detail.row.alphaLoose ? `(${significant(tail.value)})` : significant(tail.value)} ± ${significant(tail.sigma, 2)}`, t('exponent of the density λ^(−α) above xmin, by maximum likelihood (Clauset, Shalizi and Newman 2009); in brackets where the fit is loose'), noTail),
        text(t('tail from λ ≥'), 'metrics.alpha.xmin', tail === null ? null : t('{0}, {1} values', significant(tail.xmin), integer(tail.tail)), t('start of the fitted tail and how many eigenvalues λ = σ² it holds'), noTail),
        value(t('KS distance D'), 'metrics.alpha.ks', tail?.ks ?? null, t('largest distance between tail and fit; above 0.15 the fit is loose'), noTail, 2),
        value('α̂ = α log₁₀ λ₁', 'metrics.alphaHat', metrics.alphaHat, t('exponent weighted by the logarithm of the largest eigenvalue'), noTail),
        value('log₁₀ Σλ^α', 'metrics.logAlphaNorm', metrics.logAlphaNorm, t('logarithm of the α-norm of the eigenvalues'), noTail),
        value(t('decay exponent p'), 'metrics.powerLaw.pOls', line.pOls, t('σₖ ∝ k^(−p) by least squares in log–log over the numerical rank'), noLine),
        value('R²', 'metrics.powerLaw.r2', line.r2, t('coefficient of determination of that line'), noLine),
        value(t('β, Kullback–Leibler'), 'metrics.powerLaw.betaKl', line.betaKl, t('β of k^(−β) nearest to λ/Σλ in the Kullback–Leibler sense'), noLine),
        value(t('β, from λ₁'), 'metrics.powerLaw.betaTop', line.betaTop, t('β for which k^(−β) has the same share in its first term'), noLine),
      ],
    },
    {
      title: t('Against noise'),
      rows: [
        value(t('noise deviation'), 'metrics.marchenkoPastur.sigma', law.sigma, t('standard deviation of the entries of the noise bulk (Marchenko–Pastur)'), noLaw),
        text('λ₋ · λ₊', 'metrics.marchenkoPastur.lambdaMinus', law.lambdaMinus === null || law.lambdaPlus === null ? null : `${significant(law.lambdaMinus)} · ${significant(law.lambdaPlus)}`, t('edges of the law for λ = σ²/N, N the larger side'), noLaw),
        text(t('spikes'), 'metrics.marchenkoPastur.spikes', law.spikes === null ? null : integer(law.spikes), t('eigenvalues above the Tracy–Widom edge (99 %)'), noLaw),
        value(t('soft rank λ₊/λ₁'), 'metrics.marchenkoPastur.softRank', law.softRank, t('near 1: all noise; small: a signal stands far out'), noLaw),
        value(t('KS distance'), 'metrics.marchenkoPastur.ks', law.ks, t('largest distance of the rest from the fitted law'), noLaw, 2),
        value('p', 'metrics.marchenkoPastur.pValue', law.pValue, t('how often pure noise of this shape lies as far from the law, by simulation'), law.ks === null ? noLaw : t('not simulated for this shape'), 2),
      ],
    },
  ];
}

function operatorGroup(detail: LayerDetail): MetricGroup {
  return {
    title: t('Convolution operator'),
    rows: detail.operatorSpectra.flatMap((operator) => {
      const sign = operator.exact ? '' : '≈ ';
      const accuracy = operator.exact ? t('exact') : t('to {0} of σ₁', significant(operator.relativeError, 2));
      return [
        { label: t('σ₁, {0}', operatorWords(operator)), field: 'operatorSpectra.largest', definition: t('largest of {0} singular values of the layer as a linear map on images of {1}; {2}', integer(operator.count), dimensions(operator.inputSize), accuracy), value: sign + significant(operator.largest), reason: '' },
        { label: t('smallest, {0}', operatorWords(operator)), field: 'operatorSpectra.smallest', definition: t('smallest singular value of that map; {0}', accuracy), value: operator.smallest === null ? null : sign + significant(operator.smallest), reason: t('not computed: only the largest is wanted or affordable') },
      ];
    }),
  };
}

function healthGroup(health: Health, detail: LayerDetail): MetricGroup {
  const row = (label: string, field: string, value: string, definition: string): MetricRow => ({ label, field, definition, value, reason: '' });
  const { nonFinite } = health;
  return {
    title: t('Health'),
    rows: [
      row(t('NaN or infinite'), 'health.nonFinite', nonFinite.firstIndex === null ? integer(nonFinite.count) : t('{0}, first at {1}', integer(nonFinite.count), integer(nonFinite.firstIndex)), t('count, and the flat row-major index of the first in the file’s tensor')),
      row(t('zeros'), 'health.zeros', t('{0} of {1}', integer(health.zeros), integer(detail.row.parameters)), t('weights that are exactly 0')),
      row(t('denormals'), 'health.denormals', integer(health.denormals), t('subnormal values in the stored type')),
      row(t('zero rows, columns'), 'health.zeroRows', `${integer(health.zeroRows)}, ${integer(health.zeroColumns)}`, t('rows and columns of the matrix that are all 0')),
      row(t('constant'), 'health.constant', health.constant === null ? t('no') : significant(health.constant), t('the value that all elements have')),
      row(t('same bytes as'), 'health.duplicateOf', health.duplicateOf ?? t('none'), t('an earlier layer whose stored tensor holds the same bytes')),
    ],
  };
}
