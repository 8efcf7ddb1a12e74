import { afterPaint, element } from '../dom.js';
import type { FigureView } from '../figure.js';
import type { Change } from '../panelModel.js';
import { t } from '../strings.js';
import { AnswerBlock } from './answer.js';
import { showRulesThatRan } from './clean.js';
import type { PanelContext } from './context.js';
import { DepthSection } from './depth.js';
import { FindingsSection } from './findings.js';
import { LayerTable } from './layerTable.js';
import { SkippedSection } from './skipped.js';

/** Above this many layers the profiles stand before the table, which then is long. */
const profilesFirstFrom = 41;

/** The Overview tab: is anything wrong, and where? */
export class OverviewPanel {
  readonly element = element('div', { class: 'panel', id: 'ss-panel-overview', role: 'tabpanel', tabindex: -1, 'aria-labelledby': 'ss-tab-overview' });
  readonly findings: FindingsSection;
  readonly table: LayerTable;
  private readonly answer: AnswerBlock;
  private readonly clean = element('section', { class: 'clean', id: 'ss-rules', 'aria-label': t('Rules that ran') });
  private readonly skipped = new SkippedSection();
  private readonly depth: DepthSection;
  private readonly note = element('p', { class: 'table-note' }, t('r₉₀: directions that hold 90 % of the energy. α needs at least 10 tail values; – where it has fewer; (in brackets) where the fit is loose. Spectrum: σₖ/σ₁ from 1 down to 10⁻⁴, k across.'));

  constructor(private readonly context: PanelContext) {
    this.answer = new AnswerBlock(context);
    this.findings = new FindingsSection(context, true);
    this.table = new LayerTable(context);
    this.depth = new DepthSection(context);
    this.element.append(this.answer.element, this.clean, this.findings.element, this.table.element, this.note, this.depth.element, this.skipped.element);
  }

  /** The chart that keys mean when none has the focus. */
  get firstFigure(): FigureView | null {
    return this.depth.element.hidden ? null : this.depth.figure;
  }

  update(change: Change): void {
    switch (change) {
      case 'overview':
        this.load();
        return;
      case 'state':
        this.answer.show();
        this.arrangeLater();
        return;
      case 'rows':
        this.answer.show();
        this.table.refresh();
        return;
      case 'progress':
        this.answer.show();
        this.table.refresh();
        return;
      case 'selection':
        this.findings.markSelected();
        this.depth.select();
        return;
      case 'tab':
        this.table.shownAgain();
        return;
      default:
        return;
    }
  }

  redraw(): void {
    this.depth.redraw();
  }

  /** A run begins or ends: the first line says so at once, also where the rest is 10,000 rows. */
  private arrangeLater(): void {
    afterPaint(() => {
      this.showFindings();
      this.table.load();
      this.depth.load();
    });
  }

  private load(): void {
    const { model } = this.context;
    const profilesFirst = model.rows.length >= profilesFirstFrom;
    this.depth.keepsPlace = profilesFirst;
    if (profilesFirst) this.table.element.before(this.skipped.element, this.depth.element);
    else this.element.append(this.depth.element, this.skipped.element);
    this.element.classList.toggle('many', profilesFirst);
    this.table.element.hidden = model.rows.length === 0;
    this.note.hidden = model.rows.length === 0;
    this.answer.show();
    this.showFindings();
    // The reasons are the answer where no layer has numbers.
    const nothingDone = model.rows.every((row) => row.state === 'failed' || row.state === 'skipped');
    this.skipped.show(model.overview?.skipped ?? [], !profilesFirst || nothingDone);
    this.table.load();
    this.depth.load();
  }

  private showFindings(): void {
    const { model } = this.context;
    const state = model.overview?.state;
    const findings = model.activeFindings;
    this.findings.show(findings, model.silencedFindings);
    this.clean.hidden = findings.length > 0 || model.rows.length === 0 || (state !== 'done' && state !== 'stale');
    if (!this.clean.hidden) showRulesThatRan(this.clean, model.rows);
  }
}
