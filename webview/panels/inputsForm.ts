import type { InputsChoice, InputsProposal, InputsRequest, ToWebview } from '../../server/protocol.js';
import { button, element, link, replace } from '../dom.js';
import { mark } from '../marks.js';
import { speak } from '../speech.js';
import { t } from '../strings.js';
import { fileName, type PanelContext } from './context.js';
import { InputsFieldset } from './inputsFieldset.js';
import { accuracyText, InputsPreviewView, shapeText } from './inputsPreview.js';
import { requestOf } from './inputsRequest.js';

/** Quiet time after a change before the inputs are tried out again. */
const quietMilliseconds = 300;
/** From here on a waiting person is told how long it has taken. */
const slowMilliseconds = 1000;

/** Messages that are the form's. */
export type InputsMessage = Extract<ToWebview, { type: 'inputsForm' | 'inputsCandidates' | 'inputsPreview' | 'inputsFile' }>;

export function isInputsMessage(message: ToWebview): message is InputsMessage {
  return message.type === 'inputsForm' || message.type === 'inputsCandidates' || message.type === 'inputsPreview' || message.type === 'inputsFile';
}

/**
 * The form that asks which inputs a model is analysed on, and how they are prepared. Beside the fields stands what comes
 * of them: pictures, predictions and the accuracy, tried out anew after every change.
 */
export class InputsForm {
  readonly element = element('section', { class: 'panel inputs-form', id: 'ss-inputs-form', tabindex: -1, 'aria-labelledby': 'ss-inputs-title' });
  private readonly line = element('p', { class: 'answer', id: 'ss-inputs-title' });
  private readonly basis = element('p', { class: 'basis' });
  private readonly fields: InputsFieldset;
  private readonly preview = new InputsPreviewView();
  private readonly analyze: HTMLButtonElement;
  private readonly remember = element('input', { type: 'checkbox', id: 'ss-inputs-remember' });
  private shown = false;
  private question = 0;
  private proposal: InputsProposal | null = null;
  private changeTimer = 0;
  private waitTimer = 0;

  /** @param onShown is told when the form opens and closes */
  constructor(
    private readonly context: PanelContext,
    private readonly onShown: (shown: boolean) => void,
  ) {
    this.fields = new InputsFieldset({
      changed: () => this.askSoon(),
      browse: (field, folder) => context.host.post({ type: 'browseInputs', field, folder }),
    });
    this.analyze = button(t('Analyze'), () => this.use(), { class: 'btn primary', id: 'ss-inputs-analyze' });
    const remember = element('label', { class: 'check', for: 'ss-inputs-remember' }, this.remember, ' ', t('Remember in sigmascope.json'));
    const actions = element('div', { class: 'buttons' }, this.analyze, remember, link(t('Cancel'), () => this.leave(), { id: 'ss-inputs-cancel' }), link(t('16 random inputs instead'), () => this.useSynthetic(), { id: 'ss-inputs-synthetic' }));
    this.element.append(
      element('div', { class: 'answer-block' }, this.line, this.basis),
      element('div', { class: 'inputs-columns' }, element('div', {}, this.fields.element, actions), this.preview.element),
    );
    this.element.hidden = true;
  }

  get isOpen(): boolean {
    return this.shown;
  }

  receive(message: InputsMessage): void {
    switch (message.type) {
      case 'inputsForm':
        if (message.open) this.open();
        else this.close();
        return;
      case 'inputsCandidates':
        this.takeCandidates(message.candidates);
        return;
      case 'inputsPreview':
        if (message.id === this.question) this.takePreview(message.proposal, message.error);
        return;
      case 'inputsFile':
        this.fields.choose(message.field, message.choice);
    }
  }

  /** Closes the form without a run. */
  leave(): void {
    this.context.host.post({ type: 'leaveInputs' });
    this.close();
  }

  private open(): void {
    if (this.shown) {
      this.fields.focus();
      return;
    }
    this.shown = true;
    this.proposal = null;
    this.remember.checked = false;
    this.preview.show(null);
    this.onShown(true);
    this.fields.focus();
    this.ask(null);
  }

