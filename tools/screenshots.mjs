// npm run screenshots -- FOLDER [--readme]: a picture of every panel and view, dark and light, in a real VS Code.
//   --workspace DIR --model FILE --script FILE   another workspace than samples/: its model is analysed beside its script
//   --readme                                     also replaces the pictures of the README in media/readme/
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { installDependencies } from './lib/dependencies.mjs';
import { node, repository } from './lib/run.mjs';
import { manyLayers, truncated } from './lib/specimens.mjs';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { workspace: { type: 'string' }, model: { type: 'string' }, script: { type: 'string' }, readme: { type: 'boolean' } } });
if (positionals.length !== 1) {
  console.error('Usage: npm run screenshots -- FOLDER [--readme] [--workspace DIR --model FILE --script FILE]');
  process.exit(2);
}
/** Pictures that the README shows. */
const readmePictures = ['overview', 'weights', 'jacobians'];
/** Beside the activity bar this leaves a panel of about 420 px. */
const narrow = { width: 480, height: 1500 };
/** Of the sample's inputs: enough to fill the map. */
const samples = 60;
/** The row of the stretch chart that is clicked, from 0, and how high the rows are. */
const layerRow = 2;
const rowHeight = 24;
/** Everything but the report and the code takes its room away. */
const settings = { 'editor.minimap.enabled': false, 'breadcrumbs.enabled': false, 'workbench.layoutControl.enabled': false, 'editor.occurrencesHighlight': 'off' };

const out = path.resolve(positionals[0]);
mkdirSync(out, { recursive: true });
installDependencies();
if ((await node(['esbuild.mjs'])).code !== 0) process.exit(1);
const { installHost } = await import('./vscode/install.mjs');
installHost({ browser: true });
const { launchBrowser, startServer } = await import('./vscode/host.mjs');
const drive = await import('./vscode/drive.mjs');

