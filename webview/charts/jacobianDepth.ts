import type { JacobianOverview, JacobianRow, Stretch } from '../../server/report/jacobianViews.js';
import { integer } from '../numbers.js';
import { t } from '../strings.js';
import { axisLabel, type Chart, type ChartField, type ChartPoint, type ChartTheme, chartConfig, colour, focusData, type Json, logTicks, quantitative, type Specification, ticksAt } from './chart.js';
import { binStarts, heatMarks, heatOf } from './jacobianHeat.js';
import { emptyNote, inputColumnData, inputData, layerData, stretchDomain, stretchKey, stretchLabel, stretchTable, type StretchOptions } from './jacobianStretch.js';
import { cellLines, kindSymbol, rowLines } from './jacobianWords.js';
import { layerTicks } from './throughTheDepth.js';

/** From this many uses of layers on, depth runs from left to right. */
export const depthAcrossFrom = 41;

const axisExtent = 40;
const overhang = 8;
const stripHeight = 96;
const isometryHeight = 64;
const mapHeight = 160;
const spacing = 30;
const axisRoom = 34;
/** Pixels of one layer: more layers than fit are binned. */
const narrowestLayer = 2;
/** Pixels of one input in the map. */
const lowestInput = 1;
const mostMapRows = 400;

interface Placed {
  /** Place of the layer, from 0; in the middle of its column. */
  i: number;
  row: JacobianRow;
  stretch: Stretch;
}

/** The same as the chart by rows for deep networks: σ₁, isometry and the map, depth from left to right. */
export function jacobianDepthChart(overview: JacobianOverview, options: Omit<StretchOptions, 'measure' | 'narrow'>): Chart {
  const { rows } = overview;
  const placed = rows.flatMap((row, index): Placed[] => {
    const stretch = row.stretch[options.kind];
    return stretch === null || stretch.largest <= 0 ? [] : [{ i: index + 0.5, row, stretch }];
  });
  const isometries = placed.filter(({ stretch }) => stretch.isometry !== null);
  const drawn = placed.length > 0;
  return {
    id: 'jacobian-stretch',
    title: t('Stretch through the depth'),
    unit: t('{0} layers', integer(rows.length)),
    label: stretchLabel(overview, options.kind),
    height: stripHeight + spacing + (isometries.length > 0 ? isometryHeight + spacing : 0) + mapHeight + axisRoom + 16,
    xScale: 'concat_0_x',
    note: drawn ? t('Layers from left to right, not joined by a line: they need not be in sequence. Where several share a pixel, the farthest from its median is drawn.') : emptyNote(overview, { kind: options.kind, measure: 'stretch' }),
    key: drawn ? [...stretchKey({ ...options, measure: 'stretch', narrow: false }).map((entry) => (entry.swatch === 'diamond' ? { ...entry, text: t('proven bound') } : entry)), ...(isometries.length > 0 ? [{ swatch: 'deviation' as const, text: t('mean ± deviation of ln σ') }] : [])] : [],
    table: stretchTable(overview, options.kind),
    points: [],
    ...(drawn ? { field: depthField(overview, options, isometries.length > 0 ? 3 : 2) } : {}),
    specification: drawn ? (theme) => specification(theme, overview, options, placed, isometries) : null,
  };
}

const plotWidth = (width: number): number => Math.max(120, width - axisExtent - overhang);

function specification(theme: ChartTheme, overview: JacobianOverview, { kind }: Pick<StretchOptions, 'kind'>, placed: readonly Placed[], isometries: readonly Placed[]): Specification {
  const width = plotWidth(theme.width);
  const strips = [stretchStrip(overview, kind, placed, width), ...(isometries.length > 0 ? [isometryStrip(overview, kind, isometries, width)] : []), mapStrip(theme, overview, kind, width)];
  return { $schema: 'https://vega.github.io/schema/vega-lite/v6.json', spacing, vconcat: strips, config: chartConfig(theme) };
}

function layerAxis(layers: number, last: boolean): (field: string) => Specification {
  const axis = last ? { title: t('layer, in order'), values: layerTicks(layers).map((tick) => tick - 0.5), labelExpr: 'format(datum.value+0.5,"d")', grid: false } : { labels: false, ticks: false, title: null, domain: false, grid: false };
  return (field) => quantitative(field, { scale: { domain: [0, layers], nice: false, zero: false }, axis });
}

function selections(x: (field: string) => Specification, height: number): Json[] {
  const tall = { y: { value: 0 }, y2: { value: height } };
  return [
    { data: { name: layerData, values: [] }, mark: { type: 'rect', fill: colour.selected, opacity: 0.18, stroke: null }, encoding: { x: x('y0'), x2: { field: 'y1' }, ...tall } },
    { data: { name: focusData, values: [] }, mark: { type: 'rect', fill: colour.text, opacity: 0.12, stroke: null }, encoding: { x: x('x0'), x2: { field: 'x1' }, ...tall } },
  ];
}

