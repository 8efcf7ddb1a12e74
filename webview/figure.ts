import type { Chart, ChartPoint } from './charts/chart.js';
import { focusData } from './charts/chart.js';
import { draw, type Drawing } from './draw.js';
import { element, replace, svg } from './dom.js';
import { exportImage, tableAsCsv } from './exportChart.js';
import type { Host } from './host.js';
import { keyOf } from './key.js';
import { type MenuItem, toggleMenu } from './menu.js';
import { exact } from './numbers.js';
import { nearestPoint, pointAt, samePoint } from './pointing.js';
import { speak } from './speech.js';
import { t } from './strings.js';
import { chartTheme } from './theme.js';
import { hideTooltip, showTooltipAt } from './tooltip.js';

/** What a figure needs from the page. */
export interface FigureOptions {
  host: Host;
  /** Base of the names that exports suggest: model and layer. */
  fileName: () => string;
  /** Shown as a table from the start? And told when the reader switches. */
  asTable: boolean;
  onTable: (asTable: boolean) => void;
  /** Enter or a click on a point that stands for a layer; `open` for Enter and double click. */
  onLayer?: (layer: string, open: boolean, call: number) => void;
  /** Enter or a click on a point that stands for an input. */
  onInput?: (input: number) => void;
  /** Enter selects what has the focus; else arrow keys select on the way, and Enter opens. */
  enterSelects?: boolean;
  extraMenu?: readonly MenuItem[];
  /** Shown beside the title: switches of this chart. */
  controls?: HTMLElement;
  small?: boolean;
}

const redrawDelay = 80;
let lastFocused: FigureView | null = null;

/** The figure that has, or last had, the focus on this page; null once it is gone. */
export function focusedFigure(): FigureView | null {
  return lastFocused?.element.isConnected === true ? lastFocused : null;
}

function rememberFocus(figure: FigureView): void {
  lastFocused = figure;
}

/**
 * A chart on the page: title, switch between drawing and table, menu for export, keyboard and pointer reading of
 * single points. The drawing keeps its place: its height is fixed before it is drawn.
 */
export class FigureView {
  readonly element: HTMLElement;
  private readonly key = element('div', { class: 'key', 'aria-hidden': 'true' });
  private readonly plot = element('div', { class: 'plot', role: 'img', tabindex: 0 });
  private readonly twin = element('div', { class: 'twin', tabindex: 0 });
  private readonly note = element('div', { class: 'read' });
  private readonly title = element('span', { class: 'title' });
  private readonly unit = element('span', { class: 'unit' });
  private readonly tableButton: HTMLButtonElement;
  private readonly menuButton: HTMLButtonElement;
  private readonly data = new Map<string, readonly unknown[]>();
  private readonly observer: ResizeObserver;
  private chart: Chart | null = null;
  private drawing: Drawing | null = null;
  private drawnWidth = 0;
  private turn = 0;
  private timer = 0;
  private asTable: boolean;
  private focused: ChartPoint | null = null;

  constructor(private readonly options: FigureOptions) {
    this.asTable = options.asTable;
    this.tableButton = element('button', { type: 'button', class: 'tool', 'aria-pressed': 'false', title: t('Table (t)'), 'aria-label': t('Show as table') }, tableIcon());
    this.menuButton = element('button', { type: 'button', class: 'tool', 'aria-haspopup': 'menu', 'aria-expanded': 'false', title: t('Export (e)'), 'aria-label': t('Export and copy') }, dotsIcon());
    this.tableButton.addEventListener('click', () => this.toggleTable());
    this.menuButton.addEventListener('click', () => this.openMenu());
    const caption = element('figcaption', {}, this.title, this.unit, element('span', { class: 'tools' }, options.controls ?? null, options.small === true ? null : this.tableButton, options.small === true ? null : this.menuButton));
    this.element = element('figure', { class: options.small === true ? 'chart small-chart' : 'chart' }, options.small === true ? null : caption, this.key, this.plot, this.twin, this.note);
    this.element.addEventListener('focusin', () => rememberFocus(this));
    this.plot.addEventListener('keydown', (event) => this.onKey(event));
    this.plot.addEventListener('blur', () => this.focusPoint(null, 'quiet'));
    this.plot.addEventListener('pointermove', (event) => this.onPointer(event));
    this.plot.addEventListener('pointerleave', () => {
      this.focusPoint(null, 'quiet');
      hideTooltip();
    });
    this.plot.addEventListener('click', () => this.activate(false));
    this.plot.addEventListener('dblclick', () => this.activate(true));
    this.observer = new ResizeObserver(() => this.schedule());
    this.observer.observe(this.element);
  }

