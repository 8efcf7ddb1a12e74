import path from 'node:path';
import * as vscode from 'vscode';
import { type Disposable } from '../disposable.js';
import { type LayerRow } from '../../server/report/views.js';
import { bytes, count, duration, formatName, shape, runVerdict } from '../text.js';
import { displayName, displayPath, type Catalogue } from './catalogue.js';
import { isModelName, type ModelFileEntry } from './detection.js';
import { type Documents } from './documents.js';
import { healthIcon, noMark, severityIcon, skippedMark } from './marks.js';
import { activeFindings, healthOf, isAnalysed, isRunning, type ReportDocument } from './reportDocument.js';

export const modelsViewId = 'sigmascope.models';

/** A row of the tree: a model file, one of its layers, or a sentence in place of layers. */
export type ModelsNode = { kind: 'model'; entry: ModelFileEntry } | { kind: 'layer'; entry: ModelFileEntry; row: LayerRow } | { kind: 'message'; entry: ModelFileEntry; text: string };

/** The tree Models: every model file of the workspace, its layers below. Dropped files are opened. */
export class ModelsTree implements vscode.TreeDataProvider<ModelsNode>, vscode.TreeDragAndDropController<ModelsNode>, Disposable {
  readonly dropMimeTypes = ['text/uri-list', 'files'];
  readonly dragMimeTypes = ['text/uri-list'];
  private readonly changed = new vscode.EventEmitter<ModelsNode | undefined>();
  private readonly subscriptions: Disposable[];
  /** Nodes are kept, so that the tree recognises a model when only it changed. */
  private models = new Map<string, ModelsNode & { kind: 'model' }>();
  readonly onDidChangeTreeData = this.changed.event;

  constructor(
    private readonly catalogue: Catalogue,
    private readonly documents: Documents,
    private readonly media: vscode.Uri,
    private readonly drop: (file: string) => void,
  ) {
    this.subscriptions = [
      this.changed,
      catalogue.onDidChange(() => this.changed.fire(undefined)),
      documents.onDidChange(({ document, message }) => {
        if (message.type === 'progress' || message.type === 'select') return;
        const node = this.models.get(document.path);
        if (node) this.changed.fire(node);
      }),
    ];
  }

  async getChildren(node?: ModelsNode): Promise<ModelsNode[]> {
    if (!node) return this.roots();
    if (node.kind !== 'model') return [];
    const document = await this.documents.open(node.entry.path, 'model');
    if (!document.overview) return [{ kind: 'message', entry: node.entry, text: document.error ?? '' }];
    if (document.overview.rows.length === 0) return [{ kind: 'message', entry: node.entry, text: vscode.l10n.t('No layer with weights.') }];
    return document.overview.rows.map((row) => ({ kind: 'layer', entry: node.entry, row }));
  }

  getTreeItem(node: ModelsNode): vscode.TreeItem {
    if (node.kind === 'model') return this.modelItem(node.entry);
    if (node.kind === 'layer') return layerItem(node.entry, node.row);
    const item = new vscode.TreeItem(node.text);
    item.tooltip = node.text;
    item.contextValue = 'message';
    return item;
  }

  getParent(node: ModelsNode): ModelsNode | undefined {
    return node.kind === 'model' ? undefined : this.models.get(node.entry.path);
  }

  /** The node of a model or of one of its layers, to be revealed. */
  find(document: ReportDocument): ModelsNode | undefined {
    const model = this.models.get(document.path);
    if (!model || document.layer === null) return model;
    const row = document.overview?.rows.find((each) => each.id === document.layer);
    return row ? { kind: 'layer', entry: model.entry, row } : model;
  }

  handleDrag(nodes: readonly ModelsNode[], data: vscode.DataTransfer): void {
    data.set('text/uri-list', new vscode.DataTransferItem(nodes.map((node) => vscode.Uri.file(node.entry.path).toString()).join('\r\n')));
  }

