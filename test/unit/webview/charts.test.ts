import assert from 'node:assert/strict';
import type * as Vega from 'vega';
import type * as VegaLite from 'vega-lite';
import { layerDetailOf } from '../../../server/report/layerDetail.js';
import { overviewOf } from '../../../server/report/overview.js';
import type { Report } from '../../../server/report/report.js';
import type { LayerDetail, LayerRow } from '../../../server/report/views.js';
import { againstNoiseChart } from '../../../webview/charts/againstNoise.js';
import { type Chart, focusData, logTicks } from '../../../webview/charts/chart.js';
import { energyKeptChart } from '../../../webview/charts/energyKept.js';
import { operatorSpectrumChart } from '../../../webview/charts/operatorSpectrum.js';
import { singularValuesChart } from '../../../webview/charts/singularValues.js';
import { tailChart } from '../../../webview/charts/tail.js';
import { allDepthMetrics, layerTicks, namedDots, selectionData, stripMetrics, throughTheDepthChart } from '../../../webview/charts/throughTheDepth.js';
import { metricGroups } from '../../../webview/panels/metricRows.js';
import { oddReports, smallClassifier, troubled } from '../../support/oddReports.js';

/** Both are ES modules with a top-level await, which the bundled test can only import when it runs. */
let vega: typeof Vega;
let vegaLite: typeof VegaLite;

const theme = { font: 'sans-serif', width: 352, highContrast: false };

/** Vega-Lite's and Vega's complaints about a chart; compiling and parsing must not throw. */
function complaints(chart: Chart, highContrast = false): string[] {
  if (chart.specification === null) return [];
  const found: string[] = [];
  const logger: Vega.LoggerInterface = vega.logger(vega.Warn, 'warn', (_console: unknown, _level: unknown, parts: ArrayLike<unknown>) => found.push(Array.from(parts).join(' ')));
  const specification = chart.specification({ ...theme, highContrast });
  const { spec } = vegaLite.compile(specification as unknown as VegaLite.TopLevelSpec, { logger });
  vega.parse(spec, undefined, { ast: true });
  assert.ok(JSON.stringify(spec.data).includes(`"name":"${focusData}"`), `${chart.id} has a place for the focused point`);
  return found;
}

function detailsOf(report: Report): LayerDetail[] {
  return report.layers.flatMap((layer) => {
    const detail = layerDetailOf(report, layer.id);
    return detail === null ? [] : [detail];
  });
}

function chartsOf(detail: LayerDetail): Chart[] {
  const options = { noiseEdge: true, height: 210 };
  return [singularValuesChart(detail, { ...options, logarithmicIndex: false }), singularValuesChart(detail, { ...options, logarithmicIndex: true }), energyKeptChart(detail), againstNoiseChart(detail), tailChart(detail), operatorSpectrumChart(detail)];
}

const rowsOf = (report: Report): LayerRow[] => overviewOf(report, 'model.onnx', 'model', 'done').rows;

