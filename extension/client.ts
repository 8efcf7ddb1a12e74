import path from 'node:path';
import * as vscode from 'vscode';
import { CloseAction, ErrorAction, LanguageClient, RevealOutputChannelOn, State, TransportKind, type ErrorHandler, type NodeModule } from 'vscode-languageclient/node';
import { type Disposable } from './disposable.js';
import { type Notification, type Request, type ServerSettings } from '../server/protocol.js';

/** More crashes than this within the window, and the engine stays down until a person asks again. */
const maximumRestarts = 3;
const restartWindowMilliseconds = 3 * 60 * 1000;

export interface EngineOptions {
  extensionPath: string;
  log: vscode.LogOutputChannel;
  /** Absolute path of a Node program, or "" for the editor's own. */
  nodePath: string;
  settings: ServerSettings;
}

/** A running language server: requests go in, notifications come out. */
export interface Engine extends Disposable {
  request<Params, Result>(type: Request<string, Params, Result>, params: Params, token?: vscode.CancellationToken): Promise<Result>;
  on<Params>(type: Notification<string, Params>, handler: (params: Params) => void): Disposable;
  configure(settings: ServerSettings): void;
  /** Fires after the server came back from a crash: it has forgotten every open document. */
  readonly onDidRestart: vscode.Event<void>;
  /** Fires when the server is given up. */
  readonly onDidGiveUp: vscode.Event<void>;
  stop(): Promise<void>;
  /** Process id of the server, for tests that end it. */
  readonly processId: () => number | undefined;
}

/**
 * Starts the language server over IPC.
 * Workers inherit ELECTRON_RUN_AS_NODE from the server's environment (vscode-languageclient sets it for forks),
 * so that they run as plain Node processes in a desktop editor too.
 * @throws when the server cannot be started: one sentence
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const restarted = new vscode.EventEmitter<void>();
  const gaveUp = new vscode.EventEmitter<void>();
  const node: NodeModule = {
    module: path.join(options.extensionPath, 'dist', 'server.js'),
    transport: TransportKind.ipc,
    ...(options.nodePath === '' ? {} : { runtime: options.nodePath }),
  };
  const client = new LanguageClient(
    'sigmascope',
    'Sigmascope',
    { run: node, debug: node },
    {
      documentSelector: [],
      outputChannel: options.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationOptions: options.settings,
      errorHandler: restartingHandler(options.log, gaveUp),
    },
  );
  let started = false;
  client.onDidChangeState(({ newState }) => {
    if (newState === State.Running && started) restarted.fire();
    started ||= newState === State.Running;
  });
  await client.start();
  return {
    async request(type, params, token) {
      // A token that is not there would travel as a second parameter.
      return token ? client.sendRequest(type.method, params, token) : client.sendRequest(type.method, params);
    },
    on: (type, handler) => client.onNotification(type.method, handler),
    configure: (settings) => void client.sendNotification('workspace/didChangeConfiguration', { settings }),
    onDidRestart: restarted.event,
    onDidGiveUp: gaveUp.event,
    processId: () => serverProcessId(client),
    stop: () => client.dispose(),
    dispose: () => {
      restarted.dispose();
      gaveUp.dispose();
      void client.dispose();
    },
  };
}

function serverProcessId(client: LanguageClient): number | undefined {
  const holder: unknown = Reflect.get(client, '_serverProcess');
  const id: unknown = typeof holder === 'object' && holder !== null ? Reflect.get(holder, 'pid') : undefined;
  return typeof id === 'number' ? id : undefined;
}

/** Restarts a crashed server a few times, then gives up with a message instead of a loop. */
function restartingHandler(log: vscode.LogOutputChannel, gaveUp: vscode.EventEmitter<void>): ErrorHandler {
  const crashes: number[] = [];
  return {
    error: (error) => {
      log.error(error.message);
      return { action: ErrorAction.Continue, handled: true };
    },
    closed: () => {
      const now = Date.now();
      crashes.push(now);
      const recent = crashes.filter((time) => now - time < restartWindowMilliseconds).length;
      log.warn(vscode.l10n.t('The engine stopped ({0} of {1} restarts used).', Math.min(recent, maximumRestarts), maximumRestarts));
      if (recent <= maximumRestarts) return { action: CloseAction.Restart, handled: true };
      gaveUp.fire();
      return { action: CloseAction.DoNotRestart, handled: true };
    },
  };
}
