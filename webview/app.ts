import type { FromWebview, PanelCommand, ToWebview } from '../server/protocol.js';
import { element } from './dom.js';
import { focusedFigure } from './figure.js';
import type { Host } from './host.js';
import { commandOf, isEcho, isTyping } from './keyboard.js';
import { closeMenu } from './menu.js';
import { PanelModel, type Tab } from './panelModel.js';
import type { PanelContext } from './panels/context.js';
import { Header } from './panels/header.js';
import { InputsForm, isInputsMessage } from './panels/inputsForm.js';
import { JacobiansPanel } from './panels/jacobians.js';
import { keyOf } from './panels/jacobiansModel.js';
import { Notices } from './panels/notices.js';
import { OverviewPanel } from './panels/overview.js';
import { SpectrumPanel } from './panels/spectrum.js';
import { WeightsPanel } from './panels/weights.js';
import { setStrings } from './strings.js';
import { onThemeKind } from './theme.js';
import { hideTooltip } from './tooltip.js';

/** Quiet time before the arrangement is saved and a selection is told to the editor. */
const saveDelay = 200;
const selectDelay = 60;

/** The page: takes the host's messages, owns the data and the panels, and gives keys their meaning. */
export class App implements PanelContext {
  readonly model = new PanelModel();
  private report: ReportPage | null = null;
  private spectrum: SpectrumPanel | null = null;
  private readonly requested = new Set<string>();
  private saveTimer = 0;
  private selectTimer = 0;

  constructor(private readonly root: HTMLElement, readonly host: Host) {}

  start(): void {
    this.host.listen((message) => this.receive(message));
    document.addEventListener('keydown', (event) => this.onKey(event));
    onThemeKind(() => {
      this.report?.redraw();
      this.spectrum?.redraw();
    });
    this.host.post({ type: 'ready' });
  }

  selectLayer(id: string | null): void {
    if (id === this.model.selected) return;
    this.setSelection(id, false);
    window.clearTimeout(this.selectTimer);
    this.selectTimer = window.setTimeout(() => this.host.post({ type: 'select', layer: id }), selectDelay);
  }

  openLayer(id: string): void {
    this.selectLayer(id);
    this.showTab('weights');
  }

  showTab(tab: Tab): void {
    if (tab === 'weights' && this.model.selected === null) this.selectLayer(this.model.activeFindings.find((finding) => finding.layer !== undefined)?.layer ?? this.model.rows.at(0)?.id ?? null);
    if (tab === this.model.tab) return;
    this.report?.leaveTab();
    this.model.tab = tab;
    this.model.emit('tab');
    this.report?.enterTab();
    this.wantDetail();
    this.wantJacobian();
    this.rearranged();
  }

  cancel(): void {
    if (!this.busy) return;
    this.host.post({ type: 'cancel' });
    if (this.model.running) this.model.receive({ type: 'state', state: 'cancelled', message: null });
  }

  /** A run of weights or of Jacobians goes on. */
  private get busy(): boolean {
    return this.model.running || this.model.jacobians.running;
  }

  rearranged(): void {
    window.clearTimeout(this.saveTimer);
    this.saveTimer = window.setTimeout(() => {
      const state = this.report === null ? null : this.model.arrangement();
      if (state !== null) this.host.saveState(state);
    }, saveDelay);
  }

  private receive(message: ToWebview): void {
    if (message.type === 'initialise') {
      this.initialise(message);
      return;
    }
    // A pinned side view keeps its layer, whatever is opened beside it; let go, it asks for everything anew.
    if (this.spectrum?.pinned === true && message.type !== 'layerDetail') return;
    if (message.type === 'select') {
      if (message.layer !== this.model.selected) this.setSelection(message.layer, true);
      return;
    }
    if (message.type === 'command') {
      if (!isEcho(message.command, 'editor', performance.now())) this.command(message.command);
      return;
    }
    if (isInputsMessage(message)) {
      this.report?.inputs.receive(message);
      return;
    }
    if (message.type === 'layerDetail') this.requested.delete(message.layer);
    if (message.type === 'overview' || message.type === 'jacobians') this.requested.clear();
    this.model.receive(message);
    if (message.type === 'overview' || message.type === 'rows' || message.type === 'state') this.wantDetail();
    if (message.type === 'overview' || message.type === 'jacobians' || message.type === 'jacobianRows') this.wantJacobian();
  }

