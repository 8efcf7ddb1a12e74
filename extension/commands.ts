import path from 'node:path';
import * as vscode from 'vscode';
import { type PanelCommand } from '../server/protocol.js';
import { type Catalogue, displayName, displayPath } from './models/catalogue.js';
import { type Documents } from './models/documents.js';
import { isModelName } from './models/detection.js';
import { type ModelsNode } from './models/modelsTree.js';
import { isRunning, type ReportDocument } from './models/reportDocument.js';
import { type FindingsNode } from './panels/findingsTree.js';
import { type ReportPanels } from './panels/reportPanels.js';
import { type ViewActions } from './panels/reportView.js';
import { bytes, formatName, messageOf } from './text.js';

/** What commands act on. */
export interface CommandContext {
  catalogue: Catalogue;
  documents: Documents;
  panels: ReportPanels;
  actions: ViewActions;
  log: () => vscode.LogOutputChannel;
}

/** Every key of the report panel, as the panel knows it. */
const panelCommands: readonly PanelCommand[] = ['tab1', 'tab2', 'tab3', 'previousLayer', 'nextLayer', 'worstLayer', 'nextFinding', 'previousFinding', 'tableTwin', 'exportChart', 'filter', 'escape'];

/** Registers every command of the manifest. An error of a command is shown as the sentence that it is. */
export function registerCommands(context: CommandContext): vscode.Disposable[] {
  const { catalogue, documents, panels, actions } = context;
  const commands: Record<string, (...parameters: unknown[]) => unknown> = {
    'sigmascope.analyzeSpectrum': (target) => analyzeSpectrum(context, target),
    'sigmascope.analyzeWithInputs': (target) => analyzeWithInputs(context, target),
    'sigmascope.openReport': (target) => openReport(context, target),
    'sigmascope.openModel': () => openModel(context),
    'sigmascope.showModel': (target) => showModel(context, fileOf(target)),
    'sigmascope.showLayer': (target, layer) => showLayer(context, fileOf(target), typeof layer === 'string' ? layer : null),
    'sigmascope.cancel': () => documents.cancel(),
    'sigmascope.clearCache': () => clearCache(documents),
    'sigmascope.refreshModels': () => catalogue.refresh(),
    'sigmascope.showLog': () => context.log().show(),
    'sigmascope.exportReport': (target) => withDocument(context, target, (document) => actions.exportReport(document)),
    'sigmascope.copyValuesCsv': (target) => copyValues(context, target, 'csv'),
    'sigmascope.copyValuesNumpy': (target) => copyValues(context, target, 'numpy'),
    'sigmascope.copyPath': (target) => copyPath(fileOf(target)),
    'sigmascope.showFinding': (target) => isFindingsNode(target) && target.kind === 'finding' && showLayer(context, target.document.path, target.finding.layer ?? null),
    'sigmascope.openRule': (target) => isFindingsNode(target) && actions.openRule(target.kind === 'rule' ? target.rule : target.finding.rule),
    'sigmascope.silence': (target) => isFindingsNode(target) && target.kind === 'finding' && actions.silence(target.document, target.finding.rule, target.finding.layer ?? null),
    'sigmascope.unsilence': (target) => isFindingsNode(target) && target.kind === 'finding' && actions.unsilence(target.document, target.finding.rule, target.finding.layer ?? null),
  };
  for (const command of panelCommands) {
    commands[`sigmascope.panel.${command}`] = () => (command === 'escape' && cancelActive(context)) || panels.sendCommand(command);
  }
  return Object.entries(commands).map(([id, action]) =>
    vscode.commands.registerCommand(id, async (...parameters: unknown[]) => {
      try {
        await action(...parameters);
      } catch (error) {
        context.log().error(`${id}: ${messageOf(error)}`);
        void vscode.window.showErrorMessage(messageOf(error));
      }
    }),
  );
}

/** Shows the panel first, then runs at once: the command says so. */
async function analyzeSpectrum(context: CommandContext, target: unknown): Promise<void> {
  const file = fileOf(target) ?? activeModel(context) ?? (await pickModel(context));
  if (file === undefined) return;
  const document = await show(context, file, 'model');
  if (document.overview) await context.actions.analyze(document, {});
}

/** Shows the panel with the form that asks which inputs; it runs the analysis. */
async function analyzeWithInputs(context: CommandContext, target: unknown): Promise<void> {
  const file = fileOf(target) ?? activeModel(context) ?? (await pickModel(context));
  if (file === undefined) return;
  const document = await show(context, file, 'model');
  if (document.overview) await context.panels.viewOf(file)?.chooseInputs();
}

async function openReport(context: CommandContext, target: unknown): Promise<void> {
  const file = fileOf(target) ?? (await openDialog(vscode.l10n.t('Open Saved Report'), { [vscode.l10n.t('Sigmascope reports')]: ['json'] }));
  if (file !== undefined) await show(context, file, 'savedReport');
}

