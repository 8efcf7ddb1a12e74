import { svg } from '../dom.js';

/** In-cell graphs: plain SVG from shared scales; one Vega view a row would be too slow. */
const rowHeight = 16;
export const dotWidth = 60;
export const barWidth = 40;
export const sparklineWidth = 64;
export const stripWidth = 132;
/** log₁₀ at the bottom of a sparkline. */
const sparklineFloor = -4;
/** Steps of the sequential scale. */
const stepCount = 7;

/** Shared scale of σ₁ over all rows, log. */
export interface LogScale {
  low: number;
  high: number;
}

/** Scale whose ends are 1, 2 or 5 times a power of ten around the positive values; null when there are none. */
export function niceLogScale(values: readonly number[]): LogScale | null {
  let low = Infinity;
  let high = 0;
  for (const value of values) {
    if (!(value > 0) || !Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return high === 0 ? null : { low: niceBound(low, 'down'), high: niceBound(high * (1 + 1e-12), 'up') };
}

function niceBound(value: number, direction: 'down' | 'up'): number {
  const power = Math.floor(Math.log10(value));
  const mantissa = value / 10 ** power;
  const steps = [1, 2, 3, 4, 5, 10];
  const step = direction === 'down' ? steps.filter((candidate) => candidate <= mantissa).at(-1) : steps.find((candidate) => candidate >= mantissa);
  return Number(`${step ?? 1}e${power}`);
}

/** Place of a value on the scale, 0…1. */
export function share(scale: LogScale, value: number): number {
  const width = Math.log(scale.high / scale.low);
  return width === 0 ? 0.5 : Math.max(0, Math.min(1, Math.log(value / scale.low) / width));
}

/** Dot of a value on a shared log scale. */
export function dotCell(scale: LogScale, value: number): SVGSVGElement {
  const x = 4 + share(scale, value) * (dotWidth - 8);
  return svg('svg', { width: dotWidth, height: rowHeight, 'aria-hidden': 'true' }, svg('path', { d: `M0 8H${dotWidth}`, class: 'cell-line' }), svg('circle', { cx: x.toFixed(1), cy: 8, r: 3, class: 'cell-dot' }));
}

/** Bar of a share 0…1. */
export function barCell(part: number): SVGSVGElement {
  return svg('svg', { width: barWidth, height: rowHeight, 'aria-hidden': 'true' }, svg('rect', { y: 5, width: barWidth, height: 6, class: 'cell-track' }), svg('rect', { y: 5, width: (part * barWidth).toFixed(1), height: 6, class: 'cell-bar' }));
}

/** Line of log₁₀(σ_k/σ₁) from 0 at the top to −4 at the bottom, k across. */
export function sparklineCell(values: readonly number[]): SVGSVGElement {
  const step = values.length > 1 ? (sparklineWidth - 2) / (values.length - 1) : 0;
  const points = values.map((value, index) => `${(1 + index * step).toFixed(1)} ${(1 + (value / sparklineFloor) * (rowHeight - 2)).toFixed(1)}`);
  const path = values.length === 1 ? `M1 1H${sparklineWidth - 1}` : `M${points.join('L')}`;
  return svg('svg', { width: sparklineWidth, height: rowHeight, 'aria-hidden': 'true' }, svg('path', { d: path, class: 'cell-spark' }));
}

/** σ₁ by depth in steps of the sequential scale: the largest of the layers that share a cell; null cells stay empty. */
export function stripCell(scale: LogScale, values: readonly (number | null)[]): SVGSVGElement {
  const cells = Math.min(values.length, Math.floor(stripWidth / 4));
  const width = stripWidth / cells;
  const rectangles: SVGElement[] = [];
  for (let cell = 0; cell < cells; cell += 1) {
    let worst: number | null = null;
    const end = Math.floor(((cell + 1) * values.length) / cells);
    for (let i = Math.floor((cell * values.length) / cells); i < end; i += 1) {
      const value = values[i];
      if (value !== null && (worst === null || value > worst)) worst = value;
    }
    const step = worst === null ? null : Math.min(stepCount - 1, Math.floor(share(scale, worst) * stepCount));
    rectangles.push(svg('rect', { x: (cell * width).toFixed(2), y: 2, width: Math.max(1, width - 0.5).toFixed(2), height: 12, class: step === null ? 'cell-track' : `step-${step}` }));
  }
  return svg('svg', { width: stripWidth, height: rowHeight, 'aria-hidden': 'true' }, rectangles);
}
