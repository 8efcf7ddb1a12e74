import type { JacobianInputs } from '../../server/report/jacobianViews.js';
import type { ValueFacts } from '../../server/report/report.js';
import type { ReportOverview } from '../../server/report/views.js';
import { element, link, replace, setAttribute } from '../dom.js';
import { bytes, integer, significant } from '../numbers.js';
import { severities, type Tab } from '../panelModel.js';
import { t } from '../strings.js';
import { type PanelContext, fileName } from './context.js';

const tabs: readonly Tab[] = ['overview', 'weights', 'jacobians'];

/** Model name and facts in two lines, what can be done with the whole report, and the tabs. */
export class Header {
  readonly element = element('header', { class: 'report-head' });
  private readonly name = element('h1', { class: 'code', id: 'ss-model' });
  private readonly actions = element('span', { class: 'actions' });
  private readonly facts = element('p', { class: 'facts' });
  private readonly values = element('p', { class: 'facts second' });
  private readonly inputs = element('p', { class: 'facts', id: 'ss-inputs' });
  private readonly tabList = element('div', { class: 'tabs', role: 'tablist', 'aria-label': t('Views of the report') });
  private readonly tabButtons = new Map<Tab, HTMLButtonElement>();
  private readonly badge = element('span', { class: 'badge' });
  private readonly progress = element('div', { class: 'progress', id: 'ss-progress', role: 'progressbar', 'aria-valuemin': 0, 'aria-label': t('Analysis') });
  private readonly bar = element('div', { class: 'progress-bar' });

  constructor(private readonly context: PanelContext) {
    for (const tab of tabs) {
      const made = element('button', { type: 'button', role: 'tab', id: `ss-tab-${tab}`, 'aria-controls': `ss-panel-${tab}` }, tabName(tab), tab === 'weights' ? this.badge : null);
      made.addEventListener('click', () => context.showTab(tab));
      this.tabButtons.set(tab, made);
      this.tabList.append(made);
    }
    this.tabList.addEventListener('keydown', (event) => this.onKey(event));
    this.progress.append(this.bar);
    this.element.append(element('div', { class: 'model' }, this.name, this.actions), this.facts, this.values, this.inputs, this.tabList, this.progress);
  }

  /** Facts and actions of a new or changed report. */
  load(): void {
    const { model, host } = this.context;
    const { overview } = model;
    if (overview === null) return;
    this.name.textContent = fileName(overview.model.path);
    this.name.title = overview.model.path;
    this.facts.textContent = modelFacts(overview);
    replace(this.values, valueFacts(overview), shaFacts(overview));
    const inputs = model.jacobians.overview?.inputs ?? null;
    this.inputs.hidden = inputs === null;
    if (inputs !== null) {
      const choose = host.live && overview.origin === 'model' ? [' · ', link(t('Choose inputs…'), () => host.post({ type: 'chooseInputs' }), { id: 'ss-other-inputs', title: t('Analyze other inputs, or prepare them otherwise'), disabled: model.jacobians.running })] : [];
      replace(this.inputs, inputFacts(inputs), choose);
    }
    const exportLink = link(t('Export'), () => host.post({ type: 'exportReport' }), { id: 'ss-export', title: t('Save the whole report as HTML, JSON, CSV …') });
    const again = link(t('Re-run'), () => this.runAgain(), { id: 'ss-rerun', title: t('Analyze again: on the Jacobians tab the same inputs, else the weights'), disabled: overview.state === 'running' || model.jacobians.running });
    replace(this.actions, host.live && overview.state !== 'listed' ? exportLink : null, host.live && overview.origin === 'model' && overview.state !== 'listed' ? again : null);
    this.showBadge();
    this.showProgress();
    this.showTab();
  }

  showTab(): void {
    const { tab } = this.context.model;
    for (const [key, made] of this.tabButtons) {
      made.setAttribute('aria-selected', String(key === tab));
      made.tabIndex = key === tab ? 0 : -1;
    }
  }

  showProgress(): void {
    const { model } = this.context;
    const { jacobians } = model;
    const running = model.running || jacobians.running;
    this.progress.classList.toggle('active', running);
    if (!running) {
      this.bar.style.width = '0';
      this.progress.removeAttribute('aria-valuenow');
      setAttribute(this.progress, 'aria-hidden', 'true');
      return;
    }
    const progress = model.running ? model.progress : jacobians.progress;
    const total = progress?.total ?? model.rows.length;
    const done = progress?.done ?? (model.running ? model.settled : 0);
    this.progress.removeAttribute('aria-hidden');
    setAttribute(this.progress, 'aria-valuemax', total);
    setAttribute(this.progress, 'aria-valuenow', done);
    this.progress.setAttribute('aria-valuetext', model.running ? t('{0} of {1} layers analysed', integer(done), integer(total)) : t('{0} of {1} layers done', integer(done), integer(total)));
    this.bar.style.width = `${total === 0 ? 0 : (100 * done) / total}%`;
  }