/** Opens a model from anywhere. Nothing runs. */
async function openModel(context: CommandContext): Promise<void> {
  const file = await openDialog(vscode.l10n.t('Open Model File'), { [vscode.l10n.t('Models')]: ['onnx', 'safetensors', 'json'] });
  if (file !== undefined) await showModel(context, file);
}

async function showModel(context: CommandContext, file: string | undefined): Promise<void> {
  if (file === undefined) return;
  const origin = context.documents.get(file)?.origin ?? 'model';
  await show(context, file, origin);
}

async function showLayer(context: CommandContext, file: string | undefined, layer: string | null): Promise<void> {
  if (file === undefined) return;
  const document = await show(context, file, context.documents.get(file)?.origin ?? 'model', true);
  context.documents.select(document, layer);
}

/** Opens the panel at once and fills it when the headers are read. Files that are not listed yet are added to the tree. */
async function show(context: CommandContext, file: string, origin: ReportDocument['origin'], preserveFocus = false): Promise<ReportDocument> {
  if (origin === 'model') {
    await context.catalogue.ready();
    context.catalogue.add(file);
  }
  const opening = context.documents.open(file, origin);
  const early = context.documents.get(file);
  if (early) context.panels.show(early, preserveFocus);
  const document = await opening;
  if (!early) context.panels.show(document, preserveFocus);
  return document;
}

async function clearCache(documents: Documents): Promise<void> {
  const { entries, bytes: freed } = await documents.clearCache();
  void vscode.window.showInformationMessage(entries === 0 ? vscode.l10n.t('The cache was empty.') : vscode.l10n.t('Cleared {0} cached results ({1}).', entries, bytes(freed)));
}

async function copyValues(context: CommandContext, target: unknown, format: 'csv' | 'numpy'): Promise<void> {
  if (isModelsNode(target) && target.kind === 'layer') {
    const document = await context.documents.open(target.entry.path, 'model');
    return context.actions.copyValues(document, target.row.id, format);
  }
  const document = context.documents.current;
  if (document?.layer) return context.actions.copyValues(document, document.layer, format);
  throw new Error(vscode.l10n.t('No layer is selected: choose one in the report or in the Models view first.'));
}

async function copyPath(file: string | undefined): Promise<void> {
  if (file !== undefined) await vscode.env.clipboard.writeText(file);
}

async function withDocument(context: CommandContext, target: unknown, action: (document: ReportDocument) => Promise<void>): Promise<void> {
  const file = fileOf(target);
  const document = file === undefined ? (context.panels.activeDocument() ?? context.documents.current) : await context.documents.open(file, context.documents.get(file)?.origin ?? 'model');
  if (!document?.overview) throw new Error(document?.error ?? vscode.l10n.t('No report is open.'));
  await action(document);
}

/** Esc in a panel whose model is being analysed cancels the run; returns whether there was one. */
function cancelActive(context: CommandContext): boolean {
  const document = context.panels.activeDocument();
  if (!document || !isRunning(document)) return false;
  context.documents.cancel(document);
  return true;
}

/** The file that a menu, the tree, a link or another extension means. */
function fileOf(target: unknown): string | undefined {
  if (target instanceof vscode.Uri) return target.fsPath;
  if (typeof target === 'string') return target;
  if (isModelsNode(target)) return target.entry.path;
  if (isFindingsNode(target)) return target.document.path;
  return undefined;
}

function isModelsNode(target: unknown): target is ModelsNode {
  return typeof target === 'object' && target !== null && 'entry' in target;
}

function isFindingsNode(target: unknown): target is FindingsNode {
  return typeof target === 'object' && target !== null && 'document' in target && ('rule' in target || 'finding' in target);
}

/** The model of the active panel or tab. */
function activeModel(context: CommandContext): string | undefined {
  const document = context.panels.activeDocument();
  if (document?.origin === 'model') return document.path;
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  const uri = input instanceof vscode.TabInputText || input instanceof vscode.TabInputCustom ? input.uri : undefined;
  return uri?.scheme === 'file' && isModelName(uri.fsPath) ? uri.fsPath : undefined;
}

interface ModelPick extends vscode.QuickPickItem {
  file?: string;
}

async function pickModel(context: CommandContext): Promise<string | undefined> {
  await context.catalogue.ready();
  const items: ModelPick[] = context.catalogue.entries().map((entry) => ({
    label: displayName(entry.path),
    description: `${formatName(entry.format)} · ${path.dirname(displayPath(entry.path))}`,
    file: entry.path,
  }));
  items.push({ label: vscode.l10n.t('Open another file…'), iconPath: new vscode.ThemeIcon('folder-opened'), alwaysShow: true });
  const picked = await vscode.window.showQuickPick(items, { title: vscode.l10n.t('Analyze Spectrum'), placeHolder: vscode.l10n.t('Model file'), matchOnDescription: true });
  if (!picked || picked.file !== undefined) return picked?.file;
  return openDialog(vscode.l10n.t('Open Model File'), { [vscode.l10n.t('Models')]: ['onnx', 'safetensors', 'json'] });
}

async function openDialog(title: string, filters: Record<string, string[]>): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({ title, filters, canSelectMany: false });
  return chosen?.[0]?.fsPath;
}

