// The main job in a real VS Code with the packaged extension installed, driven as a person would: right-click a model,
// see its spectra beside the code.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { node, repository } from '../../tools/lib/run.mjs';
import { squareLayers } from '../../tools/lib/specimens.mjs';
import { chooseFromContextMenu, contextMenu, explorer, openWorkbench, reveal, runCommand, webviewWith } from '../../tools/vscode/drive.mjs';
import { launchBrowser, startServer, watchOutsideRequests } from '../../tools/vscode/host.mjs';

/** numpy.linalg.svd of samples/models/plain.onnx in float64, as the panel writes them. */
const firstSingularValues = { conv1: '3.544', conv2: '2.768', fc1: '4.066', fc2: '2.565', fc3: '3.620' };

describe('the main job, with the packaged extension', function () {
  this.timeout(180_000);
  let folder, workspace, server, browser, page, outside;
  const violations = [];

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'sigma-e2e-'));
    workspace = path.join(folder, 'workspace');
    cpSync(path.join(repository, 'samples'), workspace, { recursive: true });
    const cut = path.join(workspace, 'models/cut.onnx');
    cpSync(path.join(workspace, 'models/plain.onnx'), cut);
    truncateSync(cut, 5000);
    const packages = path.join(folder, 'packages');
    mkdirSync(packages);
    const { code } = await node(['tools/package.mjs', '--out', packages], { capture: true });
    assert.equal(code, 0, 'tools/package.mjs makes a .vsix');
    const [name] = readdirSync(packages).filter((file) => file.endsWith('.vsix'));
    assert.ok(statSync(path.join(packages, name)).size > 0);
    server = await startServer({ vsix: path.join(packages, name) });
    browser = await launchBrowser();
    page = await openWorkbench(browser, server, workspace);
    outside = watchOutsideRequests(page, server.origin);
    page.on('console', (message) => {
      if (/content security policy/i.test(message.text()) && /webview|fake\.html/.test(message.location().url)) violations.push(message.text());
    });
  });

  afterEach(async function () {
    if (this.currentTest?.state === 'failed' && page) {
      mkdirSync(path.join(repository, 'dist-test'), { recursive: true });
      await page.screenshot({ path: path.join(repository, 'dist-test', `${this.currentTest.title.replaceAll(/\W+/g, '-').slice(0, 60)}.png`) });
    }
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  it('offers Sigmascope on model files only', async () => {
    assert.ok(!(await contextMenu(page, 'train.py')).includes('Sigmascope'));
    await page.keyboard.press('Escape');
    await page.waitForTimeout(300);
    assert.ok((await contextMenu(page, 'models/plain.onnx')).includes('Sigmascope'));
    await page.keyboard.press('Escape');
    await page.waitForTimeout(300);
  });

  it('shows every layer with its singular value after Analyze Spectrum', async () => {
    await (await reveal(page, 'train.py')).dblclick();
    await chooseFromContextMenu(page, 'models/plain.onnx', 'Sigmascope', 'Analyze Spectrum');
    const panel = await webviewWith(page, '#ss-layers');
    for (const [layer, value] of Object.entries(firstSingularValues)) {
      const row = panel.locator('#ss-grid [role=row]', { hasText: layer });
      await row.filter({ hasText: value }).waitFor({ timeout: 30_000 });
    }
    assert.match(await panel.locator('#ss-model').innerText(), /plain\.onnx/);
    assert.match(await panel.locator('#ss-answer').innerText(), /\S.{20,}/);
  });

  it('takes letters typed into the filter as text, not as the keys of the report', async () => {
    const panel = await webviewWith(page, '#ss-layers');
    await panel.locator('#ss-tab-overview').focus();
    await page.keyboard.press('/');
    await panel.locator('#ss-filter:focus').waitFor();
    await page.keyboard.type('newt2', { delay: 30 }); // n, e, w, t and 2 are all keys of the report
    await page.waitForTimeout(500); // the editor answers a key only later
    assert.equal(await panel.locator('#ss-filter').inputValue(), 'newt2');
    assert.equal(await panel.locator('#ss-filter:focus').count(), 1);
    assert.equal(await panel.locator('[role=tab][aria-selected=true]').innerText(), 'Overview');
    await page.keyboard.press('Escape');
    assert.equal(await panel.locator('#ss-filter').inputValue(), '');
  });

  it('shows a layer on the Weights tab by keyboard alone, and keeps the focus in sight', async () => {
    const panel = await webviewWith(page, '#ss-layers');
    await panel.locator('#ss-grid .grid-body [role=row][tabindex="0"]').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await panel.locator('#ss-weights-answer', { hasText: 'conv2' }).waitFor();
    assert.equal(await panel.locator('#ss-panel-weights:focus').count(), 1);
    await page.keyboard.press('1');
    await panel.locator('#ss-panel-overview:focus').waitFor();
  });

  it('draws the Weights tab of a layer, with a table twin of each chart', async () => {
    const panel = await webviewWith(page, '#ss-layers');
    await panel.locator('#ss-grid [role=row]', { hasText: 'fc1' }).first().click();
    await panel.locator('[role=tab]', { hasText: 'Weights' }).click();
    await panel.locator('#singular-values svg').first().waitFor();
    for (const id of ['singular-values', 'energy-kept', 'against-noise', 'tail']) {
      await panel.locator(`#${id} svg`).first().waitFor();
      const label = await panel.locator(`#${id} [role=img]`).first().getAttribute('aria-label');
      assert.ok(label && label.length > 10, `${id} says what it shows`);
    }
    await panel.locator('#singular-values').focus().catch(() => undefined);
    await panel.locator('#singular-values [aria-label="Show as table"]').click();
    const rows = panel.locator('#singular-values table tbody tr');
    await rows.first().waitFor();
    assert.match(await rows.first().innerText(), /4\.06597461879/);
  });

  it('keeps the panel over a reload of the window', async () => {
    // The workbench's own reload: it saves the editors before it goes.
    await Promise.all([page.waitForEvent('load', { timeout: 60_000 }), runCommand(page, 'Developer: Reload Window')]);
    await explorer(page).locator('.monaco-list-row').first().waitFor({ timeout: 60_000 });
    const panel = await webviewWith(page, '#ss-weights-answer', { timeout: 60_000 });
    await panel.locator('#ss-weights-answer', { hasText: 'fc1' }).waitFor({ timeout: 30_000 });
  });

  it('draws the Jacobians at random inputs, the spectrum of the layer that is clicked, and the numbers as a table', async () => {
    const panel = await webviewWith(page, '#ss-layers');
    await panel.locator('[role=tab]', { hasText: 'Jacobians' }).click();
    await panel.locator('#ss-synthetic').click();
    await panel.locator('#jacobian-stretch .stage svg').waitFor({ timeout: 30_000 });
    await panel.locator('#ss-jacobians-answer', { hasText: /at most ≈ [\d.]+-fold/ }).waitFor({ timeout: 60_000 });
    assert.match(await panel.locator('[data-strip=synthetic]').innerText(), /16 random/);
    await panel.locator('#jacobian-spectrum .stage svg').waitFor();
    // Rows are 24 px high: the fourth is fc2.
    await panel.locator('#jacobian-stretch .plot').click({ position: { x: 60, y: 3 * 24 + 12 } });
    await panel.locator('#jacobian-spectrum .title', { hasText: 'Spectrum of fc2' }).waitFor();
    await page.keyboard.press('t');
    const conv1 = panel.locator('#jacobian-stretch table tbody tr', { hasText: 'conv1' });
    await conv1.waitFor();
    // numpy.linalg.svd of conv1 as a matrix with zero padding: its σ₁ is the same at every input.
    assert.match(await conv1.innerText(), /9\.11905/);
  });

  it('answers a cut file with one sentence', async () => {
    await chooseFromContextMenu(page, 'models/cut.onnx', 'Sigmascope', 'Analyze Spectrum');
    const said = page.getByText(/cut\.onnx.*(truncated|ends|cut off|bytes)/i).first();
    const end = Date.now() + 20_000;
    let found = false;
    while (!found && Date.now() < end) {
      found = await said.isVisible().catch(() => false);
      for (const frame of page.frames()) {
        found ||= await frame.getByText(/(truncated|ends|cut off|bytes)/i).filter({ hasText: /cut/ }).first().isVisible().catch(() => false);
      }
      await page.waitForTimeout(200);
    }
    assert.ok(found, 'a sentence about the truncated file is on screen');
  });

  it('clears the cache from the command palette', async () => {
    await runCommand(page, 'Sigmascope: Clear Cache');
    await page.waitForTimeout(1000);
  });

  it('asked nothing outside this machine and broke no content security policy', () => {
    assert.deepEqual([...outside], []);
    assert.deepEqual(violations, []);
  });

  it('ships one platform and no source', async () => {
    const packages = path.join(folder, 'packages');
    const [name] = readdirSync(packages);
    const entries = zipEntries(path.join(packages, name));
    const binaries = entries.filter((entry) => /onnxruntime_binding\.node$/.test(entry));
    assert.equal(binaries.length, 1, binaries.join());
    assert.ok(binaries[0].includes(`${process.platform}/${process.arch}`));
    assert.ok(entries.includes('extension/dist/extension.js') && entries.includes('extension/dist/worker.js'));
    assert.ok(entries.includes('extension/dist/ThirdPartyNotices.txt'), 'the licences of what the programs contain');
    assert.deepEqual(entries.filter((entry) => /\.(ts|map)$/.test(entry) || /(^|\/)(test|samples|tools)\//.test(entry)), []);
  });

  it('loads onnxruntime from the package for a large matrix', () => {
    const large = path.join(folder, 'large.safetensors');
    writeFileSync(large, squareLayers(1, 800));
    const cli = path.join(installed(server), 'dist/cli.js');
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'analyze', large, '--format', 'json'], { encoding: 'utf8', maxBuffer: 2 ** 26 });
    assert.equal(status, 0, stderr);
    const [{ engine }] = JSON.parse(stdout).timings.layers;
    assert.match(engine, /onnxruntime/, 'where it cannot be loaded, WebAssembly computes instead and says nothing');
  });
});

/** Where VS Code has unpacked the package. */
function installed(server) {
  const extensions = path.join(server.data, 'extensions');
  return path.join(extensions, readdirSync(extensions).find((name) => name.startsWith('sigmascope')));
}

/** Names in a zip's central directory. */
function zipEntries(file) {
  const bytes = readFileSync(file);
  const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const names = [];
  let at = bytes.readUInt32LE(end + 16);
  for (let i = bytes.readUInt16LE(end + 10); i > 0; i--) {
    const [name, extra, comment] = [28, 30, 32].map((offset) => bytes.readUInt16LE(at + offset));
    names.push(bytes.toString('utf8', at + 46, at + 46 + name));
    at += 46 + name + extra + comment;
  }
  return names;
}
