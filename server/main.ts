import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createConnection, LSPErrorCodes, ProposedFeatures, ResponseError, TextDocumentSyncKind, type CancellationToken, type InitializeParams } from 'vscode-languageserver/node';
import { singularValuesText } from './language/clipboard.js';
import { Documents } from './language/documents.js';
import { Engine, type Outbox } from './language/engine.js';
import { rankCandidates } from './language/inputsPreview.js';
import { readSettings } from './language/settings.js';
import * as protocol from './protocol.js';
import { plural } from './report/wording.js';
import { toolVersion } from './runtime/version.js';

/**
 * The language server: answers the extension at once, and leaves everything that takes long to worker processes.
 */
const connection = createConnection(ProposedFeatures.all);

const outbox: Outbox = {
  progress: (progress) => notify(protocol.progress, progress),
  layersDone: (document, rows) => notify(protocol.layersDone, { document, rows }),
  workerLost: (document, layer, reason, retried) => notify(protocol.workerLost, { document, layer, reason, retried }),
  modelHashed: (document, sha256) => notify(protocol.modelHashed, { document, sha256 }),
  jacobians: (document, overview, reason) => notify(protocol.jacobians, { document, overview, reason }),
  jacobianRows: (document, rows, done, total) => notify(protocol.jacobianRows, { document, rows, done, total }),
  log: (level, sentence) => connection.console[level](sentence),
  warn: (sentence) => {
    connection.console.warn(sentence);
    connection.window.showWarningMessage(sentence);
  },
};
/** Errors whose message is a sentence for the user. */
const expectedErrors = new Set(['ModelFileError', 'ReportFileError', 'RequestError', 'GateError', 'PreviewError']);

const engine = new Engine(outbox);
const documents = new Documents(engine);

connection.onInitialize((parameters: InitializeParams) => {
  engine.configure(readSettings(parameters.initializationOptions));
  setFolders((parameters.workspaceFolders ?? []).map(({ uri }) => uri));
  return {
    capabilities: { textDocumentSync: TextDocumentSyncKind.None, workspace: { workspaceFolders: { supported: true, changeNotifications: true } } },
    serverInfo: { name: 'sigmascope', version: toolVersion },
  };
});
connection.onInitialized(() => {
  connection.console.info(`Sigmascope ${toolVersion}, Node ${process.version}, process ${process.pid}, at most ${plural(engine.settings.threads, 'worker process', 'worker processes')}, ${engine.settings.memoryLimitMegabytes} MB for analyses.`);
  connection.workspace.onDidChangeWorkspaceFolders(async () => {
    setFolders(((await connection.workspace.getWorkspaceFolders()) ?? []).map(({ uri }) => uri));
  });
});
connection.onDidChangeConfiguration(({ settings }) => engine.configure(readSettings(settings)));
connection.onShutdown(() => engine.close());
// The worker processes end with this one: each notices that its channel is closed.
process.on('disconnect', () => process.exit(1));

answer(protocol.openModel, ({ path }) => documents.openModel(path));
answer(protocol.openReport, ({ path }) => documents.openReport(path));
answer(protocol.analyze, ({ path, settings }, signal) => documents.analyze(path, settings, signal));
answer(protocol.layerDetail, ({ document, layer }) => documents.layerDetail(document, layer));
answer(protocol.jacobianDetail, ({ document, ...choice }) => documents.jacobianDetail(document, choice));
answer(protocol.renderReport, async ({ document, format, file }, signal) => {
  const text = await documents.render(document, format, signal);
  if (file === undefined) return text;
  await writeFile(file, text);
  return '';
});
answer(protocol.copyValues, async ({ document, layer, format }) => singularValuesText(await documents.singularValues(document, layer), format));
answer(protocol.modelSummary, ({ path }) => documents.summary(path));
answer(protocol.previewInputs, ({ path, request, pictures }, signal) => documents.previewInputs(path, request, pictures, signal));
answer(protocol.inputsCandidates, ({ path, files }) => rankCandidates(path, files));
answer(protocol.inputPicture, ({ document, index }, signal) => documents.inputPicture(document, index, signal));
answer(protocol.clearCache, async () => (await engine.cache?.clear()) ?? { entries: 0, bytes: 0 });
answer(protocol.closeDocument, async ({ document }) => {
  await documents.close(document);
  return null;
});

connection.listen();

/** Registers the handler of a request: errors reach the client as one sentence, LSP cancellation as an abort signal. */
function answer<Params, Result>({ method }: protocol.Request<string, Params, Result>, handler: (params: Params, signal: AbortSignal) => Promise<Result>): void {
  connection.onRequest(method, async (params: Params, token: CancellationToken) => {
    const controller = new AbortController();
    token.onCancellationRequested(() => controller.abort());
    if (token.isCancellationRequested) controller.abort();
    try {
      return await handler(params, controller.signal);
    } catch (error) {
      if (controller.signal.aborted) return new ResponseError(LSPErrorCodes.RequestCancelled, 'Cancelled.');
      const sentence = error instanceof Error ? error.message : String(error);
      const expected = error instanceof Error && expectedErrors.has(error.name);
      connection.console.error(expected ? `${method}: ${sentence}` : `${method}: ${error instanceof Error ? (error.stack ?? sentence) : sentence}`);
      return new ResponseError(LSPErrorCodes.RequestFailed, expected ? sentence : `Internal error: ${sentence}`);
    }
  });
}

function notify<Params>({ method }: protocol.Notification<string, Params>, params: Params): void {
  // Fails only when the client is gone, and this process is about to end.
  connection.sendNotification(method, params).catch(() => undefined);
}

function setFolders(uris: string[]): void {
  engine.folders = uris.filter((uri) => uri.startsWith('file:')).map((uri) => fileURLToPath(uri));
}
