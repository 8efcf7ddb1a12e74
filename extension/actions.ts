import * as vscode from 'vscode';
import { type Documents } from './models/documents.js';
import { type ViewActions } from './panels/reportView.js';

/** What panels and commands do beside showing reports. The code behind each is loaded when it is first used. */
export function viewActions(documents: Documents, extension: vscode.Uri, log: () => vscode.LogOutputChannel): ViewActions {
  return {
    analyze: async (document, settings) => {
      const { runAnalysis } = await import('./runs.js');
      return runAnalysis(documents, document.path, settings);
    },
    inputsForm: async (document, post) => {
      const { InputsForm } = await import('./inputs/inputsForm.js');
      return new InputsForm(document, documents, async (settings) => (await import('./runs.js')).runAnalysis(documents, document.path, settings), post);
    },
    openRule: async (rule) => (await import('./panels/ruleDocs.js')).openRulePage(extension, rule),
    openLog: () => log().show(),
    silence: async (document, rule, layer) => {
      const silence = await import('./panels/silence.js');
      const reason = await silence.askReason(rule, layer);
      const file = reason === undefined ? undefined : await silenceFile(document.path);
      if (reason === undefined || file === undefined) return;
      await silence.addSilence(file, rule, layer, reason);
      await documents.reopen(document);
    },
    unsilence: async (document, rule, layer) => {
      const silence = await import('./panels/silence.js');
      const file = await silenceFile(document.path);
      if (file === undefined) return;
      if (!(await silence.removeSilence(file, rule, layer))) throw new Error(vscode.l10n.t('{0} does not silence this finding; another sigmascope.json above the model may.', file));
      await documents.reopen(document);
    },
    exportReport: async (document) => (await import('./panels/exportReport.js')).exportReport(documents, document),
    copyValues: async (document, layer, format) => {
      await vscode.env.clipboard.writeText(await documents.copyValues(document, layer, format));
      vscode.window.setStatusBarMessage(vscode.l10n.t('Copied the singular values of {0}.', layer), 3000);
    },
    saveFile: async (document, suggestedName, content) => (await import('./panels/exportReport.js')).saveChart(document, suggestedName, content),
  };
}

async function silenceFile(model: string): Promise<string | undefined> {
  const { configurationFor } = await import('./panels/configurationFile.js');
  return configurationFor(model, vscode.l10n.t('Where to keep the reasons for silenced findings'));
}
