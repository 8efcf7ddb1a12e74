import { stat } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { type Disposable } from '../disposable.js';
import { groupModels, isModelName, modelGlob, type ModelFileEntry } from './detection.js';
import { type Exclusion } from './exclusion.js';

/** More than this and the tree says that it shows a part: a person finds nothing in a longer list. */
const maximumListedFiles = 20_000;
/** Files looked at together; keeps the extension host free between batches. */
const batchSize = 200;
/** Changes within this time are one update of the tree. */
const settleMilliseconds = 150;
/** A new folder is looked through after this time: by then it is likely to be filled. */
const folderMilliseconds = 1000;

/**
 * The model files of all workspace folders, found by name and kept up to date by file watchers.
 * Reads names and sizes only.
 */
export class Catalogue implements Disposable {
  private files = new Set<string>();
  /** Opened from outside the workspace in this session. */
  private readonly outside = new Set<string>();
  private readonly sizes = new Map<string, number>();
  private exclusion: Exclusion | undefined;
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly subscriptions: Disposable[] = [this.changed];
  private scanning: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private folderTimer: NodeJS.Timeout | undefined;
  /** Whether files were left out because there are too many. */
  truncated = false;
  readonly onDidChange = this.changed.event;

  /** The first call looks through the workspace and starts watching it; later ones await the same. */
  ready(): Promise<void> {
    if (!this.scanning) {
      this.watch();
      this.scanning = this.scan();
    }
    return this.scanning;
  }

  /** Looks through the workspace again. */
  async refresh(): Promise<void> {
    this.exclusion?.forget();
    await this.ready();
    this.scanning = this.scan();
    await this.scanning;
  }

  /** Models in the order of their paths; files from outside the workspace last. */
  entries(): ModelFileEntry[] {
    return [...groupModels([...this.files]), ...groupModels([...this.outside].filter((file) => !this.files.has(file)))];
  }

  /** The bytes of all files of an entry; undefined while they are not known. */
  bytes(entry: ModelFileEntry): number | undefined {
    let sum = 0;
    for (const file of entry.files) {
      const size = this.sizes.get(file);
      if (size === undefined) return undefined;
      // The index of a sharded model is a list, not weights.
      if (!file.toLowerCase().endsWith('.json')) sum += size;
    }
    return sum;
  }

  isOutside(entry: ModelFileEntry): boolean {
    return !this.files.has(entry.path);
  }

  /** Lists a file that lies in no workspace folder, or is ignored there, until the window closes. */
  add(file: string): void {
    if (this.files.has(file) || this.outside.has(file) || !isModelName(file)) return;
    this.outside.add(file);
    void this.measure([file]).then(() => this.announce());
  }

  dispose(): void {
    clearTimeout(this.timer);
    clearTimeout(this.folderTimer);
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private watch(): void {
    const models = vscode.workspace.createFileSystemWatcher(modelGlob, false, false, true);
    // A deleted folder gives one event for the folder and none for the files inside; files that come together with
    // a new folder may be missed.
    const folders = vscode.workspace.createFileSystemWatcher('**/*', false, true, false);
    const ignoreFiles = vscode.workspace.createFileSystemWatcher('**/.gitignore');
    const again = () => void this.refresh();
    this.subscriptions.push(
      models,
      models.onDidCreate((uri) => void this.appeared(uri)),
      models.onDidChange((uri) => void this.measure([uri.fsPath]).then(() => this.announce())),
      folders,
      folders.onDidCreate((uri) => void this.folderAppeared(uri)),
      folders.onDidDelete((uri) => this.vanished(uri.fsPath)),
      ignoreFiles,
      ignoreFiles.onDidCreate(again),
      ignoreFiles.onDidChange(again),
      ignoreFiles.onDidDelete(again),
      vscode.workspace.onDidChangeWorkspaceFolders(again),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('files.exclude') || event.affectsConfiguration('sigmascope.models.exclude')) again();
      }),
    );
  }

  private async scan(): Promise<void> {
    const found = await vscode.workspace.findFiles(modelGlob, undefined, maximumListedFiles);
    this.truncated = found.length >= maximumListedFiles;
    const kept = new Set<string>();
    for (let start = 0; start < found.length; start += batchSize) {
      const batch = found.slice(start, start + batchSize);
      const wanted = await Promise.all(batch.map((uri) => this.wants(uri)));
      batch.forEach((uri, index) => wanted[index] && kept.add(uri.fsPath));
    }
    this.files = kept;
    this.announce();
    const files = [...kept, ...this.outside];
    for (let start = 0; start < files.length; start += batchSize) await this.measure(files.slice(start, start + batchSize));
    this.announce();
  }

  private async wants(uri: vscode.Uri): Promise<boolean> {
    const folder = uri.scheme === 'file' ? vscode.workspace.getWorkspaceFolder(uri) : undefined;
    if (!folder) return false;
    // Loaded with the first file: its libraries are not needed to activate.
    this.exclusion ??= new (await import('./exclusion.js')).Exclusion();
    return !(await this.exclusion.excludes(uri.fsPath, folder));
  }

  private async appeared(uri: vscode.Uri): Promise<void> {
    if (!(await this.wants(uri))) return;
    await this.measure([uri.fsPath]);
    this.files.add(uri.fsPath);
    this.announce();
  }

  private async folderAppeared(uri: vscode.Uri): Promise<void> {
    const found = await stat(uri.fsPath).catch(() => undefined);
    if (!found?.isDirectory()) return;
    clearTimeout(this.folderTimer);
    this.folderTimer = setTimeout(() => void this.refresh(), folderMilliseconds);
  }

  /** @param deleted a file, or a folder with everything in it */
  private vanished(deleted: string): void {
    const gone = [...this.files, ...this.outside].filter((file) => file === deleted || file.startsWith(deleted + path.sep));
    for (const file of gone) for (const list of [this.files, this.outside, this.sizes]) list.delete(file);
    if (gone.length > 0) this.announce();
  }

  private async measure(files: string[]): Promise<void> {
    await Promise.all(
      files.map(async (file) => {
        try {
          this.sizes.set(file, (await stat(file)).size);
        } catch {
          // Deleted meanwhile: its own event takes it off the list.
          this.sizes.delete(file);
        }
      }),
    );
  }

  private announce(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.changed.fire(), settleMilliseconds);
  }
}

/** How a model is called in a list: its path below the workspace folder, with the folder's name where there are several. */
export function displayPath(file: string): string {
  return vscode.workspace.asRelativePath(file, (vscode.workspace.workspaceFolders?.length ?? 0) > 1);
}

/** The file's own name. */
export function displayName(file: string): string {
  return path.basename(file);
}
