import { formatBytes } from './numbers.js';
import type { LayerReport, ModelFacts, Report, Skipped } from './report.js';
import { plural } from './wording.js';

const formatNames: Readonly<Record<ModelFacts['format'], string>> = {
  onnx: 'ONNX',
  safetensors: 'safetensors',
  pytorch: 'PyTorch',
  keras: 'Keras',
  gguf: 'GGUF',
  tflite: 'TFLite',
  numpy: 'NumPy',
};

/** The last part of a path, whichever system wrote it. */
export function fileName(path: string): string {
  return path.split(/[\\/]/u).at(-1) ?? path;
}

/** `ONNX opset 9 · pytorch 1.8 · 111 808 weights · 8 layers · 450 kB` */
export function modelFactsLine(report: Report): string {
  const { model, layers, settings } = report;
  const opset = model.opset?.['ai.onnx'];
  return [
    `${formatNames[model.format]}${opset === undefined ? '' : ` opset ${opset}`}`,
    ...(model.producer === null ? [] : [model.producer]),
    plural(model.parameters, 'weight'),
    ...(settings.only.includes('weights') ? [plural(layers.length, 'layer')] : []),
    formatBytes(model.bytes),
  ].join(' · ');
}

/** What was passed over for one reason. */
export interface SkippedGroup {
  reason: string;
  names: string[];
}

/**
 * Skipped entries by reason: whole layers first, then operators, then other tensors; within each the largest group first.
 * Reasons that differ only in the name of a module or in the numbers of a layer are told as one: `bias of conv1` and
 * `bias of fc1` are `bias`.
 */
export function groupSkipped({ skipped }: Pick<Report, 'skipped'>): SkippedGroup[] {
  const groups = new Map<string, Skipped[]>();
  for (const entry of skipped) {
    const key = groupKey(entry);
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return [...groups.values()]
    .sort((a, b) => weightOf(a[0]) - weightOf(b[0]) || b.length - a.length)
    .map((entries) => ({ reason: sharedReason(entries.length === 1 ? [entries[0].reason] : [...new Set(entries.map(withoutLayer))]), names: entries.map(skippedName) }));
}

/** Entries of whole layers name their tensor, too. */
const isLayer = ({ layer, operator }: Skipped): boolean => layer !== undefined && operator === undefined;

function skippedName(entry: Skipped): string {
  const { tensor, layer, analysis, operator } = entry;
  if (layer !== undefined) return operator === undefined ? layer : `${layer} (${operator})`;
  return tensor ?? operator ?? analysis ?? 'the model';
}

/** What a reader misses most comes first. */
function weightOf(entry: Skipped): number {
  if (isLayer(entry)) return 0;
  return entry.operator !== undefined ? 1 : 2;
}

/** A tensor's role with the name of what it belongs to: `bias of conv1`, `scale of batch normalisation /2/2.1/Norm`. */
const roleOfSomething = /^(.* of(?: .*)?) \S*[^\s.,;:)]$/su;
/** Thin spaces separate thousands. */
const numbersInReason = /\d[\d.\u2009]*/gu;

/** The reason, spoken of several layers at once. */
function withoutLayer({ reason, layer }: Skipped): string {
  return layer === undefined || layer === '' ? reason : reason.replaceAll(layer, 'each');
}

/** Entries with the same key are told together. */
function groupKey(entry: Skipped): string {
  const { reason, layer } = entry;
  if (layer === undefined) return `tensor ${roleOfSomething.exec(reason)?.[1] ?? reason}`;
  return `${isLayer(entry) ? 'layer' : 'operator'} ${withoutLayer(entry).replace(numbersInReason, '#')}`;
}

/** The words that reasons of one key have in common, … for the others; nothing is left of a name at the end. */
function sharedReason([first, ...others]: readonly string[]): string {
  const words = first.split(' ');
  const common = words.map((word, i) => (others.every((other) => other.split(' ')[i] === word) ? word : '…'));
  return common.join(' ').replace(/(?: of)? …$/u, '');
}

/** How many spectra each algorithm computed, and the largest stated relative error; null without any spectrum. */
export function spectraBasis(layers: readonly LayerReport[]): { methods: [string, number][]; relativeError: number; exact: boolean } | null {
  const methods = new Map<string, number>();
  let relativeError = 0;
  let exact = true;
  for (const { spectrum } of layers) {
    if (spectrum === null) continue;
    methods.set(spectrum.method, (methods.get(spectrum.method) ?? 0) + 1);
    relativeError = Math.max(relativeError, spectrum.relativeError);
    exact &&= spectrum.exact;
  }
  return methods.size === 0 ? null : { methods: [...methods].sort((a, b) => b[1] - a[1]), relativeError, exact };
}
