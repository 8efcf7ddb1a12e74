import * as vscode from 'vscode';
import { type Disposable } from '../disposable.js';
import * as protocol from '../../server/protocol.js';
import { type InputPicture, type JacobianDetail, type JacobianKind, type JacobianOverview, type JacobianRow } from '../../server/report/jacobianViews.js';
import { type LayerDetail, type ReportOverview } from '../../server/report/views.js';
import { type EngineHost } from '../engineHost.js';
import { messageOf } from '../text.js';
import { watchFile } from './fileWatch.js';
import { emptyDocument, isAnalysed, isRunning, mergeRows, type ReportDocument } from './reportDocument.js';

/** Layers' curves kept per window, so that report and side view ask once. Each is at most about 100 kB. */
const maximumKeptDetails = 24;
/** Documents without a panel that keep their marks in the tree; each holds one row a layer, here and in the server. */
const maximumIdleDocuments = 32;

/** What happened to a document, in the words that its webviews understand. */
export interface DocumentChange {
  document: ReportDocument;
  message: protocol.ToWebview;
}

/**
 * Every model and saved report that is open, the one selection shared by all views, and the runs.
 * Nothing is analysed without `analyze`; `open` reads headers.
 */
export class Documents implements Disposable {
  private readonly documents = new Map<string, ReportDocument>();
  private readonly opening = new Map<string, Promise<ReportDocument>>();
  private readonly watchers = new Map<string, Disposable>();
  private readonly details = new Map<string, Promise<LayerDetail | null>>();
  private readonly changed = new vscode.EventEmitter<DocumentChange>();
  private readonly activated = new vscode.EventEmitter<ReportDocument | undefined>();
  private readonly configurationWatcher = vscode.workspace.createFileSystemWatcher('**/sigmascope.json');
  private active: ReportDocument | undefined;
  readonly onDidChange = this.changed.event;
  /** The document that side view, findings and status bar follow. */
  readonly onDidActivate = this.activated.event;

  constructor(
    private readonly engine: EngineHost,
    private readonly log: () => vscode.LogOutputChannel,
  ) {
    engine.on(protocol.progress, (progress) => this.onProgress(progress));
    engine.on(protocol.layersDone, ({ document, rows }) => this.onRows(document, rows));
    engine.on(protocol.workerLost, (lost) => this.onWorkerLost(lost));
    engine.on(protocol.jacobians, ({ document, overview, reason }) => this.onJacobians(document, overview, reason));
    engine.on(protocol.jacobianRows, ({ document, rows, done, total }) => this.onJacobianRows(document, rows, done, total));
    engine.on(protocol.modelHashed, ({ document, sha256 }) => this.onHashed(document, sha256));
    engine.onDidRestart(() => void this.recoverAll());
    const reread = () => void this.reopenAll();
    this.configurationWatcher.onDidChange(reread);
    this.configurationWatcher.onDidCreate(reread);
    this.configurationWatcher.onDidDelete(reread);
  }

  get current(): ReportDocument | undefined {
    return this.active;
  }

  get(file: string): ReportDocument | undefined {
    return this.documents.get(file);
  }

  all(): ReportDocument[] {
    return [...this.documents.values()];
  }

  /** Reads a model's headers, or a saved report. A file that cannot be read gives a document with `error`. */
  open(file: string, origin: ReportDocument['origin']): Promise<ReportDocument> {
    const known = this.documents.get(file);
    if (known?.overview && known.origin === origin) return Promise.resolve(known);
    let opening = this.opening.get(file);
    if (!opening) {
      opening = this.read(known ?? emptyDocument(file, origin)).finally(() => this.opening.delete(file));
      this.opening.set(file, opening);
    }
    return opening;
  }

  /** Makes a document the one that side view, findings and status bar show. */
  activate(document: ReportDocument | undefined): void {
    if (this.active === document) return;
    this.active = document;
    this.activated.fire(document);
  }

  /** Selects a layer in every view; null clears the selection. */
  select(document: ReportDocument, layer: string | null): void {
    this.activate(document);
    if (document.layer === layer) return;
    document.layer = layer;
    this.emit(document, { type: 'select', layer });
  }

