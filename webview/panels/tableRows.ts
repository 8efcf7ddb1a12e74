import type { WebviewState } from '../../server/protocol.js';
import { element, replace, setAttribute, tailText } from '../dom.js';
import { mark } from '../marks.js';
import { integer, notYet, significant } from '../numbers.js';
import { t } from '../strings.js';
import { describe } from '../tooltip.js';
import type { TableLine } from './arrange.js';
import { stripCell } from './cells.js';
import { type CellScales, type Column, severityRank } from './columns.js';
import { layerFacts } from './layerFacts.js';

/** The header row: sortable columns hold a button, and say by `aria-sort` how they are sorted. */
export function headRow(columns: readonly Column[], sort: WebviewState['sort'], scales: CellScales, sortBy: (column: Column) => void): HTMLElement {
  const cells = columns.map((column, index) => {
    const sorted = sort?.column === column.key ? (sort.descending ? 'descending' : 'ascending') : 'none';
    const arrow = sorted === 'none' ? '' : sorted === 'descending' ? ' ↓' : ' ↑';
    const label = column.key === 'dot' ? scaleWords(scales) : column.label + arrow;
    const cell = element('div', { role: 'columnheader', class: column.alignRight ? 'cell right' : 'cell', 'aria-colindex': index + 1, 'aria-sort': column.sortValue === undefined ? null : sorted, 'aria-label': label === '' && column.sortValue === undefined ? column.tip : null });
    if (column.sortValue === undefined) cell.append(label);
    else {
      const sorter = element('button', { type: 'button', class: 'sorter', tabindex: -1, 'data-sort': column.key, 'aria-label': column.label === '' ? t('findings') : null }, label);
      sorter.addEventListener('click', () => sortBy(column));
      cell.append(sorter);
    }
    describe(cell, () => [column.tip]);
    return cell;
  });
  return element('div', { role: 'row', class: 'grid-row head', 'aria-rowindex': 1 }, cells);
}

/** Fills the row of a layer; what is known of it shows on hover and focus. */
export function fillLayerRow(made: HTMLElement, line: TableLine & { kind: 'layer' }, columns: readonly Column[], scales: CellScales): void {
  const { row } = line;
  made.dataset.layer = row.id;
  setAttribute(made, 'aria-level', line.level === 2 ? 2 : null);
  made.classList.toggle('inner', line.level === 2);
  replace(made, columns.map((column, at) => element('div', { role: 'gridcell', class: `cell${column.alignRight ? ' right' : ''} cell-${column.key}`, 'aria-colindex': at + 1 }, column.draw(row, scales))));
  describe(made, () => layerFacts(row));
}

/** Fills the row of a group: how many layers, the worst mark, the largest σ₁, and σ₁ by depth as a strip. */
export function fillGroupRow(made: HTMLElement, line: TableLine & { kind: 'group' }, scales: CellScales): void {
  const worst = line.rows.reduce((best, row) => (severityRank(row) > severityRank(best) ? row : best));
  const values = line.rows.map((row) => row.spectralNorm);
  const largest = values.reduce<number | null>((best, value) => (value !== null && (best === null || value > best) ? value : best), null);
  const count = t('{0} layers', integer(line.rows.length));
  made.classList.add('group');
  delete made.dataset.layer;
  setAttribute(made, 'aria-level', 1);
  setAttribute(made, 'aria-expanded', String(line.open));
  const strip = scales.spectralNorm === null ? null : stripCell(scales.spectralNorm, values);
  const rest = element('div', { role: 'gridcell', class: 'cell group-rest', 'aria-colindex': 4 }, element('span', { class: 'group-count muted' }, count), element('span', {}, largest === null ? notYet : t('σ₁ ≤ {0}', significant(largest))), strip);
  replace(made,
    element('div', { role: 'gridcell', class: 'cell right muted', 'aria-colindex': 1 }, line.open ? '▾' : '▸'),
    element('div', { role: 'gridcell', class: 'cell', 'aria-colindex': 2 }, worst.severity === null ? '' : mark(worst.severity)),
    element('div', { role: 'gridcell', class: 'cell cell-layer', 'aria-colindex': 3 }, tailText(line.key)),
    rest);
  describe(made, () => [line.key, count, t('the strip shows σ₁ by depth, log: the further from the background, the larger'), line.open ? t('← closes the group') : t('→ opens the group')]);
}

/** Ends of the scale that the dots of σ₁ share. */
export function scaleWords(scales: CellScales): string {
  const scale = scales.spectralNorm;
  return scale === null ? t('log') : t('{0}–{1}, log', short(scale.low), short(scale.high));
}

const short = (value: number): string => String(Number(value.toPrecision(2)));
