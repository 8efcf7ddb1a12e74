import type { InputsRequest } from '../../server/protocol.js';

/** What a person has put into the form, as text. */
export interface InputsFields {
  /** Path without #NAME. */
  file: string;
  /** Name in an npz; '' for the default one. */
  array: string;
  /** '' for those that come with the inputs. */
  labels: string;
  layout: '' | 'nchw' | 'nhwc';
  divideBy255: boolean;
  /** A number, or one for each channel between commas; '' is 0. */
  mean: string;
  /** Likewise; '' is 1. */
  std: string;
  /** LO,HI; '' for the range that follows from the others. */
  range: string;
  resize: boolean;
}

export const emptyFields: InputsFields = { file: '', array: '', labels: '', layout: '', divideBy255: false, mean: '', std: '', range: '', resize: false };

/** Scalings that are usual, by name; the numbers can be edited afterwards. */
export const presets: readonly ({ key: string } & Pick<InputsFields, 'divideBy255' | 'mean' | 'std'>)[] = [
  { key: 'none', divideBy255: false, mean: '', std: '' },
  { key: 'bytes', divideBy255: true, mean: '', std: '' },
  { key: 'mnist', divideBy255: true, mean: '0.1307', std: '0.3081' },
  { key: 'cifar10', divideBy255: true, mean: '0.4914,0.4822,0.4465', std: '0.2471,0.2435,0.2616' },
  { key: 'imagenet', divideBy255: true, mean: '0.485,0.456,0.406', std: '0.229,0.224,0.225' },
];

/** The preset that the fields are, or null where somebody has changed a number. */
export function presetOf({ divideBy255, mean, std }: InputsFields): string | null {
  return presets.find((preset) => preset.divideBy255 === divideBy255 && sameNumbers(preset.mean, mean) && sameNumbers(preset.std, std))?.key ?? null;
}

/** The request that the fields mean; null without a file. Numbers are checked by the engine, whose sentences the form shows. */
export function requestOf(fields: InputsFields): InputsRequest | null {
  if (fields.file === '') return null;
  const [mean, std] = [withoutSpaces(fields.mean), withoutSpaces(fields.std)];
  const steps = [fields.divideBy255 ? 'x/255' : '', mean === '' ? '' : `mean=${mean}`, std === '' ? '' : `std=${std}`].filter((step) => step !== '');
  return {
    file: fields.array === '' ? fields.file : `${fields.file}#${fields.array}`,
    labels: fields.labels === '' ? null : fields.labels,
    preprocess: steps.length === 0 ? null : steps.join(' '),
    layout: fields.layout === '' ? null : fields.layout,
    range: fields.range.trim() === '' ? null : withoutSpaces(fields.range),
    resize: fields.resize,
  };
}

/** The fields of a request. */
export function fieldsOf(request: InputsRequest): InputsFields {
  const steps = (request.preprocess ?? '').split(/\s+/);
  const value = (name: string): string => steps.find((step) => step.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
  return {
    ...splitArray(request.file),
    labels: request.labels ?? '',
    layout: request.layout ?? '',
    divideBy255: steps.includes('x/255'),
    mean: value('mean'),
    std: value('std'),
    range: request.range ?? '',
    resize: request.resize,
  };
}

/** FILE.npz#NAME in its parts; other names may have a #. */
export function splitArray(file: string): Pick<InputsFields, 'file' | 'array'> {
  const [, archive, array] = /^(.*\.npz)#([^#/\\]+)$/i.exec(file) ?? [null, file, ''];
  return { file: archive, array };
}

/** Whether the name is that of a file of arrays or a table; else it is a folder of pictures or bare numbers. */
export function isArrayFile(file: string): boolean {
  return /\.(npz|npy|csv|tsv|txt|raw|bin|f32|u8)$/i.test(file);
}

/** .5 is 0.5; nothing is only nothing. */
function sameNumbers(a: string, b: string): boolean {
  const numbers = (text: string): string => (text.trim() === '' ? '' : text.split(',').map(Number).join());
  return numbers(a) === numbers(b);
}

function withoutSpaces(text: string): string {
  return text.replace(/\s+/g, '');
}
