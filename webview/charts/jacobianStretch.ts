import type { JacobianKind, JacobianOverview, JacobianRow } from '../../server/report/jacobianViews.js';
import { integer, missing, notYet } from '../numbers.js';
import { t } from '../strings.js';
import { axisLabel, type Chart, type ChartTable, type ChartTheme, chartConfig, colour, focusData, type Json, type KeyEntry, logTicks, quantitative, type Specification, ticksAt } from './chart.js';
import { gap, labelWidth, narrowestColumn, sizes, stretchField } from './jacobianField.js';
import { heatMarks, heatOf } from './jacobianHeat.js';
import { boundFactor, boundWords, isTight, kindSymbol, shortName, stretchNumber, valueAt } from './jacobianWords.js';

/** Data sources that the panel fills: the row of the selected layer, and the selected input. */
export const layerData = 'selectedLayer';
export const inputData = 'selectedInput';
export const inputColumnData = 'selectedInputColumn';

/** stretch: σ₁ with its bound; isometry: mean and deviation of ln σ over all singular values. */
export type StretchMeasure = 'stretch' | 'isometry';

export interface StretchOptions {
  kind: JacobianKind;
  measure: StretchMeasure;
  /** Place in the file; null: none. */
  input: number | null;
  /** Below 560 px the map stands under the chart. */
  narrow: boolean;
}

const axisRoom = 40;
const rowHeight = 24;
/** From this many rows on they are drawn closer. */
const denseFrom = 17;
const denseRowHeight = 17;
/** Bounds farther than this from what was seen stand at the edge: they would squeeze everything else. */
const farthestBound = 1e4;
const headroom = 1.15;
/** Pixels that a bound's factor needs beside its mark. */
const factorRoom = 52;

/** σ₁ of every layer's Jacobian, rows downward like the code, and the same rows by input. */
export function jacobianStretchChart(overview: JacobianOverview, options: StretchOptions): Chart {
  const { rows } = overview;
  const { kind } = options;
  const step = rows.length >= denseFrom ? denseRowHeight : rowHeight;
  const tall = rows.length * step;
  const drawn = rows.some((row) => placed(row, options));
  return {
    id: 'jacobian-stretch',
    title: t('Stretch, layer by layer'),
    unit: t('depth reads downward'),
    label: stretchLabel(overview, kind),
    height: tall + axisRoom + (options.narrow ? tall + axisRoom : 0),
    xScale: 'concat_0_x',
    note: drawn ? stretchNote(overview, options) : emptyNote(overview, options),
    // Also above the empty plot of a run that has begun, so that nothing moves when its first row is drawn.
    key: drawn || overview.state === 'running' ? stretchKey(options) : [],
    table: stretchTable(overview, kind),
    points: [],
    ...(drawn ? { field: stretchField(overview, options, step) } : {}),
    specification: drawn ? (theme) => specification(theme, overview, options, step) : null,
  };
}

/** What the data sources of a selected input hold: its value in each row, and its column of the map. */
export function inputSelection(overview: JacobianOverview, kind: JacobianKind, input: number | null): { values: Json[]; column: Json[] } {
  const position = input === null ? -1 : overview.samples.index.indexOf(input);
  if (input === null || position < 0) return { values: [], column: [] };
  const values = overview.rows.flatMap((row, index): Json[] => {
    const stretch = row.stretch[kind];
    const value = stretch === null ? null : valueAt(stretch, overview, input);
    return value === null || value <= 0 ? [] : [{ i: index + 1, row: index + 0.5, value }];
  });
  const column = overview.samples.order.indexOf(position);
  return { values, column: [{ x0: column, x1: column + 1, y0: column, y1: column + 1 }] };
}

export function stretchLabel(overview: JacobianOverview, kind: JacobianKind): string {
  let worst: JacobianRow | null = null;
  for (const row of overview.rows) if ((row.stretch[kind]?.largest ?? -1) > (worst?.stretch[kind]?.largest ?? -1)) worst = row;
  const stretch = worst?.stretch[kind] ?? null;
  return worst === null || stretch === null ? t('σ₁ of {0} by layer: nothing computed yet.', kindSymbol(kind)) : t('σ₁ of {0} by layer, largest {1} at {2}, input {3}.', kindSymbol(kind), stretchNumber(stretch.largest, stretch, overview), worst.label, stretch.largestInput);
}