const own = values.workspace === undefined;
const model = values.model ?? 'models/plain.onnx';
const script = values.script ?? 'train.py';
const folder = mkdtempSync(path.join(tmpdir(), 'sigma-shots-'));
const workspace = path.join(folder, path.basename(values.workspace ?? 'samples'));
cpSync(values.workspace ?? path.join(repository, 'samples'), workspace, { recursive: true });
const server = await startServer({ settings });
const browser = await launchBrowser();
try {
  for (const theme of ['dark', 'light']) {
    await shoot(theme);
    if (own) await shootNarrow(theme);
  }
} finally {
  await browser.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Saves what the page shows under a name. */
function pictures(page, theme, suffix = '') {
  return async (name) => {
    await page.waitForTimeout(700); // charts and icons settle
    const file = path.join(out, `${name}${suffix}-${theme}.png`);
    await page.screenshot({ path: file });
    if (values.readme && suffix === '' && readmePictures.includes(name)) copyFileSync(file, path.join(repository, 'media/readme', `${name}-${theme}.png`));
    console.log(path.basename(file));
  };
}

async function shoot(theme) {
  const page = await drive.openWorkbench(browser, server, workspace, { extension: repository, theme, width: 1440, height: 900 });
  await drive.settleTheme(page, theme);
  const save = pictures(page, theme);
  await (await drive.reveal(page, script)).dblclick();
  await drive.contextMenu(page, model);
  await page.getByRole('menuitem', { name: 'Sigmascope' }).click();
  await save('menu');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.waitForTimeout(300);
  await drive.chooseFromContextMenu(page, model, 'Sigmascope', 'Analyze Spectrum');
  const panel = await report(page, path.basename(model), 'done');
  await toggleSideBar(page, 'Sigmascope');
  await panel.locator('#ss-grid .grid-body [role=row]').nth(2).click();
  await (await drive.webviewWith(page, '#ss-spectrum svg')).locator('#ss-spectrum svg').first().waitFor();
  await save('overview');
  await panel.locator('#ss-depth').scrollIntoViewIfNeeded();
  await save('overview-depth');
  await panel.locator('[role=tab]', { hasText: 'Weights' }).click();
  await panel.locator('#tail svg').first().waitFor();
  await save('weights');
  await panel.locator('#singular-values .tool[aria-pressed]').last().click();
  await panel.locator('#singular-values table').waitFor();
  await save('weights-table');
  await panel.locator('#singular-values .tool[aria-pressed]').last().click();
  await panel.locator('#ss-numbers').scrollIntoViewIfNeeded();
  await save('weights-numbers');
  if (own) {
    await toggleSideBar(page, 'Sigmascope');
    await shootJacobians(page, panel, save);
    await toggleSideBar(page, 'Sigmascope');
    await shootOwn(page, save);
  }
  await page.close();
}

/** The Jacobians tab before its analysis, the form for inputs, and the numbers of a layer and an input. */
async function shootJacobians(page, panel, save) {
  await panel.locator('#ss-tab-jacobians').click();
  await panel.locator('#ss-choose-inputs').waitFor();
  await save('jacobians-start');
  await panel.locator('#ss-choose-inputs').click();
  await panel.locator('#ss-inputs-form .tiles').waitFor({ timeout: 30_000 });
  await save('jacobians-form');
  await panel.locator('#ss-inputs-samples').fill(String(samples));
  await panel.locator('#ss-inputs-analyze').click();
  await panel.locator('#ss-jacobians-answer', { hasText: '-fold' }).waitFor({ timeout: 300_000 });
  await panel.locator('#ss-input-select').selectOption({ index: Math.floor(samples / 2) });
  await panel.locator('#jacobian-stretch .plot').click({ position: { x: 40, y: layerRow * rowHeight + rowHeight / 2 } });
  await panel.locator('#jacobian-spectrum .title', { hasText: 'Spectrum of' }).waitFor();
  await page.mouse.move(...edge(page)); // what is under the mouse would have a tooltip
  await save('jacobians');
  await panel.locator('#ss-jacobian-numbers').scrollIntoViewIfNeeded();
  await save('jacobians-numbers');
}

/** The same in a panel of about 420 px. */
async function shootNarrow(theme) {
  const page = await drive.openWorkbench(browser, server, workspace, { extension: repository, theme, width: 1440, height: 900 });
  await drive.settleTheme(page, theme);
  await drive.chooseFromContextMenu(page, model, 'Sigmascope', 'Analyze Spectrum');
  const panel = await report(page, path.basename(model), 'done');
  await toggleSideBar(page, 'Explorer');
  await page.setViewportSize(narrow);
  await shootJacobians(page, panel, pictures(page, theme, '-420'));
  await page.close();
}

/** Shows a view in the side bar or, where it is open, folds the bar away. */
async function toggleSideBar(page, view) {
  await page.getByRole('tab', { name: new RegExp(`^${view}`) }).first().click();
  await page.mouse.move(...edge(page)); // off the activity bar: its tooltip would stay
  await page.waitForTimeout(300);
}

/** A place at the edge of the window where nothing is. */
function edge(page) {
  const { width, height } = page.viewportSize();
  return [width - 1, height / 2];
}

/** What only the sample workspace shows: findings, a wrong file, many layers, a model that is not analysed. */
async function shootOwn(page, save) {
  const specimens = { 'cut.onnx': truncated(path.join(workspace, model)), 'many-layers.safetensors': manyLayers(2000) };
  for (const [name, bytes] of Object.entries(specimens)) writeFileSync(path.join(workspace, 'models', name), bytes);
  await page.waitForTimeout(2000); // the tree hears of them
  const show = (name) => drive.openInTree(page, new RegExp(`^${name}`));
  await show('regularised.onnx');
  await report(page, 'regularised.onnx', 'listed');
  await save('not-analysed');
  await show('plain-epoch00.safetensors');
  const panel = await analysed(page, 'plain-epoch00');
  await save('findings');
  await panel.locator('.finding-row .layer-link').first().click();
  await panel.locator('#tail svg').first().waitFor();
  await save('weights-noise');
  await show('cut.onnx');
  await drive.webviewWith(page, '.strips.alone');
  await save('wrong-file');
  await show('many-layers.safetensors');
  await analysed(page, 'many-layers');
  await save('many-layers');
  for (const name of Object.keys(specimens)) rmSync(path.join(workspace, 'models', name));
}

/** The finished report of a model whose panel is open; what the cache knows of an earlier run needs no new one. */
async function analysed(page, name) {
  const panel = await drive.webviewWith(page, `#ss-report[data-state] #ss-model[title*="${name}"]`);
  const start = panel.locator('#ss-analyze');
  if (await start.isVisible()) await start.click();
  return report(page, name, 'done');
}

/** The report panel of a model once it is in that state. */
async function report(page, name, state) {
  const panel = await drive.webviewWith(page, `#ss-report[data-state=${state}] #ss-model[title*="${name}"]`, { timeout: 120_000 });
  await page.waitForTimeout(300);
  return panel;
}
