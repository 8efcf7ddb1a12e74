import { minusSign } from '../numbers.js';

/** A Vega-Lite specification as plain JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type Specification = Readonly<Record<string, Json>>;

/** What a drawing depends on besides the data. Colours are CSS variables, so a theme change needs no redraw. */
export interface ChartTheme {
  /** Font family, resolved: Vega measures text with it. */
  font: string;
  /** Width of the whole drawing in pixels. */
  width: number;
  /** High contrast: series differ by shape and dash alone. */
  highContrast: boolean;
}

/** One place that the keyboard or the pointer can rest on. */
export interface ChartPoint {
  x: number;
  y: number;
  /** Spoken, and shown line by line. */
  lines: readonly string[];
  /** Set where the point stands for a layer: Enter selects it. */
  layer?: string;
  /** Which use of the layer, where they are told apart. */
  call?: number;
  /** Set where the point stands for an input (its place in the file): Enter selects it. */
  input?: number;
  /** Plot area that the point lies in, of several. */
  area?: number;
  /** What the focus data source holds while the point has the focus; {x, y} unless it is given. */
  focus?: Json;
}

/** A chart whose points lie in rows and columns. x and y of its points are pixels within their plot area. */
export interface ChartField {
  /** Plot areas that the pointer is looked for in. */
  areas: number;
  /** The point at a pixel of a plot area (left of it where names stand), in a drawing of that width; null: none. */
  at(area: number, x: number, y: number, width: number): ChartPoint | null;
  /** Where an arrow key, Home or End leads; null: nowhere. */
  step(from: ChartPoint | null, key: string, width: number): ChartPoint | null;
}

/** One entry of the key above a drawing. */
export interface KeyEntry {
  swatch: 'band' | 'median' | 'medianLine' | 'dot' | 'ring' | 'diamond' | 'selectedLine' | 'selectedTick' | 'deviation' | 'reference' | 'diverging';
  text: string;
}

/** The same data as a real table; also what the CSV holds, in full precision. */
export interface ChartTable {
  columns: readonly string[];
  rows: readonly (readonly (number | string | null)[])[];
}

/** A chart as data: pure functions of the report make it, the figure draws it. */
export interface Chart {
  id: string;
  title: string;
  /** Beside the title, muted: unit, number of values, exactness. */
  unit: string;
  /** The answer of the chart, for those who do not see it. */
  label: string;
  height: number;
  /** null: there is nothing to draw, and `note` says why. */
  specification: ((theme: ChartTheme) => Specification) | null;
  note: string | null;
  table: ChartTable;
  points: readonly ChartPoint[];
  /** Vega's name of the x scale: "x", or "concat_0_x" in stacked charts. */
  xScale: string;
  /** What the marks are, where they do not explain themselves. */
  key?: readonly KeyEntry[];
  /** Where points are found by row and column rather than by x alone. */
  field?: ChartField;
}

/** Colours by role; media of export resolve them. */
export const colour = {
  selected: 'var(--ss-c1)',
  reference: 'var(--ss-c2)',
  context: 'var(--ss-context)',
  text: 'var(--ss-fg)',
  muted: 'var(--ss-muted)',
  axis: 'var(--ss-axis)',
  grid: 'var(--ss-grid)',
} as const;

/** Axis numbers: plain between 10⁻³ and 10⁴, else 1e−5. */
export const axisLabel = `datum.value===0?'0':abs(datum.value)>=0.001&&abs(datum.value)<10000?format(datum.value,'~g'):replace(replace(format(datum.value,'.0e'),'-','${minusSign}'),'+','')`;

/** Data source that the figure fills with the focused point ({x, y}). */
export const focusData = 'focus';

/** Shared look of every chart. */
export function chartConfig(theme: ChartTheme): Specification {
  const fontSize = 11;
  return {
    background: null,
    font: theme.font,
    padding: 0,
    aria: false,
    view: { stroke: null },
    axis: {
      domainColor: colour.axis, domainWidth: 1, tickColor: colour.axis, tickSize: 4, gridColor: colour.grid, gridWidth: 1,
      labelColor: colour.muted, titleColor: colour.muted, labelFontSize: fontSize, titleFontSize: fontSize, titleFontWeight: 400,
      labelFont: theme.font, titleFont: theme.font, labelPadding: 4, titlePadding: 6,
    },
    axisY: { domain: false, ticks: false, titleAngle: 0, titleAlign: 'left', titleAnchor: 'end', titleBaseline: 'bottom', titleX: 0, titleY: -8 },
    axisX: { grid: false },
    text: { color: colour.muted, fontSize, font: theme.font },
    point: { size: 36, filled: true, opacity: 1 },
    line: { strokeWidth: 1.5 },
    tick: { opacity: 1 },
    rule: { strokeWidth: 1 },
    legend: { disable: true },
  };
}

/** A single drawing of the figure's width with layers on shared axes, and the focus ring on top. */
export function layered(theme: ChartTheme, height: number, layers: readonly Json[]): Specification {
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    autosize: { type: 'fit', contains: 'padding' },
    width: theme.width,
    height,
    layer: [...layers, ...focusLayers()],
    config: chartConfig(theme),
  };
}

/** A thin rule at the focused x and a ring at the focused point. */
export function focusLayers(): Json[] {
  const data = { name: focusData, values: [] };
  return [
    { data, mark: { type: 'rule', color: colour.text, opacity: 0.35 }, encoding: { x: quantitative('x') } },
    { data, mark: { type: 'point', size: 70, filled: false, strokeWidth: 1.5, color: colour.text }, encoding: { x: quantitative('x'), y: quantitative('y') } },
  ];
}

export function quantitative(field: string, rest: Specification = {}): Specification {
  return { field, type: 'quantitative', ...rest };
}

/** Text that stands at a point in data coordinates. */
export function label(x: number, y: number, text: string, mark: Specification): Json {
  return { data: { values: [{ x, y, text }] }, mark: { type: 'text', ...mark }, encoding: { x: quantitative('x'), y: quantitative('y'), text: { field: 'text', type: 'nominal' } } };
}

/**
 * Ticks of a log axis: powers of ten, thinned to at most `most`; within three decades also 3 (or 2 and 5).
 * `low` and `high` are positive, low < high.
 */
export function logTicks(low: number, high: number, most = 6): number[] {
  const from = Math.floor(Math.log10(low));
  const to = Math.ceil(Math.log10(high));
  const decades = Math.log10(high / low);
  const steps = decades < 1 ? [1, 2, 3, 5] : decades <= 2.5 ? [1, 3] : [1];
  const stride = Math.max(1, Math.ceil(decades / most));
  const ticks: number[] = [];
  for (let power = from; power <= to; power += 1) {
    if (steps.length === 1 && (power - to) % stride !== 0) continue;
    for (const step of steps) ticks.push(Number(`${step}e${power}`));
  }
  return ticks.filter((tick) => tick >= low * (1 - 1e-12) && tick <= high * (1 + 1e-12));
}

/** Exactly these ticks: without the count Vega thins a list by the axis' length. */
export function ticksAt(values: readonly number[]): Specification {
  return { values, tickCount: Math.max(2, values.length) };
}

/** Every row of a curve as objects for Vega. */
export function curveValues(curve: { x: ArrayLike<number>; y: ArrayLike<number> }, keep: (x: number, y: number) => boolean = () => true): { x: number; y: number }[] {
  const values: { x: number; y: number }[] = [];
  for (let i = 0; i < curve.x.length; i += 1) if (keep(curve.x[i], curve.y[i])) values.push({ x: curve.x[i], y: curve.y[i] });
  return values;
}
