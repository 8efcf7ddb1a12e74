import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { type SigmascopeApi } from '../../extension/main.js';

/** The running extension's inside. */
export async function sigmascope(): Promise<SigmascopeApi> {
  const extension = vscode.extensions.getExtension<SigmascopeApi>('sigmascope.sigmascope');
  assert.ok(extension, 'the extension is not installed in this host');
  return extension.activate();
}

/** A file of the workspace, which is a copy of test/fixtures/workspace. */
export function inWorkspace(...parts: string[]): string {
  const folder = vscode.workspace.workspaceFolders?.[0];
  assert.ok(folder, 'no folder is open');
  return path.join(folder.uri.fsPath, ...parts);
}

/** The repository that this suite was built from. */
export const repository = path.join(__dirname, '..', '..');

export function manifest(): Record<string, never> {
  return JSON.parse(readFileSync(path.join(repository, 'package.json'), 'utf8')) as Record<string, never>;
}

const pollMilliseconds = 20;

/** Waits until `probe` gives something other than undefined, null and false. Fails with `what` after `limit` milliseconds. */
export async function until<Value>(what: string, probe: () => Value | Promise<Value>, limit = 20_000): Promise<NonNullable<Exclude<Value, false>>> {
  const end = Date.now() + limit;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== null && value !== false) return value as NonNullable<Exclude<Value, false>>;
    if (Date.now() > end) throw new Error(`Waited ${limit} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pollMilliseconds));
  }
}

/** Puts an answer in place of one of the editor's dialogs while `action` runs. Returns what the dialog was asked. */
export async function answering(name: keyof typeof vscode.window, answer: unknown, action: () => Promise<unknown>): Promise<unknown[][]> {
  const asked: unknown[][] = [];
  const original: unknown = vscode.window[name];
  Reflect.set(vscode.window, name, (...parameters: unknown[]) => {
    asked.push(parameters);
    return Promise.resolve(typeof answer === 'function' ? (answer as (...all: unknown[]) => unknown)(...parameters) : answer);
  });
  try {
    await action();
  } finally {
    Reflect.set(vscode.window, name, original);
  }
  return asked;
}

/** Writes a safetensors file of square float32 matrices with small pseudo-random entries: something that takes a while to analyse. */
export function writeLargeModel(file: string, matrices: number, side: number): void {
  const header: Record<string, unknown> = {};
  const bytesEach = side * side * 4;
  for (let i = 0; i < matrices; i++) header[`layers.${i}.weight`] = { dtype: 'F32', shape: [side, side], data_offsets: [i * bytesEach, (i + 1) * bytesEach] };
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const values = new Float32Array(matrices * side * side);
  let state = 1;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2 ** 32 - 0.5;
  }
  writeFileSync(file, Buffer.concat([length, padded, Buffer.from(values.buffer)]));
}

/** Closes every editor and panel. */
export async function closeEditors(): Promise<void> {
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
}
