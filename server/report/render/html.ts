import { createHash } from 'node:crypto';
import { fileName } from '../facts.js';
import { embeddedJacobians } from '../jacobianDetail.js';
import { layerDetailOf } from '../layerDetail.js';
import { overviewOf } from '../overview.js';
import type { LayerReport, Report } from '../report.js';
import { maximumCurvePoints, type LayerDetail } from '../views.js';
import { htmlFallback } from './htmlFallback.js';
import { escapeHtml } from './htmlText.js';
import { pageStyle } from './pageStyle.js';
import { stateOf } from './text.js';

export interface HtmlAssets {
  /** The built webview bundle, which draws the embedded report. */
  script: string;
}

/** Points of all curves of a page together: at about ten bytes each the page stays below some 20 MB. */
const pointsOfPage = 1_000_000;
/** The x and y arrays of the four curves of a layer. */
const arraysOfLayer = 8;
/** Coarser curves do not show a spectrum's shape any more. */
const fewestPoints = 64;
/** Layers with curves: at about 10 kB each, which even coarse curves and the numbers beside them take, they fill the page. */
const layersWithCurves = 1500;
/** Digits of the numbers in curves: a screen shows no more; the tables' numbers keep all theirs. */
const curveDigits = 7;

/** Sets the theme classes of the editor's webviews by the system's theme, before the bundle reads them. */
const themeScript =
  "(function(){var m=matchMedia('(prefers-color-scheme: light)');function s(){document.body.classList.toggle('vscode-light',m.matches);document.body.classList.toggle('vscode-dark',!m.matches)}s();m.addEventListener('change',s)})();";

/**
 * The report as one page that needs nothing else: the webview's bundle beside the report's data, and tables for
 * readers without scripts. Opens by double click; the policy lets no request out and runs these two scripts only.
 * Cost O(n log n) in the number of singular values.
 */
export function renderHtml(report: Report, assets: HtmlAssets): string {
  const overview = overviewOf(report, report.model.path, 'savedReport', stateOf(report));
  const layers = chosenLayers(report.layers);
  const points = Math.max(fewestPoints, Math.min(maximumCurvePoints, Math.floor(pointsOfPage / (arraysOfLayer * Math.max(1, layers.length)))));
  const details = Object.fromEntries(
    layers.flatMap((layer) => {
      const detail = layerDetailOf(report, layer.id, points);
      return detail === null ? [] : [[layer.id, rounded(detail)] as const];
    }),
  );
  const scripts = [themeScript, inlineScript(assets.script)];
  const policy = [
    "default-src 'none'",
    `script-src ${scripts.map(hashSource).join(' ')}`,
    // Charts set style attributes; without images from elsewhere styles can send nothing out.
    "style-src 'unsafe-inline'",
    'img-src data: blob:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const title = `${fileName(report.model.path)} – Sigmascope`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="sigmascope ${escapeHtml(report.tool.version)}">
<title>${escapeHtml(title)}</title>
<style>${pageStyle}</style>
</head>
<body class="vscode-light">
<noscript>
${htmlFallback(report, overview)}
</noscript>
<script type="application/json" id="sigmascope-report">${inlineJson({ overview, details, jacobians: embeddedJacobians(report) })}</script>
${scripts.map((script) => `<script>${script}</script>`).join('\n')}
</body>
</html>
`;
}

/** All layers or, of very many, those with findings first and then the first ones. */
function chosenLayers(layers: readonly LayerReport[]): LayerReport[] {
  const first = (a: LayerReport, b: LayerReport): number => Number(b.findings.length > 0) - Number(a.findings.length > 0);
  return layers.length <= layersWithCurves ? [...layers] : [...layers].sort(first).slice(0, layersWithCurves);
}

/** JSON that can stand inside a script element: no markup can begin in it, and it is also valid JavaScript. */
export function inlineJson(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('<', '\\u003c')
    .replaceAll('>', '\\u003e')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}

/** A bundle that can stand inside a script element: what would end the element is written with an escape. */
function inlineScript(script: string): string {
  return script
    .replaceAll('\r\n', '\n')
    .replace(/<(?=\/script)/giu, '\\x3C')
    .replace(/<(?=!--)/gu, '\\x3C')
    .replace(/<(?=script)/giu, '\\x3C');
}

function hashSource(script: string): string {
  return `'sha256-${createHash('sha256').update(script, 'utf8').digest('base64')}'`;
}

/** The curves with seven digits, which halves the page. */
function rounded(detail: LayerDetail): LayerDetail {
  const { spectrum, energy, noise, tail, operatorCurves } = detail;
  const round = (curve: { x: ArrayLike<number>; y: ArrayLike<number> }) => ({ x: short(curve.x), y: short(curve.y) });
  return {
    ...detail,
    spectrum: spectrum && { ...spectrum, curve: round(spectrum.curve) },
    energy: energy && { ...energy, curve: round(energy.curve) },
    noise: noise && { ...noise, binEdges: short(noise.binEdges), law: noise.law && round(noise.law) },
    tail: tail && { ...tail, curve: round(tail.curve), fit: tail.fit && round(tail.fit) },
    operatorCurves: operatorCurves.map((operator) => ({ ...operator, curve: round(operator.curve) })),
  };
}

function short(values: ArrayLike<number>): number[] {
  return Array.from(values, (value) => Number(value.toPrecision(curveDigits)));
}
