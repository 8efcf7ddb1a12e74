import path from 'node:path';
import * as vscode from 'vscode';
import { type RenderFormat } from '../../server/protocol.js';
import { type Documents } from '../models/documents.js';
import { type ReportDocument } from '../models/reportDocument.js';

interface ExportFormat extends vscode.QuickPickItem {
  format: RenderFormat;
  /** Replaces the model's extension in the suggested name. */
  suffix: string;
}

function formats(): ExportFormat[] {
  return [
    { format: 'html', label: 'HTML', description: vscode.l10n.t('the whole report with its charts, in one file'), suffix: '.report.html' },
    { format: 'json', label: 'JSON', description: vscode.l10n.t('every number; opens here again'), suffix: '.report.json' },
    { format: 'csv', label: 'CSV', description: vscode.l10n.t('one row per layer'), suffix: '.layers.csv' },
    { format: 'weightwatcher', label: 'WeightWatcher', description: vscode.l10n.t('CSV with WeightWatcher’s columns'), suffix: '.weightwatcher.csv' },
    { format: 'sarif', label: 'SARIF', description: vscode.l10n.t('findings for code scanning'), suffix: '.sarif' },
    { format: 'markdown', label: 'Markdown', description: vscode.l10n.t('a summary for a pull request'), suffix: '.report.md' },
    { format: 'text', label: vscode.l10n.t('Text'), description: vscode.l10n.t('as the command line prints it'), suffix: '.report.txt' },
  ];
}

/** Asks for a format and a place, and writes the whole report there. Does nothing when the person turns back. */
export async function exportReport(documents: Documents, document: ReportDocument): Promise<void> {
  const picked = await vscode.window.showQuickPick(formats(), { title: vscode.l10n.t('Export Report of {0}', path.basename(document.path)), placeHolder: vscode.l10n.t('Format') });
  if (!picked) return;
  const name = path.basename(document.path, path.extname(document.path)).replace(/\.report$/, '') + picked.suffix;
  const target = await saveDialog(document, name);
  if (!target) return;
  await documents.render(document, picked.format, target.fsPath);
  await offerToOpen(target);
}

/** Asks where to, and writes a chart or its numbers. */
export async function saveChart(document: ReportDocument, suggestedName: string, content: Uint8Array): Promise<void> {
  // Only the name: a webview has no say in folders.
  const target = await saveDialog(document, path.basename(suggestedName));
  if (!target) return;
  await vscode.workspace.fs.writeFile(target, content);
  await offerToOpen(target);
}

function saveDialog(document: ReportDocument, name: string): Thenable<vscode.Uri | undefined> {
  const extension = path.extname(name).slice(1);
  return vscode.window.showSaveDialog({ defaultUri: vscode.Uri.file(path.join(path.dirname(document.path), name)), filters: extension === '' ? {} : { [extension.toUpperCase()]: [extension] } });
}

async function offerToOpen(target: vscode.Uri): Promise<void> {
  const open = vscode.l10n.t('Open');
  // Not awaited: the notification may stay for long.
  void vscode.window.showInformationMessage(vscode.l10n.t('Saved {0}.', path.basename(target.fsPath)), open).then((answer) => {
    if (answer !== open) return;
    if (target.fsPath.endsWith('.html')) void vscode.env.openExternal(target);
    else void vscode.commands.executeCommand('vscode.open', target);
  });
  return Promise.resolve();
}