describe('charts', () => {
  before(async () => {
    vega = await import('vega');
    vegaLite = await import('vega-lite');
  });

  for (const [name, make] of Object.entries(oddReports)) {
    it(`of the report “${name}” compile and parse, or say why there is nothing to draw`, () => {
      const report = make();
      for (const detail of detailsOf(report).slice(0, 6)) {
        for (const chart of chartsOf(detail)) {
          assert.deepEqual(complaints(chart), [], `${chart.id} of ${detail.row.id}`);
          assert.ok(chart.label.length > 10);
          if (chart.specification === null) assert.ok(chart.note !== null && chart.note.length > 10, `${chart.id} of ${detail.row.id} says why it is empty`);
          assert.ok(chart.points.every((point) => Number.isFinite(point.x) && Number.isFinite(point.y)));
          for (const line of chart.table.rows) assert.equal(line.length, chart.table.columns.length);
        }
      }
      const rows = rowsOf(report);
      if (rows.length > 1) assert.deepEqual(complaints(throughTheDepthChart(rows, allDepthMetrics)), []);
    });
  }

  it('compile in high contrast', () => {
    for (const detail of detailsOf(smallClassifier())) for (const chart of chartsOf(detail)) assert.deepEqual(complaints(chart, true), []);
  });

  it('name every colour by a variable of the theme', () => {
    for (const detail of detailsOf(smallClassifier())) {
      for (const chart of chartsOf(detail)) assert.doesNotMatch(JSON.stringify(chart.specification?.(theme) ?? null), /#[0-9a-f]{3,8}\b|rgb\(/i);
    }
  });

  it('show all singular values in the table, also those that a log axis cannot', () => {
    const detail = detailsOf(smallClassifier())[0];
    assert.ok(detail.spectrum !== null);
    const values = Array.from(detail.spectrum.curve.y);
    values[values.length - 1] = 0;
    const chart = singularValuesChart({ ...detail, spectrum: { ...detail.spectrum, curve: { x: detail.spectrum.curve.x, y: values } } }, { logarithmicIndex: false, noiseEdge: true, height: 210 });
    assert.equal(chart.table.rows.length, values.length);
    assert.equal(chart.points.length, values.length - 1);
    assert.match(chart.note ?? '', /^1 value is .*not drawn/);
  });

  it('draw every value of a fitted tail, however small', () => {
    const detail = detailsOf(smallClassifier()).find((candidate) => candidate.tail !== null && candidate.metrics !== null);
    assert.ok(detail?.metrics);
    const x = [1e-12, 1e-9, 1e-6, 1e-3, 1];
    const fit = { value: 1.1, xmin: 1e-9, ks: 0.1, tail: 4, sigma: 0.05 };
    const chart = tailChart({ ...detail, metrics: { ...detail.metrics, alpha: fit }, tail: { curve: { x, y: [1, 0.8, 0.6, 0.4, 0.2] }, fit: null, firstFitted: 1 } });
    assert.deepEqual(chart.points.map((point) => point.x), x.slice(1));
    assert.match(chart.note ?? '', /1 smaller value is not drawn/);
  });

  it('bin thousands of layers to the width and keep a point for each', () => {
    const rows = rowsOf(smallClassifier());
    const many = Array.from({ length: 5000 }, (_, index) => ({ ...rows[index % rows.length], index, id: `layers.${index}` }));
    const chart = throughTheDepthChart(many, stripMetrics);
    assert.equal(chart.points.length, 5000);
    assert.deepEqual(complaints(chart), []);
    const drawn = JSON.stringify(chart.specification?.({ ...theme, width: 728 }) ?? null);
    assert.ok(drawn.length < 200_000, `the drawing holds ${drawn.length} characters`);
    assert.ok(drawn.includes(`"name":"${selectionData}"`));
  });

  it('name a layer that stands three median deviations from the rest, and no other', () => {
    const dots = [1, 1.1, 0.9, 1.05, 0.95, 1, 30].map((value, index) => ({ i: index + 1, id: `l${index}`, value }));
    assert.deepEqual(namedDots(dots).map((dot) => dot.id), ['l6']);
    assert.deepEqual(namedDots(dots.slice(0, 3)), []);
  });

  it('put log ticks on powers of ten, and between them where the range is short', () => {
    assert.deepEqual(logTicks(1e-5, 3.7), [1e-5, 1e-4, 1e-3, 0.01, 0.1, 1]);
    assert.deepEqual(logTicks(0.14, 8.2), [0.3, 1, 3]);
    assert.deepEqual(logTicks(1.1, 3.2), [2, 3]);
    assert.ok(logTicks(1e-12, 1, 6).length <= 7);
    assert.deepEqual(layerTicks(3), [1, 2, 3]);
    assert.deepEqual(layerTicks(52), [1, 10, 20, 30, 40, 50]);
  });

  it('give every number a definition and every missing one a reason', () => {
    for (const detail of [...detailsOf(smallClassifier()), ...detailsOf(troubled())]) {
      for (const line of metricGroups(detail).flatMap((group) => group.rows)) {
        assert.ok(line.definition.length > 2, line.field);
        if (line.value === null) assert.ok(line.reason.length > 5, `${detail.row.id}: ${line.field} has no reason`);
        else assert.doesNotMatch(line.value, /NaN|null|undefined/, line.field);
      }
    }
  });
});
