import type { InputsChoice, InputsProposal, InputsRequest } from '../../server/protocol.js';
import type { InputsField } from '../../server/report/inputsPreview.js';
import { button, element, replace, setAttribute } from '../dom.js';
import { mark } from '../marks.js';
import { t } from '../strings.js';
import { shapeText } from './inputsPreview.js';
import { fieldsOf, isArrayFile, presetOf, presets, requestOf, splitArray, type InputsFields } from './inputsRequest.js';

/** Inputs that Jacobians are computed at where nobody says otherwise. */
const usualSamples = 100;

interface Listeners {
  changed: () => void;
  browse: (field: 'file' | 'labels', folder: boolean) => void;
}

/** The fields of the form for inputs, each with its label and a place for the sentence of what is wrong in it. */
export class InputsFieldset {
  readonly element = element('div', { class: 'fields' });
  private readonly file = element('select', { class: 'field', id: 'ss-inputs-file' });
  private readonly array = element('select', { class: 'field', id: 'ss-inputs-array' });
  private readonly labels = element('select', { class: 'field', id: 'ss-inputs-labels' });
  private readonly layout = element('select', { class: 'field', id: 'ss-inputs-layout' });
  private readonly preset = element('select', { class: 'field', id: 'ss-inputs-preset' });
  private readonly divide = element('input', { type: 'checkbox', id: 'ss-inputs-divide' });
  private readonly mean = text('ss-inputs-mean', '0');
  private readonly std = text('ss-inputs-std', '1');
  private readonly range = text('ss-inputs-range', t('from the inputs'));
  private readonly resize = element('input', { type: 'checkbox', id: 'ss-inputs-resize' });
  private readonly count = element('input', { class: 'field short', type: 'number', min: 1, step: 1, id: 'ss-inputs-samples', placeholder: String(usualSamples) });
  private readonly mistakes = new Map<InputsField, { control: HTMLElement; place: HTMLElement; row: HTMLElement }>();
  private candidates: readonly InputsChoice[] = [];
  private arrays: InputsProposal['arrays'] = null;
  /** A file of labels that was browsed for or came with a request. */
  private labelFile: InputsChoice | null = null;

  constructor(private readonly listeners: Listeners) {
    const browse = (field: 'file' | 'labels', folder: boolean, title: string, id: string): HTMLElement => button(title, () => listeners.browse(field, folder), { class: 'btn small', id });
    this.element.append(
      this.row('file', t('Inputs'), this.file, browse('file', false, t('Browse…'), 'ss-inputs-browse'), browse('file', true, t('Pictures…'), 'ss-inputs-folder')),
      this.row('array', t('Array'), this.array),
      this.row('labels', t('Labels'), this.labels, browse('labels', false, t('Browse…'), 'ss-inputs-browse-labels')),
      this.row('layout', t('Layout of the file'), this.layout),
      this.row('preprocess', t('Scaling'), this.preset),
      element('div', { class: 'form-row' }, element('span', {}), element('div', { class: 'form-controls scaling' }, check(this.divide, 'x/255'), pair('ss-inputs-mean', t('mean'), this.mean), pair('ss-inputs-std', t('std'), this.std))),
      this.row('range', t('Range'), this.range),
      this.row('resize', t('Pictures'), check(this.resize, t('resize those of another size'))),
      element('div', { class: 'form-row' }, label('ss-inputs-samples', t('Inputs looked at')), element('div', { class: 'form-controls' }, this.count)),
    );
    options(this.layout, [['', t('as the model’s, or reshaped')], ['nchw', t('channels first (nchw)')], ['nhwc', t('channels last (nhwc)')]]);
    this.showPresets();
    this.listen();
    this.setArrays(null, 'x');
    this.offer([]);
  }

  /** How many of the files offered fit. */
  get fitting(): number {
    return this.candidates.filter(({ fits }) => fits).length;
  }

  focus(): void {
    this.file.focus();
  }

  /** Takes a request over, without telling the listener. */
  set(request: InputsRequest, samples: number | null): void {
    const fields = fieldsOf(request);
    this.takeFile(namedChoice(request.file));
    this.divide.checked = fields.divideBy255;
    this.mean.value = fields.mean;
    this.std.value = fields.std;
    this.range.value = fields.range;
    this.resize.checked = fields.resize;
    this.layout.value = fields.layout;
    if (fields.labels !== '') this.labelFile = namedChoice(fields.labels);
    this.showLabels(fields.labels);
    this.array.dataset.wanted = fields.array;
    this.count.value = samples === null ? '' : String(samples);
    this.showPresets();
    this.showKind();
  }

