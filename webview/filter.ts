import type { LayerRow } from '../server/report/views.js';

/** The filter field: words and globs of the id, `kind:`, `dtype:`, `severity:` and `state:`, all of which must hold. */
export type RowFilter = (row: LayerRow) => boolean;

/** Reads a filter. Letters match in either case; a term without * or ? matches anywhere in the id. */
export function parseFilter(text: string): RowFilter {
  const terms = text.trim().toLowerCase().split(/\s+/).filter((term) => term !== '').map(parseTerm);
  return (row) => terms.every((term) => term(row));
}

function parseTerm(term: string): RowFilter {
  const colon = term.indexOf(':');
  const value = term.slice(colon + 1);
  switch (term.slice(0, Math.max(colon, 0))) {
    case 'kind': return (row) => row.kind.toLowerCase().startsWith(value);
    case 'dtype': return (row) => row.dtype.toLowerCase().startsWith(value);
    case 'severity': return (row) => (row.severity ?? 'none').startsWith(value);
    case 'state': return (row) => row.state.startsWith(value);
    default: break;
  }
  if (!/[*?]/.test(term)) return (row) => row.id.toLowerCase().includes(term);
  const pattern = new RegExp(`^${term.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*').replace(/\?/g, '.')}$`);
  return (row) => pattern.test(row.id.toLowerCase());
}
