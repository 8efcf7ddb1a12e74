import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { messageOf } from '../text.js';

export const configurationFile = 'sigmascope.json';
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

/**
 * The configuration file that a model's silenced findings go to: the nearest one above it inside its workspace folder,
 * else a new one in that folder. Outside every workspace folder a person chooses; undefined when they turned back.
 */
export async function configurationFor(model: string): Promise<string | undefined> {
  const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(model))?.uri.fsPath;
  if (folder === undefined) {
    const beside = path.join(path.dirname(model), configurationFile);
    if (await exists(beside)) return beside;
    const chosen = await vscode.window.showSaveDialog({ defaultUri: vscode.Uri.file(beside), title: vscode.l10n.t('Where to keep the reasons for silenced findings'), filters: { JSON: ['json'] } });
    return chosen?.fsPath;
  }
  for (let at = path.dirname(model); at.length >= folder.length; at = path.dirname(at)) {
    const candidate = path.join(at, configurationFile);
    if (await exists(candidate)) return candidate;
    if (path.dirname(at) === at) break;
  }
  return path.join(folder, configurationFile);
}

/** Adds an entry, in place of an earlier one for the same finding. The file is made where there is none. */
export async function addSilence(file: string, rule: string, layer: string | null, reason: string): Promise<void> {
  const configuration = await read(file);
  const others = entriesOf(configuration, file).filter((entry) => entry.rule !== rule || (entry.layer ?? null) !== layer);
  await write(file, { ...configuration, silence: [...others, { rule, ...(layer === null ? {} : { layer }), reason }] });
}

/**
 * Takes away every entry that silences this finding; other content of the file stays.
 * @returns whether there was one
 */
export async function removeSilence(file: string, rule: string, layer: string | null): Promise<boolean> {
  if (!(await exists(file))) return false;
  const configuration = await read(file);
  const before = entriesOf(configuration, file);
  const after = before.filter((entry) => entry.rule !== rule || (entry.layer !== undefined && entry.layer !== layer));
  if (after.length === before.length) return false;
  await write(file, { ...configuration, silence: after });
  return true;
}

async function read(file: string): Promise<Record<string, unknown>> {
  if (!(await exists(file))) return {};
  try {
    const parsed: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  } catch (error) {
    throw new Error(vscode.l10n.t('{0} is not valid JSON ({1}); correct it first, nothing was written.', file, messageOf(error)), { cause: error });
  }
  throw new Error(vscode.l10n.t('{0} holds no JSON object; correct it first, nothing was written.', file));
}

function entriesOf(configuration: Record<string, unknown>, file: string): Silence[] {
  const { silence } = configuration;
  if (silence === undefined) return [];
  if (Array.isArray(silence)) return silence as Silence[];
  throw new Error(vscode.l10n.t('“silence” in {0} is not a list; correct it first, nothing was written.', file));
}

/** Written beside and renamed, so that no reader sees half a file. */
async function write(file: string, configuration: Record<string, unknown>): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify(configuration, null, 2)}\n`);
  await rename(temporary, file);
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