function stretchStrip(overview: JacobianOverview, kind: StretchOptions['kind'], placed: readonly Placed[], width: number): Json {
  const [low, high] = stretchDomain(placed.map(({ row, stretch }) => ({ stretch, bound: kind === 'inputToLayer' ? row.bound : null })));
  const x = layerAxis(overview.rows.length, false);
  const y = (field: string): Specification => quantitative(field, { scale: { type: 'log', domain: [low, high], nice: false }, axis: { title: t('σ₁ of {0}, log', kindSymbol(kind)), titleX: -axisExtent, titleY: -7, minExtent: axisExtent, maxExtent: axisExtent, grid: true, ...ticksAt(logTicks(low, high, 4)), labelExpr: axisLabel } });
  const binned = byColumn(placed, overview.rows.length, width);
  const floor = (value: number): number => Math.max(value, low);
  const across = Math.max(1, Math.min(9, (width / overview.rows.length) * 0.6));
  const bounds = kind === 'inputToLayer' ? binned.flatMap(({ i, row }) => (row.bound === null || row.bound <= 0 ? [] : [{ i, value: Math.min(row.bound, high), beyond: row.bound > high }])) : [];
  const marks: Json[] = [
    { data: { values: binned.map(({ i, stretch }) => ({ i, low: floor(stretch.q05), high: floor(stretch.q95) })) }, mark: { type: 'rule', color: 'var(--ss-edge)', strokeWidth: across }, encoding: { x: x('i'), y: y('low'), y2: { field: 'high' } } },
    { data: { values: binned.filter(({ stretch }) => stretch.q50 > 0).map(({ i, stretch }) => ({ i, value: stretch.q50 })) }, mark: { type: 'tick', orient: 'horizontal', size: Math.max(3, across + 2), thickness: 1.5, color: colour.text }, encoding: { x: x('i'), y: y('value') } },
    { data: { values: binned.map(({ i, stretch }) => ({ i, value: stretch.largest })) }, mark: { type: 'point', size: across > 3 ? 22 : 8, color: colour.selected }, encoding: { x: x('i'), y: y('value') } },
    { data: { name: inputData, values: [] }, transform: [{ calculate: 'datum.i-0.5', as: 'middle' }], mark: { type: 'point', size: across > 3 ? 34 : 14, filled: false, strokeWidth: 1, color: colour.selected }, encoding: { x: x('middle'), y: y('value') } },
  ];
  for (const [beyond, shape] of [[false, 'diamond'], [true, 'triangle-up']] as const) {
    const some = bounds.filter((bound) => bound.beyond === beyond);
    if (some.length > 0) marks.push({ data: { values: some }, mark: { type: 'point', shape, size: across > 3 ? 26 : 10, filled: false, strokeWidth: 1.2, color: colour.reference }, encoding: { x: x('i'), y: y('value') } });
  }
  return { width, height: stripHeight, layer: [...selections(x, stripHeight), ...marks] };
}

function isometryStrip(overview: JacobianOverview, kind: StretchOptions['kind'], placed: readonly Placed[], width: number): Json {
  const values = byColumn(placed, overview.rows.length, width).flatMap(({ i, stretch: { isometry } }) => (isometry === null ? [] : [{ i, mean: isometry.mean, low: isometry.mean - isometry.deviation, high: isometry.mean + isometry.deviation }]));
  const low = Math.min(0, ...values.map((value) => value.low));
  const high = Math.max(0, ...values.map((value) => value.high));
  const room = (high - low) * 0.06 || 0.5;
  const x = layerAxis(overview.rows.length, false);
  const y = (field: string): Specification => quantitative(field, { scale: { domain: [low - room, high + room], nice: false, zero: false }, axis: { title: t('ln σ of {0}', kindSymbol(kind)), titleX: -axisExtent, titleY: -7, minExtent: axisExtent, maxExtent: axisExtent, grid: true, tickCount: 3 } });
  return {
    width,
    height: isometryHeight,
    layer: [
      ...selections(x, isometryHeight),
      { data: { values: [{ y: 0 }] }, mark: { type: 'rule', color: colour.reference, strokeDash: [4, 3] }, encoding: { y: y('y') } },
      { data: { values }, mark: { type: 'rule', color: colour.context, strokeWidth: 1.5 }, encoding: { x: x('i'), y: y('low'), y2: { field: 'high' } } },
      { data: { values }, mark: { type: 'point', size: 14, color: colour.text }, encoding: { x: x('i'), y: y('mean') } },
    ],
  };
}

