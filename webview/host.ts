import type { FromWebview, ToWebview, WebviewState } from '../server/protocol.js';
import type { EmbeddedJacobian, JacobianDetail } from '../server/report/jacobianViews.js';
import type { LayerDetail, ReportOverview } from '../server/report/views.js';
import { unpackRows } from './unpackRows.js';

/** Where the panel lives: inside the editor, or alone in a saved page. */
export interface Host {
  /** false in a saved page: nothing can be run, silenced or opened there. */
  readonly live: boolean;
  post(message: FromWebview): void;
  listen(receive: (message: ToWebview) => void): void;
  loadState(): WebviewState | null;
  saveState(state: WebviewState): void;
}

/** The report inside a saved page: `<script type="application/json" id="sigmascope-report">`. */
export interface EmbeddedReport {
  overview: ReportOverview;
  /** By layer id; a layer that is missing has no curves. */
  details: Record<string, LayerDetail>;
  /** Absent in pages of earlier versions. */
  jacobians?: readonly EmbeddedJacobian[];
}

export const embeddedReportId = 'sigmascope-report';

interface EditorApi {
  postMessage(message: FromWebview): void;
  getState(): unknown;
  setState(state: WebviewState): void;
}
declare function acquireVsCodeApi(): EditorApi;

/** The host of this page: the embedded report where there is one, else the editor. Throws where there is neither. */
export function findHost(): Host {
  const embedded = document.getElementById(embeddedReportId);
  if (embedded !== null) return embeddedHost(JSON.parse(embedded.textContent) as EmbeddedReport);
  if (typeof acquireVsCodeApi === 'function') return editorHost(acquireVsCodeApi());
  throw new Error('This page holds no report: neither an editor nor an embedded report was found.');
}

function editorHost(api: EditorApi): Host {
  return {
    live: true,
    post: (message) => api.postMessage(message),
    listen: (receive) => window.addEventListener('message', (event: MessageEvent<ToWebview>) => receive(unpacked(event.data))),
    loadState: () => (isState(api.getState()) ? (api.getState() as WebviewState) : null),
    saveState: (state) => {
      api.setState(state);
      api.postMessage({ type: 'saveState', state });
    },
  };
}

function unpacked(message: ToWebview): ToWebview {
  return message.type === 'packedOverview' ? { type: 'overview', overview: { ...message.overview, rows: unpackRows(message.rows) } } : message;
}

function embeddedHost(report: EmbeddedReport): Host {
  let receive: (message: ToWebview) => void = () => undefined;
  const answer = (message: ToWebview): void => {
    queueMicrotask(() => receive(message));
  };
  return {
    live: false,
    listen: (listener) => (receive = listener),
    loadState: () => null,
    saveState: () => undefined,
    post: (message) => {
      switch (message.type) {
        case 'ready':
          answer({ type: 'initialise', view: 'report', strings: {}, restored: null });
          answer({ type: 'overview', overview: report.overview });
          return;
        case 'requestLayer': {
          const detail = Object.hasOwn(report.details, message.layer) ? report.details[message.layer] : null;
          answer({ type: 'layerDetail', layer: message.layer, detail, error: null });
          return;
        }
        case 'requestJacobian':
          answer({ ...message, type: 'jacobianDetail', detail: embeddedDetail(report.jacobians ?? [], message), error: null });
          return;
        case 'requestPicture':
          answer({ type: 'inputPicture', index: message.index, picture: null });
          return;
        case 'copyText':
          navigator.clipboard.writeText(message.text).catch(() => download('layers.csv', message.text, 'text'));
          return;
        case 'saveFile':
          download(message.suggestedName, message.content, message.encoding);
          return;
        default:
          return;
      }
    },
  };
}

function embeddedDetail(jacobians: readonly EmbeddedJacobian[], { layer, call, kind, input }: FromWebview & { type: 'requestJacobian' }): JacobianDetail | null {
  const found = jacobians.find(({ detail }) => detail.layer === layer && detail.call === call && detail.kind === kind);
  if (found === undefined) return null;
  const values = input === null ? undefined : found.curves?.[String(input)];
  return { ...found.detail, input: input === null || values === undefined ? null : { index: input, values } };
}

function download(name: string, content: string, encoding: 'text' | 'base64'): void {
  const parts = encoding === 'text' ? content : Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
  const address = URL.createObjectURL(new Blob([parts]));
  const anchor = document.createElement('a');
  anchor.href = address;
  anchor.download = name;
  anchor.click();
  URL.revokeObjectURL(address);
}

function isState(value: unknown): value is WebviewState {
  return typeof value === 'object' && value !== null && 'document' in value && 'tab' in value && 'tables' in value;
}
