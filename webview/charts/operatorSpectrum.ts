import type { LayerDetail } from '../../server/report/views.js';
import type { OperatorSpectrum } from '../../server/report/report.js';
import { dimensions, significant } from '../numbers.js';
import { t } from '../strings.js';
import { axisLabel, type Chart, type ChartTheme, colour, curveValues, type Json, layered, logTicks, quantitative, type Specification, ticksAt } from './chart.js';

const height = 190;
const smallestShare = 1e-6;

/** Singular values of the convolution as an operator on images, by share of their number; one line per convention of padding. */
export function operatorSpectrumChart(detail: LayerDetail): Chart {
  const curves = detail.operatorCurves.map(({ convention, curve }) => ({ convention, all: curveValues(curve) }));
  const largest = Math.max(0, ...curves.flatMap(({ all }) => all.map((point) => point.y)));
  const drawn = curves.map(({ convention, all }) => ({ convention, values: all.filter((point) => point.y > 0 && point.y >= largest * smallestShare) })).filter(({ values }) => values.length > 0);
  return {
    id: 'operator-spectrum',
    title: t('Convolution operator'),
    unit: detail.operatorSpectra.map(operatorWords).join(' · '),
    label: t('Singular values of the convolution {0} as an operator: largest {1}.', detail.row.id, significant(largest)),
    height,
    xScale: 'x',
    note: drawn.length === 0 ? t('Only the largest and smallest values were computed.') : t('Solid: the layer’s own padding, stride and dilation (declared). Dashed: wrap-around padding (circular).'),
    table: { columns: [t('padding'), t('share of values above'), 'σ'], rows: curves.flatMap(({ convention, all }) => all.map((point) => [convention, point.x, point.y])) },
    points: drawn.length === 0 ? [] : drawn[0].values.map((point) => ({ x: point.x, y: point.y, lines: [drawn[0].convention, t('{0} of the values lie above {1}', `${significant(point.x * 100, 3)} %`, significant(point.y))] })),
    specification: drawn.length === 0 ? null : (theme) => specification(theme, drawn),
  };
}

/** "circular, 32 × 32" */
export function operatorWords(operator: OperatorSpectrum): string {
  return operator.convention === 'circular' ? t('circular, input {0}', dimensions(operator.inputSize)) : t('declared, input {0}', dimensions(operator.inputSize));
}

function specification(theme: ChartTheme, drawn: { convention: string; values: { x: number; y: number }[] }[]): Specification {
  const every = drawn.flatMap(({ values }) => values.map((point) => point.y));
  const domain = [Math.min(...every) / 1.15, Math.max(...every) * 1.4];
  const layers: Json[] = drawn.map(({ convention, values }) => ({
    data: { values },
    mark: { type: 'line', color: convention === 'circular' ? colour.reference : colour.selected, strokeDash: convention === 'circular' ? [4, 3] : [] },
    encoding: {
      x: quantitative('x', { scale: { domain: [0, 1], nice: false }, axis: { title: t('share of values above'), format: '.0%', tickCount: 5 } }),
      y: quantitative('y', { scale: { type: 'log', nice: false, domain }, axis: { title: t('σ, log'), ...ticksAt(logTicks(domain[0], domain[1])), labelExpr: axisLabel } }),
    },
  }));
  return layered(theme, height, layers);
}
