import type { ChartTable } from './charts/chart.js';
import { exact } from './numbers.js';
import { backgroundColour, resolveColours } from './theme.js';

/** PNG pixels per CSS pixel. */
const pngScale = 2;
/** Room around the drawing: axis titles stand outside Vega's box. */
const margin = 12;

/** The SVG text with plain colours and the page's background, or a PNG of it as base64 without prefix. */
export async function exportImage(svgText: string, kind: 'svg' | 'png'): Promise<string> {
  const parsed = new DOMParser().parseFromString(resolveColours(svgText), 'image/svg+xml').documentElement;
  const width = Number(parsed.getAttribute('width'));
  const height = Number(parsed.getAttribute('height'));
  const background = parsed.ownerDocument.createElementNS('http://www.w3.org/2000/svg', 'rect');
  const box = { x: -margin, y: -margin, width: width + 2 * margin, height: height + 2 * margin };
  for (const [name, value] of Object.entries(box)) background.setAttribute(name, String(value));
  background.setAttribute('fill', backgroundColour());
  parsed.prepend(background);
  parsed.setAttribute('viewBox', `${box.x} ${box.y} ${box.width} ${box.height}`);
  parsed.setAttribute('width', String(box.width));
  parsed.setAttribute('height', String(box.height));
  const text = new XMLSerializer().serializeToString(parsed);
  return kind === 'svg' ? text : rasterise(text, box.width, box.height);
}

/** A chart's table as CSV (RFC 4180) in full precision. */
export function tableAsCsv(table: ChartTable): string {
  return [table.columns, ...table.rows].map((row) => row.map((cell) => csvField(exact(cell))).join(',')).join('\r\n') + '\r\n';
}

/** One field of a CSV line, quoted where it must be. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

async function rasterise(svgText: string, width: number, height: number): Promise<string> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = width * pngScale;
  canvas.height = height * pngScale;
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL('image/png').replace(/^[^,]*,/, '');
}
