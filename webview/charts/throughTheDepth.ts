import type { LayerRow } from '../../server/report/views.js';
import { condition, integer, significant } from '../numbers.js';
import { t } from '../strings.js';
import { axisLabel, type Chart, type ChartPoint, type ChartTheme, chartConfig, colour, focusData, type Json, logTicks, quantitative, type Specification, ticksAt } from './chart.js';

/** Profiles by depth: one strip a metric, one dot a layer, layers from left to right. No line: branches are not a sequence. */
export type DepthMetric = 'spectralNorm' | 'rankShare' | 'conditionNumber' | 'alpha' | 'cartan';
export const stripMetrics: readonly DepthMetric[] = ['spectralNorm', 'rankShare', 'conditionNumber'];
export const allDepthMetrics: readonly DepthMetric[] = [...stripMetrics, 'alpha', 'cartan'];

/** Data source that holds the selected layer's values: the figure fills it. */
export const selectionData = 'selection';

/** More layers than this are drawn as bins of the figure's width: the worst and the median of each. */
const mostDots = 1200;
/** Pixels of one bin. */
const binWidth = 3;
/** A name is written where a value lies so many median deviations (of the logarithm) from the median. */
const namedDeviations = 3;
/** … and differs from it by this factor at least: nearly equal values have no outliers. */
const namedFactor = 1.5;
/** Maxima of bins crowd a narrow band, where names would hide them: only what lies far off is named. */
const namedBinFactor = 3;
/** Names a strip carries at most, the farthest first. */
const mostNames = 3;
/** A name covers this share of the width, and this much of ln σ₁. */
const nameWidth = 0.3;
const nameHeight = 0.6;
const axisExtent = 40;
const firstHeight = 64;
const stripHeight = 44;
const stripSpacing = 18;
/** Room of a strip's title above and of the last axis below. */
const axisRoom = 34;
const titleRoom = 16;

interface Dot {
  i: number;
  id: string;
  value: number;
}

/** The strips of `metrics` for all rows that have values. */
export function throughTheDepthChart(rows: readonly LayerRow[], metrics: readonly DepthMetric[]): Chart {
  const all = metrics.map((metric) => ({ metric, dots: dotsOf(rows, metric) }));
  const filled = all.filter(({ dots }) => dots.length > 0);
  const strips = filled.length === 0 ? all : filled;
  const largest = all[0].dots.reduce<Dot | null>((worst, dot) => (worst === null || dot.value > worst.value ? dot : worst), null);
  const height = firstHeight + (strips.length - 1) * (stripHeight + stripSpacing + titleRoom) + axisRoom + titleRoom;
  return {
    id: 'through-the-depth',
    title: t('Through the depth'),
    unit: rows.length === 1 ? t('1 layer') : t('{0} layers', integer(rows.length)),
    label: largest === null ? t('Through the depth: nothing analysed yet.') : t('σ₁ by layer, largest {0} at {1}.', significant(largest.value), largest.id),
    height,
    xScale: 'concat_0_x',
    note: rows.length > mostDots
      ? t('Layers are binned to the width: the dot is the largest of a bin, the dash its median. ← → moves the selection, Enter opens Weights.')
      : t('One dot a layer; ← → moves the selection, Enter opens Weights. Names appear where a value lies 3 median deviations (log) from the rest.'),
    table: {
      columns: ['#', t('layer'), ...metrics.map(metricTitle)],
      // Made when somebody asks: of 10,000 layers that is seldom.
      get rows() {
        return rows.map((row, index) => [index + 1, row.id, ...metrics.map((metric) => valueOf(row, metric))]);
      },
    },
    points: rows.map((row, index) => pointOf(row, index, metrics)),
    specification: filled.length === 0 ? null : (theme) => specification(theme, strips, rows.length),
  };
}

/** What `selectionData` holds for a row: its values by metric, and its place. */
export function selectionValues(row: LayerRow, index: number): Json[] {
  return [{ i: index + 1, ...Object.fromEntries(allDepthMetrics.map((metric) => [metric, valueOf(row, metric)])) }];
}

/** The value of a strip: null where there is none (an infinite κ cannot be placed). */
export function valueOf(row: LayerRow, metric: DepthMetric): number | null {
  switch (metric) {
    case 'rankShare': return row.energyRank90 === null ? null : row.energyRank90 / row.fullRank;
    case 'conditionNumber': return row.conditionNumber === 'Infinity' ? null : row.conditionNumber;
    case 'alpha': return row.alpha;
    case 'cartan': return row.cartan;
    case 'spectralNorm': return row.spectralNorm;
  }
}