  /**
   * Runs the analysis of a model, once at a time. Resolves when it has ended; what was done is kept.
   * @param settings what to compute: all that is missing by default
   */
  async analyze(file: string, settings: protocol.AnalyzeSettings = {}): Promise<ReportDocument> {
    const document = await this.open(file, 'model');
    // A run that was cancelled may still be ending in the server.
    if (!isRunning(document)) await document.ending;
    if (!document.overview || document.run) return document;
    const run = new vscode.CancellationTokenSource();
    document.run = run;
    let ended: () => void = () => undefined;
    document.ending = new Promise((resolve) => (ended = resolve));
    document.error = undefined;
    document.runsWeights = settings.only?.includes('weights') ?? true;
    if (document.runsWeights) {
      document.overview.state = 'running';
      this.forgetDetails(document);
      this.emit(document, { type: 'state', state: 'running', message: null });
    }
    try {
      document.overview = await this.engine.request(protocol.analyze, { path: file, settings }, run.token);
    } catch (error) {
      if (document.runsWeights) document.overview.state = run.token.isCancellationRequested ? 'cancelled' : 'failed';
      if (!run.token.isCancellationRequested) {
        document.error = messageOf(error);
        this.log().error(`${file}: ${document.error}`);
      }
    } finally {
      document.run = undefined;
      document.ending = undefined;
      document.progress = undefined;
      run.dispose();
      ended();
    }
    this.forgetDetails(document);
    this.emit(document, { type: 'overview', overview: document.overview });
    if (document.error !== undefined) this.emit(document, document.runsWeights ? { type: 'state', state: document.overview.state, message: document.error } : { type: 'error', message: document.error, actions: ['openLog'] });
    return document;
  }

  /** Ends a document's run; without one, every run. The views say so at once, the server ends its workers meanwhile. */
  cancel(document?: ReportDocument): void {
    for (const each of document ? [document] : this.all()) {
      if (!isRunning(each)) continue;
      each.run?.cancel();
      if (!each.runsWeights) continue;
      if (each.overview) each.overview.state = 'cancelled';
      this.emit(each, { type: 'state', state: 'cancelled', message: null });
    }
  }

  /** The curves of a layer, from memory where they are known. */
  layerDetail(document: ReportDocument, layer: string): Promise<LayerDetail | null> {
    const key = detailKey(document, layer);
    const known = this.details.get(key);
    if (known) return known;
    const asked = this.engine.request(protocol.layerDetail, { document: document.path, layer });
    this.details.set(key, asked);
    const oldest = this.details.keys().next();
    if (this.details.size > maximumKeptDetails && oldest.done !== true) this.details.delete(oldest.value);
    // An answer that may come later, or a failure, is asked for again the next time.
    const forget = () => this.details.delete(key);
    asked.then((detail) => detail ?? forget(), forget);
    return asked;
  }

  /** The singular values of one Jacobian; `layer` null: of the output. */
  jacobianDetail(document: ReportDocument, choice: { layer: string | null; call: number; kind: JacobianKind; input: number | null }): Promise<JacobianDetail | null> {
    return this.engine.request(protocol.jacobianDetail, { document: document.path, ...choice });
  }

  render(document: ReportDocument, format: protocol.RenderFormat, file: string): Promise<string> {
    return this.engine.request(protocol.renderReport, { document: document.path, format, file });
  }

  copyValues(document: ReportDocument, layer: string, format: 'csv' | 'numpy'): Promise<string> {
    return this.engine.request(protocol.copyValues, { document: document.path, layer, format });
  }

  /** Tries inputs out; without a request those of the last analysis, else those of sigmascope.json. */
  previewInputs(document: ReportDocument, request: protocol.InputsRequest | null, pictures: number, token: vscode.CancellationToken): Promise<protocol.InputsProposal> {
    return this.engine.request(protocol.previewInputs, { path: document.path, request, pictures }, token);
  }

  /** Of these files, those that hold inputs; those that fit the model first. */
  async inputsCandidates(document: ReportDocument, files: string[]): Promise<{ file: string; content: string; fits: boolean }[]> {
    return (await this.engine.request(protocol.inputsCandidates, { path: document.path, files })).candidates;
  }

  /** One input of the last analysis; null where it is no picture. */
  inputPicture(document: ReportDocument, index: number): Promise<InputPicture | null> {
    return this.engine.request(protocol.inputPicture, { document: document.path, index });
  }

  clearCache(): Promise<{ entries: number; bytes: number }> {
    return this.engine.request(protocol.clearCache, {});
  }

  /** Reads a document again: headers, rule settings, silenced findings. Numbers that are there stay. */
  async reopen(document: ReportDocument): Promise<void> {
    if (!document.run) await this.read(document);
  }

  /**
   * A panel was closed: its marks stay in the tree. Beyond a number of such documents the one opened first is forgotten.
   * @param shown files that other panels show
   */
  release(document: ReportDocument, shown: readonly string[]): void {
    if (this.active === document) this.activate(this.all().findLast((each) => each !== document && shown.includes(each.path)));
    const idle = this.all().filter((each) => !shown.includes(each.path) && !each.run);
    for (const each of idle.slice(0, Math.max(0, idle.length - maximumIdleDocuments))) this.close(each);
  }

  private close(document: ReportDocument): void {
    this.documents.delete(document.path);
    this.watchers.get(document.path)?.dispose();
    this.watchers.delete(document.path);
    this.forgetDetails(document);
    void this.engine.request(protocol.closeDocument, { document: document.path }).catch(() => undefined);
  }

