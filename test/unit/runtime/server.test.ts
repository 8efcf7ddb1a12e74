import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CancellationTokenSource, createMessageConnection, IPCMessageReader, IPCMessageWriter, type MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../../../server/protocol.js';
import type { Report } from '../../../server/report/report.js';
import type { ReportOverview } from '../../../server/report/views.js';
import { pseudoRandom, writeSafetensors, writeSmallModel } from '../../support/models.js';

const program = path.resolve('dist', 'server.js');

/** A language server in its own process, as the extension starts it. */
class Server {
  private constructor(
    readonly process: ChildProcess,
    readonly connection: MessageConnection,
  ) {}

  static async start(settings: Partial<protocol.ServerSettings>): Promise<Server> {
    const child = fork(program, ['--node-ipc'], { silent: true });
    const connection = createMessageConnection(new IPCMessageReader(child), new IPCMessageWriter(child));
    connection.listen();
    await connection.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {}, initializationOptions: settings });
    void connection.sendNotification('initialized', {});
    return new Server(child, connection);
  }

  request<Params, Result>({ method }: protocol.Request<string, Params, Result>, params: Params, source?: CancellationTokenSource): Promise<Result> {
    return source === undefined ? this.connection.sendRequest<Result>(method, params) : this.connection.sendRequest<Result>(method, params, source.token);
  }

  on<Params>({ method }: protocol.Notification<string, Params>, handler: (params: Params) => void): void {
    this.connection.onNotification(method, handler);
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.process.once('close', resolve));
    await this.connection.sendRequest('shutdown');
    await this.connection.sendNotification('exit');
    await closed;
    this.connection.dispose();
  }
}

const states = (overview: ReportOverview): string[] => overview.rows.map((row) => row.state);

