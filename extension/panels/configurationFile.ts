import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { messageOf } from '../text.js';

export const configurationFile = 'sigmascope.json';

/**
 * The configuration file for what a person decides about a model: the nearest one above it inside its workspace folder,
 * else a new one in that folder. Outside every workspace folder a person chooses; undefined when they turned back.
 * @param title of the dialog in which they choose
 */
export async function configurationFor(model: string, title: string): Promise<string | undefined> {
  const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(model))?.uri.fsPath;
  if (folder === undefined) {
    const beside = path.join(path.dirname(model), configurationFile);
    if (await exists(beside)) return beside;
    const chosen = await vscode.window.showSaveDialog({ defaultUri: vscode.Uri.file(beside), title, filters: { JSON: ['json'] } });
    return chosen?.fsPath;
  }
  for (let at = path.dirname(model); at.length >= folder.length; at = path.dirname(at)) {
    const candidate = path.join(at, configurationFile);
    if (await exists(candidate)) return candidate;
    if (path.dirname(at) === at) break;
  }
  return path.join(folder, configurationFile);
}

/** The content of a configuration; empty where there is no file. @throws where it is no JSON object, one sentence */
export async function readConfigurationFile(file: string): Promise<Record<string, unknown>> {
  if (!(await exists(file))) return {};
  try {
    const parsed: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  } catch (error) {
    throw new Error(vscode.l10n.t('{0} is not valid JSON ({1}); correct it first, nothing was written.', file, messageOf(error)), { cause: error });
  }
  throw new Error(vscode.l10n.t('{0} holds no JSON object; correct it first, nothing was written.', file));
}

/** Written beside and renamed, so that no reader sees half a file. */
export async function writeConfigurationFile(file: string, configuration: Record<string, unknown>): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify(configuration, null, 2)}\n`);
  await rename(temporary, file);
}

/** Whether there is a file or folder of this name. */
export async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
