import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { manifest, sigmascope } from './support.js';

/** Milliseconds that an extension may keep its host waiting; ours are about 10. */
const activationLimit = 100;

describe('activation', () => {
  it('starts nothing that is not asked for, within 100 ms', async () => {
    const api = await sigmascope();
    assert.equal(api.engine.started, false);
    console.log(`    activate(): ${api.activationMilliseconds.toFixed(1)} ms`);
    assert.ok(api.activationMilliseconds < activationLimit, `activate() took ${api.activationMilliseconds.toFixed(1)} ms; the limit is ${activationLimit} ms`);
  });

  it('registers every command of the manifest', async () => {
    await sigmascope();
    const registered = new Set(await vscode.commands.getCommands(true));
    const { commands } = manifest().contributes as { commands: { command: string }[] };
    const missing = commands.map(({ command }) => command).filter((command) => !registered.has(command));
    assert.deepEqual(missing, []);
  });
});
