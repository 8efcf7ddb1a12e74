import { element } from './dom.js';

/** Sentences of the report: names stand in backticks there, as in its text form. */

/** The sentence with names in backticks as code. */
export function prose(sentence: string): (Node | string)[] {
  return sentence.split('`').map((part, index) => (index % 2 === 1 ? element('span', { class: 'code' }, part) : part));
}

/** A finding's message without its leading layer name, for places where the layer is named already. */
export function withoutLayer(message: string, layer: string | undefined): string {
  if (layer === undefined) return message;
  for (const start of [`\`${layer}\`: `, `${layer}: `]) if (message.startsWith(start)) return capitalised(message.slice(start.length));
  return message;
}

function capitalised(sentence: string): string {
  return sentence.replace(/^[a-z]/, (letter) => letter.toUpperCase());
}

/** A sentence about a layer, for a row that begins with the layer's name: "`fc1` holds NaN." → "Holds NaN." */
export function rowMessage(message: string, layer: string | undefined): string {
  const without = withoutLayer(message, layer);
  const start = `\`${layer ?? ''}\` `;
  return layer !== undefined && without === message && message.startsWith(start) ? capitalised(message.slice(start.length)) : without;
}

/** The last sentence when every message ends with the same one and says more before it; else "". */
export function commonEnding(messages: readonly string[]): string {
  const [first] = messages;
  const ending = messages.length < 2 ? '' : (/[.!?] ([A-Z][^]*?[.!?])$/.exec(first)?.[1] ?? '');
  return ending !== '' && messages.every((message) => message.endsWith(` ${ending}`)) ? ending : '';
}

/** What reasons that differ in a name alone have in common: "bias of fc1" → "bias". Other reasons stay whole. */
export function reasonKind(reason: string): string {
  const match = /^([a-z][a-z -]*?) of \S+( \S+)?$/i.exec(reason);
  return match === null ? reason : match[1];
}
