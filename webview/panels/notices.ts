import { element, link, replace } from '../dom.js';
import { mark } from '../marks.js';
import { integer } from '../numbers.js';
import type { Notice } from '../panelModel.js';
import { prose } from '../prose.js';
import { t } from '../strings.js';
import { type PanelContext, fileName } from './context.js';

/** Strips at the top: the file changed, a worker was lost, something failed. */
export class Notices {
  readonly element = element('div', { class: 'strips', id: 'ss-notices', role: 'status' });

  constructor(private readonly context: PanelContext) {}

  show(): void {
    const { model, host } = this.context;
    const { overview } = model;
    const stale = overview?.state === 'stale'
      ? this.strip('information', 'stale', t('{0} changed on disk after this report. The numbers describe the earlier file.', fileName(overview.model.path)), host.live ? [link(t('Analyze again'), () => host.post({ type: 'analyze' }))] : [])
      : null;
    replace(this.element, stale, model.notices.map((notice) => this.notice(notice)));
    this.element.classList.toggle('alone', overview === null);
    this.element.hidden = this.element.childElementCount === 0;
  }

  private notice(notice: Notice): HTMLElement {
    const { host, model } = this.context;
    const close = link(t('Dismiss'), () => model.dismiss(notice));
    if (notice.kind === 'error') {
      return this.strip('error', 'error', notice.message, [
        notice.actions.includes('retry') ? link(t('Try again'), () => host.post({ type: 'analyze' })) : null,
        notice.actions.includes('openLog') ? link(t('Open log'), () => host.post({ type: 'openLog' })) : null,
        model.overview === null ? null : close,
      ]);
    }
    const done = integer(model.settled);
    const all = integer(model.rows.length);
    if (notice.retried) return this.strip('information', 'worker', t('The runtime stopped at {0} ({1}). {2} of {3} layers are kept; this one is tried once more.', notice.layer, notice.reason, done, all), [close]);
    return this.strip('warning', 'worker', t('The runtime stopped at {0} ({1}). {2} of {3} layers are kept.', notice.layer, notice.reason, done, all), [
      link(t('Retry this layer'), () => {
        model.dismiss(notice);
        host.post({ type: 'retry', layers: [notice.layer] });
      }),
      link(t('Skip it'), () => model.dismiss(notice)),
    ]);
  }

  private strip(kind: 'information' | 'warning' | 'error', name: string, text: string, actions: readonly (HTMLElement | null)[]): HTMLElement {
    return element('div', { class: `strip strip-${kind}`, 'data-strip': name }, mark(kind), element('span', { class: 'strip-text' }, prose(text)), element('span', { class: 'strip-actions' }, actions));
  }
}
