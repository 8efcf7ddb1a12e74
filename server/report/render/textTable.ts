import { displayWidth, padEnd, padStart } from '../printable.js';

/** A column of a text table. */
export interface TextColumn {
  title: string;
  align: 'left' | 'right';
  cells: readonly string[];
  /** Of the widest cell or the title. */
  width: number;
}

/** A column as wide as its widest cell. Cost O(characters), once. */
export function textColumn(title: string, align: TextColumn['align'], cells: readonly string[]): TextColumn {
  return { title, align, cells, width: cells.reduce((widest, cell) => Math.max(widest, displayWidth(cell)), displayWidth(title)) };
}

/** Columns between two columns. */
export const columnGap = 2;

/** Width of the table when every column has its natural width. */
export function tableWidth(columns: readonly TextColumn[]): number {
  return columns.reduce((sum, column) => sum + column.width, 0) + columnGap * (columns.length - 1);
}

/** Aligned lines, the titles first, without spaces at the ends of lines. */
export function tableLines(columns: readonly TextColumn[], indent: string): string[] {
  const line = (texts: readonly string[]) =>
    indent + texts.map((text, i) => (columns[i].align === 'left' ? padEnd(text, columns[i].width) : padStart(text, columns[i].width))).join(' '.repeat(columnGap)).trimEnd();
  const rows = columns[0]?.cells.length ?? 0;
  return [line(columns.map((column) => column.title)), ...Array.from({ length: rows }, (_, row) => line(columns.map((column) => column.cells[row])))];
}
