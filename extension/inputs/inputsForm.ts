import * as vscode from 'vscode';
import { type Disposable } from '../disposable.js';
import { type AnalyzeSettings, type FromWebview, type InputsRequest, type ToWebview } from '../../server/protocol.js';
import { type Documents } from '../models/documents.js';
import { type ReportDocument } from '../models/reportDocument.js';
import { messageOf } from '../text.js';
import { choiceOf, findInputs } from './findInputs.js';

/** Inputs that the form shows: two rows of four tiles. */
const picturesShown = 8;

type FormMessage = Extract<FromWebview, { type: 'previewInputs' | 'browseInputs' | 'useInputs' | 'leaveInputs' }>;

/**
 * The host's side of the form in which a person chooses inputs for a model: finds files, has the engine try them out,
 * and starts the analysis. Nothing is run on inputs but what the form shows before somebody says Analyze.
 */
export class InputsForm implements Disposable {
  private shown = false;
  private asked: vscode.CancellationTokenSource | undefined;

  constructor(
    private readonly document: ReportDocument,
    private readonly documents: Documents,
    private readonly analyze: (settings: AnalyzeSettings) => Promise<unknown>,
    private readonly post: (message: ToWebview) => void,
  ) {}

  /** Shows the form, then the files that the workspace has for it. */
  async open(): Promise<void> {
    this.shown = true;
    this.post({ type: 'inputsForm', open: true });
    const found = await findInputs();
    const candidates = await this.documents.inputsCandidates(this.document, found);
    this.post({ type: 'inputsCandidates', candidates: candidates.map(choiceOf) });
  }

  /** The page was loaded anew: the form comes back if it was open. */
  async restore(): Promise<void> {
    if (this.shown) await this.open();
  }

  /** Acts on a message of the form. */
  async receive(message: FormMessage): Promise<void> {
    switch (message.type) {
      case 'previewInputs':
        await this.preview(message.id, message.request);
        return;
      case 'browseInputs':
        await this.browse(message.field, message.folder);
        return;
      case 'useInputs':
        this.close();
        if (message.remember) await this.remember(message.request, message.samples);
        await this.analyze({ only: ['jacobian'], inputs: message.request, ...(message.samples === null ? {} : { samples: message.samples }) });
        return;
      case 'leaveInputs':
        this.close();
    }
  }

  dispose(): void {
    this.asked?.cancel();
    this.asked?.dispose();
    this.asked = undefined;
  }

  private close(): void {
    this.shown = false;
    this.dispose();
    this.post({ type: 'inputsForm', open: false });
  }

  /** One question at a time: the worker of the one before is ended. */
  private async preview(id: number, request: InputsRequest | null): Promise<void> {
    this.dispose();
    const asked = new vscode.CancellationTokenSource();
    this.asked = asked;
    try {
      const proposal = await this.documents.previewInputs(this.document, request, picturesShown, asked.token);
      if (!asked.token.isCancellationRequested) this.post({ type: 'inputsPreview', id, proposal, error: null });
    } catch (error) {
      if (!asked.token.isCancellationRequested) this.post({ type: 'inputsPreview', id, proposal: null, error: messageOf(error) });
    }
  }

  private async browse(field: 'file' | 'labels', folder: boolean): Promise<void> {
    const filters = { [vscode.l10n.t('Arrays and tables')]: ['npz', 'npy', 'csv', 'raw', 'bin', 'f32', 'u8'] };
    const chosen = await vscode.window.showOpenDialog({
      title: field === 'labels' ? vscode.l10n.t('Labels of the Inputs') : vscode.l10n.t('Inputs of the Model'),
      canSelectFiles: !folder,
      canSelectFolders: folder,
      canSelectMany: false,
      ...(folder ? {} : { filters }),
    });
    const file = chosen?.[0]?.fsPath;
    if (file === undefined) return;
    const candidates = field === 'file' ? await this.documents.inputsCandidates(this.document, [file]) : [];
    this.post({ type: 'inputsFile', field, choice: choiceOf(candidates.at(0) ?? { file, content: null, fits: false }) });
  }

  private async remember(request: InputsRequest, samples: number | null): Promise<void> {
    const { rememberInputs } = await import('./rememberInputs.js');
    const { configurationFor } = await import('../panels/configurationFile.js');
    const file = await configurationFor(this.document.path, vscode.l10n.t('Where to keep the inputs of this model'));
    if (file !== undefined) await rememberInputs(file, this.document.path, request, samples);
  }
}
