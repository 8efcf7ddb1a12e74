import { allDepthMetrics, selectionData, selectionValues, stripMetrics, throughTheDepthChart } from '../charts/throughTheDepth.js';
import { Segmented } from '../controls.js';
import { element } from '../dom.js';
import { FigureView } from '../figure.js';
import { t } from '../strings.js';
import { type PanelContext, fileName } from './context.js';

/** Fewer layers have no profile. */
const fewest = 2;

/** Profiles through the depth of the network, selection included. */
export class DepthSection {
  readonly element = element('section', { class: 'depth', id: 'ss-depth', 'aria-label': t('Through the depth') });
  readonly figure: FigureView;
  private readonly metricSwitch: Segmented<'three' | 'five'>;
  private five = false;
  /** Where the table stands below the profiles, their place is kept before they exist, so that the rows do not move. */
  keepsPlace = false;
  private chosen = false;

  constructor(private readonly context: PanelContext) {
    this.metricSwitch = new Segmented(t('Profiles'), [{ key: 'three', text: 'σ₁ r₉₀ κ' }, { key: 'five', text: t('+ α, Cartan') }], 'three', (key) => {
      this.chosen = true;
      this.five = key === 'five';
      this.draw();
    });
    const { model } = context;
    this.figure = new FigureView({
      host: context.host,
      controls: this.metricSwitch.element,
      fileName: () => fileName(model.overview?.model.path ?? 'report'),
      asTable: model.tables.has('through-the-depth'),
      onTable: (asTable) => {
        if (asTable) model.tables.add('through-the-depth');
        else model.tables.delete('through-the-depth');
        context.rearranged();
      },
      onLayer: (layer, open) => {
        if (open) context.openLayer(layer);
        else context.selectLayer(layer);
      },
    });
    this.element.append(this.figure.element);
  }

  /** Draws when a run has ended. */
  load(): void {
    const { model } = this.context;
    const waiting = model.overview?.state === 'listed' || model.running;
    const nothing = waiting ? !this.keepsPlace : model.rows.every((row) => row.spectralNorm === null);
    this.element.hidden = model.rows.length < fewest || nothing;
    if (!this.chosen) {
      this.five = model.rows.length <= 40;
      this.metricSwitch.set(this.five ? 'five' : 'three');
    }
    this.draw();
  }

  select(): void {
    const { model } = this.context;
    const row = model.row(model.selected);
    this.figure.setData(selectionData, row === null ? [] : selectionValues(row, model.position(row.id)));
  }

  redraw(): void {
    this.figure.redraw();
  }

  private draw(): void {
    if (this.element.hidden) return;
    const { model } = this.context;
    const chart = throughTheDepthChart(model.rows, this.five ? allDepthMetrics : stripMetrics);
    const waiting = model.overview?.state === 'listed' || model.running;
    this.figure.show(waiting ? { ...chart, specification: null, points: [], note: t('Drawn when the analysis has ended.') } : chart);
    this.select();
  }
}
