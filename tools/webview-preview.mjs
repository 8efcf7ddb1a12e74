// Pages that show the report panel without an editor: a small host answers the panel's messages from a report.
//   node tools/webview-preview.mjs REPORT.json OUT.html [--theme dark|light|high-contrast] [--view report|spectrum]
//     [--state listed|running|cancelled|failed|stale] [--layer ID] [--tab overview|weights|jacobians] [--repeat N]
// `--repeat` copies the layers N times under numbered names, to look at models of thousands of layers.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const nonce = 'preview';
const themes = {
  dark: { bodyClass: 'vscode-dark', variables: { 'editor-background': '#1F1F1F', foreground: '#CCCCCC', focusBorder: '#0078D4', 'panel-border': '#2B2B2B', 'panelTitle-activeBorder': '#0078D4', 'panelTitle-activeForeground': '#CCCCCC', 'panelTitle-inactiveForeground': '#9D9D9D', 'sideBar-background': '#181818', 'editorError-foreground': '#F14C4C', 'editorWarning-foreground': '#CCA700', 'editorInfo-foreground': '#59A4F9', 'button-background': '#0078D4', 'button-foreground': '#FFFFFF', 'button-secondaryBackground': '#313131', 'button-secondaryForeground': '#CCCCCC', 'input-background': '#313131', 'input-border': '#3C3C3C', 'input-foreground': '#CCCCCC', 'input-placeholderForeground': '#989898', 'badge-background': '#616161', 'badge-foreground': '#F8F8F8', 'textLink-foreground': '#4DAAFC', 'progressBar-background': '#0078D4', 'editorHoverWidget-background': '#202020', 'editorHoverWidget-border': '#454545', 'list-hoverBackground': '#2A2D2E', 'list-activeSelectionBackground': '#04395E', 'list-activeSelectionForeground': '#FFFFFF' } },
  light: { bodyClass: 'vscode-light', variables: { 'editor-background': '#FFFFFF', foreground: '#3B3B3B', focusBorder: '#005FB8', 'panel-border': '#E5E5E5', 'panelTitle-activeBorder': '#005FB8', 'panelTitle-activeForeground': '#3B3B3B', 'panelTitle-inactiveForeground': '#3B3B3B', 'sideBar-background': '#F8F8F8', 'editorError-foreground': '#E51400', 'editorWarning-foreground': '#BF8803', 'editorInfo-foreground': '#0063D3', 'button-background': '#005FB8', 'button-foreground': '#FFFFFF', 'button-secondaryBackground': '#E5E5E5', 'button-secondaryForeground': '#3B3B3B', 'input-background': '#FFFFFF', 'input-border': '#CECECE', 'input-foreground': '#3B3B3B', 'input-placeholderForeground': '#767676', 'badge-background': '#CCCCCC', 'badge-foreground': '#3B3B3B', 'textLink-foreground': '#005FB8', 'progressBar-background': '#005FB8', 'editorHoverWidget-background': '#F8F8F8', 'editorHoverWidget-border': '#C8C8C8', 'list-hoverBackground': '#F2F2F2', 'list-activeSelectionBackground': '#E8E8E8', 'list-activeSelectionForeground': '#000000' } },
  'high-contrast': { bodyClass: 'vscode-high-contrast', variables: { 'editor-background': '#000000', foreground: '#FFFFFF', focusBorder: '#F38518', contrastBorder: '#6FC3DF', contrastActiveBorder: '#F38518', 'panel-border': '#6FC3DF', 'panelTitle-activeBorder': '#6FC3DF', 'panelTitle-activeForeground': '#FFFFFF', 'panelTitle-inactiveForeground': '#FFFFFF', 'sideBar-background': '#000000', 'editorError-foreground': '#F48771', 'editorWarning-foreground': '#FFD370', 'editorInfo-foreground': '#3794FF', 'button-foreground': '#FFFFFF', 'button-secondaryForeground': '#FFFFFF', 'input-background': '#000000', 'input-border': '#6FC3DF', 'input-foreground': '#FFFFFF', 'badge-background': '#000000', 'badge-foreground': '#FFFFFF', 'textLink-foreground': '#21A6FF', 'progressBar-background': '#6FC3DF', 'editorHoverWidget-background': '#0C141F', 'editorHoverWidget-border': '#6FC3DF' } },
};
const fonts = { 'font-family': '"Segoe UI", Ubuntu, "Liberation Sans", "DejaVu Sans", system-ui, sans-serif', 'font-size': '13px', 'editor-font-family': 'Consolas, "Ubuntu Mono", "DejaVu Sans Mono", monospace' };

