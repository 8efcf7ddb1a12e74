import type { Severity } from '../server/report/report.js';
import { svg } from './dom.js';
import { t } from './strings.js';

/** Marks of 14 × 14: the shape tells the kind, the word is its accessible name, colour comes third. */
export type Mark = Severity | 'done' | 'pending' | 'running' | 'skipped';

/** The mark as an image with its word as name. */
export function mark(kind: Mark): SVGSVGElement {
  const word = markWord(kind);
  return svg('svg', { class: `mark mark-${kind}`, viewBox: '0 0 14 14', width: 14, height: 14, role: 'img', 'aria-label': word }, shapes(kind));
}

/** The word of a mark, singular. */
export function markWord(kind: Mark): string {
  switch (kind) {
    case 'error': return t('error');
    case 'warning': return t('warning');
    case 'information': return t('information');
    case 'hint': return t('hint');
    case 'done': return t('analysed');
    case 'pending': return t('not analysed');
    case 'running': return t('running');
    case 'skipped': return t('skipped');
  }
}

function shapes(kind: Mark): SVGElement[] {
  const stroke = { fill: 'none', stroke: 'currentColor' };
  switch (kind) {
    case 'error':
      return [svg('circle', { cx: 7, cy: 7, r: 6, fill: 'currentColor' }), svg('path', { d: 'M4.8 4.8l4.4 4.4M9.2 4.8l-4.4 4.4', stroke: 'var(--ss-bg)', 'stroke-width': 1.5 })];
    case 'warning':
      return [svg('path', { ...stroke, d: 'M7 1.2 13.3 12.6H.7Z', 'stroke-width': 1.2, 'stroke-linejoin': 'round' }), svg('path', { ...stroke, d: 'M7 5v4M7 10v1.2', 'stroke-width': 1.3 })];
    case 'information':
      return [svg('circle', { ...stroke, cx: 7, cy: 7, r: 5.9, 'stroke-width': 1.1 }), svg('path', { ...stroke, d: 'M7 6.2v4M7 3.6v1.4', 'stroke-width': 1.3 })];
    case 'hint':
      return [svg('path', { ...stroke, d: 'M7 1.2a4 4 0 0 0-2.2 7.3c.5.4.7.8.7 1.4h3c0-.6.2-1 .7-1.4A4 4 0 0 0 7 1.2ZM5.6 11.4h2.8M6 13h2', 'stroke-width': 1.1 })];
    case 'done':
      return [svg('path', { ...stroke, d: 'M3 7.4 5.8 10 11 4.2', 'stroke-width': 1.2 })];
    case 'pending':
      return [svg('circle', { ...stroke, cx: 7, cy: 7, r: 4.2, 'stroke-dasharray': '1.6 1.7' })];
    case 'running':
      return [svg('circle', { ...stroke, cx: 7, cy: 7, r: 4.6, 'stroke-opacity': 0.3, 'stroke-width': 1.4 }), svg('path', { ...stroke, class: 'spin', d: 'M7 2.4A4.6 4.6 0 0 1 11.6 7', 'stroke-width': 1.4 })];
    case 'skipped':
      return [svg('circle', { ...stroke, cx: 7, cy: 7, r: 4.6 }), svg('path', { ...stroke, d: 'M3.8 10.2 10.2 3.8' })];
  }
}
