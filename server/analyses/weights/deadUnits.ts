import type { LayerReader } from '../../model/model.js';
import type { RuleInForce } from '../../report/rules.js';
import type { FindingNorms } from './analyzeLayer.js';

/** Output units of a layer that cannot matter, from the weights alone. */
export interface DeadUnits {
  /** Rows whose norm is negligible beside the median row. */
  weakRows: { index: number; norm: number }[];
  /** How many there are: more than are listed where thousands of rows are 0. */
  weakCount: number;
  /** Units with weights of their own that every reading layer drops, without those of `weakRows`. */
  ignored: number[];
  /** The largest norm with which an ignored unit is read, over the reader's median column. */
  largestIgnoredShare: number;
  /** Ids of the reading layers. */
  readers: string[];
}

/**
 * Finds dead rows and ignored units.
 *
 * A unit is ignored when in every layer that reads it all of its columns are negligible beside that layer's median
 * column. That can only be said when all readers are known and analysed.
 *
 * @param readers null where the output also goes elsewhere
 * @param normsOf norms of another layer; null where it was not analysed
 */
export function findDeadUnits(
  norms: FindingNorms,
  readers: readonly LayerReader[] | null,
  normsOf: (layer: string) => FindingNorms | null,
  rule: RuleInForce,
): DeadUnits {
  // With a median of 0 most rows are empty by design, and none stands out from the others.
  const rowLimit = norms.rows.median > 0 ? rule.threshold('rowShare') * norms.rows.median : -1;
  const weakRows = norms.rows.weak.filter((row) => row.norm <= rowLimit);
  const weakCount = weakRows.length + (rowLimit >= 0 ? norms.rows.unlistedZeros : 0);
  const none: DeadUnits = { weakRows, weakCount, ignored: [], largestIgnoredShare: 0, readers: [] };
  if (readers === null || readers.length === 0) return none;

  let candidates: Map<number, number> | null = null;
  for (const { layer, columnsPerUnit } of readers) {
    const columns = normsOf(layer)?.columns;
    // A reader whose columns do not match the units is read differently than the model says: then nothing is claimed.
    if (columns?.count !== norms.rows.count * columnsPerUnit || !(columns.median > 0)) return none;
    const dropped = droppedUnits(columns, columnsPerUnit, rule.threshold('columnShare'));
    const common = new Map<number, number>();
    for (const [unit, share] of dropped) {
      const before: number | undefined = candidates === null ? 0 : candidates.get(unit);
      if (before !== undefined) common.set(unit, Math.max(before, share));
    }
    candidates = common;
  }
  const weak = new Set(weakRows.map((row) => row.index));
  const ignored = [...(candidates ?? [])].filter(([unit]) => !weak.has(unit));
  return {
    weakRows,
    weakCount,
    ignored: ignored.map(([unit]) => unit),
    largestIgnoredShare: ignored.reduce((largest, [, share]) => Math.max(largest, share), 0),
    readers: [...new Set(readers.map((reader) => reader.layer))],
  };
}

/** Units all of whose columns are negligible, with the largest of their norms over the median. */
function droppedUnits(columns: FindingNorms['columns'], columnsPerUnit: number, limit: number): Map<number, number> {
  const counts = new Map<number, { weak: number; share: number }>();
  for (const { index, norm } of columns.weak) {
    const share = norm / columns.median;
    if (share > limit) continue;
    const unit = Math.floor(index / columnsPerUnit);
    const entry = counts.get(unit) ?? { weak: 0, share: 0 };
    counts.set(unit, { weak: entry.weak + 1, share: Math.max(entry.share, share) });
  }
  return new Map([...counts].filter(([, { weak }]) => weak === columnsPerUnit).map(([unit, { share }]) => [unit, share]));
}
