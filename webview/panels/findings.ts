import type { Finding, Severity } from '../../server/report/report.js';
import { element, link, replace, tailText } from '../dom.js';
import { mark } from '../marks.js';
import { integer } from '../numbers.js';
import { severities } from '../panelModel.js';
import { commonEnding, prose, rowMessage, withoutLayer } from '../prose.js';
import { t } from '../strings.js';
import type { PanelContext } from './context.js';

/** Rows of a group that are shown before the reader asks for all. */
const rowsAtFirst = 8;

/** Findings grouped by rule: one group, one action; then those that were silenced, with their reasons. */
export class FindingsSection {
  readonly element = element('section', { class: 'findings', id: 'ss-findings', 'aria-label': t('Findings') });
  private readonly expanded = new Set<string>();

  /** `heading`: the list of the whole model, with its heading and layer names; else of one layer. */
  constructor(private readonly context: PanelContext, private readonly heading: boolean) {
    this.element.addEventListener('click', (event) => {
      const row = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-layer]') : null;
      if (row?.dataset.layer !== undefined) context.selectLayer(row.dataset.layer);
    });
  }

  show(findings: readonly Finding[], silenced: readonly Finding[]): void {
    this.element.hidden = findings.length === 0 && silenced.length === 0;
    const groups = groupByRule(findings);
    replace(
      this.element,
      this.heading ? element('h2', {}, t('Findings'), ' ', element('span', { class: 'muted' }, countWords(findings))) : null,
      groups.map((group) => this.group(group, () => this.show(findings, silenced))),
      silenced.length === 0 ? null : this.silencedList(silenced),
    );
    this.markSelected();
  }

  /** Marks the rows of the selected layer. */
  markSelected(): void {
    const { selected } = this.context.model;
    for (const row of this.element.querySelectorAll<HTMLElement>('[data-layer]')) row.classList.toggle('selected', row.dataset.layer === selected);
  }

  /** Puts the focus on the next (1) or previous (−1) finding, from the focused or the selected one. */
  step(direction: 1 | -1): void {
    const stops = [...this.element.querySelectorAll<HTMLElement>('[data-finding]')];
    if (stops.length === 0) return;
    let at = stops.findIndex((stop) => stop.contains(document.activeElement));
    if (at < 0) at = direction === 1 ? stops.findIndex((stop) => stop.dataset.layer !== undefined && stop.dataset.layer === this.context.model.selected) : 0;
    const next = stops[(at + direction + stops.length) % stops.length];
    next.focus();
    next.scrollIntoView({ block: 'nearest' });
    if (next.dataset.layer !== undefined) this.context.selectLayer(next.dataset.layer);
  }

  private group(group: readonly Finding[], again: () => void): HTMLElement {
    const [first] = group;
    const several = group.length > 1;
    const action = commonEnding(group.map((finding) => finding.message));
    const sentence = several ? action : withoutLayer(first.message, first.layer);
    const right = element('div', { class: 'rule-cell' }, this.ruleLink(first), several ? null : this.silence(first));
    const head = element('div', { class: 'finding', 'data-rule': first.rule, ...(several ? {} : findingStop(first)) }, mark(first.severity), element('div', { class: 'finding-text' }, element('p', { class: first.severity === 'error' || first.severity === 'warning' ? 'strong' : null }, several ? groupTitle(first.rule, group.length) : this.singleTitle(first)), sentence === '' ? null : element('p', { class: 'muted' }, prose(sentence))), right);
    if (!several) return head;
    const all = group.length <= rowsAtFirst || this.expanded.has(first.rule);
    const rows = (all ? group : group.slice(0, rowsAtFirst)).map((finding) => this.row(finding, action));
    const more = all ? null : link(t('Show all {0}', integer(group.length)), () => {
      this.expanded.add(first.rule);
      again();
    }, { class: 'link more-rows' });
    return element('div', { class: 'finding-group' }, head, element('div', { class: 'finding-rows' }, rows, more));
  }

  private singleTitle(finding: Finding): (Node | string)[] {
    if (finding.layer === undefined || !this.heading) return prose(finding.title);
    return finding.title.includes(finding.layer) ? prose(finding.title) : [this.layerLink(finding.layer), ': ', ...prose(finding.title)];
  }

  /** `action`: the sentence that the whole group shares and its head says. */
  private row(finding: Finding, action: string): HTMLElement {
    const message = rowMessage(finding.message, finding.layer);
    return element('div', { class: 'finding-row', ...findingStop(finding) },
      finding.layer === undefined ? null : this.layerLink(finding.layer),
      element('span', { class: 'finding-message' }, prose(action === '' ? message : message.slice(0, -action.length - 1))),
      this.silence(finding));
  }

  private layerLink(layer: string): HTMLElement {
    return link(tailText(layer), () => this.context.openLayer(layer), { class: 'link code layer-link', title: t('Open Weights of {0}', layer) });
  }

  private ruleLink(finding: Finding): HTMLElement {
    if (!this.context.host.live) return element('span', { class: 'rule muted' }, finding.rule);
    return link(finding.rule, () => this.context.host.post({ type: 'openRule', rule: finding.rule }), { class: 'link rule', title: t('What this rule says') });
  }

  private silence(finding: Finding): HTMLElement | null {
    if (!this.context.host.live) return null;
    return link(t('Silence…'), () => this.context.host.post({ type: 'silence', rule: finding.rule, layer: finding.layer ?? null }), { class: 'link silence', title: t('Keep it out of counts and gates, with a reason'), 'aria-label': finding.layer === undefined ? t('Silence {0}…', finding.rule) : t('Silence {0} for {1}…', finding.rule, finding.layer) });
  }

  private silencedList(silenced: readonly Finding[]): HTMLElement {
    const rows = silenced.map((finding) => element('div', { class: 'finding-row' },
      element('span', { class: 'code' }, finding.layer ?? ''),
      element('span', { class: 'finding-message muted' }, `${finding.rule} · ${finding.title} · ${t('reason: {0}', finding.silenced ?? '')}`),
      this.context.host.live ? link(t('Show again'), () => this.context.host.post({ type: 'unsilence', rule: finding.rule, layer: finding.layer ?? null })) : null));
    return element('details', { class: 'silenced' }, element('summary', { class: 'muted' }, silenced.length === 1 ? t('1 silenced finding') : t('{0} silenced findings', integer(silenced.length))), rows);
  }
}

