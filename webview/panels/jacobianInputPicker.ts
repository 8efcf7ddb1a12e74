import { element, replace } from '../dom.js';
import { missing } from '../numbers.js';
import type { PanelModel } from '../panelModel.js';
import { t } from '../strings.js';

/** Which input's curve and marks are shown: a list in the file's order. */
export class InputPicker {
  readonly element: HTMLElement;
  private readonly list = element('select', { class: 'field', id: 'ss-input-select', 'aria-label': t('Input') });

  constructor(private readonly model: PanelModel, choose: (input: number) => void) {
    this.element = element('label', { class: 'pick' }, element('span', { class: 'muted' }, t('input')), this.list);
    this.list.addEventListener('change', () => choose(Number(this.list.value)));
  }

  /** Another set of inputs. */
  load(): void {
    const { overview } = this.model.jacobians;
    replace(this.list, element('option', { value: '', disabled: true }, missing), (overview?.samples.index ?? []).map((index) => element('option', { value: index }, String(index))));
    this.show();
  }

  show(): void {
    const { input, overview } = this.model.jacobians;
    this.element.hidden = overview === null || overview.samples.index.length === 0;
    this.list.value = input === null ? '' : String(input);
  }
}
