import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { findInputs, pictureFolders } from '../../extension/inputs/findInputs.js';
import { InputsForm } from '../../extension/inputs/inputsForm.js';
import { inputsEntry, rememberInputs } from '../../extension/inputs/rememberInputs.js';
import { type SigmascopeApi } from '../../extension/main.js';
import { type AnalyzeSettings, type InputsRequest, type ToWebview } from '../../server/protocol.js';
import { answering, closeEditors, inWorkspace, repository, sigmascope, until } from './support.js';

/** Messages of one kind. */
type Message<Type extends ToWebview['type']> = Extract<ToWebview, { type: Type }>;

describe('inputs', () => {
  let api: SigmascopeApi;
  const model = inWorkspace('samples', 'plain.onnx');
  const clean = inWorkspace('samples', 'clean.npz');
  const request: InputsRequest = { file: clean, labels: null, preprocess: 'x/255', layout: null, range: null, resize: false };

  before(async () => {
    api = await sigmascope();
    mkdirSync(inWorkspace('samples'), { recursive: true });
    copyFileSync(path.join(repository, 'samples', 'models', 'plain.onnx'), model);
    copyFileSync(path.join(repository, 'samples', 'inputs', 'clean.npz'), clean);
  });
  after(async () => {
    await closeEditors();
    rmSync(inWorkspace('samples'), { recursive: true });
    rmSync(inWorkspace('sigmascope.json'), { force: true });
  });
  afterEach(closeEditors);

  /** A form whose page is this test. */
  async function form(): Promise<{ form: InputsForm; posted: ToWebview[]; analyzed: AnalyzeSettings[] }> {
    const posted: ToWebview[] = [];
    const analyzed: AnalyzeSettings[] = [];
    const document = await api.documents.open(model, 'model');
    const made = new InputsForm(document, api.documents, (settings) => Promise.resolve(analyzed.push(settings)), (message) => posted.push(message));
    return { form: made, posted, analyzed };
  }

  it('are chosen in the panel of the model that a command names', async () => {
    await vscode.commands.executeCommand('sigmascope.analyzeWithInputs', vscode.Uri.file(model));
    const view = await until('the view', () => api.panels.viewOf(model));
    await new Promise<void>((resolve) => {
      const listener = view.onDidReceive((message) => {
        if (message.type !== 'previewInputs') return;
        listener.dispose();
        resolve();
      });
    });
    assert.equal(api.documents.get(model)?.run, undefined, 'nothing runs before somebody says so');
  });

  it('are found in the workspace, those that fit the model first', async () => {
    const { form: made, posted } = await form();
    assert.ok((await findInputs()).includes(clean));
    await made.open();
    const { candidates } = posted.find((message): message is Message<'inputsCandidates'> => message.type === 'inputsCandidates') ?? { candidates: [] };
    assert.deepEqual(candidates[0], { file: clean, label: 'samples/clean.npz', content: 'x uint8 [200, 1, 16, 16], with labels y', fits: true });
  });

  it('are tried out: the last question is answered, with the accuracy that the samples have', async () => {
    const { form: made, posted } = await form();
    await Promise.all([made.receive({ type: 'previewInputs', id: 1, request: { ...request, preprocess: null } }), made.receive({ type: 'previewInputs', id: 2, request })]);
    const answers = posted.filter((message): message is Message<'inputsPreview'> => message.type === 'inputsPreview');
    assert.deepEqual(answers.map(({ id }) => id), [2]);
    const [{ proposal }] = answers;
    assert.equal(proposal?.preview?.accuracy, 0.975);
    assert.equal(proposal.preview.items.length, 8);
    assert.equal(proposal.preview.items[0].picture?.pixels.length, 256);
    await made.receive({ type: 'previewInputs', id: 3, request: { ...request, preprocess: 'x/256' } });
    const last = posted.at(-1) as Message<'inputsPreview'>;
    assert.equal(last.proposal?.mistake?.field, 'preprocess');
  });

  it('are browsed for', async () => {
    const { form: made, posted } = await form();
    await answering('showOpenDialog', [vscode.Uri.file(clean)], () => made.receive({ type: 'browseInputs', field: 'file', folder: false }));
    assert.equal((posted.at(-1) as Message<'inputsFile'>).choice.content, 'x uint8 [200, 1, 16, 16], with labels y');
    await answering('showOpenDialog', undefined, () => made.receive({ type: 'browseInputs', field: 'labels', folder: false }));
    assert.equal(posted.length, 1);
  });

  it('are remembered in sigmascope.json and used again', async () => {
    const file = inWorkspace('sigmascope.json');
    assert.equal(existsSync(file), false);
    const { form: made, posted, analyzed } = await form();
    await made.receive({ type: 'useInputs', request, samples: 7, remember: true });
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { inputs: [{ models: 'samples/plain.onnx', file: 'samples/clean.npz', preprocess: 'x/255', samples: 7 }] });
    assert.deepEqual(analyzed, [{ only: ['jacobian'], inputs: request, samples: 7 }]);
    assert.deepEqual(posted, [{ type: 'inputsForm', open: false }]);
    await made.receive({ type: 'previewInputs', id: 1, request: null });
    const { proposal } = posted.at(-1) as Message<'inputsPreview'>;
    assert.deepEqual([proposal?.request, proposal?.samples, proposal?.declared], [request, 7, true]);
    assert.equal(proposal?.preview?.accuracy, 0.975);
  });

  it('replace what was remembered of the same model, and keep the rest of the file', async () => {
    const file = inWorkspace('samples', 'other.json');
    writeFileSync(file, JSON.stringify({ gates: ['error'], inputs: [{ models: '*.onnx', file: 'x' }, { models: 'plain.onnx', file: 'old' }] }));
    await rememberInputs(file, model, { ...request, range: '-1,0.5', labels: '/elsewhere/y.npy', layout: 'nhwc', resize: true }, null);
    const written = { models: 'plain.onnx', file: 'clean.npz', labels: '/elsewhere/y.npy', preprocess: 'x/255', layout: 'nhwc', range: [-1, 0.5], resize: true };
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { gates: ['error'], inputs: [{ models: '*.onnx', file: 'x' }, written] });
    await rememberInputs(file, inWorkspace('samples', 'second.onnx'), request, 3);
    assert.equal((JSON.parse(readFileSync(file, 'utf8')) as { inputs: { models: string }[] }).inputs[0].models, 'second.onnx');
    writeFileSync(file, '{"inputs": 3}');
    await assert.rejects(rememberInputs(file, model, request, null), /not a list/);
    assert.deepEqual(inputsEntry('/a', '/b/m.onnx', { ...request, file: '/a/x.npz#t', preprocess: null }, null), { models: '/b/m.onnx', file: 'x.npz#t' });
  });

  it('take the parent of sibling folders of pictures for the data set', () => {
    assert.deepEqual(pictureFolders(['/d/train/cat/1.png', '/d/train/dog/1.png', '/d/train/dog/2.png', '/e/single/1.png']), ['/d/train', '/e/single']);
    assert.deepEqual(pictureFolders(['/d/1.png', '/d/a/1.png', '/d/b/1.png']), ['/d', '/d/a', '/d/b']);
  });
});
