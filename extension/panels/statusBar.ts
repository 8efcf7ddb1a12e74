import path from 'node:path';
import * as vscode from 'vscode';
import { type Disposable } from '../disposable.js';
import { type Documents } from '../models/documents.js';
import { isRunning, type ReportDocument } from '../models/reportDocument.js';
import { count, runVerdict } from '../text.js';

/** Left of most other items of the right half, so that it stays visible in narrow windows. */
const priority = 90;

/** The item of the model in front: its verdict, or how far a run is; nothing when no model is open. */
export class StatusBar implements Disposable {
  private item: vscode.StatusBarItem | undefined;
  private readonly subscriptions: Disposable[];

  constructor(private readonly documents: Documents) {
    this.subscriptions = [documents.onDidActivate(() => this.update()), documents.onDidChange(({ message }) => message.type !== 'rows' && this.update())];
  }

  /** What the item shows; undefined when it is hidden. For tests. */
  get text(): string | undefined {
    return this.shownDocument() ? this.item?.text : undefined;
  }

  dispose(): void {
    this.item?.dispose();
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  /** A run is shown wherever the focus is: it can be cancelled from here. */
  private shownDocument(): ReportDocument | undefined {
    const { current } = this.documents;
    return current && isRunning(current) ? current : (this.documents.all().find(isRunning) ?? current);
  }

  private update(): void {
    const document = this.shownDocument();
    if (!document?.overview) {
      this.item?.hide();
      return;
    }
    this.item ??= this.create();
    const name = path.basename(document.path);
    if (isRunning(document)) {
      const { done, total, layer } = document.progress ?? { done: 0, total: document.overview.rows.length, layer: null };
      this.item.text = total === 0 ? `Σ ${name} …` : `Σ ${count(done)}/${count(total)} ${layer ?? name}`;
      this.item.tooltip = vscode.l10n.t('Analysing {0}. Click to cancel.', name);
      this.item.command = 'sigmascope.cancel';
    } else {
      this.item.text = vscode.l10n.t('Σ {0}: {1}', name, this.stateWords(document));
      this.item.tooltip = vscode.l10n.t('Show the report of {0}', name);
      this.item.command = { command: 'sigmascope.showModel', title: '', arguments: [document.path] };
    }
    this.item.show();
  }

  private stateWords(document: ReportDocument): string {
    switch (document.overview?.state) {
      case 'stale':
        return vscode.l10n.t('older file');
      case 'cancelled':
        return vscode.l10n.t('cancelled');
      case 'done':
        return runVerdict(document.overview);
      default:
        return vscode.l10n.t('not analysed');
    }
  }

  private create(): vscode.StatusBarItem {
    const item = vscode.window.createStatusBarItem('sigmascope.status', vscode.StatusBarAlignment.Right, priority);
    item.name = 'Sigmascope';
    this.subscriptions.push(item);
    return item;
  }
}
