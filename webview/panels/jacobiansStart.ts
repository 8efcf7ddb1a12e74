import type { ValueFacts } from '../../server/report/report.js';
import { button, element, link, replace } from '../dom.js';
import { mark } from '../marks.js';
import { prose } from '../prose.js';
import { t } from '../strings.js';
import type { PanelContext } from './context.js';

/** The Jacobians tab without numbers: what the analysis answers and how to begin, or why it cannot. */
export class JacobiansStart {
  readonly element = element('div', { class: 'answer-block', id: 'ss-jacobians-start' });

  constructor(private readonly context: PanelContext) {}

  show(): void {
    const { model, host } = this.context;
    const report = model.overview;
    if (report === null) return;
    const { asked } = model.jacobians;
    const reason = model.jacobians.reason ?? report.skipped.find((entry) => entry.analysis === 'jacobian' && entry.layer === undefined)?.reason ?? null;
    if (reason !== null) {
      this.say(element('span', {}, mark('skipped'), ' ', t('The Jacobians of this model were not computed.')), [prose(reason)], host.live && report.model.function !== null && report.origin === 'model' ? this.buttons(false) : []);
      return;
    }
    if (report.model.function === null) {
      this.say(t('Jacobians need the network itself.'), [t('This file holds weights without a graph: nothing says how a layer’s output follows from an input. Export the model as ONNX and open that file; the weight analysis works here.')], []);
      return;
    }
    if (report.origin === 'savedReport' || !host.live) {
      this.say(t('This report holds no Jacobians.'), [t('It was made without inputs. Run the analysis on the model with inputs, and save it again.')], []);
      return;
    }
    const input = report.model.inputs.find((value) => value.name === report.model.function?.input) ?? report.model.inputs.at(0);
    this.say(
      element('b', {}, t('Where does the network stretch its inputs?')),
      [
        element('p', {}, t('For each layer and each of your inputs: the singular values of the exact Jacobian, how much of a small change arrives, and a bound that holds for every input.')),
        input === undefined ? null : element('p', { id: 'ss-input-shape' }, t('The model expects {0}: files of inputs are npz, npy, csv, or a folder of images.', inputWords(input))),
        element('p', {}, t('Read on this machine; nothing is sent.')),
      ],
      asked ? [element('span', { class: 'small muted', role: 'status' }, t('Starting'))] : this.buttons(true),
    );
  }

  private buttons(primary: boolean): HTMLElement[] {
    const { host, model } = this.context;
    return [
      button(t('Choose inputs…'), () => host.post({ type: 'chooseInputs' }), { class: primary ? 'btn primary' : 'btn', id: 'ss-choose-inputs' }),
      link(t('16 random inputs'), () => {
        model.jacobians.asked = true;
        this.show();
        host.post({ type: 'analyzeJacobians', synthetic: true });
      }, { id: 'ss-synthetic', title: t('Normally distributed; every number is then marked ≈') }),
    ];
  }

  private say(line: Node | string, basis: readonly (Node | string | null | (Node | string)[])[], actions: readonly HTMLElement[]): void {
    replace(this.element, element('p', { class: 'answer' }, line), element('div', { class: 'basis start-basis' }, basis), element('div', { class: 'buttons' }, actions));
  }
}

/** "input.1, float32 [batch, 3, 32, 32]" */
function inputWords(input: ValueFacts): string {
  const shape = input.shape === null ? '' : ` [${input.shape.map((size) => size ?? '?').join(', ')}]`;
  return `${input.name}, ${input.dtype}${shape}`;
}