  /** True until a chart was shown. */
  get isEmpty(): boolean {
    return this.chart === null;
  }

  /** Shows another chart in the same place. */
  show(chart: Chart): void {
    const { focused } = this;
    this.chart = chart;
    // Selecting draws anew; who reads point by point goes on from the same one.
    this.focused = focused === null || chart.field !== undefined ? focused : (chart.points.find((point) => samePoint(point, focused)) ?? null);
    this.element.id = chart.id;
    this.element.dataset.chart = chart.id;
    this.element.setAttribute('aria-label', chart.title);
    this.title.textContent = chart.title;
    this.unit.textContent = chart.unit;
    this.unit.title = chart.unit;
    this.plot.setAttribute('aria-label', chart.label);
    this.plot.style.minHeight = `${chart.height}px`;
    replace(this.key, keyOf(chart.key ?? []));
    this.key.hidden = this.key.childElementCount === 0 || this.asTable;
    this.note.textContent = chart.note ?? '';
    this.note.hidden = chart.note === null;
    this.drawnWidth = 0;
    this.arrange();
  }

  /** Fills a named data source, now and after every redraw. */
  setData(name: string, values: readonly unknown[]): void {
    this.data.set(name, values);
    this.drawing?.setData(name, values);
  }

  toggleTable(): void {
    this.asTable = !this.asTable;
    this.options.onTable(this.asTable);
    this.arrange();
    (this.asTable ? this.twin : this.plot).focus();
  }

  openMenu(): void {
    const items: MenuItem[] = [
      { text: t('Save as SVG…'), action: () => void this.save('svg') },
      { text: t('Save as PNG…'), action: () => void this.save('png') },
      { text: t('Save table as CSV…'), action: () => void this.save('csv') },
    ];
    toggleMenu(this.menuButton, [...((this.chart?.specification ?? null) === null ? items.slice(2) : items), ...(this.options.extraMenu ?? [])]);
  }

  /** Draws again, after a change of theme. */
  redraw(): void {
    this.drawnWidth = 0;
    this.schedule();
  }

  finish(): void {
    this.observer.disconnect();
    window.clearTimeout(this.timer);
    this.turn += 1;
    this.drawing?.finish();
    this.drawing = null;
  }

  /** Clears the focused point. Returns whether there was one. */
  clearFocus(): boolean {
    const had = this.focused !== null;
    this.focusPoint(null, 'quiet');
    return had;
  }

  private arrange(): void {
    const { chart } = this;
    if (chart === null) return;
    this.plot.hidden = this.asTable;
    this.twin.hidden = !this.asTable;
    this.key.hidden = this.key.childElementCount === 0 || this.asTable;
    this.tableButton.setAttribute('aria-pressed', String(this.asTable));
    if (this.asTable) {
      this.twin.style.height = `${chart.height}px`;
      replace(this.twin, twinTable(chart));
    } else {
      this.twin.replaceChildren();
      this.schedule();
    }
  }

