import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { manifest, repository } from './support.js';

interface Contributions {
  commands: { command: string; title: string }[];
  keybindings: { command: string; key: string; when: string }[];
  menus: Record<string, { command?: string; submenu?: string }[]>;
  submenus: { id: string }[];
  views: Record<string, { id: string; name: string }[]>;
  configuration: { properties: Record<string, { markdownDescription?: string; description?: string; default?: unknown }> };
  walkthroughs: { steps: { media: { svg: string }; completionEvents: string[] }[] }[];
  viewsContainers: { activitybar: { icon: string }[] };
}

const texts = JSON.parse(readFileSync(path.join(repository, 'package.nls.json'), 'utf8')) as Record<string, string>;
const contributes = manifest().contributes as Contributions;

describe('manifest', () => {
  it('takes every text from package.nls.json, which holds no other', () => {
    const used = new Set([...JSON.stringify(manifest()).matchAll(/"%([^%"]+)%"/g)].map((match) => match[1]));
    assert.deepEqual([...used].filter((key) => !(key in texts)), []);
    assert.deepEqual(Object.keys(texts).filter((key) => !used.has(key)), []);
  });

  it('gives every command a title and every setting a description and a default', () => {
    for (const { command, title } of contributes.commands) assert.match(title, /^%command\./, command);
    for (const [id, setting] of Object.entries(contributes.configuration.properties)) {
      assert.match(setting.markdownDescription ?? '', /^%setting\./, id);
      assert.notEqual(setting.default, undefined, id);
    }
  });

  it('names only its own commands and submenus in menus and keys', () => {
    const commands = new Set(contributes.commands.map(({ command }) => command));
    const submenus = new Set(contributes.submenus.map(({ id }) => id));
    for (const item of Object.values(contributes.menus).flat()) {
      if (item.command !== undefined) assert.ok(commands.has(item.command), item.command);
      else assert.ok(submenus.has(item.submenu ?? ''), item.submenu);
    }
    for (const { command, when } of contributes.keybindings) {
      assert.ok(commands.has(command), command);
      assert.match(when, /activeWebviewPanelId == 'sigmascope\.report'/, command);
    }
  });

  it('points at files that exist', () => {
    const files = [...contributes.walkthroughs.flatMap(({ steps }) => steps.map(({ media }) => media.svg)), ...contributes.viewsContainers.activitybar.map(({ icon }) => icon), (manifest() as { icon?: string }).icon ?? ''];
    for (const file of files) assert.ok(file !== '' && existsSync(path.join(repository, file)), file);
  });

  it('declares what trust and virtual workspaces mean for it', () => {
    const { untrustedWorkspaces, virtualWorkspaces } = manifest().capabilities as { untrustedWorkspaces: { supported: string; restrictedConfigurations: string[] }; virtualWorkspaces: { supported: boolean; description: string } };
    assert.equal(untrustedWorkspaces.supported, 'limited');
    assert.deepEqual(untrustedWorkspaces.restrictedConfigurations, ['sigmascope.server.nodePath']);
    assert.equal(virtualWorkspaces.supported, false);
    assert.match(virtualWorkspaces.description, /^%/);
  });

  it('keeps the list of translatable texts up to date', () => {
    const check = execFileSync(process.execPath, [path.join(repository, 'tools/l10n.mjs'), '--check'], { encoding: 'utf8', env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' } });
    assert.equal(check, '');
  });
});
