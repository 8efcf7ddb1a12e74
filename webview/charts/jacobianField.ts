import type { JacobianKind, JacobianOverview } from '../../server/report/jacobianViews.js';
import type { ChartField, ChartPoint } from './chart.js';
import { binStarts } from './jacobianHeat.js';
import { cellLines, rowLines } from './jacobianWords.js';

/** Where things stand in the chart by rows, and what lies under the pointer and along the arrow keys. */

export const labelWidth = 116;
export const gap = 14;
/** Axis numbers that stand out of the plot on its right. */
const overhang = 10;
/** Pixels of one input in the map: more inputs than fit are binned. */
export const narrowestColumn = 2;

export interface Sizes {
  main: number;
  map: number;
}

/** Widths of both plots in a drawing of that width. */
export function sizes(width: number, narrow: boolean): Sizes {
  const room = width - labelWidth - overhang;
  if (narrow) return { main: Math.max(80, room), map: Math.max(80, room) };
  const main = Math.round((room - gap) * 0.52);
  return { main: Math.max(80, main), map: Math.max(80, room - gap - main) };
}

/** Rows on the left, cells on the right: ↑ ↓ go through the layers, ← → through the inputs of one. */
export function stretchField(overview: JacobianOverview, options: { kind: JacobianKind; input: number | null; narrow: boolean }, step: number): ChartField {
  const { rows, samples } = overview;
  const { kind } = options;
  const inputs = samples.order.length;
  const rowPoint = (row: number, width: number): ChartPoint => ({
    area: 0, x: Math.min(sizes(width, options.narrow).main, 24), y: (row + 0.5) * step, layer: rows[row].layer, call: rows[row].call,
    focus: { y0: row, y1: row + 1, x0: null, x1: null },
    get lines() { return rowLines(rows[row], kind, overview, options.input); },
  });
  const cellPoint = (row: number, place: number, width: number): ChartPoint => {
    const starts = columnStarts(width);
    const bin = starts.findIndex((start, index) => place >= start && place < starts[index + 1]);
    const position = samples.order[place];
    return {
      area: 1, x: ((place + 0.5) / inputs) * sizes(width, options.narrow).map, y: (row + 0.5) * step, input: samples.index[position],
      focus: { y0: row, y1: row + 1, x0: starts[bin], x1: starts[bin + 1] },
      get lines() { return cellLines(rows[row], kind, overview, position); },
    };
  };
  const columnStarts = (width: number): number[] => binStarts(inputs, sizes(width, options.narrow).map / narrowestColumn);
  const rowAt = (y: number): number => Math.floor(y / step);
  const placeOf = (point: ChartPoint, width: number): number => Math.floor((point.x / sizes(width, options.narrow).map) * inputs);
  return {
    areas: 2,
    at(area, x, y, width) {
      const row = rowAt(y);
      if (row < 0 || row >= rows.length) return null;
      const size = sizes(width, options.narrow);
      if (area === 0) return x < -labelWidth || x > size.main + gap / 2 ? null : rowPoint(row, width);
      if (x < 0 || x >= size.map || inputs === 0) return null;
      return cellPoint(row, Math.min(inputs - 1, Math.floor((x / size.map) * inputs)), width);
    },
    step(from, key, width) {
      const row = from === null ? -1 : rowAt(from.y);
      const place = from?.area !== 1 ? -1 : placeOf(from, width);
      const to = { ArrowDown: [row + 1, place], ArrowUp: [row - 1, place], ArrowRight: [Math.max(0, row), place + 1], ArrowLeft: [Math.max(0, row), place - 1], Home: [0, place], End: [rows.length - 1, place], PageDown: [row + 10, place], PageUp: [row - 10, place] }[key];
      if (to === undefined) return null;
      const nextRow = Math.max(0, Math.min(rows.length - 1, to[0]));
      const nextPlace = Math.min(inputs - 1, to[1]);
      return nextPlace < 0 ? rowPoint(nextRow, width) : cellPoint(nextRow, nextPlace, width);
    },
  };
}