  async handleDrop(_target: ModelsNode | undefined, data: vscode.DataTransfer): Promise<void> {
    const list = (await data.get('text/uri-list')?.asString()) ?? '';
    const uris = list.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#')).map((line) => vscode.Uri.parse(line));
    const dropped = data.get('files')?.asFile()?.uri;
    if (uris.length === 0 && dropped) uris.push(dropped);
    const refused = uris.filter((uri) => uri.scheme !== 'file' || !isModelName(uri.fsPath));
    for (const uri of uris) if (!refused.includes(uri)) this.drop(uri.fsPath);
    if (refused[0]) void vscode.window.showWarningMessage(vscode.l10n.t('{0} is not a model file that can be read: drop .onnx or .safetensors files.', path.basename(refused[0].path)));
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private async roots(): Promise<ModelsNode[]> {
    await this.catalogue.ready();
    const nodes = new Map<string, ModelsNode & { kind: 'model' }>();
    for (const entry of this.catalogue.entries()) nodes.set(entry.path, { kind: 'model', entry });
    this.models = nodes;
    return [...nodes.values()];
  }

  private modelItem(entry: ModelFileEntry): vscode.TreeItem {
    const document = this.documents.get(entry.path);
    const health = healthOf(document);
    const item = new vscode.TreeItem(displayName(entry.path), vscode.TreeItemCollapsibleState.Collapsed);
    item.id = entry.path;
    const size = this.catalogue.bytes(entry);
    item.description = [formatName(entry.format), size === undefined ? '' : bytes(size), this.folder(entry)].filter((part) => part !== '').join(' · ');
    item.iconPath = healthIcon(health, this.media);
    // Own scheme: the count at the right comes from our decorations, and none from others.
    item.resourceUri = decorationUri(entry.path, health.mark === 'findings' ? health.count : 0, document?.overview ? runVerdict(document.overview) : '');
    item.tooltip = this.tooltip(entry, document);
    item.contextValue = document && isRunning(document) ? 'model.running' : 'model';
    item.command = { command: 'sigmascope.showModel', title: vscode.l10n.t('Show Report'), arguments: [entry.path] };
    item.accessibilityInformation = { label: `${displayName(entry.path)}, ${stateWords(document)}` };
    return item;
  }

  /** Where the file lies, when not directly in the only workspace folder. */
  private folder(entry: ModelFileEntry): string {
    if (this.catalogue.isOutside(entry)) return vscode.l10n.t('outside the workspace');
    const folder = path.dirname(displayPath(entry.path));
    return folder === '.' ? '' : folder;
  }

  private tooltip(entry: ModelFileEntry, document: ReportDocument | undefined): vscode.MarkdownString {
    const text = new vscode.MarkdownString();
    text.appendText(`${entry.path}\n`);
    if (entry.files.length > 1) text.appendText(`${vscode.l10n.t('{0} files of one model', entry.files.length)}\n`);
    if (document?.overview) {
      text.appendText(`${vscode.l10n.t('{0} layers, {1} weights', count(document.overview.rows.length), count(document.overview.model.parameters))}\n`);
    }
    text.appendText(stateWords(document));
    return text;
  }
}

/** The state of a model in words: what the mark says, for tooltips and screen readers. */
function stateWords(document: ReportDocument | undefined): string {
  if (document?.error !== undefined) return document.error;
  if (!document?.overview) return vscode.l10n.t('Not analysed. Click to list its layers, or Analyze.');
  if (isRunning(document)) return vscode.l10n.t('Being analysed');
  const { overview } = document;
  if (overview.state === 'stale') return vscode.l10n.t('Changed on disk since it was analysed: {0}', runVerdict(overview));
  if (isAnalysed(overview.state)) return runVerdict(overview);
  if (activeFindings(document).length > 0) return runVerdict(overview);
  return overview.cost ? vscode.l10n.t('Not analysed. It would take about {0}.', duration(overview.cost.seconds)) : vscode.l10n.t('Not analysed');
}

function layerItem(entry: ModelFileEntry, row: LayerRow): vscode.TreeItem {
  const item = new vscode.TreeItem(row.id);
  item.id = `${entry.path}\0${row.id}`;
  item.description = shape(row.matrixShape);
  item.iconPath = row.severity === null ? (row.state === 'skipped' || row.state === 'failed' ? skippedMark : noMark) : severityIcon(row.severity);
  const text = new vscode.MarkdownString();
  text.appendText(`${row.name}\n${row.kind} ${shape(row.shape)} · ${row.dtype} · ${vscode.l10n.t('{0} weights', count(row.parameters))}`);
  if (row.findings > 0) text.appendText(`\n${row.findings === 1 ? vscode.l10n.t('1 finding') : vscode.l10n.t('{0} findings', row.findings)}`);
  if (row.reason !== null) text.appendText(`\n${row.reason}`);
  item.tooltip = text;
  item.contextValue = row.state === 'done' ? 'layer.done' : 'layer';
  item.command = { command: 'sigmascope.showLayer', title: vscode.l10n.t('Show in Report'), arguments: [entry.path, row.id] };
  return item;
}

const decorationScheme = 'sigmascope-model';
const maximumBadge = 9;

function decorationUri(file: string, findings: number, words: string): vscode.Uri {
  return vscode.Uri.from({ scheme: decorationScheme, path: vscode.Uri.file(file).path, query: `${findings} ${words}` });
}

/** The number of findings at the right end of a model's row. */
export const findingsBadge: vscode.FileDecorationProvider = {
  provideFileDecoration(uri) {
    if (uri.scheme !== decorationScheme) return undefined;
    const space = uri.query.indexOf(' ');
    const findings = Number(uri.query.slice(0, space));
    return findings === 0 ? undefined : new vscode.FileDecoration(findings > maximumBadge ? `${maximumBadge}+` : String(findings), uri.query.slice(space + 1));
  },
};
