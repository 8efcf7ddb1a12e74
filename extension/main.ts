import * as vscode from 'vscode';
import { type Disposable } from './disposable.js';
import { viewActions } from './actions.js';
import { registerCommands } from './commands.js';
import { EngineHost } from './engineHost.js';
import { Catalogue, displayName } from './models/catalogue.js';
import { Documents } from './models/documents.js';
import { findingsBadge, ModelsTree, modelsViewId } from './models/modelsTree.js';
import { isRunning } from './models/reportDocument.js';
import { FindingsTree, findingsViewId } from './panels/findingsTree.js';
import { customEditorViewType, ReportPanels, reportViewType } from './panels/reportPanels.js';
import { SpectrumView, spectrumViewId } from './panels/spectrumView.js';
import { StatusBar } from './panels/statusBar.js';

/** What the extension's own tests reach into. */
export interface SigmascopeApi {
  readonly engine: EngineHost;
  readonly catalogue: Catalogue;
  readonly documents: Documents;
  readonly panels: ReportPanels;
  readonly models: ModelsTree;
  readonly findings: FindingsTree;
  readonly spectrum: SpectrumView;
  readonly status: StatusBar;
  /** Milliseconds that `activate` took. */
  readonly activationMilliseconds: number;
}

let engine: EngineHost | undefined;

/** Wires the rooms. Starts no process and reads no file: that waits for the first view or command. */
export function activate(context: vscode.ExtensionContext): SigmascopeApi {
  const start = performance.now();
  let channel: vscode.LogOutputChannel | undefined;
  const log = () => (channel ??= created(context, vscode.window.createOutputChannel('Sigmascope', { log: true })));
  const host = new EngineHost(context, log);
  engine = host;
  const documents = new Documents(host, log);
  const catalogue = new Catalogue();
  const actions = viewActions(documents, context.extensionUri, log);
  const panels = new ReportPanels(documents, actions, context.extensionUri);
  const media = vscode.Uri.joinPath(context.extensionUri, 'media');
  const models = new ModelsTree(catalogue, documents, media, (file) => void vscode.commands.executeCommand('sigmascope.showModel', file));
  const findings = new FindingsTree(documents);
  const spectrum = new SpectrumView(documents, actions, context.extensionUri, vscode.l10n.t('Spectrum'));
  const status = new StatusBar(documents);
  const modelsView = vscode.window.createTreeView(modelsViewId, { treeDataProvider: models, dragAndDropController: models, showCollapseAll: true });
  const findingsView = vscode.window.createTreeView(findingsViewId, { treeDataProvider: findings, showCollapseAll: true });
  const follow = viewFollower(documents, models, findings, modelsView, findingsView, catalogue);
  context.subscriptions.push(
    host,
    documents,
    catalogue,
    panels,
    models,
    findings,
    spectrum,
    status,
    modelsView,
    findingsView,
    follow,
    vscode.window.registerFileDecorationProvider(findingsBadge),
    vscode.window.registerWebviewViewProvider(spectrumViewId, spectrum),
    vscode.window.registerWebviewPanelSerializer(reportViewType, panels),
    vscode.window.registerCustomEditorProvider(customEditorViewType, panels, { supportsMultipleEditorsPerDocument: true }),
    ...registerCommands({ catalogue, documents, panels, actions, log }),
  );
  return { engine: host, catalogue, documents, panels, models, findings, spectrum, status, activationMilliseconds: performance.now() - start };
}

/** Ends the server. */
export async function deactivate(): Promise<void> {
  await engine?.stop();
}

function created<Thing extends Disposable>(context: vscode.ExtensionContext, thing: Thing): Thing {
  context.subscriptions.push(thing);
  return thing;
}

/** Keeps what surrounds the trees in step: messages, context keys of menus, and the tree's selection. */
function viewFollower(
  documents: Documents,
  models: ModelsTree,
  findings: FindingsTree,
  modelsView: vscode.TreeView<unknown>,
  findingsView: vscode.TreeView<unknown>,
  catalogue: Catalogue,
): vscode.Disposable {
  const setContext = (key: string, value: unknown) => void vscode.commands.executeCommand('setContext', `sigmascope.${key}`, value);
  const update = () => {
    findingsView.message = findings.message() ?? '';
    findingsView.description = documents.current ? displayName(documents.current.path) : '';
    setContext('running', documents.all().some(isRunning));
    setContext('hasReport', documents.current !== undefined);
    setContext('layerSelected', (documents.current?.layer ?? null) !== null);
  };
  const reveal = () => {
    const node = documents.current && models.find(documents.current);
    if (node && modelsView.visible) void modelsView.reveal(node, { select: true, focus: false }).then(undefined, () => undefined);
  };
  return vscode.Disposable.from(
    documents.onDidActivate(update),
    documents.onDidChange(({ message }) => {
      if (message.type === 'select') reveal();
      if (message.type !== 'progress' && message.type !== 'rows') update();
    }),
    catalogue.onDidChange(() => {
      modelsView.message = catalogue.truncated ? vscode.l10n.t('Only a part of the model files is listed: there are too many. Exclude folders with sigmascope.models.exclude.') : '';
    }),
  );
}