  private close(): void {
    if (!this.shown) return;
    this.shown = false;
    this.question += 1;
    this.stopTimers();
    this.onShown(false);
  }

  /** With a single file that fits and nothing chosen, that one is tried out. */
  private takeCandidates(candidates: readonly InputsChoice[]): void {
    this.fields.offer(candidates);
    const fitting = candidates.filter(({ fits }) => fits);
    if (fitting.length === 1 && this.proposal !== null && this.proposal.request === null && requestOf(this.fields.values()) === null) this.fields.choose('file', fitting[0]);
    else if (this.proposal !== null) this.showAnswer();
  }

  private askSoon(): void {
    window.clearTimeout(this.changeTimer);
    this.changeTimer = window.setTimeout(() => {
      const request = requestOf(this.fields.values());
      if (request !== null) this.ask(request);
    }, quietMilliseconds);
  }

  private ask(request: InputsRequest | null): void {
    this.question += 1;
    this.stopTimers();
    this.element.setAttribute('aria-busy', 'true');
    const start = performance.now();
    // A quick answer takes the place of the one before without a word in between.
    if (this.proposal === null) this.line.textContent = t('Looking for inputs…');
    this.waitTimer = window.setInterval(() => {
      const seconds = Math.round((performance.now() - start) / slowMilliseconds);
      this.line.textContent = t('Trying these inputs out… {0} s', seconds);
    }, slowMilliseconds);
    this.context.host.post({ type: 'previewInputs', id: this.question, request });
  }

  private takePreview(proposal: InputsProposal | null, error: string | null): void {
    this.stopTimers();
    this.element.removeAttribute('aria-busy');
    const first = this.proposal === null;
    this.proposal = proposal;
    if (proposal === null) {
      replace(this.line, mark('error'), ' ', error ?? '');
      this.basis.textContent = '';
      this.analyze.disabled = true;
      return;
    }
    if (first && proposal.request !== null) this.fields.set(proposal.request, proposal.samples);
    this.fields.setArrays(proposal.arrays, proposal.expected?.name ?? 'x');
    this.fields.setMistake(proposal.mistake?.field ?? null, proposal.mistake?.sentence ?? null);
    this.preview.show(proposal);
    this.analyze.disabled = proposal.preview === null;
    this.showAnswer();
  }

  private showAnswer(): void {
    if (this.proposal === null) return;
    const { preview, mistake, expected, request, declared } = this.proposal;
    const model = fileName(this.context.model.overview?.model.path ?? '');
    const takes = expected === null ? t('{0} takes no inputs.', model) : t('{0} takes {1}: {2} {3}', model, expected.name, expected.dtype, shapeText(expected.shape));
    if (mistake !== null && preview === null) this.line.textContent = t('The inputs do not fit with these settings.');
    else if (preview !== null) {
      const [before, number, after] = accuracyText(preview);
      replace(this.line, before, number === '' ? null : element('b', {}, number), after);
    } else if (request === null) this.line.textContent = this.fields.fitting > 0 ? t('Choose the inputs to analyse the network on.') : t('No file of this workspace fits. Browse for one.');
    this.basis.textContent = [takes, preview === null ? '' : t('fed as {0}', shapeText(['n', ...preview.shape.slice(1)])), declared ? t('from sigmascope.json') : ''].filter((part) => part !== '').join(' · ');
    speak(mistake === null ? this.line.textContent : mistake.sentence);
  }

  private use(): void {
    const request = requestOf(this.fields.values());
    if (request === null || this.analyze.disabled || !this.fields.checkSamples()) return;
    this.context.host.post({ type: 'useInputs', request, samples: this.fields.samples(), remember: this.remember.checked });
    this.starting();
  }

  private useSynthetic(): void {
    this.leave();
    this.context.host.post({ type: 'analyzeJacobians', synthetic: true });
    this.starting();
  }

  /** The tab behind the form says so until the engine answers. */
  private starting(): void {
    this.context.model.jacobians.asked = true;
    this.context.model.emit('jacobians');
  }

  private stopTimers(): void {
    window.clearTimeout(this.changeTimer);
    window.clearInterval(this.waitTimer);
  }
}
