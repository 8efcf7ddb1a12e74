import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { type SigmascopeApi } from '../../extension/main.js';
import { type ModelsNode } from '../../extension/models/modelsTree.js';
import { inWorkspace, sigmascope, until } from './support.js';

const manyFiles = 10_000;

describe('models of the workspace', () => {
  let api: SigmascopeApi;
  const names = () => api.catalogue.entries().map(({ path: file }) => path.relative(inWorkspace(), file));
  const tree = async (): Promise<ModelsNode[]> => api.models.getChildren();

  before(async () => {
    api = await sigmascope();
    await api.catalogue.ready();
  });

  it('lists model files by path, the shards of one model once', async () => {
    const nodes = await tree();
    assert.deepEqual(names(), ['broken.onnx', 'models/encoder.safetensors', 'models/plain.onnx', 'shards/model.safetensors.index.json']);
    assert.deepEqual(nodes.map((node) => api.models.getTreeItem(node).label), ['broken.onnx', 'encoder.safetensors', 'plain.onnx', 'model.safetensors.index.json']);
    assert.equal(nodes[3].entry.files.length, 3);
  });

  it('shows format and size before anything is read', async () => {
    const [, , plain] = await tree();
    await until('the size of plain.onnx', () => api.catalogue.bytes(plain.entry));
    assert.equal(api.models.getTreeItem(plain).description, 'ONNX · 14.8 kB · models');
    assert.equal(api.engine.started, false);
  });

  it('sees a new file, and that it is gone', async () => {
    const file = inWorkspace('models', 'later.onnx');
    copyFileSync(inWorkspace('models', 'plain.onnx'), file);
    await until('later.onnx in the list', () => names().includes('models/later.onnx'));
    rmSync(file);
    await until('later.onnx off the list', () => !names().includes('models/later.onnx'));
  });

  it('leaves out what .gitignore names, also in folders further down', async () => {
    mkdirSync(inWorkspace('runs', 'kept'), { recursive: true });
    for (const name of ['runs/a.onnx', 'runs/kept/b.onnx', 'runs/c.safetensors']) copyFileSync(inWorkspace('models', 'plain.onnx'), inWorkspace(name));
    await until('three more models', () => names().filter((name) => name.startsWith('runs')).length === 3);
    writeFileSync(inWorkspace('.gitignore'), 'runs/*.onnx\n');
    writeFileSync(inWorkspace('runs', '.gitignore'), 'kept/\n');
    await until('only c.safetensors left of runs', () => names().filter((name) => name.startsWith('runs')).join() === 'runs/c.safetensors');
    rmSync(inWorkspace('.gitignore'));
    rmSync(inWorkspace('runs'), { recursive: true });
    await until('runs off the list', () => !names().some((name) => name.startsWith('runs')));
  });

  it('leaves out what files.exclude and sigmascope.models.exclude name', async () => {
    const files = vscode.workspace.getConfiguration('files');
    await files.update('exclude', { '**/shards': true }, vscode.ConfigurationTarget.Workspace);
    await until('no shards', () => !names().some((name) => name.startsWith('shards')));
    await files.update('exclude', undefined, vscode.ConfigurationTarget.Workspace);
    await until('shards again', () => names().some((name) => name.startsWith('shards')));
    const own = vscode.workspace.getConfiguration('sigmascope');
    await own.update('models.exclude', ['models'], vscode.ConfigurationTarget.Workspace);
    await until('no models/', () => !names().some((name) => name.startsWith('models')));
    await own.update('models.exclude', undefined, vscode.ConfigurationTarget.Workspace);
    await until('models/ again', () => names().some((name) => name.startsWith('models')));
  });

  it(`lists ${manyFiles} files and stays responsive`, async () => {
    const folder = inWorkspace('many');
    mkdirSync(folder);
    for (let i = 0; i < manyFiles; i++) writeFileSync(path.join(folder, `checkpoint-${String(i).padStart(5, '0')}.onnx`), '');
    const start = performance.now();
    let longest = 0;
    let last = start;
    const pulse = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 10);
    await api.catalogue.refresh();
    const nodes = await tree();
    clearInterval(pulse);
    console.log(`    ${manyFiles} files: ${(performance.now() - start).toFixed(0)} ms, longest pause of the extension host ${longest.toFixed(0)} ms`);
    assert.equal(nodes.length, manyFiles + 4);
    rmSync(folder, { recursive: true });
    await api.catalogue.refresh();
    assert.equal(names().length, 4);
  });
});
