import type { AnalysisSettings, Report } from './report/report.js';
import type { CostEstimate, LayerDetail, LayerRow, OverviewState, ReportOverview } from './report/views.js';

/**
 * Every message between Sigmascope's programs.
 *   extension ↔ language server: LSP requests and notifications `sigmascope/…` (JSON)
 *   extension ↔ webview: `ToWebview` and `FromWebview`, by postMessage (structured clone)
 *   server ↔ worker: `WorkerMethods` and `WorkerEvent`, through the pool's IPC (JSON)
 */

// ---------------------------------------------------------------- extension → language server (requests)

/** One request: its method, what goes in and what comes back. Cancelled with LSP's own cancellation. */
export interface Request<Method extends string, Params, Result> {
  readonly method: Method;
  /** Never set: carries the types. */
  readonly types?: (params: Params) => Result;
}
const request = <Params, Result>() => <Method extends string>(method: Method): Request<Method, Params, Result> => ({ method });

/** Reads headers only: layers without numbers, and what an analysis would cost. Also answers from a finished or cached run. */
export const openModel = request<{ path: string }, ReportOverview>()('sigmascope/openModel');
/** A report saved as JSON, shown in the same panel. */
export const openReport = request<{ path: string }, ReportOverview>()('sigmascope/openReport');
/** Runs the analysis; `progress` and `layersDone` come meanwhile. Resolves with state done, cancelled or failed; what was done is kept. */
export const analyze = request<{ path: string; settings: AnalyzeSettings }, ReportOverview>()('sigmascope/analyze');
/** The curves of one layer of an open document; null while it is not computed. */
export const layerDetail = request<{ document: string; layer: string }, LayerDetail | null>()('sigmascope/layerDetail');
/** The report in another format; the text itself or, with `file`, written there (then "" is returned). */
export const renderReport = request<{ document: string; format: RenderFormat; file?: string }, string>()('sigmascope/render');
/** A layer's singular values for the clipboard, in full precision. */
export const copyValues = request<{ document: string; layer: string; format: 'csv' | 'numpy' }, string>()('sigmascope/copyValues');
/** What the tree shows of a model file: by content, headers only. Null: not a model. */
export const modelSummary = request<{ path: string }, ModelSummary | null>()('sigmascope/modelSummary');
export const clearCache = request<Record<string, never>, { entries: number; bytes: number }>()('sigmascope/clearCache');
/** Forgets a document that no panel shows any longer. */
export const closeDocument = request<{ document: string }, null>()('sigmascope/closeDocument');

export interface AnalyzeSettings extends Partial<AnalysisSettings> {
  /** Layers to do again although they are done (after a lost worker). */
  retry?: string[];
}

/** Inputs that an analysis runs on, as the command line's options and sigmascope.json have them. */
export interface InputsRequest {
  /** A path, or FILE.npz#NAME. */
  file: string;
  labels: string | null;
  /** As `--preprocess` takes it; null: none. */
  preprocess: string | null;
  layout: 'nchw' | 'nhwc' | null;
  /** LO,HI in input space; null: by the preprocessing or the inputs. */
  range: string | null;
  resize: boolean;
}

export type RenderFormat = 'text' | 'json' | 'html' | 'csv' | 'weightwatcher' | 'sarif' | 'markdown';

export interface ModelSummary {
  path: string;
  format: string;
  bytes: number;
  layers: number;
  parameters: number;
  producer: string | null;
  /** One sentence when the file is not readable. */
  error: string | null;
}

/** Settings the extension hands over at start (initializationOptions) and on change. */
export interface ServerSettings {
  memoryLimitMegabytes: number;
  threads: number;
  cacheFolder: string | null;
  cacheMegabytes: number;
  /** Severity or thresholds per rule, as in sigmascope.json. */
  rules: Record<string, RuleSetting>;
}

export type RuleSetting = 'off' | 'error' | 'warning' | 'information' | 'hint' | { severity?: 'off' | 'error' | 'warning' | 'information' | 'hint'; thresholds?: Record<string, number> };

// ---------------------------------------------------------------- language server → extension (notifications)

export interface Notification<Method extends string, Params> {
  readonly method: Method;
  readonly types?: (params: Params) => void;
}
const notification = <Params>() => <Method extends string>(method: Method): Notification<Method, Params> => ({ method });

export const progress = notification<AnalysisProgress>()('sigmascope/progress');
/** Rows that have just been computed; sent at most every 50 ms. */
export const layersDone = notification<{ document: string; rows: LayerRow[] }>()('sigmascope/layersDone');
/** A worker process ended by itself; its layer is retried once, then failed. */
export const workerLost = notification<{ document: string; layer: string; reason: string; retried: boolean }>()('sigmascope/workerLost');
/** The SHA-256 of a model, once the background has it. */
export const modelHashed = notification<{ document: string; sha256: string }>()('sigmascope/modelHashed');

