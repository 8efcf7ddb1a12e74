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
  const { model, layers } = report;
  const opset = model.opset?.['ai.onnx'];
  return [
    `${formatNames[model.format]}${opset === undefined ? '' : ` opset ${opset}`}`,
    ...(model.producer === null ? [] : [model.producer]),
    plural(model.parameters, 'weight'),
    plural(layers.length, 'layer'),
    formatBytes(model.bytes),
  ].join(' · ');
}

/** Exporters number nodes that have no name. */
const anonymousNode = /^\d+$/u;

/** What was passed over for one reason. */
export interface SkippedGroup {
  reason: string;
  names: string[];
}

/**
 * Skipped entries by reason, the largest group first. A reason that ends with the name of the tensor's own module
 * (`bias of conv1`) or with the number of a node is one with the others of its kind: `bias of …`.
 */
export function groupSkipped({ skipped, layers }: Pick<Report, 'skipped' | 'layers'>): SkippedGroup[] {
  const ids = new Set([...layers.map((layer) => layer.id), ...skipped.flatMap((entry) => entry.layer ?? [])]);
  const groups = new Map<string, string[]>();
  for (const entry of skipped) {
    const name = entry.operator !== undefined && entry.layer !== undefined ? `${entry.layer} (${entry.operator})` : (entry.tensor ?? entry.layer ?? entry.operator ?? entry.analysis ?? 'the model');
    const reason = sharedReason(entry, ids);
    groups.set(reason, [...(groups.get(reason) ?? []), name]);
  }
  return [...groups].map(([reason, names]) => ({ reason, names })).sort((a, b) => b.names.length - a.names.length);
}

function sharedReason({ reason, tensor }: Skipped, ids: ReadonlySet<string>): string {
  const match = /^(.* of (?:\S+ )?)(\S+)$/su.exec(reason);
  if (tensor === undefined || match === null) return reason;
  const [, stem, module] = match;
  return ids.has(module) || tensor.startsWith(`${module}.`) || anonymousNode.test(module) ? `${stem}…` : reason;
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
