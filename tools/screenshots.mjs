// npm run screenshots -- FOLDER [--models FOLDER]: a picture of every panel and view, dark and light, in a real VS Code.
//   --models: a workspace to show instead of samples/ (then its first model is analysed)
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { installDependencies } from './lib/dependencies.mjs';
import { node, repository } from './lib/run.mjs';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { workspace: { type: 'string' }, model: { type: 'string' }, script: { type: 'string' } } });
if (positionals.length !== 1) {
  console.error('Usage: npm run screenshots -- FOLDER [--workspace DIR --model FILE --script FILE]');
  process.exit(2);
}
const out = path.resolve(positionals[0]);
mkdirSync(out, { recursive: true });
installDependencies();
if ((await node(['esbuild.mjs'])).code !== 0) process.exit(1);
const { installHost } = await import('./vscode/install.mjs');
installHost({ browser: true });
const { launchBrowser, startServer } = await import('./vscode/host.mjs');
const drive = await import('./vscode/drive.mjs');

const model = values.model ?? 'models/plain.onnx';
const script = values.script ?? 'train.py';
const folder = mkdtempSync(path.join(tmpdir(), 'sigma-shots-'));
const workspace = path.join(folder, path.basename(values.workspace ?? 'samples'));
cpSync(values.workspace ?? path.join(repository, 'samples'), workspace, { recursive: true });
const server = await startServer();
const browser = await launchBrowser();
try {
  for (const theme of ['dark', 'light']) await shoot(theme);
} finally {
  await browser.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function shoot(theme) {
  const page = await drive.openWorkbench(browser, server, workspace, { extension: repository, theme, width: 1600, height: 1000 });
  const save = async (name) => {
    await page.waitForTimeout(700); // charts and icons settle
    await page.screenshot({ path: path.join(out, `${name}-${theme}.png`) });
    console.log(`${name}-${theme}.png`);
  };
  await (await drive.reveal(page, script)).dblclick();
  await drive.contextMenu(page, model);
  await page.getByRole('menuitem', { name: 'Sigmascope' }).click();
  await save('menu');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.waitForTimeout(300);
  await drive.chooseFromContextMenu(page, model, 'Sigmascope', 'Analyze Spectrum');
  const panel = await drive.webviewWith(page, '#ss-layers');
  await panel.locator('#ss-progress').waitFor({ state: 'hidden' }).catch(() => undefined);
  await page.waitForTimeout(1500);
  await save('overview');
  await panel.locator('#ss-depth').scrollIntoViewIfNeeded().catch(() => undefined);
  await save('overview-depth');
  await panel.locator('[role=tab]', { hasText: 'Weights' }).click();
  await panel.locator('#singular-values svg').first().waitFor();
  await save('weights');
  await page.getByRole('tab', { name: /^Sigmascope/ }).first().click();
  await page.waitForTimeout(1500);
  await save('side-views');
  await page.close();
}
