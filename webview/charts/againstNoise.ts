import type { LayerDetail } from '../../server/report/views.js';
import { integer, significant } from '../numbers.js';
import { t } from '../strings.js';
import { axisLabel, type Chart, type ChartTheme, colour, curveValues, type Json, label, layered, quantitative, type Specification } from './chart.js';

const height = 190;
/** The law may rise so many times above the highest bar; beyond, it is clipped. */
const mostLawHeight = 2.5;

type Noise = NonNullable<LayerDetail['noise']>;

/** Histogram of σ with the Marchenko–Pastur law on the σ axis and the Tracy–Widom edge; dashed when no bulk could be fitted. */
export function againstNoiseChart(detail: LayerDetail): Chart {
  const noise = detail.noise;
  const bins = noise === null ? [] : noise.counts.map((count, i) => ({ a: noise.binEdges[i], b: noise.binEdges[i + 1], n: count }));
  return {
    id: 'against-noise',
    title: t('Against noise'),
    unit: unit(noise),
    label: (noise?.edge ?? null) === null ? t('Histogram of the singular values of {0}; no noise law is fitted.', detail.row.id) : t('Histogram of the singular values of {0}: {1} lie above the 99 % noise edge {2}.', detail.row.id, integer(noise?.above ?? 0), significant(noise?.edge ?? 0, 3)),
    height,
    xScale: 'x',
    note: note(detail),
    table: { columns: [t('σ from'), t('σ to'), t('singular values')], rows: bins.map((bin) => [bin.a, bin.b, bin.n]) },
    points: bins.map((bin) => ({ x: (bin.a + bin.b) / 2, y: bin.n, lines: [t('σ from {0} to {1}', significant(bin.a), significant(bin.b)), bin.n === 1 ? t('1 singular value') : t('{0} singular values', integer(bin.n))] })),
    specification: noise === null || bins.length === 0 ? null : (theme) => specification(theme, noise, bins),
  };
}

function specification(theme: ChartTheme, noise: Noise, bins: { a: number; b: number; n: number }[]): Specification {
  const high = Math.max(bins[bins.length - 1].b, (noise.lawIsFit ? noise.edge : 0) ?? 0);
  const most = Math.max(1, ...bins.map((bin) => bin.n));
  const law = noise.law === null ? [] : curveValues(noise.law, (x) => x <= high);
  const top = Math.max(most, ...law.map((point) => Math.min(point.y, most * mostLawHeight)));
  const layers: Json[] = [
    {
      data: { values: bins },
      mark: theme.highContrast ? { type: 'bar', color: 'transparent', stroke: colour.context, strokeWidth: 1 } : { type: 'bar', color: colour.context, opacity: 0.75 },
      encoding: {
        x: quantitative('a', { bin: 'binned', scale: { domain: [Math.min(0, bins[0].a), high], nice: false }, axis: { title: 'σ', grid: false, tickCount: 6, labelExpr: axisLabel } }),
        x2: { field: 'b' },
        y: quantitative('n', { scale: { domain: [0, top * 1.04], nice: false }, axis: { title: t('singular values per bin'), tickCount: 4, tickMinStep: 1 } }),
      },
    },
  ];
  if (law.length > 0) {
    layers.push({ data: { values: law }, mark: { type: 'line', color: colour.reference, strokeWidth: 1.6, strokeDash: noise.lawIsFit ? [] : [4, 3], clip: true }, encoding: { x: quantitative('x'), y: quantitative('y') } });
  }
  if (noise.lawIsFit && noise.edge !== null) {
    const onLeft = noise.edge > high * 0.6;
    layers.push({ data: { values: [{ x: noise.edge }] }, mark: { type: 'rule', color: colour.reference, strokeDash: [2, 2] }, encoding: { x: quantitative('x') } });
    layers.push(label(noise.edge, top * 1.04, t('{0} above {1}', integer(noise.above), significant(noise.edge, 3)), { align: onLeft ? 'right' : 'left', dx: onLeft ? -5 : 5, dy: 2, baseline: 'top', color: colour.reference }));
  }
  return layered(theme, height, layers);
}

function unit(noise: Noise | null): string {
  if ((noise?.law ?? null) === null) return t('histogram of σ');
  return noise?.lawIsFit === true ? t('Marchenko–Pastur') : t('no fit');
}

function note(detail: LayerDetail): string | null {
  const fit = detail.metrics?.marchenkoPastur;
  if (fit === undefined) return t('The spectrum is not computed, so it cannot be set against noise.');
  if (fit.sigma === null) {
    const reason = fit.reason ?? t('no law could be fitted');
    return (detail.noise?.law ?? null) === null ? t('Not fitted: {0}.', reason) : t('Not fitted: {0}. Dashed: a random matrix with the same variance, for scale only.', reason);
  }
  if (fit.ks === null) return t('Fitted bulk: entries deviate by {0}.', significant(fit.sigma, 3));
  if (fit.pValue === null) return t('Fitted bulk: entries deviate by {0}; KS distance {1}.', significant(fit.sigma, 3), significant(fit.ks, 2));
  return t('Fitted bulk: entries deviate by {0}; KS distance {1}. Pure noise of this shape lies as far from the law with p {2}.', significant(fit.sigma, 3), significant(fit.ks, 2), significant(fit.pValue, 2));
}