function metricTitle(metric: DepthMetric): string {
  switch (metric) {
    case 'spectralNorm': return t('σ₁, log');
    case 'rankShare': return t('r₉₀ / full rank');
    case 'conditionNumber': return t('κ, log');
    case 'alpha': return 'α';
    case 'cartan': return t('Cartan coordinate');
  }
}

const isLogarithmic = (metric: DepthMetric): boolean => metric === 'spectralNorm' || metric === 'conditionNumber';

function dotsOf(rows: readonly LayerRow[], metric: DepthMetric): Dot[] {
  const dots: Dot[] = [];
  rows.forEach((row, index) => {
    const value = valueOf(row, metric);
    if (value !== null && Number.isFinite(value) && (value > 0 || !isLogarithmic(metric))) dots.push({ i: index + 1, id: row.id, value });
  });
  return dots;
}

function pointOf(row: LayerRow, index: number, metrics: readonly DepthMetric[]): ChartPoint {
  return {
    x: index + 1,
    y: row.spectralNorm ?? 0,
    layer: row.id,
    get lines() {
      return linesOf(row, index, metrics);
    },
  };
}

function linesOf(row: LayerRow, index: number, metrics: readonly DepthMetric[]): string[] {
  const lines = [t('{0}, layer {1}', row.id, integer(index + 1))];
  if (row.state === 'pending') lines.push(t('not analysed yet'));
  else lines.push(...metrics.map((metric) => `${metricTitle(metric)} ${metric === 'conditionNumber' ? condition(row.conditionNumber) : valueWords(valueOf(row, metric))}`));
  return lines;
}

const valueWords = (value: number | null): string => (value === null ? '–' : significant(value));

function specification(theme: ChartTheme, strips: { metric: DepthMetric; dots: Dot[] }[], layers: number): Specification {
  const width = Math.max(120, theme.width - axisExtent - 8);
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    spacing: stripSpacing,
    vconcat: strips.map(({ metric, dots }, index) => strip(theme, metric, dots, layers, width, index === 0 ? firstHeight : stripHeight, index === strips.length - 1)),
    config: chartConfig(theme),
  };
}

function strip(theme: ChartTheme, metric: DepthMetric, dots: Dot[], layers: number, width: number, height: number, last: boolean): Json {
  const binned = layers > mostDots ? bins(dots, layers, Math.max(1, Math.floor(width / binWidth))) : null;
  const x = quantitative('i', { scale: { domain: [0, layers + 1], nice: false }, axis: last ? { title: t('layer, in order'), ...ticksAt(layerTicks(layers)), format: 'd' } : { labels: false, ticks: false, title: null, domain: false } });
  const y = quantitative('value', { scale: { ...scaleOf(metric, dots), nice: false }, axis: { title: metricTitle(metric), titleX: -axisExtent, titleY: -7, minExtent: axisExtent, maxExtent: axisExtent, labelExpr: axisLabel, ...axisValues(metric, dots) } });
  const dotLayer = { mark: { type: 'point', size: layers > 300 ? 14 : 22, color: colour.context }, encoding: { x, y } };
  const parts: Json[] = [
    { data: { name: selectionData, values: [] }, mark: { type: 'rule', color: colour.selected, opacity: 0.55 }, encoding: { x: quantitative('i') } },
    { data: { name: focusData, values: [] }, mark: { type: 'rule', color: colour.text, opacity: 0.35 }, encoding: { x: quantitative('x') } },
  ];
  if (binned === null) parts.push({ data: { values: plain(dots) }, ...dotLayer });
  else {
    parts.push({ data: { values: plain(binned.medians) }, mark: { type: 'tick', size: binWidth, thickness: 1.5, color: colour.axis, orient: 'horizontal' }, encoding: { x, y } });
    parts.push({ data: { values: plain(binned.worst) }, mark: { type: 'point', size: 12, color: colour.text }, encoding: { x, y } });
  }
  parts.push({ data: { name: selectionData, values: [] }, mark: { type: 'point', size: 36, color: colour.selected, shape: theme.highContrast ? 'diamond' : 'circle' }, encoding: { x: quantitative('i'), y: quantitative(metric) } });
  if (metric === 'spectralNorm') {
    for (const dot of apart(binned === null ? namedDots(dots) : namedDots(binned.worst, namedBinFactor), layers)) {
      const onLeft = dot.i > layers / 2;
      parts.push({ data: { values: [{ ...dot, id: shortened(dot.id) }] }, mark: { type: 'text', align: onLeft ? 'right' : 'left', dx: onLeft ? -7 : 7, color: colour.text }, encoding: { x: quantitative('i'), y: quantitative('value'), text: { field: 'id', type: 'nominal' } } });
    }
  }
  return { width, height, layer: parts };
}

