import type { InputsReport, JacobianMeasures, JacobianReport, JacobianSpectra, LayerJacobians } from '../../server/report/jacobians.js';

/** Reports on Jacobians with numbers that are known in closed form. */

const none = (n: number): null[] => Array.from({ length: n }, () => null);

/** Linear between order statistics, as numpy has it. */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  return sorted[below] + (sorted[Math.min(below + 1, sorted.length - 1)] - sorted[below]) * (at - below);
}

/** Spectra of these singular values, by input; measures only where `ranks` are given. */
export function spectraOf(singularValues: number[][], more: Partial<JacobianSpectra> & { ranks?: number[] } = {}): JacobianSpectra {
  const n = singularValues.length;
  const { ranks, ...rest } = more;
  const curve = (share: number): number[] => singularValues[0].map((_, k) => quantile(singularValues.map((values) => values[k]), share));
  const logs = (input: number): number[] => singularValues[input].slice(0, ranks?.[input]).map(Math.log);
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const byInput = (measure: (input: number) => number): (number | null)[] => (ranks === undefined ? none(n) : singularValues.map((_, input) => measure(input)));
  const measures: JacobianMeasures = {
    rank: byInput((input) => ranks?.[input] ?? 0),
    logVolume: byInput((input) => logs(input).reduce((sum, value) => sum + value, 0)),
    stableRank: byInput((input) => singularValues[input].reduce((sum, value) => sum + (value / singularValues[input][0]) ** 2, 0)),
    spectralEntropy: none(n),
    entropyRank: none(n),
    effectiveRank: none(n),
    meanLog: byInput((input) => mean(logs(input))),
    deviationLog: byInput((input) => Math.sqrt(mean(logs(input).map((value) => (value - mean(logs(input))) ** 2)))),
  };
  return { rows: singularValues[0].length, columns: 3072, singularValues, exact: true, relativeError: 0, quantiles: { '0.05': curve(0.05), '0.5': curve(0.5), '0.95': curve(0.95) }, measures, density: null, ...rest };
}

export function layerJacobians(more: Partial<LayerJacobians> & Pick<LayerJacobians, 'layer' | 'inputToLayer'>): LayerJacobians {
  const seen = more.inputToLayer?.singularValues.map((values) => values[0]) ?? [];
  return { call: 0, value: `${more.layer}/out`, layerLocal: null, localFrom: null, layerToOutput: null, bound: null, boundReason: 'no bound is known for Op', truth: seen.length === 0 ? null : Math.max(...seen), saturation: null, ...more };
}

export function jacobiansOf(inputIndices: number[], output: JacobianSpectra | null, layers: LayerJacobians[], more: Partial<JacobianReport> = {}): JacobianReport {
  return {
    inputIndices,
    precision: 'float32',
    function: { input: 'input', output: 'logits', tensor: 'logits', removed: [] },
    selfCheck: { adjoint: 2e-7, float64: 4e-7, float64Reason: null, differences: 1e-9, n: 3, passed: true },
    output,
    layers,
    attribution: null,
    ...more,
  };
}

/** A file of 500 inputs; labels are the places modulo 10, and predictions right but for every third. */
export function inputsOf(inputIndices: number[], more: Partial<InputsReport> = {}): InputsReport {
  const items = inputIndices.map((index, i) => ({ index, label: index % 10, prediction: i % 3 === 2 ? (index + 1) % 10 : index % 10 }));
  return { source: 'file', file: 'data/inputs.npz', n: 500, seed: 0, preprocessing: 'x/255', shape: [3, 32, 32], accuracy: 0.64, accuracyOf: 500, note: null, items, ...more };
}

/** A small network: σ₁ of the output is 1, 2, 3 at the inputs 10, 12, 17; a layer inside reaches 6. */
export function smallNetwork(): { inputs: InputsReport; jacobians: JacobianReport } {
  const indices = [10, 12, 17];
  const output = spectraOf([[1, 0.5, 1e-9], [2, 1, 1e-9], [3, 1.5, 2e-9]], { ranks: [2, 2, 2] });
  const inside = spectraOf([[6, 1], [4, 1], [5, 1]], { ranks: [2, 2, 2] });
  const layers = [
    layerJacobians({ layer: 'conv1', inputToLayer: inside, bound: 6.1, boundReason: null, layerToOutput: inside }),
    layerJacobians({ layer: 'shared', inputToLayer: spectraOf([[2], [2], [2]]), layerLocal: inside, localFrom: 'conv1' }),
    layerJacobians({ layer: 'shared', call: 1, value: 'shared_1/out', inputToLayer: spectraOf([[2.5], [2], [2]]) }),
    layerJacobians({ layer: 'fc', value: 'logits', inputToLayer: output, bound: 30, boundReason: null }),
  ];
  return { inputs: inputsOf(indices), jacobians: jacobiansOf(indices, output, layers) };
}