export interface AnalysisProgress {
  document: string;
  /** The layer now, or null between layers. */
  layer: string | null;
  done: number;
  total: number;
}

// ---------------------------------------------------------------- extension ↔ report panel and spectrum view

export type ToWebview =
  /** First message after `ready`. `strings` are the localised texts, by their English text. */
  | { type: 'initialise'; view: 'report' | 'spectrum'; strings: Record<string, string>; restored: WebviewState | null }
  | { type: 'overview'; overview: ReportOverview }
  /** The same; `overview.rows` is empty, and `rows` is the text of `PackedRows` in UTF-8. */
  | { type: 'packedOverview'; overview: ReportOverview; rows: Uint8Array }
  /** The model's SHA-256, computed meanwhile. */
  | { type: 'hashed'; sha256: string }
  | { type: 'rows'; rows: LayerRow[] }
  | { type: 'progress'; progress: AnalysisProgress }
  | { type: 'state'; state: OverviewState; message: string | null }
  | { type: 'layerDetail'; layer: string; detail: LayerDetail | null; error: string | null }
  /** The one selection shared by tree, report and side view. */
  | { type: 'select'; layer: string | null }
  /** A keybinding of the editor that the panel acts on. */
  | { type: 'command'; command: PanelCommand }
  | { type: 'workerLost'; layer: string; reason: string; retried: boolean }
  | { type: 'error'; message: string; actions: ('openLog' | 'retry')[] };

export type FromWebview =
  | { type: 'ready' }
  | { type: 'analyze' }
  | { type: 'cancel' }
  | { type: 'retry'; layers: string[] }
  | { type: 'requestLayer'; layer: string }
  | { type: 'select'; layer: string | null }
  | { type: 'saveState'; state: WebviewState }
  | { type: 'openRule'; rule: string }
  | { type: 'openLog' }
  | { type: 'silence'; rule: string; layer: string | null }
  | { type: 'unsilence'; rule: string; layer: string | null }
  | { type: 'exportReport' }
  | { type: 'copyValues'; layer: string; format: 'csv' | 'numpy' }
  | { type: 'copyText'; text: string }
  /** A chart as SVG text, PNG (base64 without prefix) or CSV; the extension asks where to. */
  | { type: 'saveFile'; suggestedName: string; content: string; encoding: 'text' | 'base64' };

/**
 * The rows of an overview, field by field: a field has the same value in all rows, is another field once more, or has a
 * value for each row. As bytes they pass from hop to hop between editor and panel untouched; as objects they would be
 * written and parsed at each, and 10,000 rows are 5 MB of text.
 */
export interface PackedRows {
  count: number;
  fields: Record<string, { all: unknown } | { as: string } | { each: unknown[] }>;
}

export type PanelCommand = 'tab1' | 'tab2' | 'previousLayer' | 'nextLayer' | 'worstLayer' | 'nextFinding' | 'previousFinding' | 'tableTwin' | 'exportChart' | 'filter' | 'escape';

/** Kept by getState/setState and the panel serializer, so that a reload shows the same place. */
export interface WebviewState {
  document: string;
  origin: 'model' | 'savedReport';
  tab: 'overview' | 'weights';
  layer: string | null;
  sort: { column: string; descending: boolean } | null;
  filter: string;
  tables: string[];
}

// ---------------------------------------------------------------- server ↔ worker processes

export interface WorkerUnit {
  /** Model.Layer as plain JSON; typed in server/analyses. */
  layer: unknown;
  operator: 'none' | 'norms' | 'full';
  seed: number;
  memoryLimitBytes: number;
  /** Rows of the matrix's longer side that are read at a time; null or absent: the whole matrix. */
  streamedRows?: number | null;
  /** Also the columns of `--format weightwatcher`. */
  weightWatcher: boolean;
  /** Threads that one large matrix may use. */
  threads: number;
}

export interface WorkerEvent {
  /** Share 0…1 of the unit's work. */
  fraction: number;
}

/** How a unit ended in its worker. `result` is what the analysis computed, as plain JSON; typed in server/analyses. */
export type WorkerOutcome =
  | { state: 'done'; result: unknown }
  /** Refused for memory before anything was read. */
  | { state: 'refused'; reason: string }
  /** One sentence. unreadable: the weights cannot be read; internal: a mistake of the program; lost: the process ended twice. */
  | { state: 'failed'; code: 'unreadable' | 'internal' | 'lost'; reason: string };

export type { CostEstimate, Report };