  /** Files to choose from; a chosen one stays. */
  offer(candidates: readonly InputsChoice[]): void {
    const chosen = this.candidates.find(({ file }) => file === this.file.value);
    this.candidates = chosen === undefined || candidates.some(({ file }) => file === chosen.file) ? candidates : [...candidates, chosen];
    this.showFiles(chosen?.file ?? '');
  }

  /** A file that was browsed for. */
  choose(field: 'file' | 'labels', choice: InputsChoice): void {
    if (field === 'labels') {
      this.labelFile = choice;
      this.showLabels(choice.file);
    } else {
      this.takeFile(choice);
      this.fileChanged();
    }
    this.listeners.changed();
  }

  /**
   * The arrays of the npz that is chosen; null where the file is none.
   * @param input name of the model's input: that array is taken where none is chosen
   */
  setArrays(arrays: InputsProposal['arrays'], input: string): void {
    this.arrays = arrays;
    const wanted = this.array.dataset.wanted ?? this.array.value;
    delete this.array.dataset.wanted;
    options(this.array, [['', input === 'x' ? t('x, by its name') : t('{0} or x, by its name', input)], ...(arrays ?? []).map(({ name, dtype, shape }): [string, string] => [name, `${name}  ${dtype} ${shapeText(shape)}`])]);
    if (wanted !== '' && arrays?.some(({ name }) => name === wanted) !== true) this.array.append(element('option', { value: wanted }, wanted));
    this.array.value = wanted;
    this.showLabels(this.labels.value);
    this.showKind();
  }

  /** Shows a sentence under the field that it is about. */
  setMistake(field: InputsField | null, sentence: string | null): void {
    for (const [name, { control, place, row }] of this.mistakes) {
      const wrong = name === field && sentence !== null;
      setAttribute(control, 'aria-invalid', wrong ? 'true' : null);
      place.hidden = !wrong;
      if (wrong) {
        row.hidden = false;
        replace(place, mark('error'), ' ', sentence);
      } else place.replaceChildren();
    }
  }

  values(): InputsFields {
    return {
      ...splitArray(this.file.value),
      ...(this.array.value === '' ? {} : { array: this.array.value }),
      labels: this.labels.value,
      layout: this.layout.value === 'nchw' || this.layout.value === 'nhwc' ? this.layout.value : '',
      divideBy255: this.divide.checked,
      mean: this.mean.value,
      std: this.std.value,
      range: this.range.value,
      resize: this.resize.checked,
    };
  }

  samples(): number | null {
    const given = Math.floor(Number(this.count.value));
    return this.count.value === '' || !(given >= 1) ? null : given;
  }

  /** Whether the number of inputs is one; else the page says what it takes. */
  checkSamples(): boolean {
    return this.count.reportValidity();
  }

  private listen(): void {
    const { changed } = this.listeners;
    this.file.addEventListener('change', () => {
      this.fileChanged();
      changed();
    });
    for (const control of [this.array, this.labels, this.layout, this.resize]) control.addEventListener('change', changed);
    this.range.addEventListener('input', changed);
    for (const control of [this.mean, this.std]) control.addEventListener('input', () => this.scalingChanged());
    this.divide.addEventListener('change', () => this.scalingChanged());
    this.preset.addEventListener('change', () => {
      const chosen = presets.find(({ key }) => key === this.preset.value);
      if (chosen === undefined) return;
      this.divide.checked = chosen.divideBy255;
      this.mean.value = chosen.mean;
      this.std.value = chosen.std;
      this.scalingChanged();
    });
  }

  private scalingChanged(): void {
    this.showPresets();
    this.listeners.changed();
  }

  /** Another file has other arrays, and brings other labels. */
  private fileChanged(): void {
    this.array.value = '';
    this.array.dataset.wanted = splitArray(this.file.value).array;
    this.labels.value = '';
    this.arrays = null;
    this.showKind();
  }

  private takeFile(choice: InputsChoice): void {
    if (!this.candidates.some(({ file }) => file === choice.file)) this.candidates = [choice, ...this.candidates];
    this.showFiles(choice.file);
  }

