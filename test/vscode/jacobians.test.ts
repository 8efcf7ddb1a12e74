import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { InputsForm } from '../../extension/inputs/inputsForm.js';
import { type SigmascopeApi } from '../../extension/main.js';
import { type DocumentChange } from '../../extension/models/documents.js';
import { runAnalysis } from '../../extension/runs.js';
import { type InputsRequest } from '../../server/protocol.js';
import { closeEditors, inWorkspace, repository, sigmascope, until } from './support.js';

/** torch.autograd.functional.jacobian of samples/models/plain.onnx in float64 and its largest singular value, by place in clean.npz, x/255. */
const outputStretch = new Map([[3, 37.224316058032684], [71, 41.237740614692036], [139, 32.017451654653634]]);
/** numpy.linalg.svd of conv1 as a matrix, zero padding: the same at every input. */
const conv1Stretch = 9.11905054;

function assertClose(actual: number | undefined, expected: number, relative: number): void {
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= relative * expected, `${actual} is not ${expected}`);
}

describe('Jacobians through the server', () => {
  let api: SigmascopeApi;
  const model = inWorkspace('jacobians', 'plain.onnx');
  const request: InputsRequest = { file: inWorkspace('jacobians', 'clean.npz'), labels: null, preprocess: 'x/255', layout: null, range: null, resize: false };

  before(async () => {
    api = await sigmascope();
    mkdirSync(inWorkspace('jacobians'), { recursive: true });
    copyFileSync(path.join(repository, 'samples', 'models', 'plain.onnx'), model);
    copyFileSync(path.join(repository, 'samples', 'inputs', 'clean.npz'), request.file);
  });
  after(async () => {
    await closeEditors();
    rmSync(inWorkspace('jacobians'), { recursive: true });
  });

  /** Everything that the views are told about the model while `action` runs. */
  async function heard(action: () => Promise<unknown>): Promise<DocumentChange['message'][]> {
    const messages: DocumentChange['message'][] = [];
    const listener = api.documents.onDidChange(({ document, message }) => document.path === model && messages.push(message));
    await action();
    listener.dispose();
    return messages;
  }

  it('are computed at the inputs of the form, row by row, without a word about the weights', async () => {
    await vscode.commands.executeCommand('sigmascope.analyzeWithInputs', vscode.Uri.file(model));
    const document = await until('the document', () => api.documents.get(model));
    const before = document.overview?.state;
    const form = new InputsForm(document, api.documents, (settings) => runAnalysis(api.documents, model, settings), () => undefined);
    const messages = await heard(() => form.receive({ type: 'useInputs', request, samples: 3, remember: false }));
    const [first] = messages.filter((message) => message.type === 'jacobians');
    assert.deepEqual([first.overview?.state, first.overview?.samples.index], ['running', [...outputStretch.keys()]]);
    assert.equal(messages.filter((message) => message.type === 'jacobianRows').reduce((count, { rows }) => count + rows.length, 0), 5);
    assert.deepEqual(messages.filter((message) => message.type === 'state'), []);
    assert.equal(document.overview?.state, before);
    const found = document.overview?.jacobians;
    assert.equal(found?.state, 'done');
    assert.deepEqual(found.rows.map(({ layer, state }) => [layer, state]), ['conv1', 'conv2', 'fc1', 'fc2', 'fc3'].map((layer) => [layer, 'done']));
    assertClose(found.rows[0].stretch.inputToLayer?.q50, conv1Stretch, 1e-6);
    for (const [place, input] of found.samples.index.entries()) assertClose(found.output?.values[place], outputStretch.get(input) ?? Number.NaN, 1e-4);
  });

  it('answer with the whole spectrum of one, and with the picture of an input', async () => {
    const document = await api.documents.open(model, 'model');
    const output = await api.documents.jacobianDetail(document, { layer: null, call: 0, kind: 'inputToLayer', input: 71 });
    assert.equal(output?.input?.values.length, 10);
    assertClose(output.input.values[0], outputStretch.get(71) ?? Number.NaN, 1e-6);
    const conv1 = await api.documents.jacobianDetail(document, { layer: 'conv1', call: 0, kind: 'layerLocal', input: null });
    assertClose(conv1?.q50[0], conv1Stretch, 1e-6);
    assert.equal(await api.documents.jacobianDetail(document, { layer: 'conv9', call: 0, kind: 'layerLocal', input: null }), null);
    assert.equal((await api.documents.inputPicture(document, 71))?.pixels.length, 256);
  });

  it('can be cancelled: finished rows stay, the others wait, the weights are not touched', async () => {
    const document = await api.documents.open(model, 'model');
    const before = document.overview?.state;
    let shown: string | undefined;
    const listener = api.documents.onDidChange(({ message }) => {
      if (message.type !== 'jacobianRows') return;
      shown = api.status.text;
      void vscode.commands.executeCommand('sigmascope.cancel');
    });
    const messages = await heard(() => api.documents.analyze(model, { only: ['jacobian'], inputs: request, samples: 100 }));
    listener.dispose();
    assert.match(shown ?? '', /^Σ (\d\/5 \w+|plain\.onnx …)$/);
    const found = document.overview?.jacobians;
    assert.equal(found?.state, 'cancelled');
    const done = found.rows.filter(({ state }) => state === 'done').length;
    assert.ok(done >= 1 && done < 5, `${done} of 5 rows`);
    assert.equal(found.rows.length, 5);
    assert.equal(found.answer.verdict, `Cancelled after ${done} of 5 layers.`);
    assert.equal(document.overview?.state, before);
    assert.deepEqual(messages.filter((message) => message.type === 'state'), []);
  });
});
