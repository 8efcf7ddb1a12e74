import type { LayerDetail } from '../../server/report/views.js';
import { integer, percent, significant } from '../numbers.js';
import { t } from '../strings.js';
import { axisLabel, type Chart, type ChartTheme, colour, curveValues, type Json, layered, logTicks, quantitative, type Specification, ticksAt } from './chart.js';

const height = 190;
/** Eigenvalues below this share of the largest are not drawn, unless the fit holds them. */
const smallestShare = 1e-5;

/** Share of eigenvalues λ at or above λ, both axes log; the fitted tail in colour, the power law as a line from its start. */
export function tailChart(detail: LayerDetail): Chart {
  const fit = detail.metrics?.alpha ?? null;
  const all = detail.tail === null ? [] : curveValues(detail.tail.curve).map((point, index) => ({ ...point, fitted: fit !== null && index >= (detail.tail?.firstFitted ?? Infinity) }));
  const largest = all.at(-1)?.x ?? 0;
  const drawn = all.filter((point) => point.x > 0 && point.y > 0 && (point.fitted || point.x >= largest * smallestShare));
  const fitted = detail.tail?.fit ?? null;
  const law = fitted === null ? [] : curveValues(fitted, (x, y) => x > 0 && y > 0);
  return {
    id: 'tail',
    title: t('Tail'),
    unit: fit === null ? t('no power law') : detail.row.alphaLoose ? t('(α {0} ± {1}), loose', significant(fit.value, 3), significant(fit.sigma, 2)) : t('α {0} ± {1}', significant(fit.value, 3), significant(fit.sigma, 2)),
    label: fit === null ? t('Tail of the eigenvalues of {0}: no power law is fitted.', detail.row.id) : t('Tail of the eigenvalues of {0}: power law with α {1} ± {2} from λ {3}, {4} values.', detail.row.id, significant(fit.value, 3), significant(fit.sigma, 2), significant(fit.xmin, 3), integer(fit.tail)),
    height,
    xScale: 'x',
    note: note(detail, drawn.length, all.length - drawn.length),
    table: { columns: ['λ = σ²', t('share at or above'), t('in the fitted tail')], rows: all.map((point) => [point.x, point.y, point.fitted ? t('yes') : t('no')]) },
    points: drawn.map((point) => ({ x: point.x, y: point.y, lines: [t('λ = {0}', significant(point.x)), t('{0} of the values at or above', percent(point.y)), ...(point.fitted ? [t('in the fitted tail')] : [])] })),
    specification: drawn.length === 0 ? null : (theme) => specification(theme, drawn, law),
  };
}

function specification(theme: ChartTheme, drawn: { x: number; y: number; fitted: boolean }[], law: { x: number; y: number }[]): Specification {
  const low = drawn[0].x;
  const high = Math.max(drawn[drawn.length - 1].x, law.at(-1)?.x ?? 0);
  const lowShare = Math.min(...drawn.map((point) => point.y)) * 0.6;
  const xDomain = [low / 1.15, high * 1.5];
  const layers: Json[] = [
    {
      data: { values: drawn },
      mark: { type: 'point', size: 13, ...(theme.highContrast ? { stroke: colour.context, strokeWidth: 1 } : {}) },
      encoding: {
        x: quantitative('x', { scale: { type: 'log', nice: false, domain: xDomain }, axis: { title: t('λ = σ², log'), grid: false, ...ticksAt(logTicks(xDomain[0], xDomain[1], 5)), labelExpr: axisLabel } }),
        y: quantitative('y', { scale: { type: 'log', nice: false, domain: [lowShare, 1.2] }, axis: { title: t('share of λ at or above, log'), grid: true, ...ticksAt(logTicks(lowShare, 1.2, 5)), format: '~p' } }),
        color: { condition: { test: 'datum.fitted', value: colour.selected }, value: colour.context },
        ...(theme.highContrast ? { fillOpacity: { condition: { test: 'datum.fitted', value: 1 }, value: 0 } } : {}),
      },
    },
  ];
  if (law.length > 1) layers.push({ data: { values: law }, mark: { type: 'line', color: colour.reference, clip: true, ...(theme.highContrast ? { strokeDash: [4, 3] } : {}) }, encoding: { x: quantitative('x'), y: quantitative('y') } });
  return layered(theme, height, layers);
}

function note(detail: LayerDetail, drawn: number, hidden: number): string | null {
  if (drawn === 0) return t('There are no positive eigenvalues to draw.');
  const fit = detail.metrics?.alpha ?? null;
  const left = hidden === 0 ? '' : ` ${hidden === 1 ? t('1 smaller value is not drawn; the table has it.') : t('{0} smaller values are not drawn; the table has them.', integer(hidden))}`;
  if (fit === null) return t('No power law is fitted: a tail needs at least 10 values.') + left;
  const sentence = t('Power law from λ ≥ {0}: {1} values, KS distance D {2}.', significant(fit.xmin, 3), integer(fit.tail), significant(fit.ks, 2));
  return detail.row.alphaLoose ? `${sentence} ${t('The fit is loose (fewer than 20 values, or D above 0.15): no finding rests on it.')}${left}` : sentence + left;
}
