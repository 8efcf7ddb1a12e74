import * as vscode from 'vscode';
import { type Disposable } from '../disposable.js';
import { type AnalyzeSettings, type FromWebview, type ToWebview, type WebviewState } from '../../server/protocol.js';
import { type InputsForm } from '../inputs/inputsForm.js';
import { type DocumentChange, type Documents } from '../models/documents.js';
import { type ReportDocument } from '../models/reportDocument.js';
import { messageOf } from '../text.js';
import { page, webviewOptions } from './html.js';
import { packRows, typedCurves } from './transfer.js';

/** What a webview may ask of the editor beside the report itself. */
export interface ViewActions {
  analyze(document: ReportDocument, settings: AnalyzeSettings): Promise<unknown>;
  /** The host's side of the form for inputs. */
  inputsForm(document: ReportDocument, post: (message: ToWebview) => void): Promise<InputsForm>;
  openRule(rule: string): Promise<void>;
  openLog(): void;
  silence(document: ReportDocument, rule: string, layer: string | null): Promise<void>;
  unsilence(document: ReportDocument, rule: string, layer: string | null): Promise<void>;
  exportReport(document: ReportDocument): Promise<void>;
  copyValues(document: ReportDocument, layer: string, format: 'csv' | 'numpy'): Promise<void>;
  saveFile(document: ReportDocument, suggestedName: string, content: Uint8Array): Promise<void>;
}

/** What the side view, which shows the weights of one layer, has no use for. */
const reportMessages: ReadonlySet<ToWebview['type']> = new Set(['rows', 'jacobians', 'jacobianRows']);

/** Messages that need a document. */
type AboutDocument = Exclude<FromWebview, { type: 'ready' | 'saveState' | 'copyText' | 'openRule' | 'openLog' }>;

/** Where a view takes its document from: its own for a report, the active one for the side view. */
export type DocumentSource = () => ReportDocument | undefined;

/**
 * One webview and the document that it shows, as a report or as the spectrum of the selected layer.
 * It answers the webview's messages and hands on what happens to the document. A webview that was hidden
 * loads anew and says `ready` again; everything it needs is sent then.
 */
export class ReportView implements Disposable {
  private readonly subscriptions: Disposable[] = [];
  private readonly received = new vscode.EventEmitter<FromWebview>();
  private ready = false;
  /** Made when inputs are first asked for. */
  private inputs: Promise<InputsForm> | undefined;
  private state: WebviewState | null;
  /** Every message from the webview, after it has been acted upon; for tests. */
  readonly onDidReceive = this.received.event;

  constructor(
    private readonly webview: vscode.Webview,
    private readonly kind: 'report' | 'spectrum',
    private readonly source: DocumentSource,
    private readonly documents: Documents,
    private readonly actions: ViewActions,
    extension: vscode.Uri,
    title: string,
    restored: WebviewState | null = null,
  ) {
    this.state = restored;
    webview.options = webviewOptions(extension);
    this.subscriptions.push(
      this.received,
      webview.onDidReceiveMessage((message: FromWebview) => this.receive(message)),
      documents.onDidChange((change) => this.follow(change)),
    );
    webview.html = page(webview, extension, title, kind);
  }

  /** Sends everything that the document has. */
  refresh(): void {
    const document = this.source();
    if (!document || !this.ready) return;
    if (document.overview) {
      this.post({ type: 'overview', overview: document.overview });
      if (document.progress) this.post({ type: 'progress', progress: document.progress });
    }
    // The side view has no selection of its own; a report that a reload brought back has one before the host does.
    if (document.layer !== null || this.kind === 'spectrum') this.post({ type: 'select', layer: document.overview ? document.layer : null });
    if (document.error !== undefined) this.post(document.overview?.state === 'failed' ? { type: 'state', state: 'failed', message: document.error } : { type: 'error', message: document.error, actions: ['openLog', 'retry'] });
    if (this.kind === 'spectrum' && document.layer !== null) void this.sendLayer(document, document.layer);
  }

  /** Opens the form for inputs; a page that is not loaded yet gets it when it is. */
  async chooseInputs(): Promise<void> {
    const document = this.source();
    if (!document) return;
    this.inputs ??= this.actions.inputsForm(document, (message) => this.post(message));
    await (await this.inputs).open();
  }

