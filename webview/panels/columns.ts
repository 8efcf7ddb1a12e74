import type { LayerRow } from '../../server/report/views.js';
import { element, tailText } from '../dom.js';
import { mark, type Mark } from '../marks.js';
import { condition, dimensions, integer, missing, notYet, significant } from '../numbers.js';
import { severities } from '../panelModel.js';
import { t } from '../strings.js';
import { barCell, barWidth, dotCell, dotWidth, type LogScale, sparklineCell, sparklineWidth } from './cells.js';

export type ColumnKey = 'index' | 'mark' | 'layer' | 'shape' | 'weights' | 'spectralNorm' | 'dot' | 'energyRank' | 'bar' | 'condition' | 'alpha' | 'spectrum';

/** What a cell is drawn from besides its row. */
export interface CellScales {
  spectralNorm: LogScale | null;
  /** The layer being worked on now. */
  running: string | null;
}

export interface Column {
  key: ColumnKey;
  label: string;
  /** Tooltip of the header. */
  tip: string;
  alignRight: boolean;
  /** Columns leave a narrow page in this order; 0 never leaves. */
  leaves: number;
  /** Value the column sorts by; null sorts last. Absent: not sortable. */
  sortValue?: (row: LayerRow) => number | string | null;
  /** Which end is the worst: where `w` jumps to, and the first direction of sorting. */
  worst?: 'largest' | 'smallest';
  /** Text of the cell, to measure its width; graphs give their width in pixels instead. */
  text?: (row: LayerRow) => string;
  pixels?: number;
  draw: (row: LayerRow, scales: CellScales) => Node | string;
}

const waiting = (row: LayerRow): string => (row.state === 'pending' ? notYet : missing);
const muted = (text: string, title: string | null = null): HTMLElement => element('span', { class: 'muted', title }, text);
const numberOrReason = (row: LayerRow, text: string | null, reason: string): Node | string => text ?? muted(waiting(row), row.state === 'pending' ? null : (row.reason ?? reason));

/** The columns of the layer table, in order. */
export function layerColumns(): Column[] {
  return [
    { key: 'index', label: '#', tip: t('place in the network’s order'), alignRight: true, leaves: 0, sortValue: (row) => row.index, worst: 'smallest', text: (row) => String(row.index + 1), draw: (row) => muted(String(row.index + 1)) },
    { key: 'mark', label: '', tip: t('worst finding'), alignRight: false, leaves: 0, pixels: 16, sortValue: severityRank, worst: 'largest', draw: (row, scales) => drawMark(row, scales) },
    { key: 'layer', label: t('layer'), tip: t('the name in the file; the end tells layers apart'), alignRight: false, leaves: 0, sortValue: (row) => row.id, worst: 'smallest', text: (row) => row.id, draw: (row) => tailText(row.id) },
    { key: 'shape', label: t('shape'), tip: t('shape of the stored tensor'), alignRight: false, leaves: 1, text: (row) => dimensions(row.shape), draw: (row) => muted(dimensions(row.shape)) },
    { key: 'weights', label: t('weights'), tip: t('elements of the weight tensor'), alignRight: true, leaves: 2, sortValue: (row) => row.parameters, worst: 'largest', text: (row) => integer(row.parameters), draw: (row) => integer(row.parameters) },
    { key: 'spectralNorm', label: 'σ₁', tip: t('largest singular value'), alignRight: true, leaves: 0, sortValue: (row) => row.spectralNorm, worst: 'largest', text: (row) => (row.spectralNorm === null ? notYet : significant(row.spectralNorm)), draw: (row) => numberOrReason(row, row.spectralNorm === null ? null : significant(row.spectralNorm), t('not computed')) },
    { key: 'dot', label: '', tip: t('σ₁ on a log scale shared by all layers'), alignRight: false, leaves: 3, pixels: dotWidth, draw: (row, scales) => (row.spectralNorm === null || row.spectralNorm <= 0 || scales.spectralNorm === null ? '' : dotCell(scales.spectralNorm, row.spectralNorm)) },
    { key: 'energyRank', label: 'r₉₀', tip: t('fewest directions that hold 90 % of the energy Σσ², of all directions'), alignRight: true, leaves: 0, sortValue: (row) => (row.energyRank90 === null ? null : row.energyRank90 / row.fullRank), worst: 'smallest', text: (row) => `${integer(row.fullRank)}/${integer(row.fullRank)}`, draw: (row) => (row.energyRank90 === null ? numberOrReason(row, null, t('not computed')) : element('span', {}, integer(row.energyRank90), element('span', { class: 'muted' }, `/${integer(row.fullRank)}`))) },
    { key: 'bar', label: '', tip: t('r₉₀ as a share of all directions'), alignRight: false, leaves: 3, pixels: barWidth, draw: (row) => (row.energyRank90 === null ? '' : barCell(row.energyRank90 / row.fullRank)) },
    { key: 'condition', label: 'κ', tip: t('condition number: σ₁ over the smallest singular value'), alignRight: true, leaves: 4, sortValue: (row) => (row.conditionNumber === 'Infinity' ? Infinity : row.conditionNumber), worst: 'largest', text: (row) => condition(row.conditionNumber), draw: (row) => numberOrReason(row, row.conditionNumber === null ? null : condition(row.conditionNumber), t('not computed')) },
    { key: 'alpha', label: 'α', tip: t('exponent of the power law of the eigenvalues’ tail; in brackets where the fit is loose'), alignRight: true, leaves: 5, sortValue: (row) => row.alpha, worst: 'largest', text: (row) => (row.alpha === null ? missing : `(${significant(row.alpha, 3)})`), draw: drawAlpha },
    { key: 'spectrum', label: t('spectrum'), tip: t('σₖ/σ₁ from 1 down to 10⁻⁴, k across'), alignRight: false, leaves: 0, pixels: sparklineWidth, draw: (row) => (row.sparkline === null || row.sparkline.length === 0 ? '' : sparklineCell(row.sparkline)) },
  ];
}

/** 4 for an error down to 1 for a hint, 0 without findings. */
export function severityRank(row: LayerRow): number {
  return row.severity === null ? 0 : severities.length - severities.indexOf(row.severity);
}

function drawMark(row: LayerRow, scales: CellScales): Node | string {
  const kind = markOf(row, scales);
  return kind === null ? '' : mark(kind);
}

function markOf(row: LayerRow, scales: CellScales): Mark | null {
  if (row.state === 'pending') return row.id === scales.running ? 'running' : 'pending';
  if (row.state !== 'done') return row.severity ?? (row.state === 'failed' ? 'error' : 'skipped');
  return row.severity ?? (scales.running === null ? null : 'done');
}

function drawAlpha(row: LayerRow): Node | string {
  if (row.alpha === null) return numberOrReason(row, null, t('no tail of 10 values'));
  const text = significant(row.alpha, 3);
  return row.alphaLoose ? muted(`(${text})`, t('loose fit: tail below 20 values or KS distance above 0.15')) : text;
}
