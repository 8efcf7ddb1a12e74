import { availableParallelism } from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import { type RuleSetting, type ServerSettings } from '../server/protocol.js';

/** Configuration section of every setting. */
export const section = 'sigmascope';

/**
 * What the language server is told at its start and on every change.
 * @param storage folder of the extension's own files (global storage), where the cache lives
 */
export function serverSettings(storage: string): ServerSettings {
  const configuration = vscode.workspace.getConfiguration(section);
  const threads = configuration.get<number>('threads', 0);
  const cacheMegabytes = configuration.get<number>('cache.size', 512);
  return {
    memoryLimitMegabytes: configuration.get<number>('memoryLimit', 2048),
    threads: threads > 0 ? threads : automaticThreads(),
    cacheFolder: cacheMegabytes > 0 ? path.join(storage, 'cache') : null,
    cacheMegabytes,
    rules: configuration.get<Record<string, RuleSetting>>('rules', {}),
  };
}

/** One processor is left to the editor. */
function automaticThreads(): number {
  return Math.max(1, availableParallelism() - 1);
}

/** Node program that runs the engine; empty: the editor's own. Ignored in untrusted workspaces by VS Code itself. */
export function nodePath(): string {
  return vscode.workspace.getConfiguration(section).get<string>('server.nodePath', '').trim();
}

/** Glob patterns of files that are never listed as models. */
export function modelsExclude(resource: vscode.Uri): string[] {
  return vscode.workspace.getConfiguration(section, resource).get<string[]>('models.exclude', []);
}
