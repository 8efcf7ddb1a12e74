import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { runInNewContext } from 'node:vm';
import { renderReport } from '../../../server/report/index.js';
import { inlineJson, renderHtml } from '../../../server/report/render/html.js';
import type { LayerDetail, ReportOverview } from '../../../server/report/views.js';
import { hostile, hostileNames, manyLayers, noLayers, smallClassifier } from '../../support/oddReports.js';
import { geometric, layerOf, reportOf } from '../../support/reports.js';

const bundle = 'const s = "</script><!--<script>"; document.title += s;\r\n';
const page = (report = smallClassifier()): string => renderHtml(report, { script: bundle });

/** Content of the elements of a tag, by the rule of the HTML standard for raw text: up to the first end tag. */
function contents(html: string, tag: string): { attributes: string; text: string }[] {
  return Array.from(html.matchAll(new RegExp(`<${tag}([^>]*)>`, 'gu')), (match) => {
    const start = match.index + match[0].length;
    return { attributes: match[1], text: html.slice(start, html.indexOf(`</${tag}`, start)) };
  });
}

function embedded(html: string): { overview: ReportOverview; details: Record<string, LayerDetail> } {
  const data = contents(html, 'script').find(({ attributes }) => attributes.includes('id="sigmascope-report"'));
  assert.ok(data);
  return JSON.parse(data.text) as ReturnType<typeof embedded>;
}

describe('html report', () => {
  it('allows exactly its own two scripts by their hashes, and nothing from elsewhere', () => {
    const html = page();
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/u.exec(html)?.[1].replaceAll('&#39;', "'") ?? '';
    assert.match(policy, /^default-src 'none'; /u);
    assert.doesNotMatch(policy, /unsafe-eval|https?:|script-src[^;]*unsafe-inline/u);
    const scripts = contents(html, 'script').filter(({ attributes }) => attributes === '');
    assert.equal(scripts.length, 2);
    const hashes = scripts.map(({ text }) => `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`);
    assert.equal(/script-src ([^;]*)/u.exec(policy)?.[1], hashes.join(' '));
    assert.doesNotMatch(html, /\ssrc=|\shref=|url\(/u);
  });

  it('writes the bundle so that nothing in it ends the element, and it still means the same', () => {
    const script = contents(page(), 'script').at(-1)?.text ?? '';
    assert.doesNotMatch(script, /<\/script|<!--|<script|\r/iu);
    const document = { title: '' };
    runInNewContext(script, { document });
    assert.equal(document.title, '</script><!--<script>');
  });

  it('holds the overview and a detail for every layer', () => {
    const { overview, details } = embedded(page());
    assert.equal(overview.rows.length, 5);
    assert.equal(overview.state, 'done');
    assert.deepEqual(Object.keys(details), overview.rows.map((row) => row.id));
    assert.equal(details.linear1.spectrum?.curve.x.length, 100);
    assert.match(overview.answer.verdict, /^Nothing is broken/u);
  });

  it('lets no name of the model become markup', () => {
    const html = page(hostile());
    assert.doesNotMatch(html, /<img|<b>onerror|<script>alert/iu);
    assert.equal(contents(html, 'script').length, 3, 'data, theme, bundle');
    const { overview, details } = embedded(html);
    assert.deepEqual(overview.rows.map((row) => row.id), hostileNames);
    assert.ok(Object.hasOwn(details, '__proto__'));
  });

  it('keeps line separators and angle brackets out of the embedded JSON', () => {
    const text = inlineJson({ name: '</script>\u2028\u2029<!--' });
    assert.doesNotMatch(text, /[<>\u2028\u2029]/u);
    assert.deepEqual(JSON.parse(text), { name: '</script>\u2028\u2029<!--' });
  });

  it('shows findings and layers as tables without scripts', () => {
    const fallback = contents(page(), 'noscript')[0].text;
    assert.match(fallback, /<b>Nothing is broken; 2 of 5 layers have dead units\.<\/b>/u);
    assert.equal(fallback.match(/<table>/gu)?.length, 2);
    assert.match(fallback, /weights\/dead-units/u);
    assert.match(contents(page(noLayers()), 'noscript')[0].text, /There is no layer to analyse\./u);
  });

  it('stays small for many and for large layers', () => {
    const wide = reportOf(Array.from({ length: 40 }, (_, i) => layerOf({ id: `w${i}`, shape: [2048, 2048], values: geometric(2048, 3, 1e-3) })));
    const size = page(wide).length;
    assert.ok(size < 12e6, `${size} bytes`);
    assert.ok(page(manyLayers()).length < 4e6);
    const many = manyLayers();
    many.layers = Array.from({ length: 2000 }, (_, i) => ({ ...many.layers[i % 300], id: `layer${i}`, findings: i === 1999 ? many.layers[0].findings : [] }));
    const { overview, details } = embedded(page(many));
    assert.equal(overview.rows.length, 2000);
    assert.equal(Object.keys(details).length, 1500);
    assert.ok(Object.hasOwn(details, 'layer1999'), 'layers with findings come first');
  });

  it('is what renderReport makes, which asks for what it lacks', () => {
    assert.equal(renderReport('html', smallClassifier(), { assets: () => ({ script: bundle }) }), page());
    assert.throws(() => renderReport('html', smallClassifier()), /--format html needs the built webview bundle/u);
    assert.throws(() => renderReport('weightwatcher', smallClassifier()), /computed from the weights/u);
  });
});
