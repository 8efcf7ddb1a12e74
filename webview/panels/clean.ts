import type { LayerRow } from '../../server/report/views.js';
import { element, replace } from '../dom.js';
import { mark } from '../marks.js';
import { integer } from '../numbers.js';
import { t } from '../strings.js';

/** Where no finding exists: what was looked for, and on how many layers. */
export function showRulesThatRan(target: HTMLElement, rows: readonly LayerRow[]): void {
  const all = rows.length;
  const read = rows.filter((row) => row.state === 'done').length;
  const spectra = rows.filter((row) => row.spectralNorm !== null).length;
  const noise = rows.filter((row) => row.marchenkoPasturPValue !== null).length;
  const line = (text: string, count: number): HTMLElement => element('div', { class: 'rule-line' }, mark(count > 0 ? 'done' : 'pending'), element('span', {}, text), element('span', { class: 'muted' }, t('{0} of {1}', integer(count), integer(all))));
  replace(target,
    element('h2', {}, t('Findings'), ' ', element('span', { class: 'muted' }, t('none; these rules ran'))),
    line(t('non-finite, zero, constant, duplicate, dead units'), read),
    line(t('rank, conditioning, outliers'), spectra),
    line(t('noise: layers with a noise law and at least 10 directions'), noise));
}