  private initialise(message: ToWebview & { type: 'initialise' }): void {
    setStrings(message.strings);
    if (this.report !== null || this.spectrum !== null) return;
    this.root.replaceChildren();
    document.body.classList.toggle('side-view', message.view === 'spectrum');
    if (message.view === 'spectrum') {
      const panel = new SpectrumPanel(this);
      this.spectrum = panel;
      this.model.onChange((change) => panel.update(change));
      this.root.append(panel.element);
      return;
    }
    const state = message.restored ?? this.host.loadState();
    if (state !== null) this.model.restore(state);
    const page = new ReportPage(this);
    this.report = page;
    this.model.onChange((change) => {
      page.update(change);
      if (change === 'jacobianChoice') this.wantJacobian();
      if (change === 'overview' && this.model.tab === 'weights' && this.model.selected === null) this.selectLayer(this.model.rows.at(0)?.id ?? null);
    });
    this.root.append(page.element);
  }

  private setSelection(id: string | null, fromOutside: boolean): void {
    this.model.selected = id;
    this.model.emit('selection');
    if (fromOutside) this.report?.overview.table.select(true);
    else this.report?.overview.table.select(false);
    this.wantDetail();
    this.wantJacobian();
    this.rearranged();
  }

  /** Asks for the curves of the selected layer where they are shown and not there. */
  private wantDetail(): void {
    const { model } = this;
    const id = model.selected;
    if (id === null || model.detail(id) !== null || model.isAbsent(id) || this.requested.has(id)) return;
    if (this.spectrum === null && (model.tab !== 'weights' || model.row(id)?.state !== 'done')) return;
    this.requested.add(id);
    this.host.post({ type: 'requestLayer', layer: id });
  }

  /** Asks for the spectrum and the picture that the Jacobians tab is about to show. */
  private wantJacobian(): void {
    const { jacobians, selected, tab } = this.model;
    if (tab !== 'jacobians' || this.report === null) return;
    const choice = jacobians.choice(selected);
    if (choice !== null && jacobians.detail(choice) === undefined) this.ask(`jacobian ${keyOf(choice)}`, { type: 'requestJacobian', ...choice });
    const { input } = jacobians;
    if (input !== null && jacobians.picture(input) === undefined) this.ask(`picture ${input}`, { type: 'requestPicture', index: input });
  }

  /** Posts a request that is not on its way already. */
  private ask(key: string, message: FromWebview): void {
    if (this.requested.has(key)) return;
    this.requested.add(key);
    this.host.post(message);
  }