export function stretchKey({ kind, measure, input }: StretchOptions): KeyEntry[] {
  const heat: KeyEntry = { swatch: 'diverging', text: t('σ₁ / layer’s median: × 0.6 to × 1.6') };
  if (measure === 'isometry') return [{ swatch: 'deviation', text: t('mean ± deviation of ln σ, medians over inputs') }, { swatch: 'reference', text: t('0: lengths are kept') }, heat];
  const entries: KeyEntry[] = [{ swatch: 'band', text: t('5–95 % of inputs') }, { swatch: 'median', text: t('median') }, { swatch: 'dot', text: t('largest seen') }];
  if (input !== null) entries.push({ swatch: 'ring', text: t('input {0}', input) });
  if (kind === 'inputToLayer') entries.push({ swatch: 'diamond', text: t('proven bound, × largest seen') });
  return [...entries, heat];
}

/** Every number of the rows, and σ₁ of every input. */
export function stretchTable(overview: JacobianOverview, kind: JacobianKind): ChartTable {
  const { rows, samples } = overview;
  return {
    columns: [t('layer'), t('call'), '5 %', t('median'), '95 %', t('largest'), t('at input'), t('bound'), t('bound / largest'), t('mean ln σ'), t('deviation ln σ'), ...samples.order.map((position) => t('input {0}', samples.index[position]))],
    // Made when somebody asks: of 1,000 layers and 100 inputs that is seldom.
    get rows() {
      return rows.map((row) => {
        const stretch = row.stretch[kind];
        const bound = kind === 'inputToLayer' ? [row.bound, boundFactor(row)] : [null, null];
        const head = [row.layer, row.call + 1, stretch?.q05 ?? null, stretch?.q50 ?? null, stretch?.q95 ?? null, stretch?.largest ?? null, stretch?.largestInput ?? null];
        return [...head, ...bound, stretch?.isometry?.mean ?? null, stretch?.isometry?.deviation ?? null, ...samples.order.map((position) => stretch?.values[position] ?? null)];
      });
    },
  };
}

export function emptyNote(overview: JacobianOverview, { kind, measure }: Pick<StretchOptions, 'kind' | 'measure'>): string {
  if (overview.state === 'running') return t('Drawn when the first layer is done.');
  if (measure === 'isometry' && overview.rows.some((row) => row.stretch[kind] !== null)) return t('ln σ needs all singular values; only the largest are known of these Jacobians.');
  const reason = overview.rows.map((row) => row.reasons[kind]).find((candidate) => candidate !== null);
  return reason ?? t('There is nothing to draw: every Jacobian of this kind is 0.');
}

function stretchNote(overview: JacobianOverview, { kind, measure }: StretchOptions): string {
  const parts = [t('Rows are the same in both plots and are not joined by a line: they need not be in sequence.')];
  if (measure === 'isometry') parts.push(t('An isometry has mean 0 and deviation 0.'));
  else if (kind === 'inputToLayer') parts.push(t('The bound holds for every input: norms multiply along a path and add where branches meet.'));
  if (kind === 'layerLocal') parts.push(t('Local: from the nearest earlier layer through which every path passes.'));
  return parts.join(' ') + (overview.state === 'cancelled' ? ` ${t('Rows with · were not reached.')}` : '');
}

/** What stands in a row without marks: not done yet, none, or a zero, which no log axis has. */
function absenceOf(row: JacobianRow, { kind, measure }: Pick<StretchOptions, 'kind' | 'measure'>): string {
  if (row.state === 'pending') return notYet;
  return row.stretch[kind] !== null && measure === 'stretch' ? '0' : missing;
}

function placed(row: JacobianRow, { kind, measure }: Pick<StretchOptions, 'kind' | 'measure'>): boolean {
  const stretch = row.stretch[kind];
  return stretch !== null && (measure === 'stretch' ? stretch.largest > 0 : stretch.isometry !== null);
}

function specification(theme: ChartTheme, overview: JacobianOverview, options: StretchOptions, step: number): Specification {
  const size = sizes(theme.width, options.narrow);
  const parts = [mainPart(overview, options, size.main, step), mapPart(theme, overview, options, size.map, step)];
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    spacing: options.narrow ? 24 : gap,
    ...(options.narrow ? { vconcat: parts } : { hconcat: parts }),
    resolve: { scale: { y: 'independent', x: 'independent' } },
    config: chartConfig(theme),
  };
}

function rowScale(count: number): Specification {
  return { scale: { domain: [0, count], reverse: true, nice: false, zero: false, padding: 0 }, axis: null };
}

function names(rows: readonly JacobianRow[], count: number): Json {
  return {
    data: { values: rows.map((row, index) => ({ row: index + 0.5, name: shortName(row.label) })) },
    mark: { type: 'text', align: 'left', color: colour.text, clip: false },
    encoding: { x: { value: -labelWidth }, y: quantitative('row', rowScale(count)), text: { field: 'name', type: 'nominal' } },
  };
}

