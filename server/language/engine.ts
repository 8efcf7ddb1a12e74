import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ConfigurationError, emptyConfiguration, findConfiguration, inputsFor, mergeRules, readConfiguration, type Configuration } from '../configuration.js';
import type { AnalysisProgress, InputsRequest, ServerSettings } from '../protocol.js';
import type { JacobianOverview, JacobianRow } from '../report/jacobianViews.js';
import type { LayerRow } from '../report/views.js';
import { Cache } from '../runtime/cache.js';
import { WorkerPool } from '../runtime/pool.js';
import type { WorkerProgram } from '../runtime/workerSlot.js';
import { defaultSettings } from './settings.js';

/** What documents tell the editor. */
export interface Outbox {
  progress(progress: AnalysisProgress): void;
  layersDone(document: string, rows: LayerRow[]): void;
  workerLost(document: string, layer: string, reason: string, retried: boolean): void;
  modelHashed(document: string, sha256: string): void;
  /** All Jacobians at the start and the end of their run; null with the reason where there are none. */
  jacobians(document: string, overview: JacobianOverview | null, reason: string | null): void;
  jacobianRows(document: string, rows: JacobianRow[], done: number, total: number): void;
  log(level: 'info' | 'warn' | 'error', sentence: string): void;
  /** Something a person should see once, outside of any panel. */
  warn(sentence: string): void;
}

/** Worker processes run with the runtime that runs this server, behind the editor and its extensions. */
const program: WorkerProgram = { file: path.join(__dirname, 'worker.js'), execPath: process.execPath, background: true };

/** The end of the server waits so long for what is being written; clients allow two seconds. */
const closeMilliseconds = 1000;

/** What all documents of a server share: settings, worker processes, the cache. */
export class Engine {
  readonly pool = new WorkerPool(program, defaultSettings.threads);
  settings: ServerSettings = defaultSettings;
  cache: Cache | null = null;
  /** Folders of the workspace: configuration files above them are not looked for. */
  folders: string[] = [];
  private warned = '';
  private readonly unfinished = new Set<Promise<void>>();

  constructor(readonly outbox: Outbox) {}

  configure(settings: ServerSettings): void {
    this.settings = settings;
    this.pool.configure(program, settings.threads);
    this.cache = settings.cacheFolder === null ? null : new Cache(settings.cacheFolder, settings.cacheMegabytes * 2 ** 20, (sentence) => this.outbox.log('warn', sentence));
  }

  get memoryLimitBytes(): number {
    return this.settings.memoryLimitMegabytes * 2 ** 20;
  }

  /** The configuration that holds for a model; a wrong one is told once and left out. */
  configurationFor(model: string): Configuration {
    const file = this.configurationFile(model);
    if (file === null) return { ...emptyConfiguration, rules: this.settings.rules };
    try {
      const configuration = readConfiguration(file);
      return { ...configuration, rules: mergeRules(this.settings.rules, configuration.rules) };
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      if (this.warned !== error.message) this.outbox.warn(error.message);
      this.warned = error.message;
      return { ...emptyConfiguration, rules: this.settings.rules };
    }
  }

  /** The inputs that the configuration names for a model, and how many of them are looked at; null where it names none. */
  async inputsFor(model: string): Promise<{ request: InputsRequest; samples: number | null } | null> {
    const file = this.configurationFile(model);
    return file === null ? null : inputsFor(this.configurationFor(model), file, model);
  }

  private configurationFile(model: string): string | null {
    const folder = this.folders.find((candidate) => !path.relative(candidate, model).startsWith('..')) ?? path.dirname(model);
    return findConfiguration(model, folder);
  }

  /** Takes note of work that goes on after its request is answered, so that `close` waits for it. It must not reject. */
  finishLater(work: Promise<void>): void {
    this.unfinished.add(work);
    void work.finally(() => this.unfinished.delete(work));
  }

  /** Ends the worker processes at once, and gives results on their way to the cache a moment to arrive. */
  async close(): Promise<void> {
    this.pool.close();
    await Promise.race([Promise.all(this.unfinished), setTimeout(closeMilliseconds, undefined, { ref: false })]);
  }
}
