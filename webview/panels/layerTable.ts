import { tableAsCsv } from '../exportChart.js';
import { element, link, replace, setAttribute } from '../dom.js';
import { integer } from '../numbers.js';
import { speak } from '../speech.js';
import { t } from '../strings.js';
import { arrangeRows, groupsFrom, type TableLine, tableLines, worstRow } from './arrange.js';
import { niceLogScale } from './cells.js';
import { type CellScales, type Column, type ColumnKey, layerColumns } from './columns.js';
import type { PanelContext } from './context.js';
import { layerCsv } from './layerCsv.js';
import { RowWindow } from './rowWindow.js';
import { TableBar, type TableOrder } from './tableBar.js';
import { tableMove } from './tableKeys.js';
import { fillGroupRow, fillLayerRow, headRow, scaleWords } from './tableRows.js';
import { layOut, type TableLayout } from './tableWidths.js';

const rowHeight = 23;
/** Rows are 20 px from this many on. */
const compactFrom = 200;
const compactHeight = 20;

/**
 * The layer table: an ARIA grid (a treegrid with groups) of which only visible rows exist. Order changes only when the
 * reader asks or a run ends.
 */
export class LayerTable {
  readonly element = element('section', { class: 'layers', id: 'ss-layers', 'aria-label': t('Layers') });
  private readonly order = element('span', { class: 'muted' });
  private readonly bar: TableBar;
  private readonly grid = element('div', { class: 'layer-grid', id: 'ss-grid', 'aria-label': t('Layers') });
  private readonly head = element('div', { class: 'grid-head', role: 'rowgroup' });
  private readonly body: RowWindow;
  private readonly columns = layerColumns();
  private readonly openGroups = new Set<string>();
  private lines: TableLine[] = [];
  private layout: TableLayout = { columns: [], template: '', groupTemplate: '' };
  private scales: CellScales = { spectralNorm: null, running: null };
  private frame = 0;
  /** Rows came that are not drawn yet. */
  private outdated = false;

  constructor(private readonly context: PanelContext) {
    this.body = new RowWindow(this.head, (made, index) => this.fill(made, index));
    this.bar = new TableBar({
      order: (order) => this.setSort(order === 'network' ? null : { column: order, descending: true }),
      filter: (text) => this.setFilter(text),
      toRows: () => this.focusLine(this.body.active),
      jumpToWorst: () => this.jumpToWorst(),
    });
    const copy = link(t('Copy as csv'), () => this.copy(), { id: 'ss-copy-table', title: t('All shown layers, in full precision') });
    replace(this.element, element('div', { class: 'section-head' }, element('h2', {}, t('Layers'), ' ', this.order), copy), this.bar.element, this.grid);
    this.grid.append(this.head, this.body.element);
    this.grid.addEventListener('keydown', (event) => this.onKey(event));
    this.body.element.addEventListener('click', (event) => this.onClick(event));
    this.body.element.addEventListener('dblclick', (event) => this.onDoubleClick(event));
    document.addEventListener('scroll', () => this.requestDraw(), { passive: true });
    window.addEventListener('resize', () => this.requestDraw());
    new ResizeObserver(() => this.relayout()).observe(this.grid);
  }

  /** A new report, or a run that begins or ends: everything is arranged anew. */
  load(): void {
    this.arrange();
  }

  /** Rows that have just been computed: values fill in with the next frame, the order stays. */
  refresh(): void {
    this.outdated = true;
    this.requestDraw();
  }

  /** The selection moved: marks it, and shows it when it came from elsewhere. */
  select(reveal: boolean): void {
    this.body.each((made, index) => this.markSelected(made, index));
    if (!reveal) return;
    const index = this.lineOf(this.context.model.selected);
    if (index >= 0) this.body.show(index);
  }

  focusFilter(): void {
    this.bar.focusFilter();
  }

  /** Selects the worst layer by the sorted column; in network order the one with the worst finding, then the largest σ₁. */
  jumpToWorst(): void {
    const { model } = this.context;
    const worst = worstRow(arrangeRows(model.rows, model.filter, null, false), this.sortedColumn);
    if (worst === null) return;
    this.context.selectLayer(worst.id);
    this.openGroupOf(worst.id);
    this.focusLine(this.lineOf(worst.id));
  }