function rowBands(count: number, from: number, width: number): Json[] {
  const across = { x: { value: from }, x2: { value: width } };
  const y = quantitative('y0', rowScale(count));
  return [
    { data: { name: layerData, values: [] }, mark: { type: 'rect', fill: colour.selected, opacity: 0.14, stroke: null }, encoding: { ...across, y, y2: { field: 'y1' } } },
    { data: { name: focusData, values: [] }, mark: { type: 'rect', fill: colour.text, opacity: 0.07, stroke: null }, encoding: { ...across, y, y2: { field: 'y1' } } },
  ];
}

function mainPart(overview: JacobianOverview, options: StretchOptions, width: number, step: number): Json {
  const { rows } = overview;
  const y = quantitative('row', rowScale(rows.length));
  const grid: Json = { data: { values: rows.map((_, index) => ({ row: index + 0.5 })) }, mark: { type: 'rule', color: colour.grid }, encoding: { y, x: { value: 0 }, x2: { value: width } } };
  const waiting = rows.flatMap((row, index) => (placed(row, options) ? [] : [{ row: index + 0.5, text: absenceOf(row, options) }]));
  const marks = options.measure === 'stretch' ? stretchMarks(overview, options, y, width) : isometryMarks(rows, options.kind, y);
  const dashes: Json = { data: { values: waiting }, mark: { type: 'text', align: 'left' }, encoding: { x: { value: 4 }, y, text: { field: 'text', type: 'nominal' } } };
  return { width, height: rows.length * step, layer: [...rowBands(rows.length, -labelWidth, width), grid, names(rows, rows.length), ...(waiting.length === 0 ? [] : [dashes]), ...marks] };
}

function stretchMarks(overview: JacobianOverview, { kind, measure }: StretchOptions, y: Json, width: number): Json[] {
  const { rows } = overview;
  const values = rows.flatMap((row, index) => {
    const stretch = row.stretch[kind];
    return stretch === null || !placed(row, { kind, measure }) ? [] : [{ row: index + 0.5, stretch, use: row }];
  });
  const [low, high] = stretchDomain(values.map(({ stretch, use }) => ({ stretch, bound: kind === 'inputToLayer' ? use.bound : null })));
  const x: Specification = { scale: { type: 'log', domain: [low, high], nice: false, padding: 0 }, axis: { title: t('σ₁ of {0}, log', kindSymbol(kind)), grid: true, ...ticksAt(logTicks(low, high)), labelExpr: axisLabel } };
  const floor = (value: number): number => Math.max(value, low);
  const place = (value: number): number => (width * Math.log(value / low)) / Math.log(high / low);
  const marks: Json[] = [
    { data: { values: values.map(({ row, stretch }) => ({ row, low: floor(stretch.q05), high: floor(stretch.q95) })) }, mark: { type: 'bar', height: 9, fill: 'var(--ss-band)', stroke: 'var(--ss-edge)', strokeWidth: 1 }, encoding: { y, x: quantitative('low', x), x2: { field: 'high' } } },
    { data: { values: values.filter(({ stretch }) => stretch.q50 > 0).map(({ row, stretch }) => ({ row, value: stretch.q50 })) }, mark: { type: 'tick', thickness: 2, height: 13, color: colour.text, orient: 'vertical' }, encoding: { y, x: quantitative('value', x) } },
    { data: { values: values.map(({ row, stretch }) => ({ row, value: stretch.largest })) }, mark: { type: 'point', size: 34, color: colour.selected }, encoding: { y, x: quantitative('value', x) } },
    { data: { name: inputData, values: [] }, mark: { type: 'point', size: 46, filled: false, strokeWidth: 1.3, color: colour.selected }, encoding: { y, x: quantitative('value', x) } },
  ];
  const bounds = kind !== 'inputToLayer' ? [] : values.flatMap(({ row, use }) => (use.bound === null || use.bound <= 0 ? [] : [{ row, value: Math.min(use.bound, high), beyond: use.bound > high, tight: isTight(use), text: boundWords(use) + (use.bound > high ? ' →' : '') }]));
  // A tight bound stands around the largest value rather than on it.
  for (const { shape, size, some } of [
    { shape: 'diamond', size: 44, some: bounds.filter((bound) => !bound.beyond && !bound.tight) },
    { shape: 'diamond', size: 110, some: bounds.filter((bound) => bound.tight) },
    { shape: 'triangle-right', size: 44, some: bounds.filter((bound) => bound.beyond) },
  ]) {
    if (some.length > 0) marks.push({ data: { values: some }, mark: { type: 'point', shape, size, filled: false, strokeWidth: 1.3, color: colour.reference }, encoding: { y, x: quantitative('value', x) } });
  }
  for (const onLeft of [false, true]) {
    const some = bounds.filter((bound) => place(bound.value) > width - factorRoom === onLeft);
    if (some.length > 0) marks.push({ data: { values: some }, mark: { type: 'text', align: onLeft ? 'right' : 'left', dx: onLeft ? -8 : 8 }, encoding: { y, x: quantitative('value', x), text: { field: 'text', type: 'nominal' } } });
  }
  return marks;
}

