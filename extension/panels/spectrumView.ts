import type * as vscode from 'vscode';
import { type Disposable } from '../disposable.js';
import { type Documents } from '../models/documents.js';
import { type ReportDocument } from '../models/reportDocument.js';
import { ReportView, type ViewActions } from './reportView.js';

export const spectrumViewId = 'sigmascope.spectrum';

/** The side view: the spectrum of the layer that is selected in the tree or in a report. */
export class SpectrumView implements vscode.WebviewViewProvider, Disposable {
  private view: ReportView | undefined;
  private readonly subscription: Disposable;

  constructor(
    private readonly documents: Documents,
    private readonly actions: ViewActions,
    private readonly extension: vscode.Uri,
    private readonly title: string,
  ) {
    this.subscription = documents.onDidActivate(() => this.view?.refresh());
  }

  /** The shown view; undefined while the side bar hides it. For tests. */
  get current(): ReportView | undefined {
    return this.view;
  }

  resolveWebviewView(shown: vscode.WebviewView): void {
    const source = (): ReportDocument | undefined => this.documents.current;
    const view = new ReportView(shown.webview, 'spectrum', source, this.documents, this.actions, this.extension, this.title);
    this.view = view;
    shown.onDidDispose(() => {
      view.dispose();
      if (this.view === view) this.view = undefined;
    });
  }

  dispose(): void {
    this.subscription.dispose();
    this.view?.dispose();
  }
}
