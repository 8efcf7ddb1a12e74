import assert from 'node:assert/strict';
import type * as Vega from 'vega';
import type * as VegaLite from 'vega-lite';
import { jacobianDetailOf } from '../../../server/report/jacobianDetail.js';
import type { InputsReport, JacobianReport } from '../../../server/report/jacobians.js';
import { jacobianOverviewOf } from '../../../server/report/jacobianView.js';
import { jacobianKinds, type JacobianDetail, type JacobianKind, type JacobianOverview } from '../../../server/report/jacobianViews.js';
import { type Chart, type ChartPoint, focusData } from '../../../webview/charts/chart.js';
import { jacobianDensityChart } from '../../../webview/charts/jacobianDensity.js';
import { jacobianDepthChart } from '../../../webview/charts/jacobianDepth.js';
import { binStarts, classOf, heatOf, heatPaths } from '../../../webview/charts/jacobianHeat.js';
import { jacobianInputsChart } from '../../../webview/charts/jacobianInputs.js';
import { jacobianSpectrumChart } from '../../../webview/charts/jacobianSpectrum.js';
import { inputColumnData, inputSelection, jacobianStretchChart, layerData, layerSelection, stretchDomain, type StretchOptions } from '../../../webview/charts/jacobianStretch.js';
import { boundWords, rowLines } from '../../../webview/charts/jacobianWords.js';
import { pictureScale } from '../../../webview/panels/jacobianInput.js';
import { jacobianGroups } from '../../../webview/panels/jacobianNumbers.js';
import { JacobiansModel } from '../../../webview/panels/jacobiansModel.js';
import { inputsOf, jacobiansOf, layerJacobians, smallNetwork, spectraOf } from '../../support/jacobianNetworks.js';

/** Both are ES modules with a top-level await, which the bundled test can only import when it runs. */
let vega: typeof Vega;
let vegaLite: typeof VegaLite;

const theme = { font: 'sans-serif', width: 728, highContrast: false };
const options: StretchOptions = { kind: 'inputToLayer', measure: 'stretch', input: 17, narrow: false };

function overviewOf(network: { inputs: InputsReport; jacobians: JacobianReport }): JacobianOverview {
  const overview = jacobianOverviewOf({ ...network, skipped: [] });
  assert.ok(overview);
  return overview;
}

function detailOf(network: { inputs: InputsReport; jacobians: JacobianReport }, layer: string | null, input: number | null, kind: JacobianKind = 'inputToLayer'): JacobianDetail {
  const detail = jacobianDetailOf({ ...network, skipped: [] }, { layer, call: 0, kind, input });
  assert.ok(detail);
  return detail;
}

/** `layers` uses with σ₁ = 1 + (layer·input mod 5), at `inputs` inputs. */
function deepNetwork(layers: number, inputs: number): { inputs: InputsReport; jacobians: JacobianReport } {
  const indices = Array.from({ length: inputs }, (_, i) => i);
  const spectra = (layer: number) => spectraOf(indices.map((input) => [1 + ((layer * input) % 5), 0.5]), { ranks: indices.map(() => 2) });
  const uses = Array.from({ length: layers }, (_, layer) => layerJacobians({ layer: `blocks.${layer}.attention.output.dense`, inputToLayer: spectra(layer), bound: 2 ** layer, boundReason: null }));
  return { inputs: inputsOf(indices), jacobians: jacobiansOf(indices, spectraOf(indices.map((i) => [inputs - i])), uses) };
}

