import type { Answer } from '../../server/report/views.js';
import { button, element, link, replace } from '../dom.js';
import { mark } from '../marks.js';
import { bytes, integer } from '../numbers.js';
import { prose } from '../prose.js';
import { t } from '../strings.js';
import { type PanelContext, fileName } from './context.js';

/**
 * The first lines of the Overview: what is, on what basis, and the one thing to do next. Its height is kept
 * while a run goes on, so that the rows below do not move.
 */
export class AnswerBlock {
  readonly element = element('div', { class: 'answer-block', id: 'ss-answer' });
  private readonly line = element('p', { class: 'answer' });
  private readonly basis = element('p', { class: 'basis' });
  private readonly actions = element('div', { class: 'buttons' });
  private readonly now = element('span', { class: 'now' });
  private state: string | null = null;

  constructor(private readonly context: PanelContext) {
    this.element.append(this.line, this.basis, this.actions);
  }

  show(): void {
    const { model, host } = this.context;
    const { overview } = model;
    if (overview === null) return;
    const total = overview.rows.length;
    const settled = model.progress === null ? model.settled : model.progress.done;
    const waiting = total - model.settled;
    this.element.classList.toggle('reserved', overview.state === 'listed' || overview.state === 'running' || overview.state === 'cancelled' || overview.state === 'timeout');
    if (overview.state === 'running') {
      this.running(settled, model.progress?.total ?? total, model.progress?.layer ?? null);
      return;
    }
    this.state = overview.state;
    this.actions.replaceChildren();
    switch (overview.state) {
      case 'listed': {
        replace(this.line, total === 1 ? t('{0} has 1 layer and {1} weights.', fileName(overview.model.path), integer(overview.model.parameters)) : t('{0} has {1} layers and {2} weights.', fileName(overview.model.path), integer(total), integer(overview.model.parameters)));
        replace(this.basis, this.costWords());
        if (host.live && total > 0) this.actions.append(button(t('Analyze weights'), () => host.post({ type: 'analyze' }), { class: 'btn primary', id: 'ss-analyze' }));
        this.actions.append(element('span', { class: 'small muted' }, t('Read on this machine. No code in the file is run and nothing is sent.')));
        return;
      }
      case 'cancelled':
      case 'timeout':
        replace(this.line, overview.state === 'cancelled' ? t('Cancelled after {0} of {1} layers.', integer(model.settled), integer(total)) : t('Timed out after {0} of {1} layers.', integer(model.settled), integer(total)));
        replace(this.basis, t('The {0} finished layers are kept and exact. Answers about the whole model are withheld.', integer(model.settled)));
        if (host.live && waiting > 0) this.actions.append(button(waiting === 1 ? t('Continue with 1 layer') : t('Continue with {0} layers', integer(waiting)), () => host.post({ type: 'analyze' }), { class: 'btn primary', id: 'ss-continue' }));
        return;
      case 'failed':
        replace(this.line, mark('error'), ' ', element('b', {}, prose(model.message ?? t('The analysis failed.'))));
        replace(this.basis, model.settled > 0 ? t('The {0} finished layers are kept.', integer(model.settled)) : '');
        if (host.live) this.actions.append(link(t('Open log'), () => host.post({ type: 'openLog' })), link(t('Try again'), () => host.post({ type: 'analyze' })));
        return;
      case 'done':
      case 'stale':
        this.answer(overview.answer);
    }
  }

  private answer(answer: Answer): void {
    replace(this.line, ...answerLine(answer));
    replace(this.basis, prose(answer.basis));
  }

  private running(done: number, total: number, layer: string | null): void {
    const { host } = this.context;
    this.line.textContent = t('{0} of {1} layers analysed.', integer(done), integer(total));
    this.now.textContent = layer === null ? t('Starting') : t('{0} now', layer);
    if (this.state === 'running') return;
    this.state = 'running';
    this.actions.replaceChildren();
    replace(this.basis, this.now, host.live ? [' · ', link(t('Cancel'), () => this.context.cancel(), { id: 'ss-cancel' }), ` ${t('(Esc)')}`] : null);
  }

  private costWords(): string {
    const cost = this.context.model.overview?.cost ?? null;
    if (cost === null) return '';
    const words = t('Weight spectra: {0}, {1} of memory.', durationWords(cost.seconds), bytes(cost.peakBytes));
    if (cost.refused === 0) return words;
    return `${words} ${cost.refused === 1 ? t('1 layer needs more than the memory limit and will be skipped.') : t('{0} layers need more than the memory limit and will be skipped.', integer(cost.refused))}`;
  }
}

/** How long a run takes, as the editor's own question before it says. */
function durationWords(seconds: number): string {
  if (seconds < 1) return t('under 1 s');
  if (seconds < 120) return t('about {0} s', integer(seconds));
  return seconds < 7200 ? t('about {0} min', integer(seconds / 60)) : t('about {0} h', (seconds / 3600).toFixed(1));
}

/** Verdict in bold, the rest beside it. */
export function answerLine(answer: Answer): (Node | string)[] {
  return [element('b', {}, prose(answer.verdict)), answer.rest === '' ? '' : ' ', ...prose(answer.rest)];
}
