import type { AnalysisSettings, Report } from './report/report.js';
import type { InputPicture, JacobianDetail, JacobianKind, JacobianOverview, JacobianRow } from './report/jacobianViews.js';
import type { InputsMistake, InputsPreview } from './report/inputsPreview.js';
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
/** The singular values of one Jacobian of an open document; null while it is not computed. `layer` null: the output. */
export const jacobianDetail = request<{ document: string; layer: string | null; call: number; kind: JacobianKind; input: number | null }, JacobianDetail | null>()('sigmascope/jacobianDetail');
/** The report in another format; the text itself or, with `file`, written there (then "" is returned). */
export const renderReport = request<{ document: string; format: RenderFormat; file?: string }, string>()('sigmascope/render');
/** A layer's singular values for the clipboard, in full precision. */
export const copyValues = request<{ document: string; layer: string; format: 'csv' | 'numpy' }, string>()('sigmascope/copyValues');
/** What the tree shows of a model file: by content, headers only. Null: not a model. */
export const modelSummary = request<{ path: string }, ModelSummary | null>()('sigmascope/modelSummary');
export const clearCache = request<Record<string, never>, { entries: number; bytes: number }>()('sigmascope/clearCache');
/** Tries inputs out: without a request those of the last analysis, else those that sigmascope.json names for the model. Cancelling ends the worker that does it. */
export const previewInputs = request<{ path: string; request: InputsRequest | null; pictures: number }, InputsProposal>()('sigmascope/previewInputs');
/** Of these files and folders of pictures, those that hold inputs; those that fit the model first. Reads headers only. */
export const inputsCandidates = request<{ path: string; files: string[] }, { expected: ExpectedInput | null; candidates: { file: string; content: string; fits: boolean }[] }>()('sigmascope/inputsCandidates');
/** One input of the document's last analysis, or of those that sigmascope.json names; null: it is no picture. */
export const inputPicture = request<{ document: string; index: number }, InputPicture | null>()('sigmascope/inputPicture');
/** Forgets a document that no panel shows any longer. */
export const closeDocument = request<{ document: string }, null>()('sigmascope/closeDocument');

