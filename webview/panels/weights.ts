import type { LayerDetail, LayerRow } from '../../server/report/views.js';
import { againstNoiseChart } from '../charts/againstNoise.js';
import type { Chart } from '../charts/chart.js';
import { energyKeptChart } from '../charts/energyKept.js';
import { operatorSpectrumChart } from '../charts/operatorSpectrum.js';
import { singularValuesChart } from '../charts/singularValues.js';
import { tailChart } from '../charts/tail.js';
import { button, element, link, replace, setAttribute } from '../dom.js';
import { FigureView } from '../figure.js';
import { mark } from '../marks.js';
import type { MenuItem } from '../menu.js';
import type { Change } from '../panelModel.js';
import { prose } from '../prose.js';
import { speak } from '../speech.js';
import { t } from '../strings.js';
import { answerLine } from './answer.js';
import { type PanelContext, fileName } from './context.js';
import { FindingsSection } from './findings.js';
import { LayerPicker } from './layerPicker.js';
import { NumbersSection } from './numbers.js';

const singularValuesHeight = 210;

type ChartMaker = (detail: LayerDetail) => Chart;

/** The Weights tab: what does this layer's spectrum say? */
export class WeightsPanel {
  readonly element = element('div', { class: 'panel', id: 'ss-panel-weights', role: 'tabpanel', tabindex: -1, 'aria-labelledby': 'ss-tab-weights' });
  readonly picker: LayerPicker;
  readonly findings: FindingsSection;
  private readonly line = element('p', { class: 'answer' });
  private readonly basis = element('p', { class: 'basis' });
  private readonly actions = element('div', { class: 'buttons' });
  private readonly charts = element('div', { class: 'charts' });
  private readonly figures = new Map<string, { view: FigureView; make: ChartMaker }>();
  private readonly numbers: NumbersSection;
  private logarithmicIndex = false;
  private shown: LayerDetail | null = null;

  constructor(private readonly context: PanelContext) {
    this.picker = new LayerPicker(context);
    this.findings = new FindingsSection(context, false);
    this.numbers = new NumbersSection(this.copyTools());
    this.addFigure('singular-values', (detail) => singularValuesChart(detail, { logarithmicIndex: this.logarithmicIndex, noiseEdge: true, height: singularValuesHeight }), { controls: this.indexSwitch(), extraMenu: this.copyItems() });
    this.addFigure('energy-kept', energyKeptChart);
    this.addFigure('against-noise', againstNoiseChart);
    this.addFigure('tail', tailChart);
    this.addFigure('operator-spectrum', operatorSpectrumChart);
    this.element.append(this.picker.element, element('div', { class: 'answer-block', id: 'ss-weights-answer' }, this.line, this.basis, this.actions), this.findings.element, this.charts, this.numbers.element);
  }

  /** The chart that keys mean when none has the focus. */
  get firstFigure(): FigureView | null {
    return this.shown === null ? null : (this.figures.get('singular-values')?.view ?? null);
  }

  update(change: Change): void {
    if (change === 'overview') this.picker.load();
    if (change === 'overview' || change === 'selection' || change === 'tab' || change === 'state' || change === 'rows' || change === 'detail') this.show();
  }

  redraw(): void {
    for (const { view } of this.figures.values()) view.redraw();
  }

  private show(): void {
    const { model } = this.context;
    if (model.tab !== 'weights') return;
    this.picker.show();
    const row = model.row(model.selected);
    const detail = row === null ? null : model.detail(row.id);
    if (row === null) this.explain(null);
    else if (detail === null) this.explain(row);
    else if (detail !== this.shown) this.showDetail(detail);
  }

  private showDetail(detail: LayerDetail): void {
    this.shown = detail;
    this.element.removeAttribute('aria-busy');
    replace(this.line, ...answerLine(detail.answer));
    replace(this.basis, prose(detail.answer.basis));
    this.actions.replaceChildren();
    this.findings.show(detail.findings.filter((finding) => finding.silenced === undefined), detail.findings.filter((finding) => finding.silenced !== undefined));
    this.charts.hidden = false;
    this.numbers.element.hidden = false;
    for (const id of this.figures.keys()) this.drawChart(id);
    this.numbers.show(detail);
  }

