import type { LayerRow } from '../../server/report/views.js';
import type { Column, ColumnKey } from './columns.js';

/** Gap between columns. */
const gap = 8;
/** Width a column keeps before its values are known, so that nothing moves when they come. */
const reserved: Partial<Record<ColumnKey, string>> = { spectralNorm: '88.88', condition: '8.888 × 10⁸', alpha: '(8.88)', index: '88' };
/** The layer column never gets narrower than this, nor asks for more than that; the rest of an id is cut on the left. */
const layerWidth = { least: 96, most: 250 };
const layerPadding = 10;

export interface TableLayout {
  columns: readonly Column[];
  /** `grid-template-columns`. */
  template: string;
  /** The same for the rows of groups: place, mark, name, and the rest in one. */
  groupTemplate: string;
}

/** Headers that are not their column's label: by key. */
type Headers = Partial<Record<ColumnKey, string>>;

/** Which columns fit into `available` pixels and how wide they are; columns leave in their order until the ids have room. */
export function layOut(columns: readonly Column[], rows: readonly LayerRow[], available: number, fonts: { text: string; code: string }, headers: Headers = {}): TableLayout {
  const measure = measurer();
  const widths = new Map<ColumnKey, number>();
  for (const column of columns) {
    const font = column.key === 'layer' ? fonts.code : fonts.text;
    const texts = column.text === undefined ? [] : [longest(rows.map(column.text)), reserved[column.key] ?? ''];
    const arrow = column.sortValue === undefined || column.label === '' ? '' : ' ↓';
    const header = measure(headers[column.key] ?? column.label + arrow, fonts.text);
    widths.set(column.key, Math.ceil(Math.max(column.pixels ?? 0, header, ...texts.map((text) => measure(text, font)))) + gap);
  }
  const wanted = Math.min(layerWidth.most, Math.max(layerWidth.least, (widths.get('layer') ?? 0) + layerPadding));
  let kept = [...columns];
  const needed = (): number => kept.reduce((sum, column) => sum + (column.key === 'layer' ? wanted : (widths.get(column.key) ?? 0)), 0);
  const leaving = [...new Set(columns.map((column) => column.leaves))].filter((order) => order > 0).sort((a, b) => a - b);
  for (const order of leaving) {
    if (needed() <= available) break;
    kept = kept.filter((column) => column.leaves !== order);
  }
  const pixels = (key: ColumnKey): string => `${widths.get(key) ?? 0}px`;
  return {
    columns: kept,
    template: kept.map(({ key }) => (key === 'layer' ? 'minmax(0, 1fr)' : pixels(key))).join(' '),
    groupTemplate: `${pixels('index')} ${pixels('mark')} minmax(0, 1fr) max-content`,
  };
}

/** Text of most characters: near enough to the widest, and cheap for 10,000 rows. */
function longest(texts: readonly string[]): string {
  let best = '';
  for (const text of texts) if (text.length > best.length) best = text;
  return best;
}

function measurer(): (text: string, font: string) => number {
  const context = document.createElement('canvas').getContext('2d');
  return (text, font) => {
    if (context === null) return text.length * 7;
    context.font = font;
    return context.measureText(text).width;
  };
}
