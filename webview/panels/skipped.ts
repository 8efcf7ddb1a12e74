import type { Skipped } from '../../server/report/report.js';
import { element, link, replace, setAttribute, tailText } from '../dom.js';
import { mark } from '../marks.js';
import { integer } from '../numbers.js';
import { prose, reasonKind } from '../prose.js';
import { t } from '../strings.js';

/** Names of one reason that are shown before the reader asks for all. */
const namesAtFirst = 12;

interface Named {
  name: string;
  reason: string;
}

/** What was not analysed, by reason: never an empty result without a why. */
export class SkippedSection {
  readonly element = element('details', { class: 'skipped', id: 'ss-skipped' });
  private readonly expanded = new Set<string>();

  /** `open`: shown from the start; else one line that opens. */
  show(skipped: readonly Skipped[], open: boolean): void {
    setAttribute(this.element, 'open', open);
    this.draw(skipped);
  }

  private draw(skipped: readonly Skipped[]): void {
    this.element.hidden = skipped.length === 0;
    const groups = new Map<string, Named[]>();
    for (const entry of skipped) {
      const name = entry.tensor ?? entry.layer ?? entry.operator ?? entry.analysis ?? '';
      const kind = reasonKind(entry.reason);
      const names = groups.get(kind);
      if (names === undefined) groups.set(kind, [{ name, reason: entry.reason }]);
      else names.push({ name, reason: entry.reason });
    }
    replace(
      this.element,
      element('summary', {}, element('h2', {}, t('Not analysed'), ' ', element('span', { class: 'muted' }, skipped.length === 1 ? t('1 entry, with its reason') : t('{0} entries, by reason', integer(skipped.length))))),
      [...groups].map(([reason, names]) => this.group(reason, names, () => this.draw(skipped))),
    );
  }

  private group(reason: string, names: readonly Named[], again: () => void): HTMLElement {
    const all = names.length <= namesAtFirst || this.expanded.has(reason);
    const shown = all ? names : names.slice(0, namesAtFirst);
    const more = all ? null : link(t('{0} more', integer(names.length - shown.length)), () => {
      this.expanded.add(reason);
      again();
    });
    return element('div', { class: 'finding', 'data-skipped': names.length }, mark('skipped'),
      element('div', { class: 'finding-text' }, element('p', {}, prose(reason)), element('p', { class: 'muted name-list' }, shown.map(({ name, reason: whole }) => element('span', { class: 'code', title: `${name}: ${whole}` }, tailText(name))), more)),
      element('div', { class: 'rule-cell muted' }, names.length <= namesAtFirst ? '' : integer(names.length)));
  }
}