  /** Draws what became visible, after the tab was shown. */
  shownAgain(): void {
    this.relayout();
  }

  private get sortedColumn(): Column | null {
    return this.columns.find((candidate) => candidate.key === this.context.model.sort?.column) ?? null;
  }

  private setSort(sort: { column: ColumnKey; descending: boolean } | null): void {
    this.context.model.sort = sort;
    this.body.active = 0;
    this.arrange();
    this.context.rearranged();
  }

  private setFilter(text: string): void {
    this.context.model.filter = text;
    this.body.active = 0;
    this.arrange();
    this.context.rearranged();
  }

  private arrange(): void {
    const { model } = this.context;
    const column = this.sortedColumn;
    const rows = arrangeRows(model.rows, model.filter, column, model.sort?.descending ?? false);
    const grouped = model.rows.length >= groupsFrom && model.sort === null && model.filter === '';
    this.outdated = false;
    this.lines = tableLines(rows, grouped, this.openGroups);
    this.scales = this.currentScales();
    const compact = model.rows.length >= compactFrom;
    const direction = model.sort?.descending === true ? t('descending') : t('ascending');
    this.order.textContent = column === null ? (model.overview?.model.format === 'onnx' ? t('in network order') : t('in the file’s order')) : t('by {0}, {1}', column.label === '' ? t('findings') : column.label, direction);
    this.bar.show({ order: orderOf(model.sort?.column ?? null), filter: model.filter, layers: model.rows.length, shown: rows.length, groups: grouped ? this.lines.filter((line) => line.kind === 'group').length : 0 });
    setAttribute(this.grid, 'role', grouped ? 'treegrid' : 'grid');
    setAttribute(this.grid, 'aria-rowcount', this.lines.length + 1);
    this.grid.classList.toggle('compact', compact);
    this.body.resize(this.lines.length, compact ? compactHeight : rowHeight);
    this.relayout();
  }

  private relayout(): void {
    const width = this.grid.clientWidth;
    if (width === 0) return;
    const body = getComputedStyle(document.body);
    const code = body.getPropertyValue('--vscode-editor-font-family') || 'monospace';
    this.layout = layOut(this.columns, this.context.model.rows, width, { text: `12px ${body.fontFamily}`, code: `12px ${code}` }, { dot: scaleWords(this.scales) });
    this.grid.style.setProperty('--columns', this.layout.template);
    this.grid.style.setProperty('--group-columns', this.layout.groupTemplate);
    setAttribute(this.grid, 'aria-colcount', this.layout.columns.length);
    this.drawHead();
    this.body.redraw();
  }

  private drawHead(): void {
    const focused = document.activeElement;
    const focusedKey = focused instanceof HTMLElement && this.head.contains(focused) ? focused.dataset.sort : undefined;
    replace(this.head, headRow(this.layout.columns, this.context.model.sort, this.scales, (column) => this.sortBy(column)));
    if (focusedKey !== undefined) this.head.querySelector<HTMLElement>(`[data-sort="${focusedKey}"]`)?.focus();
  }

  private sortBy(column: Column): void {
    const { sort } = this.context.model;
    const firstDescending = column.worst === 'largest';
    if (sort?.column !== column.key) this.setSort({ column: column.key, descending: firstDescending });
    else if (sort.descending === firstDescending) this.setSort({ column: column.key, descending: !firstDescending });
    else this.setSort(null);
    const now = this.context.model.sort;
    speak(now === null ? t('network order') : t('sorted by {0}, {1}', column.label === '' ? t('findings') : column.label, now.descending ? t('descending') : t('ascending')));
  }

  private currentScales(): CellScales {
    const { model } = this.context;
    const values = model.running ? [] : model.rows.flatMap((row) => (row.spectralNorm === null ? [] : [row.spectralNorm]));
    return { spectralNorm: niceLogScale(values), running: model.running ? (model.progress?.layer ?? '') : null };
  }

