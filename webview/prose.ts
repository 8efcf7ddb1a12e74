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

/** What reasons that differ in a name alone have in common: "bias of fc1" → "bias". Other reasons stay whole. */
export function reasonKind(reason: string): string {
  const match = /^([a-z][a-z -]*?) of \S+( \S+)?$/i.exec(reason);
  return match === null ? reason : match[1];
}
