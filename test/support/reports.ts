import type { Finding, Health, LayerKind, LayerReport, Metrics, ModelFacts, OperatorSpectrum, PowerLawFit, Report, Severity } from '../../server/report/report.js';

/** Small reports by hand: each shows an odd case that the renderers must stand. Numbers follow the definitions. */

const sound: Health = { nonFinite: { count: 0, firstIndex: null }, zeros: 0, denormals: 0, zeroRows: 0, zeroColumns: 0, constant: null, duplicateOf: null };
const noLaw: Metrics['marchenkoPastur'] = { sigma: null, lambdaMinus: null, lambdaPlus: null, spikes: null, softRank: null, ks: null, pValue: null, reason: 'no noise bulk' };

/** Metrics of descending singular values by their definitions; `alpha` and the noise law as given. */
export function metricsOf(values: number[], longerSide: number, alpha: PowerLawFit | null = null, law: Partial<Metrics['marchenkoPastur']> = {}): Metrics {
  const sum = (of: (value: number) => number): number => values.reduce((total, value) => total + of(value), 0);
  const top = values[0];
  const energy = sum((value) => value * value);
  const nuclear = sum((value) => value);
  const entropy = (share: (value: number) => number): number => Math.exp(-sum((value) => (share(value) === 0 ? 0 : share(value) * Math.log(share(value)))));
  const rank = (share: number): number => {
    let kept = 0;
    return values.findIndex((value) => (kept += value * value) >= (share - 1e-12) * energy) + 1;
  };
  const numericalRank = values.filter((value) => value > longerSide * 2 ** -23 * top).length;
  const last = values[values.length - 1];
  const zero = top === 0;
  return {
    spectralNorm: top,
    frobeniusNorm: Math.sqrt(energy),
    nuclearNorm: nuclear,
    stableRank: zero ? 0 : energy / top ** 2,
    numericalRank: zero ? 0 : numericalRank,
    effectiveRank: zero ? 0 : entropy((value) => value / nuclear),
    entropyRank: zero ? null : entropy((value) => value ** 2 / energy),
    participationRatio: zero ? null : energy ** 2 / sum((value) => value ** 4),
    energyRank: zero ? null : { '0.5': rank(0.5), '0.9': rank(0.9), '0.95': rank(0.95), '0.99': rank(0.99) },
    conditionNumber: last <= longerSide * 2 ** -52 * top ? 'Infinity' : top / last,
    conditionNumberNumericalRank: zero ? null : top / values[numericalRank - 1],
    logNorm: zero ? null : Math.log10(energy),
    logSpectralNorm: zero ? null : Math.log10(top ** 2),
    alpha,
    alphaHat: alpha === null ? null : alpha.value * Math.log10(top ** 2),
    logAlphaNorm: alpha === null ? null : Math.log10(sum((value) => value ** (2 * alpha.value))),
    marchenkoPastur: { ...noLaw, ...law, reason: (law.sigma ?? null) === null ? (law.reason ?? noLaw.reason) : null },
    powerLaw: { pOls: null, r2: null, betaKl: null, betaTop: null },
    cartan: zero ? null : 0.5 * Math.log((values.length * top ** 2) / energy),
  };
}

export interface LayerSketch {
  id: string;
  shape: number[];
  /** Descending; null for a layer without a spectrum. */
  values: number[] | null;
  kind?: LayerKind;
  matrixShape?: [number, number];
  groups?: number;
  dtype?: string;
  alpha?: PowerLawFit;
  law?: Partial<Metrics['marchenkoPastur']>;
  health?: Partial<Health>;
  operatorSpectra?: OperatorSpectrum[];
  findings?: Finding[];
}

export function layerOf(sketch: LayerSketch): LayerReport {
  const { id, shape, values, health = {}, findings = [], operatorSpectra, groups = 1 } = sketch;
  const matrixShape = sketch.matrixShape ?? [shape[0], shape.slice(1).reduce((product, size) => product * size, groups)];
  return {
    id,
    name: id,
    kind: sketch.kind ?? (shape.length > 2 ? 'convolution' : 'dense'),
    tensor: `${id}.weight`,
    shape,
    matrixShape,
    groups,
    dtype: sketch.dtype ?? 'float32',
    parameters: shape.reduce((product, size) => product * size, 1),
    spectrum: values === null ? null : { singularValues: values, method: 'two-stage', exact: true, relativeError: 1.2e-14 },
    ...(operatorSpectra === undefined ? {} : { operatorSpectra }),
    metrics: values === null ? null : metricsOf(values, Math.max(...matrixShape), sketch.alpha ?? null, sketch.law),
    health: { ...sound, ...health },
    findings,
  };
}

export function finding(rule: string, severity: Severity, layer: string, title: string, message: string, evidence: Finding['evidence'] = {}): Finding {
  return { rule, severity, layer, title, message, evidence, help: `docs/rules/${rule}.md` };
}

export function reportOf(layers: LayerReport[], more: Partial<Omit<Report, 'model'>> & { model?: Partial<ModelFacts> } = {}): Report {
  const { model, ...rest } = more;
  return {
    schemaVersion: 1,
    tool: { name: 'sigmascope', version: '0.1.0' },
    model: {
      path: 'models/small.onnx',
      format: 'onnx',
      bytes: 450_000,
      sha256: '791aa24d6b1f0c5e8a3d2b4f697081a2c3d4e5f60718293a4b5c6d7e8f901234',
      producer: 'pytorch 2.1.0',
      opset: { 'ai.onnx': 17 },
      parameters: layers.reduce((total, layer) => total + layer.parameters, 0),
      inputs: [{ name: 'input', dtype: 'float32', shape: ['batch', 3, 32, 32] }],
      outputs: [{ name: 'logits', dtype: 'float32', shape: ['batch', 10] }],
      function: { input: 'input', output: 'logits', tensor: 'logits', removed: [] },
      ...model,
    },
    layers,
    skipped: [],
    findings: layers.flatMap((layer) => layer.findings),
    settings: { only: ['weights'], layers: null, seed: 0, operator: 'norms' },
    ...rest,
  };
}

/** n values from `top` down to `bottom`, evenly spaced on a logarithmic scale. */
export function geometric(count: number, top: number, bottom: number): number[] {
  return Array.from({ length: count }, (_, k) => (count === 1 ? top : top * (bottom / top) ** (k / (count - 1))));
}

/** Singular values of a noisy square matrix: quantiles of the quarter circle of radius 2·deviation·√n. */
export function quarterCircle(count: number, deviation: number): number[] {
  const radius = 2 * deviation * Math.sqrt(count);
  const share = (x: number): number => (2 / Math.PI) * (x * Math.sqrt(1 - x * x) + Math.asin(x));
  return Array.from({ length: count }, (_, k) => {
    const wanted = 1 - (k + 0.5) / count;
    let [low, high] = [0, 1];
    for (let step = 0; step < 60; step++) {
      const middle = (low + high) / 2;
      if (share(middle) < wanted) low = middle;
      else high = middle;
    }
    return radius * low;
  });
}