describe('language server', function () {
  this.timeout(60_000);
  let folder: string;
  let server: Server;
  let model: string;
  const at = (name: string): string => path.join(folder, name);

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'server-'));
    model = at('small.safetensors');
    writeSmallModel(model);
    server = await Server.start({ memoryLimitMegabytes: 1024, threads: 2, cacheFolder: at('cache'), cacheMegabytes: 64, rules: {} });
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  it('lists the layers of a model from its header', async () => {
    const overview = await server.request(protocol.openModel, { path: model });
    assert.equal(overview.state, 'listed');
    assert.deepEqual(overview.rows.map(({ id, state, spectralNorm }) => [id, state, spectralNorm]), [['fc1', 'pending', null], ['fc2', 'pending', null], ['head', 'pending', null]]);
    assert.ok((overview.cost?.seconds ?? 0) > 0);
    assert.equal(await server.request(protocol.layerDetail, { document: model, layer: 'fc1' }), null);
  });

  it('analyses it, telling rows and progress, and answers with the overview', async () => {
    const rows: string[] = [];
    let last: protocol.AnalysisProgress | null = null;
    server.on(protocol.layersDone, (params) => rows.push(...params.rows.map((row) => row.id)));
    server.on(protocol.progress, (params) => (last = params));
    const [overview, joined] = await Promise.all([server.request(protocol.analyze, { path: model, settings: {} }), server.request(protocol.analyze, { path: model, settings: {} })]);
    assert.equal(overview.state, 'done');
    assert.deepEqual(states(overview), ['done', 'done', 'done']);
    assert.deepEqual(joined, overview);
    assert.deepEqual([...rows].sort(), ['fc1', 'fc2', 'head']);
    assert.deepEqual(last, { document: model, layer: null, done: 3, total: 3 });
    assert.match(overview.model.sha256 ?? '', /^[0-9a-f]{64}$/);
    assert.deepEqual(overview.findings.map(({ rule, layer }) => [rule, layer]).filter(([rule]) => rule === 'weights/zero-tensor'), [['weights/zero-tensor', 'head']]);
    assert.equal(overview.rows[2].severity, 'warning');
  });

  it('gives curves, clipboard texts and other formats of what is open', async () => {
    const detail = await server.request(protocol.layerDetail, { document: model, layer: 'fc1' });
    assert.equal(detail?.spectrum?.curve.y.length, 30);
    const csv = await server.request(protocol.copyValues, { document: model, layer: 'fc1', format: 'csv' });
    assert.deepEqual(csv.trimEnd().split('\n').slice(1).map(Number), detail.spectrum.curve.y);
    assert.match(await server.request(protocol.copyValues, { document: model, layer: 'fc1', format: 'numpy' }), /^np\.array\(\[[\d.,e -]+\]\)$/);
    assert.equal(await server.request(protocol.renderReport, { document: model, format: 'json', file: at('saved.json') }), '');
    const report = JSON.parse(readFileSync(at('saved.json'), 'utf8')) as Report;
    assert.equal(report.layers.length, 3);
    const table = await server.request(protocol.renderReport, { document: model, format: 'weightwatcher' });
    assert.match(table, /^layer_id,/);
    assert.ok(table.includes('fc1'));
  });

  it('opens a saved report in the same way', async () => {
    const overview = await server.request(protocol.openReport, { path: at('saved.json') });
    assert.equal(overview.origin, 'savedReport');
    assert.deepEqual(states(overview), ['done', 'done', 'done']);
    assert.equal((await server.request(protocol.layerDetail, { document: at('saved.json'), layer: 'fc2' }))?.row.id, 'fc2');
    await assert.rejects(server.request(protocol.renderReport, { document: at('saved.json'), format: 'weightwatcher' }), /open the model itself/);
  });

  it('knows a closed model again from its cache, without reading its weights', async () => {
    await server.request(protocol.closeDocument, { document: model });
    await assert.rejects(server.request(protocol.layerDetail, { document: model, layer: 'fc1' }), /not open/);
    const overview = await server.request(protocol.openModel, { path: model });
    assert.equal(overview.state, 'done');
    assert.deepEqual(states(overview), ['done', 'done', 'done']);
  });

  it('says that numbers are stale once the file has changed, and reads it anew when asked', async () => {
    const file = at('changing.safetensors');
    writeSmallModel(file);
    await server.request(protocol.analyze, { path: file, settings: {} });
    writeSafetensors(file, { 'other.weight': { shape: [6, 5], values: pseudoRandom(30) } });
    const stale = await server.request(protocol.openModel, { path: file });
    assert.deepEqual([stale.state, stale.rows.length], ['stale', 3]);
    const fresh = await server.request(protocol.analyze, { path: file, settings: {} });
    assert.deepEqual([fresh.state, fresh.rows.map((row) => row.id)], ['done', ['other']]);
  });

  it('keeps what was done when an analysis is cancelled, and goes on from there', async () => {
    const file = at('large.safetensors');
    const side = 2200;
    writeSafetensors(file, {
      'small.weight': { shape: [8, 8], values: pseudoRandom(64, 5) },
      'large.weight': { shape: [side, side], values: pseudoRandom(side * side, 6) },
    });
    const source = new CancellationTokenSource();
    server.on(protocol.layersDone, ({ document, rows }) => {
      if (document === file && rows.some((row) => row.id === 'small')) source.cancel();
    });
    const cancelled = await server.request(protocol.analyze, { path: file, settings: {} }, source);
    assert.deepEqual([cancelled.state, ...states(cancelled)], ['cancelled', 'done', 'pending']);
    // The server's threads are free again: another model is served at once.
    assert.equal((await server.request(protocol.analyze, { path: model, settings: { seed: 1 } })).state, 'done');
    await server.request(protocol.closeDocument, { document: file });
  });

  it('tells of a lost worker, tries its layer again and finishes', async function () {
    if (process.platform !== 'linux') this.skip();
    const file = at('lost.safetensors');
    const side = 900;
    writeSafetensors(file, { 'a.weight': { shape: [side, side], values: pseudoRandom(side * side, 7) }, 'b.weight': { shape: [8, 8], values: pseudoRandom(64, 8) } });
    const lost: { layer: string; retried: boolean }[] = [];
    server.on(protocol.workerLost, ({ layer, retried }) => lost.push({ layer, retried }));
    let killed = false;
    server.on(protocol.progress, ({ document, layer }) => {
      if (document !== file || layer !== 'a' || killed) return;
      for (const pid of childrenOf(server.process.pid ?? 0)) {
        killed = true;
        process.kill(pid, 'SIGKILL');
      }
    });
    const overview = await server.request(protocol.analyze, { path: file, settings: {} });
    assert.equal(overview.state, 'done');
    assert.deepEqual(states(overview), ['done', 'done']);
    assert.deepEqual(lost.filter(({ layer }) => layer === 'a'), [{ layer: 'a', retried: true }]);
  });

  it('answers wrong files and wrong questions with one sentence', async () => {
    writeFileSync(at('empty.onnx'), '');
    await assert.rejects(server.request(protocol.openModel, { path: at('empty.onnx') }), (error: Error) => error.message.includes('empty') && !error.message.includes('Internal'));
    await assert.rejects(server.request(protocol.openModel, { path: at('nowhere.onnx') }), (error: Error) => !error.message.includes('Internal'));
    await assert.rejects(server.request(protocol.openReport, { path: at('nowhere.json') }), (error: Error) => !error.message.includes('Internal'));
    writeFileSync(at('notes.txt'), 'not a model');
    assert.equal(await server.request(protocol.modelSummary, { path: at('notes.txt') }), null);
    const summary = await server.request(protocol.modelSummary, { path: model });
    assert.deepEqual([summary?.format, summary?.layers, summary?.parameters, summary?.error], ['safetensors', 3, 2200, null]);
  });

  it('leaves a wrong configuration out, saying why', async () => {
    const shown: string[] = [];
    server.connection.onNotification('window/showMessage', ({ message }: { message: string }) => void shown.push(message));
    server.connection.onRequest('window/showMessageRequest', ({ message }: { message: string }) => void shown.push(message));
    writeFileSync(at('sigmascope.json'), '{"rules":{"weights/zero-tensor":"loud"}}');
    assert.equal((await server.request(protocol.openModel, { path: model })).rows.length, 3);
    assert.equal(shown.length, 1);
    assert.match(shown[0], /"loud"/);
    writeFileSync(at('sigmascope.json'), '{"rules":{"weights/zero-tensor":"off"}}');
    const overview = await server.request(protocol.openModel, { path: model });
    assert.ok(overview.findings.every(({ rule }) => rule !== 'weights/zero-tensor'));
    rmSync(at('sigmascope.json'));
  });

  it('keeps the results of an analysis that ended just before the editor closed', async () => {
    const settings = { threads: 1, cacheFolder: at('cache'), cacheMegabytes: 64 };
    const file = at('closing.safetensors');
    writeSmallModel(file);
    const closing = await Server.start(settings);
    assert.equal((await closing.request(protocol.analyze, { path: file, settings: {} })).state, 'done');
    await closing.stop();
    const next = await Server.start(settings);
    try {
      assert.equal((await next.request(protocol.openModel, { path: file })).state, 'done');
    } finally {
      await next.stop();
    }
  });

  it('clears its cache', async () => {
    assert.ok((await server.request(protocol.clearCache, {})).entries > 0);
    assert.deepEqual(readdirSync(at('cache')), []);
  });

  it('leaves no worker behind when it is killed', async function () {
    if (process.platform !== 'linux') this.skip();
    const doomed = await Server.start({ threads: 1 });
    const file = at('orphan.safetensors');
    const side = 2200;
    writeSafetensors(file, { 'a.weight': { shape: [side, side], values: pseudoRandom(side * side, 9) } });
    const running = new Promise<void>((resolve) => doomed.on(protocol.progress, ({ layer }) => layer === 'a' && resolve()));
    doomed.request(protocol.analyze, { path: file, settings: {} }).catch(() => undefined);
    await running;
    let workers = childrenOf(doomed.process.pid ?? 0);
    while (workers.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      workers = childrenOf(doomed.process.pid ?? 0);
    }
    doomed.process.kill('SIGKILL');
    for (const pid of workers) while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
    doomed.connection.dispose();
  });
});

/** Processes whose parent is this one, from /proc. */
function childrenOf(parent: number): number[] {
  return readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ').filter((pid) => pid !== '').map(Number);
}

/** A process that has ended but that nobody has asked for counts as gone. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