function scaleOf(metric: DepthMetric, dots: Dot[]): Specification {
  if (metric === 'rankShare') return { type: 'linear', domain: [0, 1] };
  const [low, high] = extent(dots);
  if (isLogarithmic(metric)) return { type: 'log', domain: [low / 1.3, high * 1.3] };
  const room = Math.max((high - low) * 0.12, Math.abs(high) * 0.1) || 0.5;
  return { type: 'linear', domain: [Math.min(low - room, metric === 'cartan' ? 0 : low - room), high + room] };
}

function axisValues(metric: DepthMetric, dots: Dot[]): Specification {
  if (metric === 'rankShare') return { ...ticksAt([0, 0.5, 1]), labelOverlap: false };
  if (!isLogarithmic(metric)) return { tickCount: 3 };
  const [low, high] = extent(dots);
  return ticksAt(logTicks(low / 1.3, high * 1.3, 3));
}

/** 1 and round numbers up to the last layer. */
export function layerTicks(layers: number): number[] {
  if (layers <= 12) return Array.from({ length: layers }, (_, index) => index + 1);
  const rough = layers / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? rough;
  const ticks = [1];
  for (let tick = step; tick <= layers; tick += step) ticks.push(tick);
  return ticks;
}

function extent(dots: readonly Dot[]): [number, number] {
  if (dots.length === 0) return [1, 10];
  let low = Infinity;
  let high = -Infinity;
  for (const { value } of dots) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

/** Dots that stand apart on a log axis, farthest first. */
export function namedDots(dots: readonly Dot[], factor = namedFactor): Dot[] {
  if (dots.length < 5) return [];
  const scaled = dots.map((dot) => Math.log(dot.value));
  const centre = median(scaled);
  const deviation = median(scaled.map((value) => Math.abs(value - centre)));
  if (deviation === 0) return [];
  const distance = (index: number): number => Math.abs(scaled[index] - centre) / deviation;
  return dots
    .map((dot, index) => ({ dot, distance: distance(index) }))
    .filter((entry) => entry.distance > namedDeviations && entry.distance * deviation > Math.log(factor))
    .sort((a, b) => b.distance - a.distance)
    .slice(0, mostNames)
    .map((entry) => entry.dot);
}

/** Leaves out names that would lie on one that is written already. */
function apart(dots: readonly Dot[], layers: number): Dot[] {
  const kept: Dot[] = [];
  for (const dot of dots) {
    const free = kept.every((other) => Math.abs(other.i - dot.i) > layers * nameWidth || Math.abs(Math.log(other.value / dot.value)) > nameHeight);
    if (free) kept.push(dot);
  }
  return kept;
}

function bins(dots: readonly Dot[], layers: number, count: number): { worst: Dot[]; medians: Dot[] } {
  const groups = new Map<number, Dot[]>();
  for (const dot of dots) {
    const bin = Math.min(count - 1, Math.floor(((dot.i - 1) / layers) * count));
    const group = groups.get(bin);
    if (group === undefined) groups.set(bin, [dot]);
    else group.push(dot);
  }
  const worst: Dot[] = [];
  const medians: Dot[] = [];
  for (const [bin, group] of groups) {
    const top = group.reduce((best, dot) => (dot.value > best.value ? dot : best));
    worst.push(top);
    medians.push({ i: ((bin + 0.5) / count) * layers, id: '', value: median(group.map((dot) => dot.value)) });
  }
  return { worst, medians };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const plain = (dots: readonly Dot[]): Json[] => dots.map(({ i, id, value }) => ({ i, id, value }));
const shortened = (id: string): string => (id.length <= 24 ? id : `…${id.slice(-23)}`);