function mapStrip(theme: ChartTheme, overview: JacobianOverview, kind: StretchOptions['kind'], width: number): Json {
  const { rows, samples } = overview;
  const heat = heatOf(rows, kind, samples, { layersDown: false, mostRows: Math.min(mostMapRows, mapHeight / lowestInput), mostColumns: width / narrowestLayer });
  const inputs = samples.order.length;
  const x = layerAxis(rows.length, true);
  const title = overview.output === null ? t('inputs, in the file’s order ↓') : t('inputs, by σ₁ of the output ↓');
  const y = (field: string): Specification => quantitative(field, { scale: { domain: [0, inputs], reverse: true, nice: false, zero: false }, axis: { title, titleX: -axisExtent, titleY: -7, labels: false, ticks: false, minExtent: axisExtent, maxExtent: axisExtent, grid: false } });
  return {
    width,
    height: mapHeight,
    layer: [
      ...heatMarks(heat, width, mapHeight, theme.highContrast),
      { data: { name: layerData, values: [] }, mark: { type: 'rect', fill: null, stroke: colour.selected, strokeWidth: 1.2 }, encoding: { x: x('y0'), x2: { field: 'y1' }, y: { value: 0 }, y2: { value: mapHeight } } },
      { data: { name: inputColumnData, values: [] }, mark: { type: 'rect', fill: null, stroke: colour.text, strokeWidth: 1.2 }, encoding: { x: { value: 0 }, x2: { value: width }, y: y('y0'), y2: { field: 'y1' } } },
      { data: { name: focusData, values: [] }, mark: { type: 'rect', fill: null, stroke: colour.text, strokeWidth: 1.2 }, encoding: { x: x('x0'), x2: { field: 'x1' }, y: y('y0'), y2: { field: 'y1' } } },
    ],
  };
}

/** One of each column of pixels: the layer with the largest σ₁. */
function byColumn(placed: readonly Placed[], layers: number, width: number): Placed[] {
  const starts = binStarts(layers, width / narrowestLayer);
  if (starts.length - 1 === layers) return [...placed];
  const best: (Placed | undefined)[] = [];
  let bin = 0;
  for (const entry of placed) {
    while (entry.i >= starts[bin + 1]) bin += 1;
    const other = best.at(bin);
    if (other === undefined || entry.stretch.largest > other.stretch.largest) best[bin] = entry;
  }
  return best.filter((entry) => entry !== undefined);
}

/** Layers in the strips, cells in the map: ← → go through the layers, ↓ ↑ into the map and through its inputs. */
function depthField(overview: JacobianOverview, { kind, input }: Pick<StretchOptions, 'kind' | 'input'>, areas: number): ChartField {
  const { rows, samples } = overview;
  const layers = rows.length;
  const inputs = samples.order.length;
  const map = areas - 1;
  const layerPoint = (layer: number, area: number, width: number): ChartPoint => ({
    area, x: ((layer + 0.5) / layers) * plotWidth(width), y: 0, layer: rows[layer].layer, call: rows[layer].call,
    focus: { x0: layer, x1: layer + 1, y0: 0, y1: inputs },
    get lines() { return rowLines(rows[layer], kind, overview, input); },
  });
  const cellPoint = (layer: number, place: number, width: number): ChartPoint => ({
    area: map, x: ((layer + 0.5) / layers) * plotWidth(width), y: ((place + 0.5) / inputs) * mapHeight, input: samples.index[samples.order[place]],
    focus: { x0: layer, x1: layer + 1, y0: place, y1: place + 1 },
    get lines() { return cellLines(rows[layer], kind, overview, samples.order[place]); },
  });
  const layerAt = (x: number, width: number): number => Math.floor((x / plotWidth(width)) * layers);
  return {
    areas,
    at(area, x, y, width) {
      const layer = layerAt(x, width);
      const height = area === map ? mapHeight : area === 0 ? stripHeight : isometryHeight;
      if (layer < 0 || layer >= layers || y < 0 || y >= height) return null;
      return area === map && inputs > 0 ? cellPoint(layer, Math.floor((y / mapHeight) * inputs), width) : layerPoint(layer, area, width);
    },
    step(from, key, width) {
      const layer = from === null ? -1 : layerAt(from.x, width);
      const place = from?.area !== map ? -1 : Math.floor((from.y / mapHeight) * inputs);
      const to = { ArrowRight: [layer + 1, place], ArrowLeft: [layer - 1, place], ArrowDown: [Math.max(0, layer), place + 1], ArrowUp: [Math.max(0, layer), place - 1], Home: [0, place], End: [layers - 1, place], PageDown: [layer + 10, place], PageUp: [layer - 10, place] }[key];
      if (to === undefined) return null;
      const nextLayer = Math.max(0, Math.min(layers - 1, to[0]));
      const nextPlace = Math.min(inputs - 1, to[1]);
      return nextPlace < 0 ? layerPoint(nextLayer, 0, width) : cellPoint(nextLayer, nextPlace, width);
    },
  };
}