  private requestDraw(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this.outdated) this.refill();
      if (this.layout.columns.length > 0) this.body.draw();
    });
  }

  private refill(): void {
    this.outdated = false;
    const { model } = this.context;
    this.lines = this.lines.map((line) => (line.kind === 'layer' ? { ...line, row: model.row(line.row.id) ?? line.row } : { ...line, rows: line.rows.map((row) => model.row(row.id) ?? row) }));
    this.scales = this.currentScales();
    this.body.refill();
  }

  private fill(made: HTMLElement, index: number): void {
    const line = this.lines[index];
    made.tabIndex = index === this.body.active ? 0 : -1;
    if (line.kind === 'group') fillGroupRow(made, line, this.scales);
    else fillLayerRow(made, line, this.layout.columns, this.scales);
    this.markSelected(made, index);
  }

  private markSelected(made: HTMLElement, index: number): void {
    const line = this.lines.at(index);
    const selected = line?.kind === 'layer' && line.row.id === this.context.model.selected;
    setAttribute(made, 'aria-selected', line?.kind === 'layer' ? String(selected) : null);
    made.classList.toggle('selected', selected);
  }

  private lineOf(id: string | null): number {
    return id === null ? -1 : this.lines.findIndex((line) => line.kind === 'layer' && line.row.id === id);
  }

  private openGroupOf(id: string): void {
    if (this.lineOf(id) >= 0) return;
    const group = this.lines.find((line) => line.kind === 'group' && line.rows.some((row) => row.id === id));
    if (group?.kind === 'group') this.toggleGroup(group.key, true);
  }

  private toggleGroup(key: string, open: boolean): void {
    if (open) this.openGroups.add(key);
    else this.openGroups.delete(key);
    this.arrange();
  }

  private focusLine(index: number): void {
    const line = this.lines.at(index);
    if (index < 0 || line === undefined) return;
    this.body.focus(index);
    if (line.kind === 'layer') this.context.selectLayer(line.row.id);
  }

  private onClick(event: MouseEvent): void {
    const index = lineIndex(event);
    const line = index === null ? undefined : this.lines[index];
    if (index === null || line === undefined) return;
    if (line.kind === 'group') this.toggleGroup(line.key, !line.open);
    this.focusLine(index);
  }

  private onDoubleClick(event: MouseEvent): void {
    const index = lineIndex(event);
    const line = index === null ? undefined : this.lines[index];
    if (line?.kind === 'layer') this.context.openLayer(line.row.id);
  }

  private onKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const handled = this.head.contains(event.target as Node) ? this.headKey(event) : this.rowKey(event);
    if (!handled) return;
    event.preventDefault();
    event.stopPropagation();
  }

  private headKey(event: KeyboardEvent): boolean {
    const sorters = [...this.head.querySelectorAll<HTMLElement>('.sorter')];
    const at = sorters.findIndex((sorter) => sorter === document.activeElement);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step !== undefined) sorters.at(Math.max(0, Math.min(sorters.length - 1, at + step)))?.focus();
    else if (event.key === 'ArrowDown') this.focusLine(this.body.active);
    else return false;
    return true;
  }

  private rowKey(event: KeyboardEvent): boolean {
    const at = this.body.active;
    const line = this.lines.at(at);
    const move = line === undefined ? null : tableMove(event.key, line, at, this.lines.length - 1, this.body.page);
    if (line === undefined || move === null) return false;
    if (typeof move === 'object') this.focusLine(move.to);
    else if (move === 'header') this.head.querySelector<HTMLElement>('.sorter')?.focus();
    else if (line.kind === 'layer') this.context.openLayer(line.row.id);
    else {
      this.toggleGroup(line.key, !line.open);
      this.focusLine(at);
    }
    return true;
  }

  private copy(): void {
    const { model } = this.context;
    const rows = arrangeRows(model.rows, model.filter, this.sortedColumn, model.sort?.descending ?? false);
    this.context.host.post({ type: 'copyText', text: tableAsCsv(layerCsv(rows)) });
    speak(t('{0} rows copied', integer(rows.length)));
  }
}

/** The order that the bar's switch shows for a sorted column. */
function orderOf(column: string | null): TableOrder | null {
  if (column === null) return 'network';
  return column === 'spectralNorm' || column === 'mark' ? column : null;
}

function lineIndex(event: MouseEvent): number | null {
  const row = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-line]') : null;
  return row === null ? null : Number(row.dataset.line);
}
