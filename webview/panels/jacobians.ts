import type { JacobianKind, JacobianOverview } from '../../server/report/jacobianViews.js';
import type { Chart } from '../charts/chart.js';
import { jacobianDensityChart } from '../charts/jacobianDensity.js';
import { depthAcrossFrom, jacobianDepthChart } from '../charts/jacobianDepth.js';
import { jacobianInputsChart } from '../charts/jacobianInputs.js';
import { jacobianSpectrumChart } from '../charts/jacobianSpectrum.js';
import { inputColumnData, inputData, inputSelection, jacobianStretchChart, layerData, layerSelection, type StretchMeasure } from '../charts/jacobianStretch.js';
import { spectrumSymbol } from '../charts/jacobianWords.js';
import { Segmented } from '../controls.js';
import { element, link, replace } from '../dom.js';
import { FigureView, type FigureOptions } from '../figure.js';
import { mark } from '../marks.js';
import { integer } from '../numbers.js';
import type { Change } from '../panelModel.js';
import { prose } from '../prose.js';
import { t } from '../strings.js';
import { answerLine } from './answer.js';
import { type PanelContext, fileName } from './context.js';
import { InputCard } from './jacobianInput.js';
import { InputPicker } from './jacobianInputPicker.js';
import { jacobianGroups } from './jacobianNumbers.js';
import { JacobiansStart } from './jacobiansStart.js';
import { NumbersSection } from './numbers.js';

/** Page width below which the map stands under the chart. */
const narrowBelow = 560;
/** While rows arrive the stretch chart is drawn anew no more often than this. */
const refreshInterval = 400;

/** The Jacobians tab: where does the network stretch my inputs? */
export class JacobiansPanel {
  readonly element = element('div', { class: 'panel', id: 'ss-panel-jacobians', role: 'tabpanel', tabindex: -1, 'aria-labelledby': 'ss-tab-jacobians' });
  private readonly start: JacobiansStart;
  private readonly strip = element('div', { class: 'strip strip-information tab-strip', 'data-strip': 'synthetic' });
  private readonly line = element('p', { class: 'answer' });
  private readonly basis = element('p', { class: 'basis' });
  private readonly answer = element('div', { class: 'answer-block', id: 'ss-jacobians-answer' }, this.line, this.basis);
  private readonly kinds: Segmented<JacobianKind>;
  private readonly picker: InputPicker;
  private readonly body = element('div', { id: 'ss-jacobians' });
  private readonly stretch: FigureView;
  private readonly spectrum: FigureView;
  private readonly density: FigureView;
  private readonly inputs: FigureView;
  private readonly measures: Segmented<StretchMeasure>;
  private readonly subject: Segmented<'layer' | 'output'>;
  private readonly card: InputCard;
  private readonly numbers = new NumbersSection(null, 'ss-jacobian-numbers');
  private measure: StretchMeasure = 'stretch';
  private narrow = false;
  private refreshTimer = 0;
  private refreshed = 0;

  constructor(private readonly context: PanelContext) {
    this.start = new JacobiansStart(context);
    this.kinds = new Segmented<JacobianKind>(t('Which Jacobian'), [{ key: 'inputToLayer', text: t('input → layer'), tip: t('∂layer/∂input') }, { key: 'layerLocal', text: t('layer local'), tip: t('From the nearest earlier layer through which every path passes') }, { key: 'layerToOutput', text: t('layer → output'), tip: t('∂f/∂layer') }], 'inputToLayer', (kind) => {
      context.model.jacobians.kind = kind;
      context.model.emit('jacobianChoice');
      context.rearranged();
    });
    this.picker = new InputPicker(context.model, (input) => this.selectInput(input));
    this.measures = new Segmented<StretchMeasure>(t('What the rows show'), [{ key: 'stretch', text: 'σ₁', tip: t('Largest stretch, and its proven bound') }, { key: 'isometry', text: t('isometry'), tip: t('Mean and deviation of ln σ over all directions') }], 'stretch', (measure) => {
      this.measure = measure;
      this.drawStretch();
    });
    this.subject = new Segmented<'layer' | 'output'>(t('Whose spectrum'), [{ key: 'output', text: t('output') }, { key: 'layer', text: t('layer') }], 'output', (subject) => {
      context.model.jacobians.showOutput = subject === 'output';
      context.model.emit('jacobianChoice');
    });
    this.stretch = this.figure('jacobian-stretch', { controls: this.measures.element });
    this.spectrum = this.figure('jacobian-spectrum', { controls: this.subject.element });
    this.density = this.figure('jacobian-density', {});
    this.inputs = this.figure('jacobian-inputs', {});
    this.card = new InputCard(context, (input) => this.selectInput(input), (layer, call) => this.selectUse(layer, call));
    this.stretch.element.classList.add('wide-chart');
    this.body.append(element('div', { class: 'toolbar' }, this.kinds.element, this.picker.element), this.stretch.element, element('div', { class: 'charts' }, this.spectrum.element, this.inputs.element, this.density.element), this.card.element, this.numbers.element);
    this.element.append(this.strip, this.start.element, this.answer, this.body);
    new ResizeObserver(() => this.onResize()).observe(this.element);
  }

