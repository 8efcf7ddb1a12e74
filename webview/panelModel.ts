import type { AnalysisProgress, ToWebview, WebviewState } from '../server/protocol.js';
import type { Finding, Severity } from '../server/report/report.js';
import type { LayerDetail, LayerRow, OverviewState, ReportOverview } from '../server/report/views.js';
import { JacobiansModel } from './panels/jacobiansModel.js';

/** What changed, so that a panel redraws no more than that. */
export type Change = 'overview' | 'facts' | 'rows' | 'progress' | 'state' | 'selection' | 'tab' | 'detail' | 'arrangement' | 'notices' | 'jacobians' | 'jacobianRows' | 'jacobianChoice' | 'jacobianDetail' | 'picture';

export type Tab = WebviewState['tab'];

/** A strip above the tabs. */
export type Notice =
  | { kind: 'error'; message: string; actions: ('openLog' | 'retry')[] }
  | { kind: 'workerLost'; layer: string; reason: string; retried: boolean };

export const severities: readonly Severity[] = ['error', 'warning', 'information', 'hint'];

/** Details kept: at about 100 kB each this stays near 5 MB. */
const keptDetails = 48;

/** Everything the panel shows, as the host told it, and the reader's own arrangement (tab, sort, filter, tables). */
export class PanelModel {
  overview: ReportOverview | null = null;
  /** Sentence that came with the state, such as why a run failed. */
  message: string | null = null;
  progress: AnalysisProgress | null = null;
  notices: Notice[] = [];
  selected: string | null = null;
  tab: Tab = 'overview';
  sort: WebviewState['sort'] = null;
  filter = '';
  /** Charts that are shown as tables, by chart id. */
  readonly tables = new Set<string>();
  readonly jacobians = new JacobiansModel();
  private readonly details = new Map<string, LayerDetail>();
  private readonly detailErrors = new Map<string, string>();
  /** Layers for which the host has no curves. */
  private readonly absent = new Set<string>();
  private positions = new Map<string, number>();
  private settledCount = 0;
  private readonly listeners: ((change: Change) => void)[] = [];

  /** Calls `listener` after every change. */
  onChange(listener: (change: Change) => void): void {
    this.listeners.push(listener);
  }

  emit(change: Change): void {
    for (const listener of this.listeners) listener(change);
  }

  /** Takes over a message of the host that carries data. Returns false for a message of another kind. */
  receive(message: ToWebview): boolean {
    switch (message.type) {
      case 'overview':
        this.takeOverview(message.overview);
        return true;
      case 'hashed':
        if (this.overview !== null) this.overview = { ...this.overview, model: { ...this.overview.model, sha256: message.sha256 } };
        this.emit('facts');
        return true;
      case 'rows':
        this.takeRows(message.rows);
        return true;
      case 'progress':
        // One that was sent before a cancel was heard says nothing any more.
        if (!this.running) return true;
        this.progress = message.progress;
        this.emit('progress');
        return true;
      case 'state':
        this.takeState(message.state, message.message);
        return true;
      case 'layerDetail':
        this.takeDetail(message.layer, message.detail, message.error);
        return true;
      case 'workerLost':
        this.notices = [...this.notices.filter((notice) => notice.kind !== 'workerLost' || notice.layer !== message.layer), { kind: 'workerLost', layer: message.layer, reason: message.reason, retried: message.retried }];
        this.emit('notices');
        return true;
      case 'error':
        this.notices = [...this.notices.filter((notice) => notice.kind !== 'error'), { kind: 'error', message: message.message, actions: message.actions }];
        this.emit('notices');
        return true;
      case 'jacobians':
      case 'jacobianRows':
      case 'jacobianDetail':
      case 'inputPicture':
        this.emit(this.jacobians.receive(message));
        return true;
      default:
        return false;
    }
  }

  dismiss(notice: Notice): void {
    this.notices = this.notices.filter((other) => other !== notice);
    this.emit('notices');
  }

  get rows(): readonly LayerRow[] {
    return this.overview?.rows ?? [];
  }

