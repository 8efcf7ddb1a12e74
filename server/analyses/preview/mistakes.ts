import type { InputsError } from '../../inputs/inputArray.js';
import type { InputsField, InputsMistake } from '../../report/inputsPreview.js';

/** Options of the command line that a sentence may name; a form has a field of the same name. */
const option = /--(preprocess|layout|range|resize|labels|inputs)\b/g;

/** The sentence of a mistake as a form shows it, beside the field that it is about. */
export function mistakeOf({ code, message }: InputsError): InputsMistake {
  return { sentence: plainSentence(message), field: fieldOf(code, message) };
}

/** A sentence that speaks of fields instead of options. */
export function plainSentence(message: string): string {
  return message.replace(option, '$1');
}

function fieldOf(code: string, message: string): InputsField {
  if (code === 'inputs/labels') return 'labels';
  if (code === 'inputs/missing-array') return 'array';
  const [named] = /^--(preprocess|layout|range)\b/.exec(message) ?? /--(resize|layout)\b/.exec(message) ?? [];
  switch (named) {
    case '--preprocess':
      return 'preprocess';
    case '--layout':
      return 'layout';
    case '--range':
      return 'range';
    case '--resize':
      return 'resize';
    default:
      return 'file';
  }
}
