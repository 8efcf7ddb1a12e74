import path from 'node:path';
import * as vscode from 'vscode';
import { type InputsChoice } from '../../server/protocol.js';

/** A list that a person reads; the rest is found by browsing. */
const maximumFiles = 60;
/** Pictures looked at for their folders: data sets hold many times more, in few folders. */
const maximumPictures = 2000;

const arrays = '**/*.{npz,npy,csv}';
const pictures = '**/*.{png,jpg,jpeg}';
const excluded = '**/{node_modules,site-packages,__pycache__,.git,.venv}/**';

/** Arrays, tables and folders of pictures of the workspace, in alphabetical order; none is opened. */
export async function findInputs(): Promise<string[]> {
  const files = (await vscode.workspace.findFiles(arrays, excluded, maximumFiles)).map(({ fsPath }) => fsPath);
  const images = (await vscode.workspace.findFiles(pictures, excluded, maximumPictures)).map(({ fsPath }) => fsPath);
  return [...files.sort(), ...pictureFolders(images).slice(0, maximumFiles)];
}

/**
 * Folders to read pictures from: where several sibling folders hold pictures these are classes, and their parent is meant.
 * @param files absolute paths of pictures
 */
export function pictureFolders(files: readonly string[]): string[] {
  const folders = new Set(files.map((file) => path.dirname(file)));
  const siblings = new Map<string, number>();
  for (const folder of folders) siblings.set(path.dirname(folder), (siblings.get(path.dirname(folder)) ?? 0) + 1);
  return [...new Set([...folders].map((folder) => ((siblings.get(path.dirname(folder)) ?? 0) > 1 && !folders.has(path.dirname(folder)) ? path.dirname(folder) : folder)))].sort();
}

/** A file as the form lists it: by its path from the workspace folder. */
export function choiceOf({ file, content, fits }: Omit<InputsChoice, 'label'>): InputsChoice {
  return { file, label: vscode.workspace.asRelativePath(file), content, fits };
}
