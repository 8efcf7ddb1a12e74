import type { LayerDetail } from '../../server/report/views.js';
import { integer, percent, significant } from '../numbers.js';
import { t } from '../strings.js';
import { type Chart, type ChartTheme, colour, curveValues, type Json, label, layered, quantitative, type Specification, ticksAt } from './chart.js';

const height = 210;
/** Labels nearer than this share of the axis would overlap. */
const labelDistance = 0.055;

/** Share of Σσ² that the best copy of each rank keeps; 50, 90, 95 and 99 % are marked, and the break-even of a factored copy. */
export function energyKeptChart(detail: LayerDetail): Chart {
  const curve = detail.energy?.curve ?? { x: [], y: [] };
  const values = curveValues(curve);
  const ranks = detail.metrics?.energyRank ?? null;
  const marked = ranks === null ? [] : mergeRanks([ranks['0.5'], ranks['0.9'], ranks['0.95'], ranks['0.99']]).map((rank) => ({ x: rank, y: shareAt(values, rank), text: integer(rank) }));
  const breakEven = detail.energy?.breakEven ?? null;
  return {
    id: 'energy-kept',
    title: t('Energy kept by rank'),
    unit: '',
    label: ranks === null ? t('Energy kept by rank: not computed.') : t('Energy kept by rank for {0}: 90 % at rank {1} of {2}, 99 % at rank {3}.', detail.row.id, integer(ranks['0.9']), integer(detail.row.fullRank), integer(ranks['0.99'])),
    height,
    xScale: 'x',
    note: values.length === 0 ? t('No energy to share out: the weights are zero or not finite.') : breakEven === null ? t('Dots: 50, 90, 95 and 99 %.') : t('Dots: 50, 90, 95 and 99 %. Two factors hold fewer weights than W below rank {0}.', integer(Math.floor(breakEven))),
    table: { columns: [t('rank kept'), t('share of Σσ² kept')], rows: values.map((point) => [point.x, point.y]) },
    points: values.map((point) => ({ x: point.x, y: point.y, lines: [t('rank {0}', integer(point.x)), t('{0} of Σσ² kept', percent(point.y)), t('relative error {0}', significant(Math.sqrt(Math.max(0, 1 - point.y)), 3))] })),
    specification: values.length === 0 ? null : (theme) => specification(theme, values, marked, breakEven, detail.row.fullRank),
  };
}

function specification(theme: ChartTheme, values: { x: number; y: number }[], marked: { x: number; y: number; text: string }[], breakEven: number | null, count: number): Specification {
  const layers: Json[] = [];
  if (breakEven !== null && breakEven <= count) {
    const onLeft = breakEven > count / 2;
    layers.push({ data: { values: [{ x: breakEven }] }, mark: { type: 'rule', color: colour.reference, strokeDash: [4, 3] }, encoding: { x: quantitative('x') } });
    layers.push(label(breakEven, 0.04, t('break-even {0}', integer(Math.floor(breakEven))), { align: onLeft ? 'right' : 'left', dx: onLeft ? -5 : 5, baseline: 'bottom', color: colour.reference }));
  }
  layers.push({
    data: { values },
    mark: { type: 'line', color: colour.selected },
    encoding: {
      x: quantitative('x', { scale: { domain: [0, count + 1], nice: false }, axis: { title: t('rank kept'), tickCount: 6, tickMinStep: 1 } }),
      y: quantitative('y', { scale: { domain: [0, 1.04], nice: false }, axis: { title: t('share of Σσ² kept'), format: '.0%', ...ticksAt([0, 0.25, 0.5, 0.75, 1]) } }),
    },
  });
  layers.push({
    data: { values: marked },
    layer: [
      { mark: { type: 'point', size: 30, color: colour.selected }, encoding: { x: quantitative('x'), y: quantitative('y') } },
      { data: { values: spaced(marked, count) }, mark: { type: 'text', dx: 6, dy: 9, align: 'left', color: colour.text }, encoding: { x: quantitative('x'), y: quantitative('y'), text: { field: 'text', type: 'nominal' } } },
    ],
  });
  return layered(theme, height, layers);
}

function mergeRanks(ranks: readonly number[]): number[] {
  return [...new Set(ranks)];
}

function shareAt(values: readonly { x: number; y: number }[], rank: number): number {
  let nearest = values[0];
  for (const point of values) if (Math.abs(point.x - rank) < Math.abs(nearest.x - rank)) nearest = point;
  return nearest.y;
}

/** Leaves out labels that would lie on the one before. */
function spaced<Point extends { x: number; y: number }>(points: readonly Point[], count: number): Point[] {
  const kept: Point[] = [];
  for (const point of points) {
    const last = kept.at(-1);
    if (last === undefined || (point.x - last.x) / count > labelDistance || Math.abs(point.y - last.y) > 0.1) kept.push(point);
  }
  return kept;
}
