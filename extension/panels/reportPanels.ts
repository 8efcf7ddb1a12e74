import path from 'node:path';
import * as vscode from 'vscode';
import { type PanelCommand, type WebviewState } from '../../server/protocol.js';
import { type Documents } from '../models/documents.js';
import { emptyDocument, type ReportDocument } from '../models/reportDocument.js';
import { ReportView, type ViewActions } from './reportView.js';

export const reportViewType = 'sigmascope.report';
export const customEditorViewType = 'sigmascope.model';

interface OpenPanel {
  panel: vscode.WebviewPanel;
  view: ReportView;
  file: string;
}

/**
 * The report panels: one beside the code for each model or saved report, those that a reload brings back, and custom editors
 * of model files, which show the same.
 */
export class ReportPanels implements vscode.Disposable, vscode.WebviewPanelSerializer, vscode.CustomReadonlyEditorProvider {
  private readonly open = new Set<OpenPanel>();
  private readonly changed = new vscode.EventEmitter<void>();
  /** A panel was opened, closed or became the active one. */
  readonly onDidChange = this.changed.event;

  constructor(
    private readonly documents: Documents,
    private readonly actions: ViewActions,
    private readonly extension: vscode.Uri,
  ) {}

  /** Shows the document's panel beside the active editor; the one that is there already is revealed where it is. */
  show(document: ReportDocument, preserveFocus = false): ReportView {
    this.documents.activate(document);
    const shown = [...this.open].find((each) => each.file === document.path);
    if (shown) {
      shown.panel.reveal(undefined, preserveFocus);
      return shown.view;
    }
    const panel = vscode.window.createWebviewPanel(reportViewType, title(document.path), { viewColumn: this.column(), preserveFocus }, { enableFindWidget: true });
    return this.attach(panel, document.path, document.origin, null);
  }

  /** The view of a file's panel, if it has one. */
  viewOf(file: string): ReportView | undefined {
    return [...this.open].find((each) => each.file === file)?.view;
  }

  /** Files whose panels are open. */
  files(): string[] {
    return [...this.open].map((each) => each.file);
  }

  /** The document of the panel that has the focus. */
  activeDocument(): ReportDocument | undefined {
    const active = [...this.open].find((each) => each.panel.active);
    return active && this.documents.get(active.file);
  }

  /** Hands a keybinding to the panel that has the focus. */
  sendCommand(command: PanelCommand): void {
    [...this.open].find((each) => each.panel.active)?.view.post({ type: 'command', command });
  }

  // After a reload of the window: the same file, tab and layer.
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    if (!isState(state)) {
      panel.dispose();
      return;
    }
    this.attach(panel, state.document, state.origin, state);
    await this.fill(panel, state.document, state.origin, state.layer);
  }

  openCustomDocument(uri: vscode.Uri): vscode.CustomDocument {
    return { uri, dispose: () => undefined };
  }

  async resolveCustomEditor(custom: vscode.CustomDocument, panel: vscode.WebviewPanel): Promise<void> {
    this.attach(panel, custom.uri.fsPath, 'model', null);
    await this.fill(panel, custom.uri.fsPath, 'model');
  }

  dispose(): void {
    for (const { view } of this.open) view.dispose();
    this.changed.dispose();
  }

  /** Reads the document of a panel that the editor opened; side views and status bar follow it if it is in front. */
  private async fill(panel: vscode.WebviewPanel, file: string, origin: ReportDocument['origin'], layer: string | null = null): Promise<void> {
    const document = await this.documents.open(file, origin);
    if (document.overview?.rows.some((row) => row.id === layer) === true) document.layer ??= layer;
    const stillOpen = [...this.open].some((each) => each.panel === panel);
    if (stillOpen && panel.active) this.documents.activate(document);
  }

  private attach(panel: vscode.WebviewPanel, file: string, origin: ReportDocument['origin'], restored: WebviewState | null): ReportView {
    const source = () => this.documents.get(file) ?? emptyDocument(file, origin);
    if (panel.viewType !== customEditorViewType) panel.iconPath = this.icon();
    const view = new ReportView(panel.webview, 'report', source, this.documents, this.actions, this.extension, title(file), restored);
    const entry: OpenPanel = { panel, view, file };
    this.open.add(entry);
    panel.onDidChangeViewState(() => {
      const document = this.documents.get(file);
      if (panel.active && document) this.documents.activate(document);
      this.changed.fire();
    });
    panel.onDidDispose(() => {
      view.dispose();
      this.open.delete(entry);
      const document = this.documents.get(file);
      if (document && !this.files().includes(file)) this.documents.release(document, this.files());
      this.changed.fire();
    });
    this.changed.fire();
    return view;
  }

  /** Beside the code, where the other reports are; in front when there is no code. */
  private column(): vscode.ViewColumn {
    const reports = [...this.open].find((each) => each.panel.viewType !== customEditorViewType && each.panel.viewColumn !== undefined);
    if (reports?.panel.viewColumn !== undefined) return reports.panel.viewColumn;
    return vscode.window.tabGroups.activeTabGroup.tabs.length === 0 ? vscode.ViewColumn.Active : vscode.ViewColumn.Beside;
  }

  private icon(): { light: vscode.Uri; dark: vscode.Uri } {
    const at = (name: string) => vscode.Uri.joinPath(this.extension, 'media', name);
    return { light: at('panel-light.svg'), dark: at('panel-dark.svg') };
  }
}

function title(file: string): string {
  return vscode.l10n.t('{0}: Spectrum', path.basename(file));
}

/** What an earlier version, or nobody, may have stored. */
function isState(state: unknown): state is WebviewState {
  return typeof state === 'object' && state !== null && 'document' in state && typeof state.document === 'string' && state.document !== '' && 'origin' in state && (state.origin === 'model' || state.origin === 'savedReport');
}
