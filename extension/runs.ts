import path from 'node:path';
import * as vscode from 'vscode';
import { type AnalyzeSettings } from '../server/protocol.js';
import { type Documents } from './models/documents.js';
import { isRunning, type ReportDocument } from './models/reportDocument.js';
import { bytes, duration } from './text.js';

/** From this estimate on a person is asked first: long enough to be a coffee. */
const confirmSeconds = 60;
/** From this estimate on a notification with Cancel shows the run; below, the panel and the status bar suffice. */
const notifySeconds = 10;

/**
 * Analyses a model: says what a long run costs before it starts, shows how far it is, can be cancelled anywhere.
 * Resolves when the run has ended, or at once when the person turned back.
 */
export async function runAnalysis(documents: Documents, file: string, settings: AnalyzeSettings = {}): Promise<ReportDocument> {
  const document = await documents.open(file, 'model');
  if (!document.overview || isRunning(document)) return document;
  // The estimate is of the layers' weights.
  const cost = settings.retry !== undefined || settings.inputs !== undefined ? null : document.overview.cost;
  if (cost && cost.seconds >= confirmSeconds && !(await confirm(file, cost.seconds, cost.peakBytes, cost.refused))) return document;
  const run = documents.analyze(file, settings);
  if (cost && cost.seconds >= notifySeconds) void showProgress(documents, document, run);
  return run;
}

async function confirm(file: string, seconds: number, peakBytes: number, refused: number): Promise<boolean> {
  const analyze = vscode.l10n.t('Analyze');
  const costs = vscode.l10n.t('About {0}, up to {1} of memory. It can be cancelled at any time; finished layers are kept.', duration(seconds), bytes(peakBytes));
  const left = refused === 0 ? '' : ` ${vscode.l10n.t('{0} layers are too large for the memory limit (sigmascope.memoryLimit) and will be passed over.', refused)}`;
  const answer = await vscode.window.showInformationMessage(vscode.l10n.t('Analyze {0}?', path.basename(file)), { modal: true, detail: costs + left }, analyze);
  return answer === analyze;
}

/** A notification that follows the run's progress until it ends. */
async function showProgress(documents: Documents, document: ReportDocument, run: Promise<unknown>): Promise<void> {
  const options = { location: vscode.ProgressLocation.Notification, title: vscode.l10n.t('Analysing {0}', path.basename(document.path)), cancellable: true };
  await vscode.window.withProgress(options, async (progress, token) => {
    token.onCancellationRequested(() => documents.cancel(document));
    let shown = 0;
    const listener = documents.onDidChange(({ document: changed, message }) => {
      if (changed !== document || message.type !== 'progress') return;
      const { done, total, layer } = message.progress;
      const percent = total === 0 ? 0 : (100 * done) / total;
      progress.report({ message: `${done}/${total} ${layer ?? ''}`, increment: percent - shown });
      shown = percent;
    });
    await run.then(undefined, () => undefined);
    listener.dispose();
  });
}