  /** Layers with an error or a warning. */
  showBadge(): void {
    const serious = severities.slice(0, 2);
    const count = this.context.model.rows.filter((row) => row.severity !== null && serious.includes(row.severity)).length;
    this.badge.hidden = count === 0;
    this.badge.textContent = integer(count);
    const words = count === 1 ? t('1 layer with warnings') : t('{0} layers with warnings', integer(count));
    this.badge.title = words;
    setAttribute(this.tabButtons.get('weights') ?? this.badge, 'aria-label', count === 0 ? null : t('Weights, {0}', words));
  }

  /** The weights, or on the Jacobians tab the Jacobians at the same inputs. */
  private runAgain(): void {
    const { model, host } = this.context;
    const { overview } = model.jacobians;
    if (model.tab === 'jacobians' && overview !== null) host.post({ type: 'analyzeJacobians', synthetic: overview.inputs.source === 'synthetic' });
    else host.post({ type: 'analyze' });
  }

  private onKey(event: KeyboardEvent): void {
    const at = tabs.indexOf(this.context.model.tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined || event.altKey) return;
    const tab = tabs[(to + tabs.length) % tabs.length];
    this.context.showTab(tab);
    this.tabButtons.get(tab)?.focus();
    event.preventDefault();
    event.stopPropagation();
  }
}

function tabName(tab: Tab): string {
  switch (tab) {
    case 'overview': return t('Overview');
    case 'weights': return t('Weights');
    case 'jacobians': return t('Jacobians');
  }
}

/** "Inputs: cifar10.npz · 100 of 500 · x/255, mean, std · seed 0 · accuracy 0.64" */
function inputFacts(inputs: JacobianInputs): (HTMLElement | string)[] {
  if (inputs.source === 'synthetic') return [t('Inputs: {0} random ones · seed {1}', integer(inputs.sampled), inputs.seed)];
  const facts = [
    inputs.sampled < inputs.n ? t('{0} of {1}', integer(inputs.sampled), integer(inputs.n)) : t('all {0}', integer(inputs.n)),
    inputs.preprocessing === 'none' ? t('as they are') : inputs.preprocessing,
    inputs.sampled < inputs.n ? t('seed {0}', inputs.seed) : '',
    inputs.accuracy === null ? '' : t('accuracy {0}', significant(inputs.accuracy, 3)),
    inputs.note ?? '',
  ].filter((fact) => fact !== '');
  return [t('Inputs: '), element('span', { class: 'input-file', title: inputs.file }, fileName(inputs.file ?? '')), ` · ${facts.join(' · ')}`];
}

function modelFacts(overview: ReportOverview): string {
  const { model } = overview;
  const opset = model.opset === null ? '' : Object.entries(model.opset).map(([domain, version]) => (domain === 'ai.onnx' ? t(' opset {0}', version) : ` ${domain} ${version}`)).join(',');
  return [
    formatName(model.format) + opset,
    model.producer,
    model.parameters === 1 ? t('1 weight') : t('{0} weights', integer(model.parameters)),
    overview.rows.length === 1 ? t('1 layer') : t('{0} layers', integer(overview.rows.length)),
    bytes(model.bytes),
  ].filter((fact) => fact !== null && fact !== '').join(' · ');
}

function valueFacts(overview: ReportOverview): string {
  const { inputs, outputs } = overview.model;
  const saved = overview.origin === 'savedReport' ? t('Saved report of Sigmascope {0} · ', overview.toolVersion) : '';
  if (inputs.length === 0 && outputs.length === 0) return saved + t('No graph: layers in the file’s order');
  const shown = (values: readonly ValueFacts[]): string => values.slice(0, 2).map((value) => `${value.name} ${value.shape === null ? '' : tensorShape(value.shape)}`.trim()).join(', ') + (values.length > 2 ? t(' and {0} more', values.length - 2) : '');
  return saved + t('{0} → {1}', shown(inputs), shown(outputs));
}

/** [batch, 1, 16, 16]: in brackets, so that name and shape stay apart. */
function tensorShape(shape: readonly (number | string | null)[]): string {
  return `[${shape.map((size) => size ?? '?').join(', ')}]`;
}

function shaFacts(overview: ReportOverview): HTMLElement | null {
  const hash = overview.model.sha256;
  return hash === null ? null : element('span', { title: `SHA-256 ${hash}` }, ` · sha256 ${hash.slice(0, 8)}…`);
}

function formatName(format: string): string {
  return { onnx: 'ONNX', safetensors: 'safetensors', pytorch: 'PyTorch', keras: 'Keras', gguf: 'GGUF', tflite: 'TFLite', numpy: 'NumPy' }[format] ?? format;
}