export interface AnalyzeSettings extends Partial<AnalysisSettings> {
  /** Layers to do again although they are done (after a lost worker). */
  retry?: string[];
  /** Inputs of the Jacobians; null or absent: those of the last analysis, else those that sigmascope.json names for the model. */
  inputs?: InputsRequest | 'synthetic' | null;
  /** How many of them are looked at; absent: as in the last analysis, else as sigmascope.json says, or 100. */
  samples?: number;
  precision?: 'float32' | 'float64';
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

/** Inputs as a form shows them before they are used. */
export interface InputsProposal {
  /** What was tried out; null: none was asked for, and sigmascope.json names none. */
  request: InputsRequest | null;
  /** As in the last analysis, else as sigmascope.json says. */
  samples: number | null;
  /** sigmascope.json names these very inputs for the model. */
  declared: boolean;
  /** What the model takes; null: nothing. */
  expected: ExpectedInput | null;
  /** Arrays of the npz; null for other files. */
  arrays: { name: string; dtype: string; shape: number[] }[] | null;
  preview: InputsPreview | null;
  mistake: InputsMistake | null;
}

/** A file, or a folder of pictures, to choose inputs from. */
export interface InputsChoice {
  /** As a request names it. */
  file: string;
  /** From the workspace folder. */
  label: string;
  /** What it holds, by its header; null where that is not known. */
  content: string | null;
  fits: boolean;
}

export interface ExpectedInput {
  name: string;
  dtype: string;
  shape: (number | string | null)[] | null;
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
/** The Jacobians as a whole, at the start and the end of their run; null with the reason where there are none. */
export const jacobians = notification<{ document: string; overview: JacobianOverview | null; reason: string | null }>()('sigmascope/jacobians');
/** Rows of Jacobians that have just been computed. */
export const jacobianRows = notification<{ document: string; rows: JacobianRow[]; done: number; total: number }>()('sigmascope/jacobianRows');
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
  /** The Jacobians as a whole, at the start and at the end of their run; null: there are none, and `reason` says why (null: they have not been asked for). */
  | { type: 'jacobians'; overview: JacobianOverview | null; reason: string | null }
  /** Rows as they are done. */
  | { type: 'jacobianRows'; rows: JacobianRow[]; done: number; total: number }
  /** Answers `requestJacobian`. */
  | { type: 'jacobianDetail'; layer: string | null; call: number; kind: JacobianKind; input: number | null; detail: JacobianDetail | null; error: string | null }
  /** Answers `requestPicture`; null: this input is no picture. */
  | { type: 'inputPicture'; index: number; picture: InputPicture | null }
  /** Opens the form for inputs, or closes it. */
  | { type: 'inputsForm'; open: boolean }
  /** Files of the workspace that hold inputs, those that fit first. */
  | { type: 'inputsCandidates'; candidates: InputsChoice[] }
  /** Answers `previewInputs` by its `id`; the sentence of `error` says why there is no proposal. */
  | { type: 'inputsPreview'; id: number; proposal: InputsProposal | null; error: string | null }
  /** Answers `browseInputs`. */
  | { type: 'inputsFile'; field: 'file' | 'labels'; choice: InputsChoice }
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
  /** `layer` null: the output; `input`: place in the file of the input whose curve is drawn beside the quantiles. */
  | { type: 'requestJacobian'; layer: string | null; call: number; kind: JacobianKind; input: number | null }
  | { type: 'requestPicture'; index: number }
  /** Asks which inputs, and how they are prepared; then the analysis runs. */
  | { type: 'chooseInputs' }
  /** Tries inputs out; null: those of the last analysis, or of sigmascope.json. A question ends the one before. */
  | { type: 'previewInputs'; id: number; request: InputsRequest | null }
  | { type: 'browseInputs'; field: 'file' | 'labels'; folder: boolean }
  /** Closes the form and runs the analysis; `remember` writes the inputs to sigmascope.json first. */
  | { type: 'useInputs'; request: InputsRequest; samples: number | null; remember: boolean }
  | { type: 'leaveInputs' }
  /** synthetic: on 16 random inputs; else on the inputs that were chosen last. */
  | { type: 'analyzeJacobians'; synthetic: boolean }
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

export type PanelCommand = 'tab1' | 'tab2' | 'tab3' | 'previousLayer' | 'nextLayer' | 'worstLayer' | 'nextFinding' | 'previousFinding' | 'tableTwin' | 'exportChart' | 'filter' | 'escape';

/** Kept by getState/setState and the panel serializer, so that a reload shows the same place. */
export interface WebviewState {
  document: string;
  origin: 'model' | 'savedReport';
  tab: 'overview' | 'weights' | 'jacobians';
  layer: string | null;
  /** What the Jacobians tab shows; absent until somebody chose. */
  jacobians?: { kind: JacobianKind; input: number | null };
  sort: { column: string; descending: boolean } | null;
  filter: string;
  tables: string[];
}

// ---------------------------------------------------------------- server ↔ worker processes

/** One piece of an analysis, which a worker process can carry out by itself. */
export type WorkerUnit = WeightUnit | JacobianUnit | PreviewUnit;

/** The weights of one layer. */
export interface WeightUnit {
  analysis: 'weights';
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

/** A question about the derivatives of a network at inputs; a worker keeps the network open from one to the next. */
export interface JacobianUnit {
  analysis: 'jacobian';
  /** JacobianTask as plain JSON; typed in server/analyses. */
  task: unknown;
}

/** A question about inputs that a person is choosing. */
export interface PreviewUnit {
  analysis: 'preview';
  /** PreviewTask as plain JSON; typed in server/analyses. */
  task: unknown;
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
  /** One sentence. unreadable: the weights or the inputs cannot be read; usage: an option does not fit them; internal: a mistake of the program; lost: the process ended twice. */
  | { state: 'failed'; code: FailureCode; reason: string };

export type FailureCode = 'unreadable' | 'usage' | 'internal' | 'lost';

export type { CostEstimate, Report };
