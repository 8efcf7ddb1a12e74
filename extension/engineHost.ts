import * as vscode from 'vscode';
import { type Disposable } from './disposable.js';
import { type Notification, type Request } from '../server/protocol.js';
import { type Engine } from './client.js';
import { nodePath, section, serverSettings } from './settings.js';
import { messageOf } from './text.js';

/**
 * The engine as the rest of the extension sees it: it starts with the first request and starts anew after it was given up.
 * `client.ts`, and with it the language client's code, is loaded only then, so that activation stays short.
 */
export class EngineHost implements Disposable {
  private engine: Promise<Engine> | undefined;
  private readonly listeners: ((engine: Engine) => Disposable)[] = [];
  private readonly restarted = new vscode.EventEmitter<void>();
  private readonly subscriptions: Disposable[] = [this.restarted];
  readonly onDidRestart = this.restarted.event;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly log: () => vscode.LogOutputChannel,
  ) {
    this.subscriptions.push(
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (!event.affectsConfiguration(section)) return;
        if (event.affectsConfiguration(`${section}.server.nodePath`)) void this.restart();
        else void this.engine?.then((engine) => engine.configure(serverSettings(this.context.globalStorageUri.fsPath)));
      }),
    );
  }

  /** Whether the server has been asked for in this session. */
  get started(): boolean {
    return this.engine !== undefined;
  }

  /** @throws the server's own sentence, or why it cannot be started */
  async request<Params, Result>(type: Request<string, Params, Result>, params: Params, token?: vscode.CancellationToken): Promise<Result> {
    const engine = await this.start();
    return engine.request(type, params, token);
  }

  /** Listens to a notification of this and every later server. */
  on<Params>(type: Notification<string, Params>, handler: (params: Params) => void): void {
    this.listeners.push((engine) => engine.on(type, handler));
  }

  /** Ends the server; the next request starts another. */
  async restart(): Promise<void> {
    const running = this.engine;
    this.engine = undefined;
    if (!running) return;
    const engine = await running.catch(() => undefined);
    await engine?.stop();
    this.restarted.fire();
  }

  async processId(): Promise<number | undefined> {
    return (await this.start()).processId();
  }

  async stop(): Promise<void> {
    const engine = await this.engine?.catch(() => undefined);
    this.engine = undefined;
    await engine?.stop();
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private start(): Promise<Engine> {
    this.engine ??= this.launch();
    return this.engine;
  }

  private async launch(): Promise<Engine> {
    const log = this.log();
    try {
      const { startEngine } = await import('./client.js');
      const engine = await startEngine({
        extensionPath: this.context.extensionPath,
        log,
        nodePath: nodePath(),
        settings: serverSettings(this.context.globalStorageUri.fsPath),
      });
      for (const listen of this.listeners) listen(engine);
      engine.onDidRestart(() => this.restarted.fire());
      engine.onDidGiveUp(() => void this.gaveUp());
      return engine;
    } catch (error) {
      this.engine = undefined;
      log.error(messageOf(error));
      throw new Error(vscode.l10n.t('The engine did not start: {0}. Check the setting sigmascope.server.nodePath and the log.', messageOf(error)), { cause: error });
    }
  }

  private async gaveUp(): Promise<void> {
    this.engine = undefined;
    const restart = vscode.l10n.t('Start Again');
    const openLog = vscode.l10n.t('Show Log');
    const answer = await vscode.window.showErrorMessage(vscode.l10n.t('Sigmascope’s engine stopped four times within three minutes and was not started again.'), restart, openLog);
    if (answer === restart) {
      await this.start();
      this.restarted.fire();
    } else if (answer === openLog) this.log().show();
  }
}
