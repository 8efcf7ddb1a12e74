import { element, replace, tailText } from '../dom.js';
import { integer } from '../numbers.js';
import { t } from '../strings.js';
import type { PanelContext } from './context.js';
import { kindWord, shapeWords } from './layerFacts.js';

/** Options beyond this many are made when the list is first opened. */
const optionsAtOnce = 500;

/** Which layer the Weights tab shows: a list, the neighbours, and the layer's facts. */
export class LayerPicker {
  readonly element = element('div', { class: 'toolbar picker', id: 'ss-picker' });
  private readonly place = element('span', { class: 'muted place' });
  private readonly list = element('select', { class: 'field code', id: 'ss-layer-select', 'aria-label': t('Layer') });
  private readonly previous = element('button', { type: 'button', class: 'link neighbour', id: 'ss-previous-layer', title: t('Previous layer (Alt+↑)') });
  private readonly next = element('button', { type: 'button', class: 'link neighbour', id: 'ss-next-layer', title: t('Next layer (Alt+↓)') });
  private readonly facts = element('span', { class: 'small muted facts-right' });
  private filled = false;

  constructor(private readonly context: PanelContext) {
    this.element.append(element('span', { class: 'pick' }, this.place, this.list), element('span', { class: 'neighbours' }, this.previous, this.next), this.facts);
    this.list.addEventListener('change', () => context.selectLayer(this.list.value));
    this.list.addEventListener('pointerenter', () => this.fill());
    this.list.addEventListener('focus', () => this.fill());
    this.previous.addEventListener('click', () => this.step(-1));
    this.next.addEventListener('click', () => this.step(1));
  }

  /** A new report. */
  load(): void {
    this.filled = false;
    this.list.replaceChildren();
    if (this.context.model.rows.length <= optionsAtOnce) this.fill();
    this.show();
  }

  show(): void {
    const { model } = this.context;
    const row = model.row(model.selected);
    const at = model.position(model.selected);
    this.element.hidden = row === null;
    if (row === null) return;
    this.place.textContent = t('#{0} of {1}', integer(at + 1), integer(model.rows.length));
    if (!this.filled) replace(this.list, element('option', { value: row.id }, row.id));
    this.list.value = row.id;
    this.neighbour(this.previous, at - 1, -1);
    this.neighbour(this.next, at + 1, 1);
    this.facts.textContent = `${kindWord(row.kind)} · ${shapeWords(row)} · ${row.dtype}`;
    this.facts.title = this.facts.textContent;
  }

  /** Selects the layer before or after the present one. */
  step(direction: 1 | -1): void {
    const { model } = this.context;
    const target = model.rows.at(Math.max(0, model.position(model.selected) + direction));
    if (target !== undefined) this.context.selectLayer(target.id);
  }

  private neighbour(target: HTMLButtonElement, at: number, direction: 1 | -1): void {
    const row = at < 0 ? undefined : this.context.model.rows.at(at);
    target.disabled = row === undefined;
    if (row === undefined) replace(target, direction === -1 ? '‹' : '›');
    else replace(target, direction === -1 ? '‹ ' : '', tailText(row.id), direction === 1 ? ' ›' : '');
  }

  private fill(): void {
    if (this.filled) return;
    this.filled = true;
    const { model } = this.context;
    replace(this.list, model.rows.map((row) => element('option', { value: row.id }, row.id)));
    if (model.selected !== null) this.list.value = model.selected;
  }
}