  dispose(): void {
    for (const watcher of this.watchers.values()) watcher.dispose();
    this.configurationWatcher.dispose();
    this.changed.dispose();
    this.activated.dispose();
  }

  private async read(document: ReportDocument): Promise<ReportDocument> {
    const { path: file, origin } = document;
    this.documents.set(file, document);
    this.watch(document);
    try {
      const overview: ReportOverview = await this.engine.request(origin === 'model' ? protocol.openModel : protocol.openReport, { path: file });
      document.overview = overview;
      document.error = undefined;
      this.forgetDetails(document);
      this.emit(document, { type: 'overview', overview });
    } catch (error) {
      document.error = messageOf(error);
      this.emit(document, { type: 'error', message: document.error, actions: ['openLog', 'retry'] });
    }
    return document;
  }

  private async reopenAll(): Promise<void> {
    if (!this.engine.started) return;
    await Promise.all(this.all().map((document) => this.reopen(document)));
  }

  /** After a restart of the server: it has forgotten every document and knows what the cache kept. Says what was lost. */
  private async recoverAll(): Promise<void> {
    for (const document of this.all()) {
      const before = doneLayers(document);
      await this.reopen(document);
      const after = doneLayers(document);
      if (document.error !== undefined || after >= before) continue;
      const message = vscode.l10n.t('The engine stopped and was started again: {0} of {1} finished layers were kept. Analyze again for the others.', after, before);
      this.emit(document, { type: 'error', message, actions: ['openLog', 'retry'] });
    }
  }

  private onProgress(progress: protocol.AnalysisProgress): void {
    const document = this.documents.get(progress.document);
    if (!document || !isRunning(document)) return;
    document.progress = progress;
    this.emit(document, { type: 'progress', progress });
  }

  private onRows(key: string, rows: Parameters<typeof mergeRows>[1]): void {
    const document = this.documents.get(key);
    if (!document) return;
    mergeRows(document, rows);
    for (const row of rows) this.details.delete(detailKey(document, row.id));
    this.emit(document, { type: 'rows', rows: [...rows] });
  }

  private onWorkerLost(lost: { document: string; layer: string; reason: string; retried: boolean }): void {
    this.log().warn(`${lost.document}: ${lost.layer}: ${lost.reason}`);
    const document = this.documents.get(lost.document);
    if (document) this.emit(document, { type: 'workerLost', layer: lost.layer, reason: lost.reason, retried: lost.retried });
  }

  private onJacobians(key: string, overview: JacobianOverview | null, reason: string | null): void {
    const document = this.documents.get(key);
    if (!document?.overview) return;
    document.overview.jacobians = overview;
    this.emit(document, { type: 'jacobians', overview, reason });
  }

  private onJacobianRows(key: string, rows: JacobianRow[], done: number, total: number): void {
    const document = this.documents.get(key);
    const known = document?.overview?.jacobians?.rows;
    if (!document || !known) return;
    for (const row of rows) {
      const place = known.findIndex(({ layer, call }) => layer === row.layer && call === row.call);
      if (place >= 0) known[place] = row;
    }
    this.emit(document, { type: 'jacobianRows', rows, done, total });
  }

  private onHashed(key: string, sha256: string): void {
    const document = this.documents.get(key);
    if (!document?.overview) return;
    document.overview.model.sha256 = sha256;
    this.emit(document, { type: 'hashed', sha256 });
  }

  private watch(document: ReportDocument): void {
    if (this.watchers.has(document.path)) return;
    this.watchers.set(document.path, watchFile(document.path, () => this.fileChanged(document)));
  }

  /**
   * Numbers stay and are marked; without numbers the header is read again. Nothing is recomputed unasked. Of a model the
   * engine knows whether it has changed: an event may be late, and tell of what was there when the header was read.
   */
  private fileChanged(document: ReportDocument): void {
    const { overview } = document;
    if (document.run) {
      void document.ending?.then(() => this.fileChanged(document));
      return;
    }
    if (document.origin === 'savedReport' && overview && isAnalysed(overview.state)) {
      overview.state = 'stale';
      this.emit(document, { type: 'state', state: 'stale', message: null });
    } else void this.reopen(document);
  }

  private forgetDetails(document: ReportDocument): void {
    const prefix = detailKey(document, '');
    for (const key of [...this.details.keys()]) if (key.startsWith(prefix)) this.details.delete(key);
  }

  private emit(document: ReportDocument, message: protocol.ToWebview): void {
    this.changed.fire({ document, message });
  }
}

function doneLayers(document: ReportDocument): number {
  return document.overview?.rows.filter((row) => row.state === 'done').length ?? 0;
}

function detailKey(document: ReportDocument, layer: string): string {
  return `${document.path}\0${layer}`;
}