const { positional, options } = readArguments(process.argv.slice(2));
const [reportFile, outFile] = positional;
if (outFile === undefined) throw new Error('Give a report (JSON) and the page to write.');
const { overviewOf, layerDetailOf, embeddedJacobians } = await reportFunctions();
const report = repeated(JSON.parse(readFileSync(reportFile, 'utf8')), Number(options.repeat ?? 1));
const state = options.state ?? 'done';
const overview = overviewOf(report, report.model.path, 'model', state);
if (state === 'listed' || state === 'running' || state === 'cancelled') forget(overview, state === 'listed' ? 0 : Math.ceil(overview.rows.length / 3));
overview.cost = { seconds: 0.4, peakBytes: 820_000, refused: 0 };
const details = Object.fromEntries(report.layers.slice(0, 200).map((layer) => [layer.id, layerDetailOf(report, layer.id)]));
const jacobians = embeddedJacobians(report);
const bundle = await esbuild.build({ entryPoints: [path.join(root, 'webview/main.ts')], bundle: true, platform: 'browser', target: 'es2022', format: 'iife', minify: options.readable === undefined, loader: { '.css': 'text' }, write: false, logLevel: 'error' });
mkdirSync(path.dirname(path.resolve(outFile)), { recursive: true });
writeFileSync(outFile, page(bundle.outputFiles[0].text));

function page(script) {
  const theme = themes[options.theme ?? 'dark'];
  if (theme === undefined) throw new Error(`There is no theme "${options.theme}"; choose one of ${Object.keys(themes).join(', ')}.`);
  const variables = Object.entries({ ...fonts, ...theme.variables }).map(([name, value]) => `--vscode-${name}:${value}`).join(';');
  const layer = options.layer ?? null;
  const restored = options.tab === undefined ? null : { document: overview.document, origin: 'model', tab: options.tab, layer, sort: null, filter: '', tables: [] };
  const data = JSON.stringify({ overview, details, jacobians, restored, layer, view: options.view ?? 'report' }).replaceAll('<', '\\u003c');
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sigmascope preview</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; img-src data:">
<style nonce="${nonce}">html{${variables}} body{font-family:var(--vscode-font-family)}</style></head><body class="${theme.bodyClass}"><div id="root"></div>
<script nonce="${nonce}">(${host.toString()})(${data});</script>
<script nonce="${nonce}">${script.replaceAll('</script', '<\\/script')}</script></body></html>`;
}

/** Runs in the page: the editor's side of the protocol. Messages are kept in window.previewMessages. */
function host({ overview, details, jacobians, restored, layer, view }) {
  const pictures = (window.previewPictures ??= {});
  const messages = (window.previewMessages = []);
  const send = (window.previewSend = (message) => window.postMessage(message, '*'));
  window.previewData = { overview, details };
  let kept;
  window.acquireVsCodeApi = () => ({
    getState: () => kept,
    setState: (state) => (kept = state),
    postMessage: (message) => {
      messages.push(message);
      if (message.type === 'ready') {
        send({ type: 'initialise', view, strings: {}, restored });
        send({ type: 'overview', overview });
        if (overview.state === 'running') send({ type: 'progress', progress: { document: overview.document, layer: overview.rows.find((row) => row.state === 'pending')?.id ?? null, done: overview.rows.filter((row) => row.state === 'done').length, total: overview.rows.length } });
        if (layer !== null) send({ type: 'select', layer });
      }
      if (message.type === 'requestLayer') send({ type: 'layerDetail', layer: message.layer, detail: details[message.layer] ?? null, error: null });
      if (message.type === 'requestJacobian') {
        const found = jacobians.find(({ detail }) => detail.layer === message.layer && detail.call === message.call && detail.kind === message.kind);
        const values = message.input === null ? undefined : found?.curves?.[String(message.input)];
        const detail = found === undefined ? null : { ...found.detail, input: values === undefined ? null : { index: message.input, values } };
        send({ ...message, type: 'jacobianDetail', detail, error: null });
      }
      // The page has no file of inputs: pictures are put into window.previewPictures by who has them.
      if (message.type === 'requestPicture') send({ type: 'inputPicture', index: message.index, picture: pictures[message.index] ?? null });
    },
  });
}

function repeated(report, times) {
  if (times <= 1) return report;
  const layers = [];
  for (let copy = 0; copy < times; copy += 1) for (const layer of report.layers) layers.push({ ...layer, id: `blocks.${copy}.${layer.id}`, findings: copy % 50 === 0 ? layer.findings.map((finding) => ({ ...finding, layer: `blocks.${copy}.${layer.id}` })) : [] });
  return { ...report, layers, findings: layers.flatMap((layer) => layer.findings) };
}

function forget(overview, kept) {
  overview.findings = [];
  for (const row of overview.rows.slice(kept)) Object.assign(row, { state: 'pending', severity: null, findings: 0, spectralNorm: null, energyRank90: null, stableRank: null, conditionNumber: null, alpha: null, marchenkoPasturPValue: null, cartan: null, sparkline: null });
}

async function reportFunctions() {
  const out = path.join(root, 'node_modules/.cache/webview-preview/report.mjs');
  await esbuild.build({ stdin: { contents: "export { overviewOf } from './server/report/overview'; export { layerDetailOf } from './server/report/layerDetail'; export { embeddedJacobians } from './server/report/jacobianDetail';", resolveDir: root, loader: 'ts' }, bundle: true, platform: 'node', format: 'esm', outfile: out, logLevel: 'error' });
  return import(pathToFileURL(out).href);
}

function readArguments(given) {
  const positional = [];
  const options = {};
  for (let i = 0; i < given.length; i += 1) {
    if (given[i].startsWith('--')) options[given[i].slice(2)] = given[(i += 1)];
    else positional.push(given[i]);
  }
  return { positional, options };
}