  private showFiles(chosen: string): void {
    const option = ({ file, label: name, content }: InputsChoice): HTMLElement => element('option', { value: file }, content === null ? name : `${name} – ${content}`);
    const group = (title: string, all: readonly InputsChoice[]): HTMLElement | null => (all.length === 0 ? null : element('optgroup', { label: title }, ...all.map(option)));
    replace(this.file, element('option', { value: '', disabled: true }, t('Choose a file')), group(t('Fit the model'), this.candidates.filter(({ fits }) => fits)), group(t('Of another size'), this.candidates.filter(({ fits }) => !fits)));
    this.file.value = chosen;
  }

  private showLabels(chosen: string): void {
    const { file } = splitArray(this.file.value);
    const inside = (this.arrays ?? []).filter(({ name, shape }) => (shape.length === 1 || (shape.length === 2 && shape[1] === 1)) && name !== 'y' && name !== splitArray(this.file.value).array).map(({ name }): [string, string] => [`${file}#${name}`, name]);
    const own: [string, string][] = this.labelFile === null || inside.some(([value]) => value === this.labelFile?.file) ? [] : [[this.labelFile.file, this.labelFile.label]];
    options(this.labels, [['', isArrayFile(file) || file === '' ? t('that come with the inputs, if any') : t('the subfolders, if any')], ...inside, ...own]);
    this.labels.value = chosen;
    if (this.labels.selectedIndex < 0) this.labels.value = '';
  }

  private showPresets(): void {
    const names: Record<string, string> = { none: t('none'), bytes: t('0…255 → 0…1'), mnist: t('MNIST mean and std'), cifar10: t('CIFAR-10 mean and std'), imagenet: t('ImageNet mean and std') };
    const current = presetOf(this.values());
    options(this.preset, [...presets.map(({ key }): [string, string] => [key, names[key]]), ...(current === null ? [['other', t('as below')] as [string, string]] : [])]);
    this.preset.value = current ?? 'other';
  }

  /** Fields that the kind of file has no use for are left out. */
  private showKind(): void {
    const { file } = this.values();
    const rowOf = (field: InputsField): HTMLElement | undefined => this.mistakes.get(field)?.row;
    const hide = (field: InputsField, hidden: boolean): void => {
      const row = rowOf(field);
      if (row !== undefined) row.hidden = hidden;
    };
    hide('array', this.arrays === null);
    hide('resize', requestOf(this.values()) === null || isArrayFile(file));
  }

  private row(field: InputsField, title: string, control: HTMLElement, ...others: HTMLElement[]): HTMLElement {
    const place = element('p', { class: 'mistake', id: `ss-inputs-mistake-${field}`, hidden: true });
    const input = control.matches('label') ? (control.querySelector('input') ?? control) : control;
    input.setAttribute('aria-describedby', place.id);
    const name = control.matches('label') ? element('span', {}, title) : label(control.id, title);
    const row = element('div', { class: 'form-row' }, name, element('div', { class: 'form-controls' }, control, ...others), place);
    this.mistakes.set(field, { control: input, place, row });
    return row;
  }
}

/** A file that a request names, by its folder and its name: the whole path would be cut where it matters. */
function namedChoice(file: string): InputsChoice {
  return { file, label: file.split(/[/\\]/).slice(-2).join('/'), content: null, fits: true };
}

function label(id: string, title: string): HTMLElement {
  return element('label', { for: id }, title);
}

/** A label and its field, which stay on one line. */
function pair(id: string, title: string, control: HTMLElement): HTMLElement {
  return element('span', { class: 'pair' }, label(id, title), control);
}

function check(control: HTMLInputElement, title: string): HTMLElement {
  return element('label', { class: 'check', for: control.id }, control, ' ', title);
}

function text(id: string, placeholder: string): HTMLInputElement {
  return element('input', { class: 'field', type: 'text', id, placeholder, spellcheck: 'false', autocomplete: 'off' });
}

function options(select: HTMLSelectElement, all: readonly [value: string, title: string][]): void {
  const current = select.value;
  replace(select, ...all.map(([value, title]) => element('option', { value }, title)));
  select.value = all.some(([value]) => value === current) ? current : (all.at(0)?.[0] ?? '');
}
