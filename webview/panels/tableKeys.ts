import type { TableLine } from './arrange.js';

/** What a key asks of the table: another row, the header, the layer's own tab, or a group opened or closed. */
export type TableMove = { to: number } | 'header' | 'open' | 'toggle';

/**
 * The meaning of a key on a row; null for keys that mean nothing there.
 * @param at the active row of `last` + 1
 * @param page rows of a page
 */
export function tableMove(key: string, line: TableLine, at: number, last: number, page: number): TableMove | null {
  switch (key) {
    case 'ArrowDown': return { to: Math.min(last, at + 1) };
    case 'ArrowUp': return at === 0 ? 'header' : { to: at - 1 };
    case 'Home': return { to: 0 };
    case 'End': return { to: last };
    case 'PageDown': return { to: Math.min(last, at + page) };
    case 'PageUp': return { to: Math.max(0, at - page) };
    case 'Enter': return line.kind === 'layer' ? 'open' : 'toggle';
    case 'ArrowRight':
    case 'ArrowLeft': return line.kind === 'group' && line.open !== (key === 'ArrowRight') ? 'toggle' : null;
    default: return null;
  }
}