/** Vega-Lite's and Vega's complaints about a chart; compiling and parsing must not throw. */
function complaints(chart: Chart, highContrast = false): string[] {
  assert.ok(chart.label.length > 10, chart.id);
  for (const line of chart.table.rows) assert.equal(line.length, chart.table.columns.length, chart.id);
  if (chart.specification === null) {
    assert.ok(chart.note !== null && chart.note.length > 10, `${chart.id} says why it is empty`);
    return [];
  }
  const found: string[] = [];
  const logger: Vega.LoggerInterface = vega.logger(vega.Warn, 'warn', (_console: unknown, _level: unknown, parts: ArrayLike<unknown>) => found.push(Array.from(parts).join(' ')));
  const specification = chart.specification({ ...theme, highContrast });
  assert.doesNotMatch(JSON.stringify(specification), /#[0-9a-f]{3,8}\b|rgb\(|NaN|Infinity/i, `${chart.id} names colours by variables of the theme`);
  const { spec } = vegaLite.compile(specification as unknown as VegaLite.TopLevelSpec, { logger });
  vega.parse(spec, undefined, { ast: true });
  assert.ok(JSON.stringify(spec.data).includes(`"name":"${focusData}"`), `${chart.id} has a place for the focused point`);
  return found;
}

function allCharts(network: { inputs: InputsReport; jacobians: JacobianReport }): Chart[] {
  const overview = overviewOf(network);
  const charts: Chart[] = [jacobianInputsChart(overview, 17), jacobianInputsChart(overview, null), jacobianSpectrumChart(detailOf(network, null, 17), overview), jacobianSpectrumChart(detailOf(network, null, null), overview)];
  for (const kind of jacobianKinds) {
    for (const measure of ['stretch', 'isometry'] as const) charts.push(jacobianStretchChart(overview, { ...options, kind, measure }), jacobianStretchChart(overview, { ...options, kind, measure, narrow: true }));
    charts.push(jacobianDepthChart(overview, { kind, input: 17 }));
  }
  return charts;
}

function step(chart: Chart, from: ChartPoint | null, key: string): ChartPoint {
  const point = chart.field?.step(from, key, theme.width);
  assert.ok(point, key);
  return point;
}

/** Of a run that has just begun. */
function runningOverview({ inputs, jacobians }: Pick<ReturnType<typeof smallNetwork>, 'inputs' | 'jacobians'>): JacobianOverview {
  const overview = jacobianOverviewOf({ inputs, jacobians: { ...jacobians, output: null, layers: [] }, skipped: [] }, 'running', jacobians.layers);
  assert.ok(overview);
  return overview;
}

describe('charts of Jacobians', () => {
  before(async () => {
    vega = await import('vega');
    vegaLite = await import('vega-lite');
  });

  it('compile and parse, or say why there is nothing to draw', () => {
    for (const chart of allCharts(smallNetwork())) for (const highContrast of [false, true]) assert.deepEqual(complaints(chart, highContrast), [], chart.id);
  });

  it('draw networks of zeros, of one input, without an output, and those that are still running', () => {
    const zero = { inputs: inputsOf([4]), jacobians: jacobiansOf([4], spectraOf([[0, 0]], { ranks: [0] }), [layerJacobians({ layer: 'a', inputToLayer: spectraOf([[0]]), bound: 0, boundReason: null })]) };
    const without = smallNetwork();
    without.jacobians.output = null;
    const overview = overviewOf(without);
    const { inputs, jacobians } = smallNetwork();
    const pending = runningOverview({ inputs, jacobians });
    const charts = [...allCharts(zero), jacobianInputsChart(overview, null), jacobianStretchChart(overview, options), jacobianStretchChart(pending, options), jacobianDepthChart(pending, options), jacobianInputsChart(pending, null)];
    for (const chart of charts) assert.deepEqual(complaints(chart), [], chart.id);
    assert.equal(jacobianStretchChart(pending, options).specification, null);
  });

  it('say in its row why a layer has no mark: not done, none, or 0', () => {
    const overview = overviewOf(smallNetwork());
    const [first, second, ...rest] = overview.rows;
    const none = { inputToLayer: null, layerLocal: null, layerToOutput: null };
    const rows: JacobianOverview['rows'] = [{ ...first, state: 'pending', stretch: none }, { ...second, state: 'failed', stretch: none }, ...rest];
    const texts = (chart: Chart): string[] => [...JSON.stringify(chart.specification?.(theme)).matchAll(/"text":"([·–0])"/g)].map((match) => match[1]);
    assert.deepEqual(texts(jacobianStretchChart({ ...overview, rows }, options)), ['·', '–']);
    assert.deepEqual(texts(jacobianStretchChart(overview, { ...options, measure: 'isometry' })), ['–', '–']);
    const zero = overviewOf({ inputs: inputsOf([1]), jacobians: jacobiansOf([1], null, [layerJacobians({ layer: 'a', inputToLayer: spectraOf([[1]]) }), layerJacobians({ layer: 'dead', inputToLayer: spectraOf([[0]]) })]) });
    assert.deepEqual(texts(jacobianStretchChart(zero, options)), ['0']);
  });

  it('hold every number of the rows and of every input in the table', () => {
    const overview = overviewOf(smallNetwork());
    const { columns, rows } = jacobianStretchChart(overview, options).table;
    assert.equal(rows.length, 4);
    assert.deepEqual(columns.slice(-3), ['input 10', 'input 12', 'input 17']);
    assert.deepEqual(rows[0].slice(-3), [6, 4, 5]);
    assert.equal(rows[0][columns.indexOf('bound')], 6.1);
    assert.deepEqual(rows[3].slice(-3), [1, 2, 3]);
  });

  it('call a bound tight, give its factor, or say that there is none', () => {
    const { rows } = overviewOf(smallNetwork());
    assert.deepEqual(rows.map(boundWords), ['tight', '', '', '× 10.0']);
    const lines = rowLines(rows[1], 'inputToLayer', overviewOf(smallNetwork()), 17).join('\n');
    assert.match(lines, /no proven bound: no bound is known for Op/);
    assert.match(lines, /input 17: 2\.000/);
  });

  it('keep bounds far beyond what was seen from squeezing the rest', () => {
    const stretch = { q05: 1, q50: 1.5, largest: 2 };
    const [, near] = stretchDomain([{ stretch, bound: 30 }]);
    assert.ok(near > 30 && near < 40);
    const [low, far] = stretchDomain([{ stretch, bound: 1e30 }]);
    assert.ok(far < 1e5 && low > 0.5 && low < 1);
    const charts = jacobianStretchChart(overviewOf(deepNetwork(40, 5)), { ...options, input: 2 });
    assert.match(JSON.stringify(charts.specification?.(theme)), /triangle-right/);
    assert.deepEqual(complaints(charts), []);
  });

  it('lead through rows and cells with the arrow keys, and find them under the pointer', () => {
    const chart = jacobianStretchChart(overviewOf(smallNetwork()), options);
    const first = step(chart, null, 'ArrowDown');
    assert.deepEqual([first.layer, first.call, first.input], ['conv1', 0, undefined]);
    const second = step(chart, first, 'ArrowDown');
    const third = step(chart, second, 'ArrowDown');
    assert.deepEqual([third.layer, third.call], ['shared', 1]);
    const cell = step(chart, step(chart, third, 'ArrowRight'), 'ArrowRight');
    assert.deepEqual([cell.layer, cell.input, cell.area], [undefined, 12, 1]);
    assert.match(cell.lines.join('\n'), /input 12, shared \(call 2\)\nσ₁ 2\.000, × 1\.00/);
    assert.equal(step(chart, step(chart, step(chart, cell, 'ArrowRight'), 'ArrowRight'), 'ArrowRight').input, 17);
    assert.equal(step(chart, step(chart, cell, 'ArrowLeft'), 'ArrowLeft').layer, 'shared');
    const found = chart.field?.at(1, cell.x, cell.y, theme.width);
    assert.deepEqual([found?.input, found?.focus], [cell.input, cell.focus]);
    assert.equal(chart.field?.at(0, 10, 24 * 3 + 5, theme.width)?.layer, 'fc');
    assert.equal(chart.field.at(0, 10, 24 * 4 + 5, theme.width), null);
    assert.equal(chart.field.step(first, 'x', theme.width), null);
  });

  it('run from left to right in deep networks, with the same reading', () => {
    const network = deepNetwork(1000, 100);
    const overview = overviewOf(network);
    const chart = jacobianDepthChart(overview, { kind: 'inputToLayer', input: 3 });
    assert.deepEqual(complaints(chart), []);
    const text = JSON.stringify(chart.specification?.(theme));
    assert.ok(text.length < 1_000_000, `the drawing holds ${text.length} characters`);
    for (const name of [layerData, inputColumnData]) assert.ok(text.includes(`"name":"${name}"`));
    const last = step(chart, null, 'End');
    assert.equal(last.layer, 'blocks.999.attention.output.dense');
    assert.equal(step(chart, last, 'ArrowDown').input, 99);
    assert.equal(chart.field?.at(0, last.x, 10, theme.width)?.layer, last.layer);
    assert.ok(JSON.stringify(overview).length < 4e6, 'the overview of 1,000 layers and 100 inputs stays small');
  });

  it('mark what is selected by its place', () => {
    const overview = overviewOf(smallNetwork());
    assert.deepEqual(layerSelection(overview, overview.rows[2]), [{ i: 3, y0: 2, y1: 3 }]);
    assert.deepEqual(layerSelection(overview, null), []);
    const { values, column } = inputSelection(overview, 'inputToLayer', 10);
    assert.deepEqual(values[0], { i: 1, row: 0.5, value: 6 });
    assert.deepEqual(column, [{ x0: 0, x1: 1, y0: 0, y1: 1 }]);
    assert.deepEqual(inputSelection(overview, 'layerToOutput', 10).values.length, 1);
    assert.deepEqual(inputSelection(overview, 'inputToLayer', 11), { values: [], column: [] });
  });

  it('show the spectrum down to 1 % of σ₁ and every value in the table', () => {
    const network = smallNetwork();
    const chart = jacobianSpectrumChart(detailOf(network, null, 17), overviewOf(network));
    assert.deepEqual(chart.table.rows.map((row) => row.at(-1)), [3, 1.5, 2e-9]);
    assert.match(chart.note ?? '', /^σ₃ is null at every input.* Not drawn: values below 0\.48\.$/);
    assert.equal(chart.points.length, 3);
    assert.ok(chart.points.every((point) => point.y > 0.02));
  });

  it('show how all values are distributed where only the largest are known', () => {
    const density = { input: 3, nodes: [0, 0.1, 1, 2], weights: [0.5, 0.25, 0.2, 0.05], probes: 4, steps: 20, squaredNorm: 1, squaredNormError: 0.1 };
    const network = { inputs: inputsOf([3]), jacobians: jacobiansOf([3], spectraOf([[2, 1]], { rows: 4000, exact: false, relativeError: 1e-6, density }), []) };
    const detail = detailOf(network, null, 3);
    const chart = jacobianDensityChart(detail);
    assert.deepEqual(complaints(chart), []);
    assert.equal(chart.points.length, 3);
    assert.ok(Math.abs(chart.points[0].y - 0.5) < 1e-12);
    assert.equal(jacobianSpectrumChart(detail, overviewOf(network)).unit, '2 of 3\u2009072 values');
    assert.equal(jacobianDensityChart(detailOf(smallNetwork(), null, 17)).specification, null);
  });

  it('set right and wrong predictions apart where labels are known', () => {
    const network = smallNetwork();
    assert.equal(jacobianInputsChart(overviewOf(network), 17).unit, '2 right, 1 wrong');
    for (const item of network.inputs.items) item.label = item.prediction;
    assert.match(jacobianInputsChart(overviewOf(network), 17).note ?? '', /^Median 2\.00; every prediction is right\./);
    for (const item of network.inputs.items) item.label = null;
    const chart = jacobianInputsChart(overviewOf(network), 17);
    assert.equal(chart.unit, '3 inputs');
    assert.deepEqual(chart.points.map((point) => point.input), [10, 12, 17]);
  });

  it('give every number of a Jacobian a definition and every missing one a reason', () => {
    const network = smallNetwork();
    const overview = overviewOf(network);
    const lines = jacobianGroups(detailOf(network, 'conv1', null), overview, overview.rows[0]).flatMap((group) => group.rows);
    for (const line of lines) {
      assert.ok(line.definition.length > 2, line.field);
      if (line.value === null) assert.ok(line.reason.length > 5, line.field);
      else assert.doesNotMatch(line.value, /NaN|null|undefined/, line.field);
    }
    assert.equal(lines.find((line) => line.field.endsWith('measures.rank'))?.value, '2');
  });
});

describe('heat map of Jacobians', () => {
  it('has nine classes around the median, and begins each at its limit', () => {
    assert.equal(classOf(1), 4);
    assert.equal(classOf(2 ** 0.11), 5);
    assert.equal(classOf(2 ** 0.09), 4);
    assert.equal(classOf(2 ** -0.11), 3);
    assert.equal(classOf(100), 8);
    assert.equal(classOf(0), 0);
  });

  it('covers its area once, with one path a class', () => {
    const overview = overviewOf(deepNetwork(7, 11));
    const heat = heatOf(overview.rows, 'inputToLayer', overview.samples, { layersDown: true, mostRows: 7, mostColumns: 11 });
    const areas = heatPaths(heat, 97, 71).flatMap((path) => [...path.matchAll(/h(\d+)v(\d+)h/g)].map((match) => Number(match[1]) * Number(match[2])));
    assert.equal(areas.reduce((sum, area) => sum + area, 0), 97 * 71);
  });

  it('keeps the cell farthest from its median in a bin', () => {
    const indices = Array.from({ length: 100 }, (_, i) => i);
    const values = indices.map((i) => [i === 57 ? 9 : 1]);
    const overview = overviewOf({ inputs: inputsOf(indices), jacobians: jacobiansOf(indices, null, [layerJacobians({ layer: 'a', inputToLayer: spectraOf(values) })]) });
    const heat = heatOf(overview.rows, 'inputToLayer', overview.samples, { layersDown: true, mostRows: 1, mostColumns: 10 });
    assert.deepEqual([...heat.classes], [4, 4, 4, 4, 4, 8, 4, 4, 4, 4]);
    assert.deepEqual(binStarts(3, 10), [0, 1, 2, 3]);
    assert.deepEqual(binStarts(10, 4), [0, 3, 5, 8, 10]);
  });
});

describe('pictures of inputs', () => {
  it('are whole multiples of their pixels between 56 and 224, smaller ones excepted', () => {
    for (let side = 1; side <= 224; side += 1) {
      const scale = pictureScale(side);
      assert.equal(scale, Math.floor(scale), `side ${side}`);
      assert.ok(side * scale >= 56 && side * scale <= 224, `side ${side} is drawn with ${side * scale} pixels`);
    }
    assert.equal(pictureScale(448), 0.5);
  });
});

describe('model of the Jacobians tab', () => {
  it('shows the input that is stretched most until the reader chooses, and keeps the choice', () => {
    const model = new JacobiansModel();
    const network = smallNetwork();
    const pending = runningOverview(network);
    model.receive({ type: 'jacobians', overview: pending, reason: null });
    assert.equal(model.running, true);
    assert.equal(model.input, null);
    model.receive({ type: 'jacobianRows', rows: [overviewOf(network).rows[2]], done: 1, total: 4 });
    assert.deepEqual(model.overview?.rows.map((row) => row.state), ['pending', 'pending', 'done', 'pending']);
    model.receive({ type: 'jacobians', overview: overviewOf(network), reason: null });
    assert.equal(model.input, 17);
    model.input = 12;
    model.receive({ type: 'jacobians', overview: overviewOf(network), reason: null });
    assert.equal(model.input, 12);
    model.receive({ type: 'jacobians', overview: null, reason: 'No rule for Loop.' });
    assert.deepEqual([model.overview, model.reason, model.input], [null, 'No rule for Loop.', null]);
  });

  it('shows the spectrum of the selected use where it has one, else of the output', () => {
    const model = new JacobiansModel();
    model.receive({ type: 'jacobians', overview: overviewOf(smallNetwork()), reason: null });
    assert.equal(model.choice('shared')?.layer, null);
    model.showOutput = false;
    model.call = 1;
    assert.deepEqual(model.choice('shared'), { layer: 'shared', call: 1, kind: 'inputToLayer', input: 17 });
    model.kind = 'layerToOutput';
    assert.equal(model.choice('shared')?.layer, null);
    assert.equal(model.choice('conv1')?.layer, 'conv1');
    assert.equal(model.choice('unknown')?.layer, null);
  });
});
