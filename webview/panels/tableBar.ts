import { Segmented } from '../controls.js';
import { button, element } from '../dom.js';
import { integer } from '../numbers.js';
import { t } from '../strings.js';

/** Above this many layers the bar is always shown; below, once it is asked for. */
const barFrom = 12;

export type TableOrder = 'network' | 'spectralNorm' | 'mark';

/** What the bar asks of the table. */
export interface TableBarActions {
  order(order: TableOrder): void;
  filter(text: string): void;
  /** Leaves the filter for the rows. */
  toRows(): void;
  jumpToWorst(): void;
}

/** What the bar says of the table. */
export interface TableBarState {
  /** null: sorted by a column that the switch does not name. */
  order: TableOrder | null;
  filter: string;
  layers: number;
  shown: number;
  /** Groups that the layers are folded into; 0 without folding. */
  groups: number;
}

/** Above the layer table: filter, order, the way to the worst layer, and how many layers are shown. */
export class TableBar {
  readonly element: HTMLElement;
  private readonly field = element('input', { type: 'text', class: 'field', id: 'ss-filter', spellcheck: 'false', 'aria-label': t('Filter layers'), placeholder: t('Filter: headers.*, kind:dense…') });
  private readonly shown = element('span', { class: 'shown muted', 'aria-live': 'polite' });
  private readonly orderSwitch: Segmented<TableOrder>;
  private asked = false;

  constructor(private readonly actions: TableBarActions) {
    this.orderSwitch = new Segmented<TableOrder>(t('Order'), [{ key: 'network', text: t('in order') }, { key: 'spectralNorm', text: 'σ₁' }, { key: 'mark', text: t('findings') }], 'network', (key) => actions.order(key));
    const worst = button(t('Jump to worst'), () => actions.jumpToWorst(), { class: 'link', title: t('Worst layer by the sorted column (w)') });
    this.element = element('div', { class: 'toolbar', role: 'toolbar', 'aria-label': t('Filter and order') }, this.field, this.orderSwitch.element, worst, this.shown);
    this.field.addEventListener('input', () => actions.filter(this.field.value));
    this.field.addEventListener('keydown', (event) => this.onKey(event));
  }

  show(state: TableBarState): void {
    if (this.field.value !== state.filter) this.field.value = state.filter;
    this.orderSwitch.set(state.order);
    this.element.hidden = state.layers <= barFrom && state.filter === '' && !this.asked;
    if (state.filter !== '') this.shown.textContent = t('{0} of {1} shown', integer(state.shown), integer(state.layers));
    else this.shown.textContent = state.groups === 0 ? '' : t('{0} groups', integer(state.groups));
  }

  focusFilter(): void {
    this.asked = true;
    this.element.hidden = false;
    this.field.focus();
    this.field.select();
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key === 'Escape' && this.field.value !== '') {
      this.field.value = '';
      this.actions.filter('');
    } else if (event.key === 'Escape' || event.key === 'ArrowDown' || event.key === 'Enter') this.actions.toRows();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
