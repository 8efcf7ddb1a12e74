import type { LayerDetail } from '../../server/report/views.js';
import { integer, significant } from '../numbers.js';
import { t } from '../strings.js';
import { axisLabel, type Chart, type ChartTheme, colour, curveValues, type Json, label, layered, logTicks, quantitative, type Specification, ticksAt } from './chart.js';

/** Values below this share of σ₁ are not drawn: they would squeeze the rest. The note counts them. */
const smallestShare = 1e-9;
/** Room above the largest value, as a factor. */
const headroom = 1.6;

export interface SingularValuesOptions {
  /** The index on a log axis too: a power law is then a straight line. */
  logarithmicIndex: boolean;
  /** The side view leaves the noise edge out. */
  noiseEdge: boolean;
  height: number;
}

/** σ_k over k: points on a log axis, the noise edge dashed, r₉₀ dotted. */
export function singularValuesChart(detail: LayerDetail, options: SingularValuesOptions): Chart {
  const { row } = detail;
  const curve = detail.spectrum?.curve ?? { x: [], y: [] };
  const all = curveValues(curve);
  const largest = all.length === 0 ? 0 : all[0].y;
  const drawn = all.filter((point) => point.y > 0 && point.y >= largest * smallestShare);
  const rank90 = row.energyRank90;
  return {
    id: 'singular-values',
    title: t('Singular values'),
    unit: unit(detail),
    label: t('Singular values of {0}: {1} values, σ₁ {2}, smallest {3}.', row.id, integer(row.fullRank), significant(largest), significant(all.at(-1)?.y ?? 0)),
    height: options.height,
    xScale: 'x',
    note: drawn.length === 0 ? emptyNote(detail) : hiddenNote(all.length - drawn.length, detail.spectrum?.thinned ?? false),
    table: { columns: ['k', 'σₖ'], rows: all.map((point) => [point.x, point.y]) },
    points: drawn.map((point) => ({ x: point.x, y: point.y, lines: [t('k = {0}', integer(point.x)), t('σₖ = {0}', significant(point.y))] })),
    specification: drawn.length === 0 ? null : (theme) => specification(theme, options, drawn, detail, rank90),
  };
}

function specification(theme: ChartTheme, options: SingularValuesOptions, drawn: { x: number; y: number }[], detail: LayerDetail, rank90: number | null): Specification {
  const edge = options.noiseEdge ? (detail.noise?.edge ?? null) : null;
  const smallest = drawn[drawn.length - 1].y;
  const high = Math.max(drawn[0].y, edge ?? 0) * headroom;
  const low = lowerEnd(Math.min(smallest, edge ?? Infinity) / 1.15, high);
  const count = detail.row.fullRank;
  const x = options.logarithmicIndex ? { type: 'log', domain: [0.9, count * 1.08], nice: false } : { domain: [0, count + 1], nice: false };
  const xAxis = options.logarithmicIndex ? { title: t('k, log'), ...ticksAt(logTicks(1, Math.max(count, 2))), labelExpr: axisLabel } : { title: 'k', tickCount: 6, tickMinStep: 1 };
  const layers: Json[] = [];
  if (edge !== null) {
    const text = detail.noise?.lawIsFit === true ? t('99 % noise edge {0}', significant(edge, 3)) : t('99 % random-matrix edge {0}', significant(edge, 3));
    layers.push({ data: { values: [{ y: edge }] }, mark: { type: 'rule', color: colour.reference, strokeDash: [4, 3] }, encoding: { y: quantitative('y') } });
    layers.push(label(count, edge, text, { align: 'right', dy: -6, color: colour.reference }));
  }
  if (rank90 !== null) {
    const onLeft = options.logarithmicIndex ? Math.log(rank90) > Math.log(count) / 2 : rank90 > count / 2.5;
    layers.push({ data: { values: [{ x: rank90 }] }, mark: { type: 'rule', color: colour.axis, strokeDash: [2, 2] }, encoding: { x: quantitative('x') } });
    layers.push(label(rank90, low, t('r₉₀ = {0}', integer(rank90)), { align: onLeft ? 'right' : 'left', dx: onLeft ? -4 : 4, baseline: 'bottom', dy: -2 }));
  }
  layers.push({
    data: { values: drawn },
    mark: { type: 'point', size: drawn.length <= 32 ? 22 : 11, color: colour.selected, filled: true },
    encoding: {
      x: quantitative('x', { scale: x, axis: xAxis }),
      y: quantitative('y', { scale: { type: 'log', nice: false, domain: [low, high] }, axis: { title: t('σₖ, log'), grid: true, ...ticksAt(logTicks(low, high)), labelExpr: axisLabel } }),
    },
  });
  return layered(theme, options.height, layers);
}

/** Over three decades and more the axis begins at a power of ten. */
function lowerEnd(low: number, high: number): number {
  return high / low < 1000 ? low : Number(`1e${Math.floor(Math.log10(low))}`);
}

function unit(detail: LayerDetail): string {
  const count = integer(detail.row.fullRank);
  return detail.exact ? t('{0}, exact', count) : t('{0}, ≈ to {1} of σ₁', count, significant(detail.relativeError, 2));
}

function emptyNote(detail: LayerDetail): string {
  const nonFinite = detail.health.nonFinite.count;
  if (nonFinite > 0) return t('Not computed: {0} weights are NaN or infinite.', integer(nonFinite));
  return t('All singular values are 0: there is nothing to draw on a log axis.');
}

function hiddenNote(hidden: number, thinned: boolean): string | null {
  if (hidden === 1) return t('1 value is 0 or below 10⁻⁹ of σ₁ and is not drawn; the table has it.');
  if (hidden > 0) return t('{0} values are 0 or below 10⁻⁹ of σ₁ and are not drawn; the table has them.', integer(hidden));
  return thinned ? t('Points are thinned for drawing; copying gives all values.') : null;
}
