import type { LayerRow } from './views.js';

/** One field of all rows: the same value, the values of another field, or one value a row. */
type Column = { all: unknown } | { as: string } | { each: unknown[] };

/**
 * Rows of the layer table as the bytes of a JSON text, field by field: between editor and panel bytes are handed on as
 * they are, while a text is parsed and copied at each of four hops, and 10,000 rows are 5 MB of it. Rows that are not
 * analysed yet differ in a few fields only. Cost O(rows).
 */
export function packRows(rows: readonly LayerRow[]): Uint8Array {
  const columns: Record<string, Column> = {};
  const first = rows.at(0);
  const keys = first === undefined ? [] : (Object.keys(first) as (keyof LayerRow)[]);
  for (const key of keys) columns[key] = columnOf(rows, key);
  return new TextEncoder().encode(JSON.stringify({ count: rows.length, columns }));
}

/** The rows that `packRows` was given. */
export function unpackRows(bytes: Uint8Array): LayerRow[] {
  const { count, columns } = JSON.parse(new TextDecoder().decode(bytes)) as { count: number; columns: Record<string, Column> };
  const fields = Object.entries(columns);
  const valueOf = (column: Column, index: number): unknown => ('all' in column ? column.all : 'each' in column ? column.each[index] : valueOf(columns[column.as], index));
  return Array.from({ length: count }, (_, index) => {
    const row: Record<string, unknown> = {};
    for (const [key, column] of fields) row[key] = valueOf(column, index);
    return row as unknown as LayerRow;
  });
}

function columnOf(rows: readonly LayerRow[], key: keyof LayerRow): Column {
  const [{ [key]: first }] = rows;
  // Arrays are never the same object: shapes travel row by row.
  if (rows.every((row) => row[key] === first)) return { all: first };
  if (key === 'tensor' && rows.every((row) => row.tensor === row.name)) return { as: 'name' };
  return { each: rows.map((row) => row[key]) };
}
