import type { Chart, ChartField, ChartPoint } from './charts/chart.js';
import type { Drawing } from './draw.js';

/** Pixels to the nearest point beyond which the pointer points at nothing. */
const reach = 40;

/** The point whose x is nearest to the pointer, within reach. */
export function nearestPoint(chart: Chart, drawing: Drawing, clientX: number): ChartPoint | null {
  const { left } = drawing.plotArea();
  let nearest: ChartPoint | null = null;
  let distance = reach;
  for (const point of chart.points) {
    const away = Math.abs(left + drawing.position(chart.xScale, point.x) - clientX);
    if (away < distance) {
      distance = away;
      nearest = point;
    }
  }
  return nearest;
}

/** The point of a field under the pointer, in whichever plot area it is. */
export function pointAt(field: ChartField, drawing: Drawing, event: PointerEvent, width: number): ChartPoint | null {
  for (let area = field.areas - 1; area >= 0; area -= 1) {
    const box = drawing.plotArea(area);
    const point = field.at(area, event.clientX - box.left, event.clientY - box.top, width);
    if (point !== null) return point;
  }
  return null;
}

/** Do both stand for the same place of a chart that was made anew? */
export function samePoint(a: ChartPoint, b: ChartPoint): boolean {
  return a.area === b.area && a.x === b.x && a.y === b.y && a.layer === b.layer && a.call === b.call && a.input === b.input;
}
