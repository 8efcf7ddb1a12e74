import type { LayerRow } from '../../server/report/views.js';
import { parseFilter } from '../filter.js';
import { type Column, severityRank } from './columns.js';

/** A line of the table: a layer, or a group of layers that differ in a number of their names. */
export type TableLine = { kind: 'layer'; row: LayerRow; level: 1 | 2 } | { kind: 'group'; key: string; rows: readonly LayerRow[]; open: boolean };

/** From this many layers on, names fold into groups. */
export const groupsFrom = 500;

/** Rows that pass the filter, sorted by a column (ties and missing values in network order, missing last). */
export function arrangeRows(rows: readonly LayerRow[], filter: string, column: Column | null, descending: boolean): LayerRow[] {
  const keep = parseFilter(filter);
  const kept = rows.filter(keep);
  const value = column?.sortValue;
  if (value === undefined) return kept;
  const keyed = kept.map((row) => ({ row, key: value(row) }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return a.key === b.key ? a.row.index - b.row.index : a.key === null ? 1 : -1;
    const order = typeof a.key === 'string' ? compareNames(a.key, String(b.key)) : a.key === b.key ? 0 : a.key - Number(b.key);
    return order === 0 ? a.row.index - b.row.index : descending ? -order : order;
  });
  return keyed.map(({ row }) => row);
}

/** Lines of the table: groups where there are many layers in network order, else plain layers. */
export function tableLines(rows: readonly LayerRow[], grouped: boolean, open: ReadonlySet<string>): TableLine[] {
  if (!grouped) return rows.map((row) => ({ kind: 'layer', row, level: 1 }));
  const groups = new Map<string, LayerRow[]>();
  for (const row of rows) {
    const key = groupKey(row.id);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  const lines: TableLine[] = [];
  for (const [key, members] of groups) {
    if (members.length === 1) {
      lines.push({ kind: 'layer', row: members[0], level: 1 });
      continue;
    }
    lines.push({ kind: 'group', key, rows: members, open: open.has(key) });
    if (open.has(key)) for (const row of members) lines.push({ kind: 'layer', row, level: 2 });
  }
  return lines;
}

/** The id with its first number replaced by *: layers.12.attn.q → layers.*.attn.q. */
export function groupKey(id: string): string {
  return id.replace(/(^|[._/])\d+(?=$|[._/])/, '$1*');
}

/** The worst row: at the worse end of the column; without one the worst finding, then the largest σ₁. */
export function worstRow(rows: readonly LayerRow[], column: Column | null): LayerRow | null {
  if (column?.sortValue !== undefined) return arrangeRows(rows, '', column, column.worst === 'largest').at(0) ?? null;
  return rows.reduce<LayerRow | null>((best, row) => (best === null || severityRank(row) > severityRank(best) || (severityRank(row) === severityRank(best) && (row.spectralNorm ?? 0) > (best.spectralNorm ?? 0)) ? row : best), null);
}

const collator = new Intl.Collator('en', { numeric: true });
function compareNames(a: string, b: string): number {
  return collator.compare(a, b);
}