/** "4 warnings · 1 hint"; empty without findings. */
export function countWords(findings: readonly Finding[]): string {
  return severities.map((severity) => ({ severity, count: findings.filter((finding) => finding.severity === severity).length })).filter(({ count }) => count > 0).map(({ severity, count }) => severityCount(severity, count)).join(' · ');
}

function severityCount(severity: Severity, count: number): string {
  switch (severity) {
    case 'error': return count === 1 ? t('1 error') : t('{0} errors', integer(count));
    case 'warning': return count === 1 ? t('1 warning') : t('{0} warnings', integer(count));
    case 'information': return t('{0} information', integer(count));
    case 'hint': return count === 1 ? t('1 hint') : t('{0} hints', integer(count));
  }
}

function groupByRule(findings: readonly Finding[]): Finding[][] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = `${finding.severity} ${finding.rule}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [finding]);
    else group.push(finding);
  }
  return [...groups.values()];
}

function findingStop(finding: Finding): Record<string, string | number> {
  return { 'data-finding': finding.rule, tabindex: -1, ...(finding.layer === undefined ? {} : { 'data-layer': finding.layer }) };
}

/** One title for several layers of a rule. */
function groupTitle(rule: string, count: number): string {
  const layers = integer(count);
  switch (rule) {
    case 'weights/non-finite': return t('{0} layers hold NaN or infinite weights', layers);
    case 'weights/zero-tensor': return t('{0} layers are all zero', layers);
    case 'weights/dead-units': return t('{0} layers have dead units', layers);
    case 'weights/duplicate': return t('{0} layers hold the same bytes as another', layers);
    case 'weights/constant': return t('{0} layers are constant', layers);
    case 'weights/noise-like': return t('{0} layers cannot be told from random', layers);
    case 'weights/rank-collapsed': return t('{0} layers are collapsed to few directions', layers);
    case 'weights/ill-conditioned': return t('{0} layers are ill-conditioned', layers);
    case 'weights/outlier-spike': return t('{0} layers have an outlying σ₁', layers);
    case 'jacobian/saturated': return t('{0} layers have mostly closed units', layers);
    default: return t('{0} layers: {1}', layers, rule);
  }
}
