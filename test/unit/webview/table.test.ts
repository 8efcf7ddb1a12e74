import assert from 'node:assert/strict';
import { overviewOf } from '../../../server/report/overview.js';
import type { LayerRow } from '../../../server/report/views.js';
import { tableAsCsv } from '../../../webview/exportChart.js';
import { parseFilter } from '../../../webview/filter.js';
import { arrangeRows, groupKey, tableLines, worstRow } from '../../../webview/panels/arrange.js';
import { niceLogScale, share } from '../../../webview/panels/cells.js';
import { layerColumns } from '../../../webview/panels/columns.js';
import { layerCsv } from '../../../webview/panels/layerCsv.js';
import { manyLayers, smallClassifier } from '../../support/oddReports.js';
import { tableMove } from '../../../webview/panels/tableKeys.js';

const rowsOf = (report: ReturnType<typeof smallClassifier>): LayerRow[] => overviewOf(report, 'model.onnx', 'model', 'done').rows;
const base = rowsOf(smallClassifier())[0];
const row = (index: number, id: string, more: Partial<LayerRow> = {}): LayerRow => ({ ...base, index, id, ...more });

describe('layer table', () => {
  const rows = [
    row(0, 'features.0', { spectralNorm: 2, kind: 'convolution' }),
    row(1, 'features.10', { spectralNorm: null, state: 'pending' }),
    row(2, 'features.2', { spectralNorm: 5, severity: 'warning' }),
    row(3, 'head', { spectralNorm: 2, kind: 'dense', conditionNumber: 'Infinity' }),
  ];
  const columns = layerColumns();
  const sorted = (key: string, descending: boolean): string[] => arrangeRows(rows, '', columns.find((column) => column.key === key) ?? null, descending).map((entry) => entry.id);

  it('keeps network order without a sorted column', () => {
    assert.deepEqual(arrangeRows(rows, '', null, false).map((entry) => entry.index), [0, 1, 2, 3]);
  });

  it('sorts numbers with ties in network order and missing values last in both directions', () => {
    assert.deepEqual(sorted('spectralNorm', true), ['features.2', 'features.0', 'head', 'features.10']);
    assert.deepEqual(sorted('spectralNorm', false), ['features.0', 'head', 'features.2', 'features.10']);
  });

  it('sorts names by their numbers, findings by severity and an infinite κ as the largest', () => {
    assert.deepEqual(sorted('layer', false), ['features.0', 'features.2', 'features.10', 'head']);
    assert.equal(sorted('mark', true)[0], 'features.2');
    assert.equal(sorted('condition', true)[0], 'head');
  });

  it('jumps to the worse end of the sorted column, or to the worst finding', () => {
    assert.equal(worstRow(rows, null)?.id, 'features.2');
    assert.equal(worstRow(rows.filter((entry) => entry.severity === null), null)?.id, 'features.0');
    assert.equal(worstRow(rows, columns.find((column) => column.key === 'condition') ?? null)?.id, 'head');
    assert.equal(worstRow([], null), null);
  });

  it('filters by words, globs and fields', () => {
    const kept = (filter: string): number[] => rows.filter(parseFilter(filter)).map((entry) => entry.index);
    assert.deepEqual(kept('FEAT'), [0, 1, 2]);
    assert.deepEqual(kept('features.?'), [0, 2]);
    assert.deepEqual(kept('feat*'), [0, 1, 2]);
    assert.deepEqual(kept('kind:dense'), [3]);
    assert.deepEqual(kept('severity:warn'), [2]);
    assert.deepEqual(kept('features state:pending'), [1]);
    assert.deepEqual(kept('[('), []);
    assert.deepEqual(kept('  '), [0, 1, 2, 3]);
  });

  it('folds names that differ in their first number into groups', () => {
    assert.equal(groupKey('model.layers.12.attn.q_proj'), 'model.layers.*.attn.q_proj');
    assert.equal(groupKey('blocks.0.mlp.2'), 'blocks.*.mlp.2');
    assert.equal(groupKey('conv1'), 'conv1');
    const closed = tableLines(rows, true, new Set());
    assert.deepEqual(closed.map((line) => (line.kind === 'group' ? `${line.key} ${line.rows.length}` : line.row.id)), ['features.* 3', 'head']);
    const open = tableLines(rows, true, new Set(['features.*']));
    assert.equal(open.length, 5);
  });

  it('moves by keys: rows, the header above the first, and groups', () => {
    const [group, head] = tableLines(rows, true, new Set());
    assert.deepEqual(['ArrowDown', 'ArrowUp', 'End', 'PageDown', 'PageUp'].map((key) => tableMove(key, head, 3, 9, 4)), [{ to: 4 }, { to: 2 }, { to: 9 }, { to: 7 }, { to: 0 }]);
    assert.deepEqual(tableMove('ArrowDown', head, 9, 9, 4), { to: 9 });
    assert.equal(tableMove('ArrowUp', group, 0, 9, 4), 'header');
    assert.equal(tableMove('Enter', head, 1, 9, 4), 'open');
    assert.deepEqual(['Enter', 'ArrowRight', 'ArrowLeft', 'a'].map((key) => tableMove(key, group, 0, 9, 4)), ['toggle', 'toggle', null, null]);
    assert.equal(tableMove('ArrowRight', head, 1, 9, 4), null);
  });

  it('loses no layer of a large model', () => {
    const many = rowsOf(manyLayers());
    const lines = tableLines(many, true, new Set());
    const counted = lines.reduce((sum, line) => sum + (line.kind === 'group' ? line.rows.length : 1), 0);
    assert.equal(counted, many.length);
  });

  it('has a shared log scale with round ends that hold every positive value', () => {
    const scale = niceLogScale([1.432, 2.43, 0]);
    assert.deepEqual(scale, { low: 1, high: 3 });
    assert.ok(Math.abs(share({ low: 1, high: 3 }, Math.sqrt(3)) - 0.5) < 1e-12);
    assert.equal(niceLogScale([0]), null);
  });

  it('copies every number in full precision, quoted where names need it', () => {
    const text = tableAsCsv(layerCsv([row(0, 'a,"b"', { spectralNorm: 0.1 + 0.2, alpha: null, conditionNumber: 'Infinity' })]));
    const [head, line] = text.split('\r\n');
    assert.ok(head.startsWith('id,kind,shape'));
    assert.ok(line.startsWith('"a,""b""",'));
    assert.ok(line.includes('0.30000000000000004'));
    assert.ok(line.includes(',Infinity,,'));
  });
});