  /** The chart that keys mean when none has the focus. */
  get firstFigure(): FigureView | null {
    return this.body.hidden ? null : this.stretch;
  }

  update(change: Change): void {
    if (this.context.model.tab !== 'jacobians') return;
    switch (change) {
      case 'overview':
      case 'jacobians':
      case 'tab':
      case 'state':
        this.show();
        return;
      case 'jacobianRows':
        this.showAnswer();
        this.refreshLater();
        return;
      case 'jacobianChoice':
        this.showCharts();
        return;
      case 'selection':
      case 'jacobianDetail':
        this.markSelection();
        this.showSpectrum();
        return;
      case 'picture':
        this.card.show();
        return;
      default:
        return;
    }
  }

  redraw(): void {
    for (const figure of [this.stretch, this.spectrum, this.density, this.inputs]) figure.redraw();
  }

  /** Selects the use of a layer before or after the present one. */
  step(direction: 1 | -1): void {
    const { jacobians, selected } = this.context.model;
    const rows = jacobians.overview?.rows ?? [];
    const at = rows.findIndex((row) => row === jacobians.row(selected));
    const row = rows.at(Math.max(0, Math.min(rows.length - 1, at + direction)));
    if (row !== undefined) this.selectUse(row.layer, row.call);
  }

  private selectUse(layer: string, call: number): void {
    const { jacobians, selected } = this.context.model;
    jacobians.call = call;
    jacobians.showOutput = false;
    if (layer === selected) this.context.model.emit('jacobianChoice');
    else this.context.selectLayer(layer);
  }

  private selectInput(input: number): void {
    const { model } = this.context;
    if (model.jacobians.input === input) return;
    model.jacobians.input = input;
    model.emit('jacobianChoice');
    this.context.rearranged();
  }

  private show(): void {
    const { overview } = this.context.model.jacobians;
    this.start.element.hidden = overview !== null;
    this.answer.hidden = overview === null;
    this.body.hidden = overview === null || overview.rows.length === 0;
    this.strip.hidden = overview?.inputs.source !== 'synthetic';
    if (overview === null) {
      this.start.show();
      return;
    }
    if (!this.strip.hidden) this.showStrip(overview);
    this.showAnswer();
    if (this.body.hidden) return;
    this.kinds.set(this.context.model.jacobians.kind);
    this.picker.load();
    this.showCharts();
  }

  private showStrip(overview: JacobianOverview): void {
    replace(this.strip, mark('information'), element('span', { class: 'strip-text' }, t('Synthetic inputs: {0} random ones (seed {1}), not your data. Numbers carry ≈; nothing is flagged.', integer(overview.inputs.sampled), overview.inputs.seed)));
  }

  private showAnswer(): void {
    const { jacobians } = this.context.model;
    const { overview, progress } = jacobians;
    if (overview === null) return;
    if (overview.state === 'running') {
      const total = progress?.total ?? overview.rows.length;
      const done = progress?.done ?? overview.rows.filter((row) => row.state !== 'pending').length;
      replace(this.line, t('{0} of {1} layers done.', integer(done), integer(total)));
      replace(this.basis, overview.inputs.sampled === 1 ? t('Jacobians at 1 input; rows fill as they are done.') : t('Jacobians at {0} inputs; rows fill as they are done.', integer(overview.inputs.sampled)), ...(this.context.host.live ? [' · ', link(t('Cancel'), () => this.context.cancel(), { id: 'ss-cancel-jacobians' }), ` ${t('(Esc)')}`] : []));
      return;
    }
    replace(this.line, overview.state === 'withheld' ? mark('error') : '', overview.state === 'withheld' ? ' ' : '', ...answerLine(overview.answer));
    const again = overview.state === 'cancelled' && this.context.host.live ? link(t('Run again'), () => this.context.host.post({ type: 'analyzeJacobians', synthetic: overview.inputs.source === 'synthetic' })) : null;
    replace(this.basis, prose(overview.answer.basis), again === null ? null : ' ', again);
  }

