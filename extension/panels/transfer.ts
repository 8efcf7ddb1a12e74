import { type PackedRows } from '../../server/protocol.js';
import { type Curve, type LayerDetail, type LayerRow } from '../../server/report/views.js';

/** A curve whose numbers travel to a webview as bytes instead of text. */
function typed(curve: Curve): Curve {
  return { x: Float64Array.from(curve.x), y: Float64Array.from(curve.y) };
}

/** A layer's detail with every curve as Float64Array, as the webview expects them. Linear in the number of points. */
export function typedCurves(detail: LayerDetail): LayerDetail {
  return {
    ...detail,
    spectrum: detail.spectrum && { ...detail.spectrum, curve: typed(detail.spectrum.curve) },
    energy: detail.energy && { ...detail.energy, curve: typed(detail.energy.curve) },
    noise: detail.noise && { ...detail.noise, law: detail.noise.law && typed(detail.noise.law) },
    tail: detail.tail && { ...detail.tail, curve: typed(detail.tail.curve), fit: detail.tail.fit && typed(detail.tail.fit) },
    operatorCurves: detail.operatorCurves.map((each) => ({ ...each, curve: typed(each.curve) })),
  };
}

/** Rows of the layer table as they travel to a webview. Rows that are not analysed yet differ in few fields. Linear in the number of rows. */
export function packRows(rows: readonly LayerRow[]): Uint8Array {
  const fields: PackedRows['fields'] = {};
  const keys = rows.length === 0 ? [] : (Object.keys(rows[0]) as (keyof LayerRow)[]);
  for (const key of keys) fields[key] = packField(rows, key);
  return new TextEncoder().encode(JSON.stringify({ count: rows.length, fields } satisfies PackedRows));
}

function packField(rows: readonly LayerRow[], key: keyof LayerRow): PackedRows['fields'][string] {
  const [{ [key]: first }] = rows;
  // Shapes and other lists are never the same object: they travel row by row.
  if (rows.every((row) => row[key] === first)) return { all: first };
  if (key === 'tensor' && rows.every((row) => row.tensor === row.name)) return { as: 'name' };
  return { each: rows.map((row) => row[key]) };
}
