import { weightWatcherColumns, type WeightWatcherRow } from '../weightWatcherRow.js';
import { csvTable } from './csvCells.js';

/**
 * WeightWatcher's table, in its column order and by its definitions, which the rows already follow.
 *
 * @param rows one per layer that the peer would list; the report itself does not hold the peer's numbers
 */
export function renderWeightWatcher(rows: readonly WeightWatcherRow[]): string {
  // Its own files write True and False, as pandas does.
  return csvTable(weightWatcherColumns, rows.map((row) => weightWatcherColumns.map((column) => pythonValue(row[column]))));
}

function pythonValue(value: WeightWatcherRow[keyof WeightWatcherRow]): string | number | null {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return value;
}