  post(message: ToWebview): void {
    if (!this.ready) return;
    if (message.type === 'overview') {
      const { rows: all } = message.overview;
      // The side view shows one layer.
      const rows = packRows(this.kind === 'report' ? all : all.filter((row) => row.id === this.source()?.layer));
      void this.webview.postMessage({ type: 'packedOverview', overview: { ...message.overview, rows: [], ...(this.kind === 'spectrum' && { jacobians: null }) }, rows } satisfies ToWebview);
    } else void this.webview.postMessage(message);
  }

  dispose(): void {
    this.ready = false;
    void this.inputs?.then((form) => form.dispose());
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private follow({ document, message }: DocumentChange): void {
    if (document !== this.source()) return;
    if (this.kind === 'report' || !reportMessages.has(message.type)) this.post(message);
    if (this.kind !== 'spectrum' || document.layer === null) return;
    // The side view always shows the selected layer: its curves follow the selection and the rows as they come.
    const layerChanged = message.type === 'select' || message.type === 'overview' || (message.type === 'rows' && message.rows.some((row) => row.id === document.layer));
    if (layerChanged) void this.sendLayer(document, document.layer);
  }

  private receive(message: FromWebview): void {
    this.act(message).then(
      () => this.received.fire(message),
      (error: unknown) => void vscode.window.showErrorMessage(messageOf(error)),
    );
  }

  private async act(message: FromWebview): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.ready = true;
        this.post({ type: 'initialise', view: this.kind, strings: localisedStrings(), restored: this.state });
        this.refresh();
        await (await this.inputs)?.restore();
        return;
      case 'saveState':
        this.state = message.state;
        return;
      case 'copyText':
        await vscode.env.clipboard.writeText(message.text);
        return;
      case 'openRule':
        await this.actions.openRule(message.rule);
        return;
      case 'openLog':
        this.actions.openLog();
        return;
      default: {
        const document = this.source();
        if (document) await this.actOn(document, message);
      }
    }
  }

  private async actOn(document: ReportDocument, message: AboutDocument): Promise<void> {
    switch (message.type) {
      case 'analyze':
        await this.actions.analyze(document, {});
        return;
      case 'cancel':
        this.documents.cancel(document);
        return;
      case 'retry':
        await this.actions.analyze(document, { retry: message.layers });
        return;
      case 'chooseInputs':
        await this.chooseInputs();
        return;
      case 'analyzeJacobians':
        await this.actions.analyze(document, { only: ['jacobian'], inputs: message.synthetic ? 'synthetic' : null });
        return;
      case 'requestJacobian':
        await this.sendJacobian(document, message);
        return;
      case 'requestPicture':
        this.post({ type: 'inputPicture', index: message.index, picture: await this.documents.inputPicture(document, message.index) });
        return;
      case 'previewInputs':
      case 'browseInputs':
      case 'useInputs':
      case 'leaveInputs':
        await (await this.inputs)?.receive(message);
        return;
      case 'requestLayer':
        await this.sendLayer(document, message.layer);
        return;
      case 'select':
        this.documents.select(document, message.layer);
        return;
      case 'silence':
        await this.actions.silence(document, message.rule, message.layer);
        return;
      case 'unsilence':
        await this.actions.unsilence(document, message.rule, message.layer);
        return;
      case 'exportReport':
        await this.actions.exportReport(document);
        return;
      case 'copyValues':
        await this.actions.copyValues(document, message.layer, message.format);
        return;
      case 'saveFile':
        await this.actions.saveFile(document, message.suggestedName, Buffer.from(message.content, message.encoding === 'base64' ? 'base64' : 'utf8'));
        return;
    }
  }

  private async sendJacobian(document: ReportDocument, { layer, call, kind, input }: FromWebview & { type: 'requestJacobian' }): Promise<void> {
    const choice = { layer, call, kind, input };
    try {
      this.post({ type: 'jacobianDetail', ...choice, detail: await this.documents.jacobianDetail(document, choice), error: null });
    } catch (error) {
      this.post({ type: 'jacobianDetail', ...choice, detail: null, error: messageOf(error) });
    }
  }

  private async sendLayer(document: ReportDocument, layer: string): Promise<void> {
    try {
      const detail = await this.documents.layerDetail(document, layer);
      this.post({ type: 'layerDetail', layer, detail: detail && typedCurves(detail), error: null });
    } catch (error) {
      this.post({ type: 'layerDetail', layer, detail: null, error: messageOf(error) });
    }
  }
}

/** The texts of the editor's language by their English text; empty for English. */
function localisedStrings(): Record<string, string> {
  const strings: Record<string, string> = {};
  for (const [key, text] of Object.entries(vscode.l10n.bundle ?? {})) if (typeof text === 'string') strings[key] = text;
  return strings;
}