  row(id: string | null): LayerRow | null {
    const position = id === null ? undefined : this.positions.get(id);
    return position === undefined ? null : this.rows[position];
  }

  /** Place of a layer in the report's order, from 0; −1 for an unknown id. */
  position(id: string | null): number {
    return id === null ? -1 : (this.positions.get(id) ?? -1);
  }

  detail(id: string): LayerDetail | null {
    return this.details.get(id) ?? null;
  }

  detailError(id: string): string | null {
    return this.detailErrors.get(id) ?? null;
  }

  /** True when the host answered that this layer has no curves. */
  isAbsent(id: string): boolean {
    return this.absent.has(id);
  }

  /** Layers that are no longer waiting. */
  get settled(): number {
    return this.settledCount;
  }

  get running(): boolean {
    return this.overview?.state === 'running';
  }

  /** Findings that count, in the order of the page: by severity, then rule, then layer. */
  get activeFindings(): Finding[] {
    const found = (this.overview?.findings ?? []).filter((finding) => finding.silenced === undefined);
    const place = (finding: Finding): number => (finding.layer === undefined ? -1 : this.position(finding.layer));
    return found.sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity) || a.rule.localeCompare(b.rule) || place(a) - place(b));
  }

  get silencedFindings(): Finding[] {
    return (this.overview?.findings ?? []).filter((finding) => finding.silenced !== undefined);
  }

  arrangement(): WebviewState | null {
    if (this.overview === null) return null;
    const { document, origin } = this.overview;
    return { document, origin, tab: this.tab, layer: this.selected, sort: this.sort, filter: this.filter, tables: [...this.tables], jacobians: { kind: this.jacobians.kind, input: this.jacobians.input } };
  }

  restore(state: WebviewState): void {
    this.tab = state.tab;
    this.selected = state.layer;
    this.sort = state.sort;
    this.filter = state.filter;
    this.tables.clear();
    for (const id of state.tables) this.tables.add(id);
    if (state.jacobians !== undefined) this.jacobians.restore(state.jacobians);
  }

  private takeState(state: OverviewState, message: string | null): void {
    if (state !== 'running') this.progress = null;
    if (this.overview?.state === state && this.message === message) return;
    if (this.overview !== null) this.overview = { ...this.overview, state };
    this.message = message;
    this.emit('state');
  }

  private takeOverview(overview: ReportOverview): void {
    const sameDocument = this.overview?.document === overview.document;
    this.overview = overview;
    this.jacobians.takeReport(overview, sameDocument);
    this.positions = new Map(overview.rows.map((row, index) => [row.id, index]));
    this.settledCount = overview.rows.reduce((count, row) => count + settledOne(row), 0);
    this.details.clear();
    this.detailErrors.clear();
    this.absent.clear();
    this.notices = sameDocument ? this.notices.filter((notice) => notice.kind === 'workerLost') : [];
    this.message = null;
    if (overview.state !== 'running') this.progress = null;
    if (this.selected !== null && !this.positions.has(this.selected)) this.selected = null;
    this.emit('overview');
  }

  private takeRows(rows: readonly LayerRow[]): void {
    if (this.overview === null) return;
    for (const row of rows) {
      const position = this.positions.get(row.id);
      if (position === undefined) continue;
      this.settledCount += settledOne(row) - settledOne(this.overview.rows[position]);
      this.overview.rows[position] = row;
      this.details.delete(row.id);
      this.detailErrors.delete(row.id);
      this.absent.delete(row.id);
    }
    this.emit('rows');
  }

  private takeDetail(layer: string, detail: LayerDetail | null, error: string | null): void {
    if (detail === null) this.absent.add(layer);
    else {
      this.absent.delete(layer);
      this.details.delete(layer);
      this.details.set(layer, detail);
      if (this.details.size > keptDetails) {
        const [oldest] = this.details.keys();
        this.details.delete(oldest);
      }
    }
    if (error === null) this.detailErrors.delete(layer);
    else this.detailErrors.set(layer, error);
    this.emit('detail');
  }
}

/** 1 for a layer that is no longer waiting. */
function settledOne(row: LayerRow): number {
  return row.state === 'pending' ? 0 : 1;
}
