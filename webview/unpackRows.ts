import type { PackedRows } from '../server/protocol.js';
import type { LayerRow } from '../server/report/views.js';

/** The rows of the layer table from the bytes in which the editor sends them. Linear in the number of rows. */
export function unpackRows(bytes: Uint8Array): LayerRow[] {
  const { count, fields } = JSON.parse(new TextDecoder().decode(bytes)) as PackedRows;
  const valueOf = (key: string, index: number): unknown => {
    const field = fields[key];
    return 'all' in field ? field.all : 'each' in field ? field.each[index] : valueOf(field.as, index);
  };
  const keys = Object.keys(fields);
  return Array.from({ length: count }, (_, index) => {
    const row: Record<string, unknown> = {};
    for (const key of keys) row[key] = valueOf(key, index);
    return row as unknown as LayerRow;
  });
}
