import type { InputPicture, JacobianOverview } from '../../server/report/jacobianViews.js';
import { cellLines, stretchNumber, valueAt } from '../charts/jacobianWords.js';
import { element, link, replace } from '../dom.js';
import { integer, significant } from '../numbers.js';
import { t } from '../strings.js';
import type { PanelContext } from './context.js';

/** Sides of the picture on the page: whole multiples of the image's own between these, so that pixels stay pixels. */
const smallestSide = 56;
const largestSide = 224;
/** Layers of the profile that are listed, those that differ most from their median first. */
const listedLayers = 5;

/** The selected input: its picture, its class, and at which layers it is stretched unlike the others. */
export class InputCard {
  readonly element = element('section', { class: 'input-card', id: 'ss-input-card', 'aria-label': t('Selected input') });
  private readonly picture = element('div', { class: 'input-picture' });
  private readonly title = element('h2', {});
  private readonly facts = element('div', { class: 'input-facts small' });
  private readonly profile = element('dl', { class: 'input-profile' });
  private drawn: InputPicture | null = null;

  constructor(private readonly context: PanelContext, private readonly choose: (input: number) => void, private readonly chooseUse: (layer: string, call: number) => void) {
    this.element.append(this.picture, element('div', { class: 'input-text' }, this.title, this.facts, this.profile));
  }

  show(): void {
    const { jacobians } = this.context.model;
    const { overview, input } = jacobians;
    const position = overview === null || input === null ? -1 : overview.samples.index.indexOf(input);
    this.element.hidden = position < 0;
    if (overview === null || input === null || position < 0) return;
    replace(this.title, t('Input {0}', input), ' ', element('span', { class: 'muted' }, classFacts(overview, position)));
    replace(this.facts, rankWords(overview, position), ' ', this.neighbours(overview, position));
    this.showProfile(overview, input);
    this.showPicture(jacobians.picture(input));
  }

  private neighbours({ samples }: JacobianOverview, position: number): HTMLElement {
    const at = samples.order.indexOf(position);
    const step = (by: 1 | -1, text: string, tip: string): HTMLElement => link(text, () => this.choose(samples.index[samples.order[at + by]]), { disabled: samples.order.at(at + by) === undefined || at + by < 0, title: tip });
    return element('span', { class: 'input-steps' }, step(-1, t('‹ less'), t('The input with the next smaller stretch')), ' · ', step(1, t('more ›'), t('The input with the next larger stretch')));
  }

  private showProfile(overview: JacobianOverview, input: number): void {
    const { kind } = this.context.model.jacobians;
    const found = overview.rows.flatMap((row) => {
      const stretch = row.stretch[kind];
      const value = stretch === null ? null : valueAt(stretch, overview, input);
      return stretch === null || value === null || value <= 0 || stretch.q50 <= 0 ? [] : [{ row, stretch, value, ratio: value / stretch.q50 }];
    });
    const listed = found.sort((a, b) => Math.abs(Math.log(b.ratio)) - Math.abs(Math.log(a.ratio))).slice(0, listedLayers);
    const position = overview.samples.index.indexOf(input);
    replace(this.profile, listed.length === 0 ? null : element('div', { class: 'number muted' }, element('dt', {}, t('farthest from the layer’s median')), element('dd', {}, t('σ₁, ratio'))), listed.map(({ row, stretch, value, ratio }) => element('div', { class: 'number', title: cellLines(row, kind, overview, position).join('\n') }, element('dt', { class: 'code' }, link(row.label, () => this.chooseUse(row.layer, row.call))), element('dd', {}, t('{0}, × {1}', stretchNumber(value, stretch, overview), significant(ratio, 3))))));
  }

  private showPicture(picture: InputPicture | null | undefined): void {
    this.picture.hidden = picture === null;
    if (picture === null || picture === undefined || picture === this.drawn) return;
    this.drawn = picture;
    replace(this.picture, pictureCanvas(picture));
  }
}

/** The picture in whole multiples of its pixels; larger ones are shown smaller. */
export function pictureCanvas(picture: InputPicture): HTMLCanvasElement {
  const { width, height, channels, pixels, index } = picture;
  const made = element('canvas', { width, height, role: 'img', 'aria-label': t('Picture of input {0}, {1} × {2} pixels', index, width, height) });
  const scale = pictureScale(Math.max(width, height));
  made.style.width = `${width * scale}px`;
  made.style.height = `${height * scale}px`;
  const context = made.getContext('2d');
  if (context === null) return made;
  const image = context.createImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) image.data[4 * pixel + channel] = pixels[pixel * channels + (channels === 1 ? 0 : channel)];
    image.data[4 * pixel + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return made;
}

/** The smallest whole multiple that reaches 56 pixels; at most 224. */
export function pictureScale(side: number): number {
  if (side > largestSide) return largestSide / side;
  return Math.max(1, Math.min(Math.ceil((2 * smallestSide) / side), Math.floor(largestSide / side)));
}

function classFacts({ samples }: JacobianOverview, position: number): string {
  const label = samples.label[position];
  const prediction = samples.prediction[position];
  if (label === null) return prediction === null ? '' : t('predicted {0}', prediction);
  if (prediction === null) return t('label {0}', label);
  return label === prediction ? t('label {0} → {1}, right', label, prediction) : t('label {0} → {1}, wrong', label, prediction);
}

function rankWords({ samples, output, inputs }: JacobianOverview, position: number): string {
  if (output === null) return '';
  const value = stretchNumber(output.values[position], output, { inputs });
  const above = samples.order.length - 1 - samples.order.indexOf(position);
  if (above === 0) return t('σ₁ of the output {0}: the largest of {1}.', value, integer(samples.order.length));
  return t('σ₁ of the output {0}: {1} of {2} are larger.', value, integer(above), integer(samples.order.length));
}