  private onKey(event: KeyboardEvent): void {
    if (isTyping(event)) {
      // The editor takes keys of its webviews for its keybindings: a letter in a field must not become a command.
      event.stopPropagation();
      return;
    }
    const command = commandOf(event);
    if (command === null || this.report === null) return;
    isEcho(command, 'key', performance.now());
    if (!this.command(command)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Does a command. Returns whether it meant something here. */
  private command(command: PanelCommand): boolean {
    const page = this.report;
    if (page === null || this.model.overview === null) return false;
    switch (command) {
      case 'tab1': this.showTab('overview'); return true;
      case 'tab2': this.showTab('weights'); return true;
      case 'tab3': this.showTab('jacobians'); return true;
      case 'previousLayer': page.stepLayer(-1); return true;
      case 'nextLayer': page.stepLayer(1); return true;
      case 'worstLayer': page.overview.table.jumpToWorst(); return true;
      case 'nextFinding': page.findings.step(1); return true;
      case 'previousFinding': page.findings.step(-1); return true;
      case 'tableTwin': (focusedFigure() ?? page.firstFigure())?.toggleTable(); return true;
      case 'exportChart': (focusedFigure() ?? page.firstFigure())?.openMenu(); return true;
      case 'filter':
        this.showTab('overview');
        page.overview.table.focusFilter();
        return true;
      case 'escape': return this.escape();
    }
  }

  private escape(): boolean {
    const hidden = hideTooltip();
    if (closeMenu() || focusedFigure()?.clearFocus() === true) return true;
    if (this.report?.inputs.isOpen === true && this.model.tab === 'jacobians') {
      this.report.inputs.leave();
      return true;
    }
    if (this.busy) {
      this.cancel();
      return true;
    }
    return hidden;
  }
}

/** The report panel: strips, header, and one of the tabs. */
class ReportPage {
  readonly element = element('main', { class: 'report', id: 'ss-report' });
  readonly overview: OverviewPanel;
  readonly weights: WeightsPanel;
  private readonly jacobians: JacobiansPanel;
  readonly inputs: InputsForm;
  private readonly header: Header;
  private readonly notices: Notices;
  private readonly scrolled: Record<Tab, number> = { overview: 0, weights: 0, jacobians: 0 };
  private hadFocus = false;

  constructor(private readonly app: App) {
    this.notices = new Notices(app);
    this.header = new Header(app);
    this.overview = new OverviewPanel(app);
    this.weights = new WeightsPanel(app);
    this.jacobians = new JacobiansPanel(app);
    this.inputs = new InputsForm(app, (shown) => {
      if (shown) app.showTab('jacobians');
      this.showTab();
      if (!shown && app.model.tab === 'jacobians') this.jacobians.element.focus({ preventScroll: true });
    });
    this.element.append(this.notices.element, this.header.element, this.overview.element, this.weights.element, this.jacobians.element, this.inputs.element);
    this.header.element.hidden = true;
    this.showTab();
    this.notices.show();
  }

  get findings(): OverviewPanel['findings'] {
    return this.app.model.tab === 'weights' ? this.weights.findings : this.overview.findings;
  }

  firstFigure(): ReturnType<typeof focusedFigure> {
    return { overview: this.overview, weights: this.weights, jacobians: this.jacobians }[this.app.model.tab].firstFigure;
  }

  /** Selects the layer before or after the present one; on the Jacobians tab, the use of a layer. */
  stepLayer(direction: 1 | -1): void {
    if (this.app.model.tab === 'jacobians' && this.app.model.jacobians.overview !== null) this.jacobians.step(direction);
    else this.weights.picker.step(direction);
    this.overview.table.select(true);
  }

  update(change: Parameters<OverviewPanel['update']>[0]): void {
    if (change === 'overview') this.header.element.hidden = false;
    if (change === 'overview' || change === 'state') this.element.dataset.state = this.app.model.overview?.state ?? '';
    if (change === 'overview' || change === 'facts' || change === 'state' || change === 'jacobians') this.header.load();
    if (change === 'progress' || change === 'rows' || change === 'jacobianRows') this.header.showProgress();
    if (change === 'rows') this.header.showBadge();
    if (change === 'overview' || change === 'state' || change === 'notices') this.notices.show();
    if (change === 'tab' || change === 'overview') this.showTab();
    this.overview.update(change);
    this.weights.update(change);
    this.jacobians.update(change);
  }

  redraw(): void {
    this.overview.redraw();
    this.weights.redraw();
    this.jacobians.redraw();
  }

  /** Remembers how far the tab is scrolled, and whether the focus is inside. */
  leaveTab(): void {
    const panel = this.panel(this.app.model.tab);
    this.scrolled[this.app.model.tab] = window.scrollY;
    this.hadFocus = panel.contains(document.activeElement);
  }

  /** The Overview is as it was left; other tabs begin at the top. The focus does not stay behind in what is hidden. */
  enterTab(): void {
    const { tab } = this.app.model;
    if (this.hadFocus) this.panel(tab).focus({ preventScroll: true });
    window.scrollTo({ top: tab === 'overview' ? this.scrolled.overview : 0 });
  }

  private panel(tab: Tab): HTMLElement {
    if (tab === 'jacobians' && this.inputs.isOpen) return this.inputs.element;
    return { overview: this.overview, weights: this.weights, jacobians: this.jacobians }[tab].element;
  }

  private showTab(): void {
    const { model } = this.app;
    this.header.showTab();
    // The form for inputs stands in place of the Jacobians while it is open.
    for (const { element: each } of [this.overview, this.weights, this.jacobians, this.inputs]) each.hidden = model.overview === null || each !== this.panel(model.tab);
  }
}
