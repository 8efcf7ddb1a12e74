import type { LayerDetail } from '../../server/report/views.js';
import { element, replace } from '../dom.js';
import { missing } from '../numbers.js';
import { t } from '../strings.js';
import { describe } from '../tooltip.js';
import { metricGroups, type MetricGroup, type MetricRow } from './metricRows.js';

/** The Numbers of a layer: one tab stop, arrow keys walk through; the definition shows on hover and focus alike. */
export class NumbersSection {
  readonly element: HTMLElement;
  private readonly groups = element('div', { class: 'number-groups' });
  private readonly subject = element('span', { class: 'muted' });

  constructor(tools: HTMLElement | null, id = 'ss-numbers') {
    this.element = element('section', { class: 'numbers', id, 'aria-label': t('Numbers') });
    this.element.append(element('div', { class: 'section-head' }, element('h2', {}, t('Numbers'), ' ', this.subject), tools ?? ''), this.groups);
    this.groups.addEventListener('keydown', (event) => this.onKey(event));
  }

  show(detail: LayerDetail): void {
    this.showGroups(metricGroups(detail));
  }

  /** @param subject what the numbers are of, where the page does not say it otherwise */
  showGroups(groups: readonly MetricGroup[], subject = ''): void {
    this.subject.textContent = subject;
    replace(this.groups, groups.map(drawGroup));
    const first = this.groups.querySelector<HTMLElement>('.number');
    if (first !== null) first.tabIndex = 0;
  }

  private onKey(event: KeyboardEvent): void {
    const stops = [...this.groups.querySelectorAll<HTMLElement>('.number')];
    const at = stops.findIndex((stop) => stop === document.activeElement);
    const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: stops.length - 1 }[event.key];
    if (at < 0 || to === undefined || event.altKey) return;
    const next = stops[Math.max(0, Math.min(stops.length - 1, to))];
    stops[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    event.preventDefault();
    event.stopPropagation();
  }
}

function drawGroup(group: MetricGroup): HTMLElement {
  return element('div', { class: 'number-group' }, element('h3', {}, group.title), element('dl', {}, group.rows.map(drawRow)));
}

function drawRow(row: MetricRow): HTMLElement {
  const value = row.value ?? missing;
  const made = element('div', { class: 'number', tabindex: -1, 'data-field': row.field, 'aria-description': row.value === null ? row.reason : row.definition }, element('dt', {}, row.label), element('dd', { class: row.value === null ? 'muted' : null }, value));
  describe(made, () => [`${row.label}  ${value}`, ...(row.value === null ? [row.reason] : []), row.definition, row.field]);
  return made;
}