  private showCharts(): void {
    const { jacobians } = this.context.model;
    const { overview } = jacobians;
    if (overview === null || this.body.hidden) return;
    this.picker.show();
    this.drawStretch();
    this.inputs.show(jacobianInputsChart(overview, jacobians.input));
    this.card.show();
    this.showSpectrum();
  }

  private drawStretch(): void {
    const { overview, kind, input } = this.context.model.jacobians;
    if (overview === null) return;
    const across = overview.rows.length >= depthAcrossFrom;
    this.measures.element.hidden = across;
    this.stretch.show(across ? jacobianDepthChart(overview, { kind, input }) : jacobianStretchChart(overview, { kind, measure: this.measure, input, narrow: this.narrow }));
    this.markSelection();
  }

  private markSelection(): void {
    const { model } = this.context;
    const { overview, kind, input } = model.jacobians;
    if (overview === null) return;
    const { values, column } = inputSelection(overview, kind, input);
    this.stretch.setData(layerData, layerSelection(overview, model.jacobians.row(model.selected)));
    this.stretch.setData(inputData, this.measure === 'stretch' || overview.rows.length >= depthAcrossFrom ? values : []);
    this.stretch.setData(inputColumnData, column);
  }

  /** The spectrum of what is selected; until it is here, the one before stays. */
  private showSpectrum(): void {
    const { model } = this.context;
    const { jacobians } = model;
    const { overview } = jacobians;
    if (overview === null) return;
    const choice = jacobians.choice(model.selected);
    const row = jacobians.row(model.selected);
    this.subject.set((choice?.layer ?? null) === null ? 'output' : 'layer');
    this.subject.element.hidden = row === null;
    const detail = choice === null ? null : jacobians.detail(choice);
    if (detail === undefined) {
      this.spectrum.element.setAttribute('aria-busy', 'true');
      if (!this.spectrum.isEmpty) return;
    }
    this.spectrum.element.removeAttribute('aria-busy');
    const drawable = detail ?? null;
    this.spectrum.show(drawable === null ? this.emptySpectrum(overview, detail === undefined) : jacobianSpectrumChart(drawable, overview));
    this.density.element.hidden = drawable?.density === null || drawable === null;
    if (drawable !== null && drawable.density !== null) this.density.show(jacobianDensityChart(drawable));
    this.numbers.element.hidden = drawable === null;
    if (drawable !== null) this.numbers.showGroups(jacobianGroups(drawable, overview, drawable.layer === null ? null : row), `${drawable.layer === null ? t('output') : drawable.label}, ${spectrumSymbol(drawable)}`);
  }

  private emptySpectrum(overview: JacobianOverview, waiting: boolean): Chart {
    const note = overview.state === 'running' || waiting ? t('Drawn when it is done.') : (overview.outputReason ?? t('Its curves are not in this page.'));
    return { id: 'jacobian-spectrum', title: t('Output spectrum'), unit: '', label: note, height: 190, xScale: 'x', note, key: [], table: { columns: ['k'], rows: [] }, points: [], specification: null };
  }

  /** The first row is drawn at once. */
  private refreshLater(): void {
    if (this.refreshTimer !== 0) return;
    const wait = Math.max(0, this.refreshed + refreshInterval - performance.now());
    this.refreshTimer = window.setTimeout(() => {
      this.refreshTimer = 0;
      this.refreshed = performance.now();
      if (!this.body.hidden && this.context.model.tab === 'jacobians') this.showCharts();
    }, wait);
  }

  private onResize(): void {
    const narrow = this.element.clientWidth > 0 && this.element.clientWidth < narrowBelow;
    if (narrow === this.narrow || this.element.clientWidth === 0) return;
    this.narrow = narrow;
    if (!this.body.hidden) this.drawStretch();
  }

  private figure(id: string, extra: Partial<FigureOptions>): FigureView {
    const { model, host } = this.context;
    return new FigureView({
      host,
      fileName: () => fileName(model.overview?.model.path ?? 'report'),
      asTable: model.tables.has(id),
      onTable: (asTable) => {
        if (asTable) model.tables.add(id);
        else model.tables.delete(id);
        this.context.rearranged();
      },
      enterSelects: true,
      onLayer: (layer, open, call) => {
        if (open) this.context.openLayer(layer);
        else this.selectUse(layer, call);
      },
      onInput: (input) => this.selectInput(input),
      ...extra,
    });
  }
}
