import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import * as vscode from 'vscode';
import { type SigmascopeApi } from '../../extension/main.js';
import { type ToWebview } from '../../server/protocol.js';
import { answering, closeEditors, inWorkspace, sigmascope, until, writeLargeModel } from './support.js';

describe('analysis through the server', () => {
  let api: SigmascopeApi;
  const plain = inWorkspace('models', 'plain.onnx');
  const encoder = inWorkspace('models', 'encoder.safetensors');

  before(async () => {
    api = await sigmascope();
    await api.catalogue.ready();
  });
  afterEach(closeEditors);

  it('lists the layers of a model without computing anything', async () => {
    const file = inWorkspace('models', 'fresh.onnx');
    copyFileSync(plain, file);
    await until('fresh.onnx in the tree', () => api.catalogue.entries().some((entry) => entry.path === file));
    await api.documents.clearCache();
    const document = await api.documents.open(file, 'model');
    assert.equal(document.error, undefined);
    assert.deepEqual(document.overview?.rows.map((row) => [row.id, row.matrixShape.join('×')]), [
      ['features.0', '8×27'],
      ['fc1', '24×128'],
      ['fc2', '10×24'],
    ]);
    assert.equal(document.overview.state, 'listed');
    assert.ok(document.overview.rows.every((row) => row.spectralNorm === null));
    const [model] = (await api.models.getChildren()).filter((node) => node.entry.path === file);
    const children = await api.models.getChildren(model);
    assert.deepEqual(children.map((node) => api.models.getTreeItem(node).description), ['8 × 27', '24 × 128', '10 × 24']);
    rmSync(file);
  });

  it('computes every layer, finds the dead rows, and says so in tree, findings and status bar', async () => {
    await vscode.commands.executeCommand('sigmascope.analyzeSpectrum', vscode.Uri.file(plain));
    const document = api.documents.get(plain);
    assert.equal(document?.overview?.state, 'done');
    assert.ok(document.overview.rows.every((row) => row.state === 'done' && (row.spectralNorm ?? 0) > 0));
    const dead = document.overview.findings.find((finding) => finding.rule === 'weights/dead-units');
    assert.equal(dead?.layer, 'fc1');
    const groups = api.findings.getChildren();
    assert.ok(groups.some((node) => node.kind === 'rule' && node.rule === 'weights/dead-units' && api.findings.getTreeItem(node).label === 'Dead units'));
    assert.match(api.status.text ?? '', /^Σ plain\.onnx: \d+ (warnings?|information|hints?)$/);
    assert.ok(api.panels.viewOf(plain), 'the report panel is open');
  });

  it('gives a layer’s curves and its values for the clipboard', async () => {
    const document = await api.documents.analyze(plain);
    const detail = await api.documents.layerDetail(document, 'fc1');
    const curve = detail?.spectrum?.curve;
    assert.equal(curve?.x.length, 24);
    api.documents.select(document, 'fc1');
    await vscode.commands.executeCommand('sigmascope.copyValuesCsv');
    const copied = await vscode.env.clipboard.readText();
    const values = copied.split(/[\s,]+/).map(Number).filter((value) => Number.isFinite(value) && value !== 0);
    assert.ok(values.some((value) => Math.abs(value - curve.y[0]) < 1e-9), `σ₁ ${curve.y[0]} in: ${copied.slice(0, 200)}`);
  });

  it('answers a wrong file with one sentence', async () => {
    const document = await api.documents.open(inWorkspace('broken.onnx'), 'model');
    assert.equal(document.overview, undefined);
    assert.match(document.error ?? '', /^[^\n]{20,300}$/);
    const [broken] = (await api.models.getChildren()).filter((node) => node.entry.path === document.path);
    const [message] = await api.models.getChildren(broken);
    assert.equal(message.kind, 'message');
  });

  it('opens a sharded model by its index, as one model', async () => {
    const document = await api.documents.open(inWorkspace('shards', 'model.safetensors.index.json'), 'model');
    assert.equal(document.error, undefined);
    assert.deepEqual(document.overview?.rows.map((row) => row.id), ['layers.0', 'layers.1']);
  });

  it('cancels and keeps what is done', async () => {
    const file = inWorkspace('large.safetensors');
    writeLargeModel(file, 24, 700);
    const document = await api.documents.open(file, 'model');
    const run = api.documents.analyze(file);
    await until('the first layer', () => document.overview?.rows.some((row) => row.state === 'done'), 50_000);
    const start = performance.now();
    await vscode.commands.executeCommand('sigmascope.cancel');
    await run;
    console.log(`    cancelled after ${(performance.now() - start).toFixed(0)} ms`);
    assert.equal(document.overview?.state, 'cancelled');
    const done = document.overview.rows.filter((row) => row.state === 'done').length;
    assert.ok(done > 0 && done < 24, `${done} of 24 layers`);
    rmSync(file);
  });

  it('says last why a run failed, after the rows that it left', async () => {
    const file = inWorkspace('models', 'gone.safetensors');
    writeLargeModel(file, 2, 8);
    await api.documents.open(file, 'model');
    rmSync(file);
    const messages: ToWebview[] = [];
    const listener = api.documents.onDidChange(({ document, message }) => document.path === file && messages.push(message));
    const document = await api.documents.analyze(file);
    listener.dispose();
    assert.equal(document.overview?.state, 'failed');
    assert.match(document.error ?? '', /gone\.safetensors/);
    assert.deepEqual(messages.at(-1), { type: 'state', state: 'failed', message: document.error });
  });

  it('exports the report in a chosen format and opens the saved JSON again', async () => {
    const document = await api.documents.analyze(plain);
    const file = inWorkspace('plain.report.json');
    const picked = (items: { format: string }[]) => items.find((item) => item.format === 'json');
    await answering('showQuickPick', picked, async () => {
      await answering('showSaveDialog', vscode.Uri.file(file), async () => {
        await answering('showInformationMessage', undefined, () => Promise.resolve(vscode.commands.executeCommand('sigmascope.exportReport', vscode.Uri.file(document.path))));
      });
    });
    const report = JSON.parse(readFileSync(file, 'utf8')) as { schemaVersion: number; layers: { id: string }[] };
    assert.equal(report.schemaVersion, 1);
    assert.deepEqual(report.layers.map(({ id }) => id), ['features.0', 'fc1', 'fc2']);
    await vscode.commands.executeCommand('sigmascope.openReport', vscode.Uri.file(file));
    const saved = api.documents.get(file);
    assert.equal(saved?.overview?.origin, 'savedReport');
    assert.equal(saved.overview.rows.length, 3);
    rmSync(file);
  });

  it('marks the numbers of a changed file as stale and does not recompute', async () => {
    const file = inWorkspace('models', 'changing.onnx');
    copyFileSync(plain, file);
    const document = await api.documents.analyze(file);
    assert.equal(document.overview?.state, 'done');
    const before = document.overview.rows[0].spectralNorm;
    copyFileSync(inWorkspace('models', 'plain.onnx'), file);
    utimesSync(file, new Date(), new Date(Date.now() + 5000));
    await until('state stale', () => document.overview?.state === 'stale');
    assert.equal(document.overview.rows[0].spectralNorm, before);
    rmSync(file);
  });

  it('clears the cache and says how much there was', async () => {
    await api.documents.analyze(encoder);
    const asked = await answering('showInformationMessage', undefined, () => Promise.resolve(vscode.commands.executeCommand('sigmascope.clearCache')));
    assert.match(String(asked[0]?.[0]), /cache/i);
    // What was computed just before may still be on its way to the cache.
    await until('an empty cache', async () => (await api.documents.clearCache()).entries === 0);
  });

  it('comes back after the server has died, with its documents', async () => {
    const file = inWorkspace('models', 'surviving.onnx');
    copyFileSync(plain, file);
    const document = await api.documents.analyze(file);
    const before = await api.engine.processId();
    assert.ok(before);
    // The result goes to the cache after the answer; the next server takes it from there.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    process.kill(before, 'SIGKILL');
    await until('another server', async () => {
      const now = await api.engine.processId();
      return now !== undefined && now !== before;
    });
    const detail = await until('the layer again', () => api.documents.layerDetail(document, 'fc1').catch(() => null));
    assert.equal(detail.row.id, 'fc1');
    rmSync(file);
  });
});
