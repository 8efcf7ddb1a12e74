import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import * as vscode from 'vscode';
import { type SigmascopeApi } from '../../extension/main.js';
import { type ReportView } from '../../extension/panels/reportView.js';
import { type FromWebview, type WebviewState } from '../../server/protocol.js';
import { answering, closeEditors, inWorkspace, sigmascope, until } from './support.js';

describe('panels', () => {
  let api: SigmascopeApi;
  const plain = inWorkspace('models', 'plain.onnx');
  const tabs = () => vscode.window.tabGroups.all.flatMap((group) => group.tabs);

  /** Waits for a message of the webview that shows this file. */
  const heard = async (view: ReportView, type: FromWebview['type']): Promise<void> => {
    await new Promise<void>((resolve) => {
      const listener = view.onDidReceive((message) => {
        if (message.type !== type) return;
        listener.dispose();
        resolve();
      });
    });
  };

  before(async () => {
    api = await sigmascope();
    await api.catalogue.ready();
  });
  afterEach(closeEditors);

  it('opens one report per model, beside the code, whose page says ready', async () => {
    await vscode.window.showTextDocument(vscode.Uri.file(inWorkspace('notes.txt')));
    const file = inWorkspace('models', 'encoder.safetensors');
    const shown = vscode.commands.executeCommand('sigmascope.showModel', file);
    const view = await until('the view', () => api.panels.viewOf(file));
    await Promise.all([heard(view, 'ready'), shown]);
    await vscode.commands.executeCommand('sigmascope.showModel', file);
    assert.deepEqual(api.panels.files(), [file]);
    assert.equal(tabs().filter((tab) => tab.label === 'encoder.safetensors: Spectrum').length, 1);
    assert.equal(vscode.window.tabGroups.all.length, 2);
    assert.equal(api.documents.get(file)?.run, undefined, 'nothing runs on open');
  });

  it('brings a report back after a reload, with tab and layer', async () => {
    const state: WebviewState = { document: plain, origin: 'model', tab: 'weights', layer: 'fc1', sort: null, filter: '', tables: [] };
    const panel = vscode.window.createWebviewPanel('sigmascope.report', 'restored', vscode.ViewColumn.Active);
    await api.panels.deserializeWebviewPanel(panel, state);
    const view = api.panels.viewOf(plain);
    assert.ok(view);
    await until('the layers', () => api.documents.get(plain)?.overview);
    assert.match(panel.webview.html, /default-src 'none'/);
    assert.doesNotMatch(panel.webview.html, /unsafe-/);
  });

  it('closes a panel of which nothing is known', async () => {
    const panel = vscode.window.createWebviewPanel('sigmascope.report', 'unknown', vscode.ViewColumn.Active);
    let closed = false;
    panel.onDidDispose(() => (closed = true));
    await api.panels.deserializeWebviewPanel(panel, undefined);
    assert.ok(closed);
  });

  it('opens as custom editor where a person chooses it', async () => {
    await vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(plain), 'sigmascope.model');
    const tab = await until('the tab', () => tabs().find((each) => each.input instanceof vscode.TabInputCustom));
    assert.equal((tab.input as vscode.TabInputCustom).viewType, 'sigmascope.model');
    assert.ok(api.panels.viewOf(plain));
    await until('the side views to follow', () => api.documents.current?.path === plain);
  });

  it('shares one selection between tree, report and side view', async () => {
    await vscode.commands.executeCommand('sigmascope.analyzeSpectrum', vscode.Uri.file(plain));
    await vscode.commands.executeCommand('sigmascope.spectrum.focus');
    await until('the side view', () => api.spectrum.current);
    await vscode.commands.executeCommand('sigmascope.showLayer', plain, 'fc2');
    const document = api.documents.get(plain);
    assert.equal(document?.layer, 'fc2');
    assert.equal(api.documents.current, document);
    const node = api.models.find(document);
    assert.ok(node?.kind === 'layer' && node.row.id === 'fc2');
  });

  it('writes a reason to sigmascope.json and takes it back', async () => {
    await vscode.commands.executeCommand('sigmascope.analyzeSpectrum', vscode.Uri.file(plain));
    const file = inWorkspace('sigmascope.json');
    assert.equal(existsSync(file), false);
    const finding = () => {
      for (const group of api.findings.getChildren()) {
        if (group.kind !== 'rule' || group.rule !== 'weights/dead-units') continue;
        return api.findings.getChildren(group)[0];
      }
      return undefined;
    };
    const node = finding();
    await answering('showInputBox', 'pruned on purpose', () => Promise.resolve(vscode.commands.executeCommand('sigmascope.silence', node)));
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { silence: [{ rule: 'weights/dead-units', layer: 'fc1', reason: 'pruned on purpose' }] });
    const silenced = await until('the finding silenced', () => {
      const found = finding();
      return found?.kind === 'finding' && found.finding.silenced === 'pruned on purpose' ? found : undefined;
    });
    assert.equal(api.findings.getTreeItem(silenced).contextValue, 'finding.silenced');
    await vscode.commands.executeCommand('sigmascope.unsilence', silenced);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { silence: [] });
    await until('the finding back', () => {
      const found = finding();
      return found?.kind === 'finding' && found.finding.silenced === undefined;
    });
    rmSync(file);
  });

  it('opens a rule’s page', async () => {
    const groups = api.findings.getChildren();
    await vscode.commands.executeCommand('sigmascope.openRule', groups[0] ?? { kind: 'rule', document: {}, rule: 'weights/dead-units', findings: [] });
    await until('a preview', () => tabs().some((tab) => tab.label.includes('Preview')));
  });
});