/** From the smallest 5 % to the largest value; bounds widen it as long as they leave room for the rest. */
export function stretchDomain(values: readonly { stretch: { q05: number; q50: number; largest: number }; bound: number | null }[]): [number, number] {
  const positive = values.flatMap(({ stretch }) => [stretch.q05, stretch.q50, stretch.largest].filter((value) => value > 0));
  const seen = Math.max(...positive);
  const high = Math.max(seen, ...values.map(({ bound }) => Math.min(bound ?? 0, seen * farthestBound)));
  // Values far below the rest (all but dead layers) end at the edge, like bounds.
  const low = Math.max(Math.min(...positive), high / farthestBound ** 2);
  return [low / headroom, high * headroom];
}

function isometryMarks(rows: readonly JacobianRow[], kind: JacobianKind, y: Json): Json[] {
  const values = rows.flatMap((row, index) => {
    const isometry = row.stretch[kind]?.isometry ?? null;
    return isometry === null ? [] : [{ row: index + 0.5, mean: isometry.mean, low: isometry.mean - isometry.deviation, high: isometry.mean + isometry.deviation }];
  });
  const low = Math.min(0, ...values.map((value) => value.low));
  const high = Math.max(0, ...values.map((value) => value.high));
  const room = (high - low) * 0.06 || 0.5;
  const x = { scale: { domain: [low - room, high + room], nice: false, zero: false }, axis: { title: t('ln σ of {0}', kindSymbol(kind)), grid: true, tickCount: 5 } };
  return [
    { data: { values: [{ x: 0 }] }, mark: { type: 'rule', color: colour.reference, strokeDash: [4, 3] }, encoding: { x: quantitative('x', x) } },
    { data: { values }, mark: { type: 'rule', color: colour.context, strokeWidth: 2 }, encoding: { y, x: quantitative('low', x), x2: { field: 'high' } } },
    { data: { values }, mark: { type: 'point', size: 28, color: colour.text }, encoding: { y, x: quantitative('mean', x) } },
    // ln σ of one input is not in the overview; the source stays, so that whoever fills it need not know the measure.
    { data: { name: inputData, values: [] }, mark: { type: 'point', opacity: 0 }, encoding: { y } },
  ];
}

function mapPart(theme: ChartTheme, overview: JacobianOverview, { kind, narrow }: StretchOptions, width: number, step: number): Json {
  const { rows, samples } = overview;
  const height = rows.length * step;
  const heat = heatOf(rows, kind, samples, { layersDown: true, mostRows: rows.length, mostColumns: width / narrowestColumn });
  const count = samples.order.length;
  const title = overview.output === null ? t('{0} inputs, in the file’s order →', integer(count)) : t('{0} inputs, by σ₁ of the output →', integer(count));
  const x = (field: string): Specification => quantitative(field, { scale: { domain: [0, count], nice: false, zero: false }, axis: { title, labels: false, ticks: false, domain: false, grid: false } });
  const y = quantitative('y0', rowScale(rows.length));
  return {
    width,
    height,
    layer: [
      ...heatMarks(heat, width, height, theme.highContrast),
      ...(narrow ? [names(rows, rows.length)] : []),
      { data: { name: inputColumnData, values: [] }, mark: { type: 'rect', fill: null, stroke: colour.text, strokeWidth: 1.2 }, encoding: { x: x('x0'), x2: { field: 'x1' }, y: { value: 0 }, y2: { value: height } } },
      { data: { name: focusData, values: [] }, transform: [{ filter: 'isValid(datum.x0)' }], mark: { type: 'rect', fill: null, stroke: colour.text, strokeWidth: 1.5 }, encoding: { x: x('x0'), x2: { field: 'x1' }, y, y2: { field: 'y1' } } },
    ],
  };
}

/** The selected layer's row as `layerData` holds it. */
export function layerSelection(overview: JacobianOverview, row: JacobianRow | null): Json[] {
  const index = row === null ? -1 : overview.rows.indexOf(row);
  return index < 0 ? [] : [{ i: index + 1, y0: index, y1: index + 1 }];
}

