import type { InputsProposal } from '../../server/protocol.js';
import type { InputsPreview, PreviewItem } from '../../server/report/inputsPreview.js';
import type { InputPicture } from '../../server/report/jacobianViews.js';
import { element, replace } from '../dom.js';
import { integer, missing, percent, significant } from '../numbers.js';
import { t } from '../strings.js';
import { pictureCanvas } from './jacobianInput.js';

/** A row of four stands beside the fields. */
const tileSide = 64;
/** Bytes reach so far. */
const largestByte = 255;

/** A shape for people: [200, 1, 16, 16]. */
export function shapeText(shape: readonly (number | string | null)[] | null): string {
  return shape === null ? '[…]' : `[${shape.map((size) => size ?? '?').join(', ')}]`;
}

/** What the model will be fed: the first inputs with label and prediction, and the range of the numbers by channel. */
export class InputsPreviewView {
  readonly element = element('section', { class: 'inputs-preview', 'aria-label': t('What the model is fed') });

  show(proposal: InputsProposal | null): void {
    const preview = proposal?.preview ?? null;
    if (preview === null) replace(this.element, element('div', { class: 'empty-plot' }, t('The first inputs appear here when the settings fit.')));
    else replace(this.element, element('h2', {}, t('The first inputs'), ' ', element('span', { class: 'muted' }, caption(preview))), tiles(preview), channels(preview), notes(preview));
  }
}

/** The answer in a sentence, split where the number stands in bold. */
export function accuracyText({ accuracy, accuracyOf, hasLabels, n, items }: InputsPreview): [string, string, string] {
  if (accuracy !== null) return ['', percent(accuracy), accuracyOf < n ? t(' of {0} inputs, of {1}, are predicted as labelled.', integer(accuracyOf), integer(n)) : t(' of {0} inputs are predicted as labelled.', integer(n))];
  if (hasLabels) return [t('{0} inputs with labels. The model’s answer cannot be compared with them.', integer(n)), '', ''];
  const predicted = items.some(({ prediction }) => prediction !== null);
  return [predicted ? t('{0} inputs fit. Without labels, only the predictions tell whether they are prepared as in training.', integer(n)) : t('{0} inputs fit.', integer(n)), '', ''];
}

function caption({ hasLabels, items }: InputsPreview): string {
  const predicted = items.some(({ prediction }) => prediction !== null);
  if (hasLabels && predicted) return t('label → prediction');
  return predicted ? t('prediction') : hasLabels ? t('label') : '';
}

function tiles({ items, classes }: InputsPreview): HTMLElement {
  const pictures = items.every(({ picture }) => picture !== null);
  return element('ol', { class: pictures ? 'tiles' : 'tiles rows' }, ...items.map((item) => element('li', {}, content(item), outcome(item, classes))));
}

function content({ index, picture, values }: PreviewItem): HTMLElement {
  if (picture !== null) return tile(picture);
  const shown = (values ?? []).map((value) => (value === null ? missing : significant(value, 3))).join('  ');
  return element('span', { class: 'values', title: t('Input {0}', index) }, shown, ' …');
}

/** A picture in whole multiples of its pixels, at most as large as a tile. */
function tile(picture: InputPicture): HTMLCanvasElement {
  const made = pictureCanvas(picture);
  const factor = Math.max(1, Math.floor(tileSide / Math.max(picture.width, picture.height)));
  made.style.width = `${factor * picture.width}px`;
  made.style.height = `${factor * picture.height}px`;
  return made;
}

function outcome({ label, prediction }: PreviewItem, classes: readonly string[] | null): HTMLElement | null {
  const name = (index: number): string => classes?.[index] ?? String(index);
  if (label === null && prediction === null) return null;
  if (label === null || prediction === null) return element('span', { class: 'outcome' }, name(label ?? prediction ?? 0));
  const same = label === prediction;
  return element('span', { class: same ? 'outcome' : 'outcome other', title: t('label {0}, predicted {1}', name(label), name(prediction)) }, `${name(label)} → ${name(prediction)}`, same ? null : element('span', { class: 'hidden-text' }, t(' (differs)')));
}

function channels({ channels: all, range }: InputsPreview): HTMLElement {
  const number = (value: number | null): string => (value === null ? missing : significant(value, 4));
  const row = ({ smallest, largest, mean }: InputsPreview['channels'][number], i: number): HTMLElement =>
    element('tr', {}, element('th', { scope: 'row' }, all.length === 1 ? t('all numbers') : t('channel {0}', i)), ...[smallest, mean, largest].map((value) => element('td', {}, number(value))));
  return element(
    'table',
    { class: 'fed' },
    element('caption', {}, t('Fed to the model'), ' ', element('span', { class: 'muted' }, t('range before mean and std: {0} … {1}', number(range[0]), number(range[1])))),
    element('thead', {}, element('tr', {}, element('td', {}), ...[t('smallest'), t('mean'), t('largest')].map((title) => element('th', { scope: 'col' }, title)))),
    element('tbody', {}, ...all.map(row)),
  );
}

function notes({ notes: given, stored, channels: all }: InputsPreview): HTMLElement {
  const bytes = stored.dtype === 'uint8' && all.some(({ largest }) => largest !== null && largest > 1 && largest <= largestByte) && all.every(({ smallest }) => smallest !== null && smallest >= 0);
  const hint = bytes ? [t('The file holds bytes, 0 … 255, and they are fed as they are. Most networks are trained on x/255.')] : [];
  return element('div', { class: 'table-note' }, ...[...hint, ...given].map((note) => element('p', {}, note)));
}
