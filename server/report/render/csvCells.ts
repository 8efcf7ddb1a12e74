/** Spreadsheets run a cell that starts with one of these as a formula. */
const formulaStart = /^[=+\-@\t\r\n]/u;

export type CsvValue = string | number | boolean | null | undefined;

/**
 * One cell of RFC 4180: numbers in full precision (shortest digits that read back as the same float64), null empty,
 * text quoted where it needs to be. Text that a spreadsheet would run as a formula gets an apostrophe in front:
 * names come from model files, which anyone may have written.
 */
export function csvCell(value: CsvValue): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') return String(value);
  const safe = formulaStart.test(value) ? `'${value}` : value;
  return /[",\r\n]/u.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Lines of a table, each ended by a line feed; the first holds the column names. */
export function csvTable(columns: readonly string[], rows: readonly (readonly CsvValue[])[]): string {
  return [columns, ...rows].map((row) => `${row.map(csvCell).join(',')}\n`).join('');
}