  private schedule(): void {
    if (this.asTable || this.chart === null) return;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.drawNow(), this.drawing === null ? 0 : redrawDelay);
  }

  private async drawNow(): Promise<void> {
    const { chart } = this;
    const width = Math.floor(this.plot.clientWidth);
    if (chart === null || width === 0 || width === this.drawnWidth) return;
    this.drawnWidth = width;
    this.turn += 1;
    const { turn } = this;
    if (chart.specification === null) {
      this.drawing?.finish();
      this.drawing = null;
      const empty = element('div', { class: 'empty-plot' }, chart.note ?? '');
      empty.style.height = `${chart.height}px`;
      replace(this.plot, empty);
      // The line stays, so that nothing moves when the drawing comes.
      this.note.textContent = '\u00a0';
      return;
    }
    const stage = element('div', { class: 'stage' });
    stage.style.width = `${width}px`;
    this.plot.append(stage);
    const drawing = await draw(stage, chart.specification(chartTheme(width)));
    if (turn !== this.turn) {
      drawing.finish();
      stage.remove();
      return;
    }
    this.drawing?.finish();
    this.plot.replaceChildren(stage);
    this.drawing = drawing;
    for (const [name, values] of this.data) drawing.setData(name, values);
    this.markFocus();
    this.element.dataset.drawn = 'true';
  }

  private onKey(event: KeyboardEvent): void {
    const { chart } = this;
    if (chart === null || (chart.points.length === 0 && chart.field === undefined) || event.altKey || event.ctrlKey || event.metaKey) return;
    const next = chart.field === undefined ? this.alongPoints(event.key) : chart.field.step(this.focused, event.key, this.drawnWidth);
    if (next !== null) this.focusPoint(next, 'spoken');
    else if (event.key === 'Enter') this.activate(this.options.enterSelects !== true);
    else if (event.key !== 'Escape' || !this.clearFocus()) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** The next point by a key; null for keys that do not move. */
  private alongPoints(key: string): ChartPoint | null {
    const points = this.chart?.points ?? [];
    const at = this.focused === null ? -1 : points.indexOf(this.focused);
    if (key === 'Home') return points[0];
    if (key === 'End') return points[points.length - 1];
    const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10 }[key];
    return step === undefined ? null : points[Math.max(0, Math.min(points.length - 1, at < 0 && step > 0 ? 0 : at + step))];
  }

  private onPointer(event: PointerEvent): void {
    const { chart, drawing } = this;
    if (chart === null || drawing === null || (chart.points.length === 0 && chart.field === undefined)) return;
    const point = chart.field === undefined ? nearestPoint(chart, drawing, event.clientX) : pointAt(chart.field, drawing, event, this.drawnWidth);
    this.focusPoint(point, 'quiet');
    if (point === null) hideTooltip();
    else showTooltipAt(event.clientX + 12, event.clientY + 8, point.lines);
  }

  private focusPoint(point: ChartPoint | null, how: 'spoken' | 'quiet'): void {
    const before = this.focused;
    if (point === before || (point !== null && before !== null && this.chart?.field !== undefined && samePoint(point, before))) return;
    this.focused = point;
    this.markFocus();
    if (point === null) {
      hideTooltip();
      return;
    }
    if (how === 'quiet') return;
    speak(point.lines.join(', '));
    const { drawing, chart } = this;
    if (drawing !== null && chart !== null) {
      const area = drawing.plotArea(point.area ?? 0);
      if (chart.field === undefined) showTooltipAt(area.left + drawing.position(chart.xScale, point.x) + 10, area.top, point.lines);
      else showTooltipAt(area.left + point.x + 10, area.top + point.y, point.lines);
    }
    if (point.layer !== undefined && this.options.enterSelects !== true) this.options.onLayer?.(point.layer, false, point.call ?? 0);
  }

  private markFocus(): void {
    const point = this.focused;
    this.drawing?.setData(focusData, point === null ? [] : [point.focus ?? { x: point.x, y: point.y }]);
  }

  private activate(open: boolean): void {
    const point = this.focused;
    if (point?.layer !== undefined) this.options.onLayer?.(point.layer, open, point.call ?? 0);
    if (point?.input !== undefined) this.options.onInput?.(point.input);
  }

  private async save(kind: 'svg' | 'png' | 'csv'): Promise<void> {
    const { chart } = this;
    if (chart === null) return;
    const suggestedName = `${this.options.fileName()}-${chart.id}.${kind}`;
    if (kind === 'csv') {
      this.options.host.post({ type: 'saveFile', suggestedName, content: tableAsCsv(chart.table), encoding: 'text' });
      return;
    }
    const drawing = this.drawing ?? (await this.offPage(chart));
    if (drawing === null) return;
    const content = await exportImage(await drawing.svgText(), kind);
    this.options.host.post({ type: 'saveFile', suggestedName, content, encoding: kind === 'svg' ? 'text' : 'base64' });
    if (drawing !== this.drawing) drawing.finish();
  }

  /** The drawing while the table is shown. */
  private async offPage(chart: Chart): Promise<Drawing | null> {
    const width = Math.floor(this.element.clientWidth);
    return chart.specification === null ? null : draw(element('div'), chart.specification(chartTheme(width)));
  }
}

function twinTable(chart: Chart): HTMLElement {
  const head = element('tr', {}, chart.table.columns.map((column) => element('th', { scope: 'col' }, column)));
  const rows = chart.table.rows.map((row) => element('tr', {}, row.map((cell) => element('td', { class: typeof cell === 'string' ? null : 'value' }, exact(cell)))));
  return element('table', { 'aria-label': chart.label }, element('thead', {}, head), element('tbody', {}, rows));
}

function tableIcon(): SVGSVGElement {
  return svg('svg', { viewBox: '0 0 14 14', width: 14, height: 14, 'aria-hidden': 'true' }, svg('path', { d: 'M1.5 2.5h11v9h-11ZM1.5 5.5h11M1.5 8.5h11M5 5.5v6', fill: 'none', stroke: 'currentColor' }));
}

function dotsIcon(): SVGSVGElement {
  return svg('svg', { viewBox: '0 0 14 14', width: 14, height: 14, 'aria-hidden': 'true' }, [3, 7, 11].map((cx) => svg('circle', { cx, cy: 7, r: 1.1, fill: 'currentColor' })));
}
