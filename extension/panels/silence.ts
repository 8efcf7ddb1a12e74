import * as vscode from 'vscode';
import { configurationFile, exists, readConfigurationFile, writeConfigurationFile } from './configurationFile.js';

/** A reason is a sentence, not a document. */
const maximumReasonLength = 240;

/** One entry of `silence` in sigmascope.json: of one layer, or of all. */
interface Silence {
  rule: string;
  layer?: string;
  reason: string;
}

/** Asks why. undefined when the person turned back. */
export async function askReason(rule: string, layer: string | null): Promise<string | undefined> {
  const reason = await vscode.window.showInputBox({
    title: layer === null ? vscode.l10n.t('Silence {0}', rule) : vscode.l10n.t('Silence {0} for {1}', rule, layer),
    prompt: vscode.l10n.t('The reason is written to {0}, for whoever reads it next.', configurationFile),
    placeHolder: vscode.l10n.t('Weights are tied on purpose'),
    validateInput: (value) => {
      if (value.trim() === '') return vscode.l10n.t('A reason is needed.');
      return value.length > maximumReasonLength ? vscode.l10n.t('{0} characters; at most {1}.', value.length, maximumReasonLength) : undefined;
    },
  });
  return reason?.trim();
}

/** Adds an entry, in place of an earlier one for the same finding. The file is made where there is none. */
export async function addSilence(file: string, rule: string, layer: string | null, reason: string): Promise<void> {
  const configuration = await readConfigurationFile(file);
  const others = entriesOf(configuration, file).filter((entry) => entry.rule !== rule || (entry.layer ?? null) !== layer);
  await writeConfigurationFile(file, { ...configuration, silence: [...others, { rule, ...(layer === null ? {} : { layer }), reason }] });
}

/**
 * Takes away every entry that silences this finding; other content of the file stays.
 * @returns whether there was one
 */
export async function removeSilence(file: string, rule: string, layer: string | null): Promise<boolean> {
  if (!(await exists(file))) return false;
  const configuration = await readConfigurationFile(file);
  const before = entriesOf(configuration, file);
  const after = before.filter((entry) => entry.rule !== rule || (entry.layer !== undefined && entry.layer !== layer));
  if (after.length === before.length) return false;
  await writeConfigurationFile(file, { ...configuration, silence: after });
  return true;
}

function entriesOf(configuration: Record<string, unknown>, file: string): Silence[] {
  const { silence } = configuration;
  if (silence === undefined) return [];
  if (Array.isArray(silence)) return silence as Silence[];
  throw new Error(vscode.l10n.t('“silence” in {0} is not a list; correct it first, nothing was written.', file));
}
