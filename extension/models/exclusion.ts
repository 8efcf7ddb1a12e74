import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import ignore, { type Ignore } from 'ignore';
import picomatch from 'picomatch';
import * as vscode from 'vscode';
import { modelsExclude } from '../settings.js';

/** A .gitignore larger than this is not a list of patterns. */
const maximumIgnoreFileBytes = 1_000_000;

/**
 * Tells whether a file is to be left out: by `files.exclude`, by `sigmascope.models.exclude`, or by the .gitignore files
 * between the repository's root and the file. Patterns and .gitignore files are read once; `forget` drops them.
 */
export class Exclusion {
  private readonly ignoreFiles = new Map<string, Promise<Ignore | null>>();
  private readonly roots = new Map<string, Promise<string>>();
  private readonly globs = new Map<string, (relative: string) => boolean>();

  forget(): void {
    this.ignoreFiles.clear();
    this.roots.clear();
    this.globs.clear();
  }

  async excludes(file: string, folder: vscode.WorkspaceFolder): Promise<boolean> {
    const relative = slashes(path.relative(folder.uri.fsPath, file));
    return this.globsOf(folder)(relative) || (await this.ignoredByGit(file, folder.uri.fsPath));
  }

  /** A path is excluded when a pattern matches it or one of the folders above it. */
  private globsOf(folder: vscode.WorkspaceFolder): (relative: string) => boolean {
    const known = this.globs.get(folder.uri.fsPath);
    if (known) return known;
    const filesExclude = vscode.workspace.getConfiguration('files', folder.uri).get<Record<string, unknown>>('exclude', {});
    const patterns = [...Object.keys(filesExclude).filter((pattern) => filesExclude[pattern] === true), ...modelsExclude(folder.uri)];
    const matches = patterns.length === 0 ? () => false : picomatch(patterns, { dot: true });
    const test = (relative: string) => {
      for (let at = relative; at !== '.' && at !== ''; at = path.posix.dirname(at)) if (matches(at)) return true;
      return false;
    };
    this.globs.set(folder.uri.fsPath, test);
    return test;
  }

  private async ignoredByGit(file: string, folder: string): Promise<boolean> {
    const root = await this.repositoryRoot(folder);
    const parts = path.relative(root, file).split(path.sep);
    let ignored = false;
    for (let depth = 0; depth < parts.length; depth++) {
      const rules = await this.ignoreFile(path.join(root, ...parts.slice(0, depth)));
      if (!rules) continue;
      const below = parts.slice(depth);
      // Nothing inside an ignored folder can be taken back by a deeper file: git does not look there.
      for (let length = 1; length < below.length; length++) if (rules.ignores(`${below.slice(0, length).join('/')}/`)) return true;
      const result = rules.test(below.join('/'));
      if (result.ignored) ignored = true;
      else if (result.unignored) ignored = false;
    }
    return ignored;
  }

  /** The nearest folder at or above `folder` that holds `.git`, else `folder` itself. */
  private repositoryRoot(folder: string): Promise<string> {
    let found = this.roots.get(folder);
    if (!found) {
      found = findRepositoryRoot(folder);
      this.roots.set(folder, found);
    }
    return found;
  }

  private ignoreFile(folder: string): Promise<Ignore | null> {
    let rules = this.ignoreFiles.get(folder);
    if (!rules) {
      rules = readIgnoreFile(path.join(folder, '.gitignore'));
      this.ignoreFiles.set(folder, rules);
    }
    return rules;
  }
}

async function findRepositoryRoot(folder: string): Promise<string> {
  for (let at = folder; ; at = path.dirname(at)) {
    if (await exists(path.join(at, '.git'))) return at;
    if (path.dirname(at) === at) return folder;
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

async function readIgnoreFile(file: string): Promise<Ignore | null> {
  try {
    if ((await stat(file)).size > maximumIgnoreFileBytes) return null;
    return ignore().add(await readFile(file, 'utf8'));
  } catch {
    // No such file, or one that cannot be read: it ignores nothing.
    return null;
  }
}

function slashes(relative: string): string {
  return path.sep === '/' ? relative : relative.split(path.sep).join('/');
}
