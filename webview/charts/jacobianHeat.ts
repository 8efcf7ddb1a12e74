import type { JacobianRow, JacobianKind, JacobianSamples } from '../../server/report/jacobianViews.js';
import type { Json } from './chart.js';

/**
 * The heat map of σ₁ at every layer and input, relative to the layer's median. A cell has one of nine colours, so the
 * whole map is nine paths whatever its size: thousands of single marks would take a second to draw.
 */

/** log₂(σ₁/median) at which the classes begin; the middle one is the median itself. */
export const heatLimits: readonly number[] = [-0.7, -0.5, -0.3, -0.1, 0.1, 0.3, 0.5, 0.7];
const classColours = ['n4', 'n3', 'n2', 'n1', 'z', 'p1', 'p2', 'p3', 'p4'].map((name) => `var(--ss-${name})`);
const absent = -1;
/** High contrast has no colours: only what lies two classes and more from the median is drawn, filled above and outlined below. */
const contrastClasses = { above: 7, below: 1 };

/** Cells by row and column; a bin of several holds the one farthest from its median. */
export interface Heat {
  rows: number;
  columns: number;
  /** Row-major; −1 where there is no value. */
  classes: Int8Array;
  /** By row and by column: first layer or input of the bin, in drawing order; one more than there are bins. */
  rowStarts: readonly number[];
  columnStarts: readonly number[];
}

/** How many layers and inputs are drawn, and whether layers run down (else across). */
export interface HeatShape {
  layersDown: boolean;
  /** Most bins in either direction. */
  mostRows: number;
  mostColumns: number;
}

/** The map of one kind of Jacobian. Cost O(layers · inputs). */
export function heatOf(rows: readonly JacobianRow[], kind: JacobianKind, samples: JacobianSamples, shape: HeatShape): Heat {
  const layers = rows.length;
  const inputs = samples.order.length;
  const rowStarts = binStarts(shape.layersDown ? layers : inputs, shape.mostRows);
  const columnStarts = binStarts(shape.layersDown ? inputs : layers, shape.mostColumns);
  const heat: Heat = { rows: rowStarts.length - 1, columns: columnStarts.length - 1, classes: new Int8Array((rowStarts.length - 1) * (columnStarts.length - 1)).fill(absent), rowStarts, columnStarts };
  const binOfRow = binByPlace(rowStarts);
  const binOfColumn = binByPlace(columnStarts);
  for (let layer = 0; layer < layers; layer += 1) {
    const stretch = rows[layer].stretch[kind];
    if (stretch === null || stretch.q50 <= 0) continue;
    for (let place = 0; place < inputs; place += 1) {
      const cell = shape.layersDown ? binOfRow[layer] * heat.columns + binOfColumn[place] : binOfRow[place] * heat.columns + binOfColumn[layer];
      const found = classOf(stretch.values[samples.order[place]] / stretch.q50);
      if (heat.classes[cell] === absent || distance(found) > distance(heat.classes[cell])) heat.classes[cell] = found;
    }
  }
  return heat;
}

/** Class 0…8 of a ratio to the median. */
export function classOf(ratio: number): number {
  const logarithm = Math.log2(ratio);
  const found = heatLimits.findIndex((limit) => logarithm < limit);
  return found < 0 ? heatLimits.length : found;
}

/** Starts of at most `most` bins of nearly equal size over `count` places, and `count` at the end. */
export function binStarts(count: number, most: number): number[] {
  const bins = Math.max(1, Math.min(count, Math.floor(most)));
  return Array.from({ length: bins + 1 }, (_, bin) => Math.round((bin * count) / bins));
}

/** The marks: one path a class, in pixels of a plot area of that size. */
export function heatMarks(heat: Heat, width: number, height: number, highContrast: boolean): Json[] {
  const paths = heatPaths(heat, width, height);
  return paths.flatMap((path, index): Json[] => {
    if (path === '' || (highContrast && index < contrastClasses.above && index > contrastClasses.below)) return [];
    const outlined = highContrast && index <= contrastClasses.below;
    const look = outlined ? { filled: false, stroke: 'var(--ss-fg)', strokeWidth: 1 } : { filled: true, fill: highContrast ? 'var(--ss-fg)' : classColours[index], strokeWidth: 0 };
    // A symbol of size 4 is drawn in the units of its path.
    return [{ data: { values: [{}] }, mark: { type: 'point', shape: path, size: 4, ...look }, encoding: { x: { value: 0 }, y: { value: 0 } } }];
  });
}

/** Runs of equal cells as rectangles, one path a class; edges lie on whole pixels, so that no seams show. */
export function heatPaths(heat: Heat, width: number, height: number): string[] {
  const paths = classColours.map((): string[] => []);
  const edge = (index: number, count: number, size: number): number => Math.round((index * size) / count);
  for (let row = 0; row < heat.rows; row += 1) {
    const top = edge(row, heat.rows, height);
    const tall = edge(row + 1, heat.rows, height) - top;
    let start = 0;
    for (let column = 1; column <= heat.columns; column += 1) {
      const found = heat.classes[row * heat.columns + start];
      if (column < heat.columns && heat.classes[row * heat.columns + column] === found) continue;
      const left = edge(start, heat.columns, width);
      const wide = edge(column, heat.columns, width) - left;
      if (found !== absent && wide > 0 && tall > 0) paths[found].push(`M${left},${top}h${wide}v${tall}h${-wide}Z`);
      start = column;
    }
  }
  return paths.map((parts) => parts.join(''));
}

function binByPlace(starts: readonly number[]): Int32Array {
  const bins = new Int32Array(starts[starts.length - 1]);
  for (let bin = 0; bin + 1 < starts.length; bin += 1) bins.fill(bin, starts[bin], starts[bin + 1]);
  return bins;
}

const distance = (index: number): number => Math.abs(index - heatLimits.length / 2);
