import { formatCount } from '../numbers.js';
import { cutLeft, printableName } from '../printable.js';
import type { Severity } from '../report.js';
import type { LayerRow } from '../views.js';
import { alphaText, conditionText, numberText, rankText, shapeText } from '../wording.js';
import { columnGap, tableLines, tableWidth, textColumn, type TextColumn } from './textTable.js';

/** Marks of the severities: told apart by shape, and by the word beside them in the findings. */
export const severityMarks: Readonly<Record<Severity, string>> = { error: '✖', warning: '▲', information: 'i', hint: '·' };

/** Not computed. */
const skippedMark = '⊘';
/** Spectrum line: σₖ/σ₁ from 1 (full block) down to 10⁻⁴, k from left to right. */
const blocks = '▁▂▃▄▅▆▇█';
const sparklineCells = 10;
const sparklineDepth = 4;
/** Longer names are cut even where there is room: they push the numbers out of sight. */
const widestName = 44;
/** Names are cut to this before the shape or a number is left out, and no further. */
const narrowestName = 24;

interface NamedColumn extends TextColumn {
  key: string;
}

/**
 * The layer table in at most `width` columns. Where it is wider, in this order: shapes are written without spaces, the
 * spectrum line is left out, names are cut on the left, and shape, weights, κ and α are left out.
 *
 * @returns lines, and the titles of the columns left out
 */
export function layerTable(rows: readonly LayerRow[], width: number, indent: string): { lines: string[]; leftOut: string[] } {
  const available = width - indent.length;
  const names = rows.map((row) => printableName(row.id));
  const leftOut: string[] = [];
  let columns = columnsOf(rows, names.map((name) => cutLeft(name, widestName)));
  if (tableWidth(columns) > available) columns = columns.map((column) => (column.key === 'shape' ? shapeColumn(rows, '×') : column));
  for (const key of ['spectrum', 'shape', 'weights', 'κ', 'α']) {
    if (tableWidth(columns) <= available) break;
    columns = withNames(without(columns, key), names, available);
    leftOut.push(key);
  }
  return { lines: tableLines(columns, indent), leftOut };
}

function without(columns: readonly NamedColumn[], key: string): NamedColumn[] {
  return columns.filter((column) => column.key !== key);
}

/** Names cut so that the table fits, but not below `narrowestName`. */
function withNames(columns: NamedColumn[], names: readonly string[], available: number): NamedColumn[] {
  const others = tableWidth(without(columns, 'layer')) + columnGap;
  const room = Math.min(widestName, Math.max(narrowestName, available - others));
  return columns.map((column) => (column.key === 'layer' ? nameColumn(names.map((name) => cutLeft(name, room))) : column));
}

function nameColumn(names: readonly string[]): NamedColumn {
  return { key: 'layer', ...textColumn('layer', 'left', names) };
}

function shapeColumn(rows: readonly LayerRow[], times: string): NamedColumn {
  return { key: 'shape', ...textColumn('shape', 'left', rows.map((row) => shapeText(row.shape, times))) };
}

function columnsOf(rows: readonly LayerRow[], names: readonly string[]): NamedColumn[] {
  const column = (key: string, align: TextColumn['align'], cells: string[], title = key): NamedColumn => ({ key, ...textColumn(title, align, cells) });
  return [
    column('#', 'right', rows.map((row) => String(row.index + 1))),
    column('mark', 'left', rows.map(markOf), ' '),
    nameColumn(names),
    shapeColumn(rows, ' × '),
    column('weights', 'right', rows.map((row) => formatCount(row.parameters))),
    column('σ₁', 'right', rows.map((row) => numberText(row.spectralNorm))),
    column('stable', 'right', rows.map((row) => numberText(row.stableRank))),
    column('r₉₀', 'right', rows.map((row) => rankText(row.energyRank90, row.fullRank))),
    column('κ', 'right', rows.map((row) => conditionText(row.conditionNumber))),
    column('α', 'right', rows.map((row) => alphaText(row.alpha, row.alphaLoose))),
    column('spectrum', 'left', rows.map((row) => sparklineText(row.sparkline))),
  ];
}

function markOf(row: LayerRow): string {
  if (row.state !== 'done') return skippedMark;
  return row.severity === null ? '' : severityMarks[row.severity];
}

/** Ten blocks of the row's spectrum line. */
function sparklineText(sparkline: readonly number[] | null): string {
  if (sparkline === null) return '';
  const cells = Math.min(sparklineCells, sparkline.length);
  return Array.from({ length: cells }, (_, i) => {
    const value = sparkline[cells === 1 ? 0 : Math.round((i * (sparkline.length - 1)) / (cells - 1))];
    const height = 1 + value / sparklineDepth;
    return blocks[Math.min(blocks.length - 1, Math.max(0, Math.floor(height * blocks.length)))];
  }).join('');
}

/** What the columns mean, for a reader who never met them. */
const meanings: readonly (readonly [column: string, meaning: string])[] = [
  ['σ₁', 'σ₁: largest singular value.'],
  ['stable', 'stable: stable rank Σσ²/σ₁², about how many directions carry the energy Σσ².'],
  ['r₉₀', 'r₉₀: how many of all directions hold 90 % of it.'],
  ['κ', 'κ: largest over smallest singular value.'],
  ['α', 'α: exponent of the tail’s power law, – below ten tail values, (in brackets) where the fit is loose.'],
  ['spectrum', 'spectrum: σₖ/σ₁ from 1 down to 10⁻⁴, k across.'],
];

/** The meanings of all columns but some. */
export function columnMeanings(without: readonly string[]): string {
  return meanings.flatMap(([column, meaning]) => (without.includes(column) ? [] : [meaning])).join(' ');
}

/** The meanings of the columns that are there, and which are not. */
export function columnNotes(leftOut: readonly string[]): string {
  return leftOut.length === 0 ? columnMeanings([]) : `${columnMeanings(leftOut)} Left out for want of width: ${leftOut.join(', ')}.`;
}
