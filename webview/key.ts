import type { KeyEntry } from './charts/chart.js';
import { element, svg } from './dom.js';

/** The key above a drawing: one swatch and its words for each kind of mark. */
export function keyOf(entries: readonly KeyEntry[]): HTMLElement[] {
  return entries.map((entry) => element('span', {}, swatch(entry.swatch), entry.text));
}

const steps = ['n4', 'n3', 'n2', 'n1', 'z', 'p1', 'p2', 'p3', 'p4'] as const;
const stepWidth = 8;

function swatch(kind: KeyEntry['swatch']): SVGSVGElement {
  switch (kind) {
    case 'band': return drawn(12, svg('rect', { x: 0.5, y: 1.5, width: 11, height: 8, fill: 'var(--ss-band)', stroke: 'var(--ss-edge)' }));
    case 'median': return drawn(6, svg('path', { d: 'M3 0v11', stroke: 'var(--ss-fg)', 'stroke-width': 2 }));
    case 'medianLine': return drawn(18, svg('path', { d: 'M0 5.5h18', stroke: 'var(--ss-fg)', 'stroke-width': 1.5 }));
    case 'dot': return drawn(9, svg('circle', { cx: 4.5, cy: 5.5, r: 3.2, fill: 'var(--ss-c1)' }));
    case 'ring': return drawn(9, svg('circle', { cx: 4.5, cy: 5.5, r: 3.2, fill: 'none', stroke: 'var(--ss-c1)', 'stroke-width': 1.3 }));
    case 'diamond': return drawn(9, svg('path', { d: 'M4.5 1.5 8.5 5.5 4.5 9.5 .5 5.5Z', fill: 'none', stroke: 'var(--ss-c2)', 'stroke-width': 1.3 }));
    case 'selectedLine': return drawn(18, svg('path', { d: 'M0 5.5h18', stroke: 'var(--ss-c1)', 'stroke-width': 1.5 }), svg('circle', { cx: 9, cy: 5.5, r: 2.4, fill: 'var(--ss-c1)' }));
    case 'selectedTick': return drawn(4, svg('path', { d: 'M2 0v11', stroke: 'var(--ss-c1)', 'stroke-width': 2 }));
    case 'deviation': return drawn(18, svg('path', { d: 'M0 5.5h18', stroke: 'var(--ss-context)', 'stroke-width': 2 }), svg('circle', { cx: 9, cy: 5.5, r: 2.6, fill: 'var(--ss-fg)' }));
    case 'reference': return drawn(16, svg('path', { d: 'M0 5.5h16', stroke: 'var(--ss-c2)', 'stroke-width': 1.3, 'stroke-dasharray': '4 3' }));
    case 'diverging': return drawn(steps.length * stepWidth, ...steps.map((step, index) => svg('rect', { x: index * stepWidth, y: 1, width: stepWidth, height: 9, fill: `var(--ss-${step})`, stroke: step === 'n4' ? 'var(--ss-heat-edge)' : null })));
  }
}

function drawn(width: number, ...shapes: SVGElement[]): SVGSVGElement {
  return svg('svg', { width, height: 11, viewBox: `0 0 ${width} 11` }, shapes);
}
