import path from 'node:path';
import * as vscode from 'vscode';
import { type Disposable } from '../disposable.js';

/** A file that is being written changes many times; that is one change. */
const settleMilliseconds = 300;

/** Calls `changed` when the file was written or made anew. Works outside the workspace too. */
export function watchFile(file: string, changed: () => void): Disposable {
  const pattern = new vscode.RelativePattern(vscode.Uri.file(path.dirname(file)), globEscape(path.basename(file)));
  const watcher = vscode.workspace.createFileSystemWatcher(pattern);
  let timer: NodeJS.Timeout | undefined;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(changed, settleMilliseconds);
  };
  watcher.onDidChange(later);
  watcher.onDidCreate(later);
  return {
    dispose: () => {
      clearTimeout(timer);
      watcher.dispose();
    },
  };
}

/** File names may hold characters that mean something in a glob pattern. */
function globEscape(name: string): string {
  return name.replace(/[[\]{}*?]/g, '[$&]');
}
