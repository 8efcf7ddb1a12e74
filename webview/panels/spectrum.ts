import type { LayerDetail } from '../../server/report/views.js';
import { singularValuesChart } from '../charts/singularValues.js';
import { element, replace, setAttribute, svg } from '../dom.js';
import { FigureView } from '../figure.js';
import { condition, dimensions, integer, missing, significant } from '../numbers.js';
import type { Change } from '../panelModel.js';
import { t } from '../strings.js';
import type { PanelContext } from './context.js';
import { kindWord } from './layerFacts.js';

const screeHeight = 156;

/** The Spectrum side view: the selected layer's values and five numbers. Pinned, it keeps its layer. */
export class SpectrumPanel {
  readonly element = element('div', { class: 'side', id: 'ss-spectrum' });
  private readonly id = element('h1', { class: 'code' });
  private readonly pin = element('button', { type: 'button', class: 'tool pin', id: 'ss-pin' }, pinIcon());
  private readonly kind = element('p', { class: 'small muted' });
  private readonly message = element('p', { class: 'muted' });
  private readonly numbers = element('dl', { class: 'side-numbers' });
  private readonly figure: FigureView;
  private shown: LayerDetail | null = null;
  pinned = false;

  constructor(private readonly context: PanelContext) {
    this.figure = new FigureView({ host: context.host, fileName: () => context.model.selected ?? 'layer', asTable: false, onTable: () => undefined, small: true });
    this.pin.addEventListener('click', () => {
      this.pinned = !this.pinned;
      this.showPin();
      if (!this.pinned) context.host.post({ type: 'ready' });
    });
    this.element.append(element('div', { class: 'side-head' }, this.id, this.pin), this.kind, this.message, this.figure.element, this.numbers);
    this.showPin();
    this.show();
  }

  update(change: Change): void {
    if (change === 'selection' || change === 'detail' || change === 'overview' || change === 'rows') this.show();
  }

  redraw(): void {
    this.figure.redraw();
  }

  private show(): void {
    const { model } = this.context;
    const detail = model.selected === null ? null : model.detail(model.selected);
    if (detail !== null && detail === this.shown) return;
    const fetching = detail === null && model.selected !== null && !model.isAbsent(model.selected);
    if (fetching && this.shown !== null) return;
    this.id.textContent = model.selected ?? '';
    this.id.title = model.selected ?? '';
    this.pin.hidden = model.selected === null;
    const error = model.selected === null ? null : model.detailError(model.selected);
    this.shown = detail;
    this.figure.element.hidden = detail === null;
    this.numbers.hidden = detail === null;
    this.message.hidden = detail !== null;
    this.kind.hidden = detail === null;
    if (detail === null) {
      this.message.textContent = model.selected === null ? t('Select a layer in Models or in the report.') : fetching ? '' : (error ?? t('Not analysed yet. Analyze the model to see its spectrum.'));
      return;
    }
    const { row } = detail;
    this.kind.textContent = `${kindWord(row.kind)} ${dimensions(row.shape)} · ${detail.spectrum === null ? t('no spectrum') : detail.exact ? t('{0} values, exact', integer(row.fullRank)) : t('{0} values, ≈', integer(row.fullRank))}`;
    this.figure.show(singularValuesChart(detail, { logarithmicIndex: false, noiseEdge: false, height: screeHeight }));
    const alpha = detail.metrics?.alpha ?? null;
    replace(this.numbers,
      line('σ₁', row.spectralNorm === null ? missing : significant(row.spectralNorm)),
      line('r₉₀', row.energyRank90 === null ? missing : t('{0} of {1}', integer(row.energyRank90), integer(row.fullRank))),
      line(t('stable rank'), row.stableRank === null ? missing : significant(row.stableRank)),
      line(t('κ over numerical rank'), condition(detail.metrics?.conditionNumberNumericalRank ?? null)),
      alpha === null ? line('α', missing) : line(t('α (D {0}, {1} values)', significant(alpha.ks, 2), integer(alpha.tail)), row.alphaLoose ? `(${significant(alpha.value, 3)})` : significant(alpha.value, 3)));
  }

  private showPin(): void {
    setAttribute(this.pin, 'aria-pressed', String(this.pinned));
    const words = this.pinned ? t('Pinned: stays on this layer') : t('Follows the selection; pin to keep this layer');
    this.pin.title = words;
    this.pin.setAttribute('aria-label', words);
  }
}

function line(label: string, value: string): HTMLElement {
  return element('div', { class: 'number' }, element('dt', {}, label), element('dd', {}, value));
}

function pinIcon(): SVGSVGElement {
  return svg('svg', { viewBox: '0 0 14 14', width: 14, height: 14, 'aria-hidden': 'true' }, svg('path', { d: 'M4.5 1.5h5M5.3 1.5v4L3.5 8h7L8.7 5.5v-4M7 8v4.5', fill: 'none', stroke: 'currentColor', 'stroke-width': 1.1 }));
}