  private drawChart(id: string): void {
    const figure = this.figures.get(id);
    if (figure === undefined || this.shown === null) return;
    figure.view.element.hidden = id === 'operator-spectrum' && this.shown.operatorCurves.length === 0;
    if (!figure.view.element.hidden) figure.view.show(figure.make(this.shown));
  }

  /** No curves: why, and what to do. A layer that is only being fetched keeps the charts of the one before. */
  private explain(row: LayerRow | null): void {
    const { model, host } = this.context;
    const waiting = row !== null && row.state === 'done' && !model.isAbsent(row.id);
    if (waiting && this.shown !== null) {
      this.element.setAttribute('aria-busy', 'true');
      return;
    }
    this.shown = null;
    this.charts.hidden = true;
    this.numbers.element.hidden = true;
    this.findings.show([], []);
    this.actions.replaceChildren();
    this.basis.textContent = '';
    if (row === null) this.line.textContent = model.rows.length === 0 ? t('There is no layer with weights.') : t('Choose a layer in the Overview.');
    else if (row.state === 'pending') {
      this.line.textContent = model.running ? t('{0} is not analysed yet.', row.id) : t('{0} is not analysed.', row.id);
      this.basis.textContent = t('Its charts appear here when it is.');
      if (host.live && !model.running) this.actions.append(button(t('Analyze weights'), () => host.post({ type: 'analyze' }), { class: 'btn primary' }));
    } else if (row.state === 'skipped' || row.state === 'failed') {
      replace(this.line, mark(row.state === 'failed' ? 'error' : 'skipped'), ' ', t('{0} was not analysed.', row.id));
      this.basis.textContent = row.reason ?? '';
      if (host.live && row.state === 'failed') this.actions.append(link(t('Retry this layer'), () => host.post({ type: 'retry', layers: [row.id] })));
    } else {
      this.line.textContent = waiting ? '' : t('The curves of {0} could not be read.', row.id);
      this.basis.textContent = model.detailError(row.id) ?? '';
    }
  }

  private addFigure(id: string, make: ChartMaker, extra: { controls?: HTMLElement; extraMenu?: readonly MenuItem[] } = {}): void {
    const { model, host } = this.context;
    const view = new FigureView({
      host,
      fileName: () => `${fileName(model.overview?.model.path ?? 'report')}-${model.selected ?? ''}`,
      asTable: model.tables.has(id),
      onTable: (asTable) => {
        if (asTable) model.tables.add(id);
        else model.tables.delete(id);
        this.context.rearranged();
      },
      ...extra,
    });
    this.figures.set(id, { view, make });
    this.charts.append(view.element);
  }

  /** Puts k on a log axis too: log–log, where a power law is a straight line. */
  private indexSwitch(): HTMLButtonElement {
    const made = element('button', { type: 'button', class: 'tool tool-text', id: 'ss-log-index', 'aria-pressed': 'false', title: t('k on a log axis too: a power law is a straight line') }, t('log–log'));
    made.addEventListener('click', () => {
      this.logarithmicIndex = !this.logarithmicIndex;
      setAttribute(made, 'aria-pressed', String(this.logarithmicIndex));
      this.drawChart('singular-values');
    });
    return made;
  }

  private copyItems(): MenuItem[] {
    if (!this.context.host.live) return [];
    return [
      { text: t('Copy singular values as csv'), action: () => this.copyValues('csv') },
      { text: t('Copy singular values for numpy'), action: () => this.copyValues('numpy') },
    ];
  }

  private copyTools(): HTMLElement | null {
    if (!this.context.host.live) return null;
    return element('span', { class: 'copy-tools small' }, element('span', { class: 'muted' }, t('Copy singular values: ')), link('csv', () => this.copyValues('csv'), { id: 'ss-copy-csv', 'aria-label': t('Copy singular values as csv') }), ' · ', link('numpy', () => this.copyValues('numpy'), { id: 'ss-copy-numpy', 'aria-label': t('Copy singular values for numpy') }));
  }

  private copyValues(format: 'csv' | 'numpy'): void {
    const { model, host } = this.context;
    if (model.selected === null) return;
    host.post({ type: 'copyValues', layer: model.selected, format });
    speak(t('Singular values copied'));
  }
}
