import { findJacobianFindings } from '../../server/analyses/jacobians/findings.js';
import { measuresByInput, measuresOf, quantileCurves } from '../../server/analyses/jacobians/measures.js';
import type { InputsReport, JacobianReport, JacobianSpectra, LayerJacobians } from '../../server/report/jacobians.js';
import type { Report } from '../../server/report/report.js';
import { geometric, layerOf, reportOf } from './reports.js';

/** Reports with Jacobians by hand: the numbers are made up, but fit together by the definitions. */

/** Factors by which the five inputs differ. */
const scales = [0.8, 1.25, 1, 0.5, 2] as const;

function spectraOf(rows: number, columns: number, values: readonly number[], exact = true): JacobianSpectra {
  const singularValues = scales.map((scale) => values.map((value) => scale * value));
  return {
    rows,
    columns,
    singularValues,
    exact,
    relativeError: exact ? 2e-14 : 1e-4,
    quantiles: quantileCurves(singularValues),
    measures: measuresByInput(singularValues.map((ofInput) => (exact ? measuresOf(ofInput, rows, columns, 'float32') : null))),
    density: null,
  };
}

/** The use of a layer by the medians of its largest singular values; null: there is no such Jacobian. */
export interface UseSketch {
  layer: string;
  call?: number;
  value?: string;
  toLayer: number | null;
  local?: number | null;
  localFrom?: string | null;
  toOutput: number | null;
  units?: number;
  exact?: boolean;
  bound?: number | null;
  saturation?: LayerJacobians['saturation'];
}

export function useOf(sketch: UseSketch): LayerJacobians {
  const { layer, call = 0, value = `${layer}_out`, toLayer, local = toLayer, localFrom = null, toOutput, units = 8, exact = true, bound = null, saturation = null } = sketch;
  const spectra = (rows: number, columns: number, top: number | null): JacobianSpectra | null => (top === null ? null : spectraOf(rows, columns, geometric(Math.min(rows, columns), top, top / 50), exact));
  const inputToLayer = spectra(units, 64, toLayer);
  return {
    layer,
    call,
    value,
    inputToLayer,
    layerLocal: localFrom === null ? inputToLayer : spectra(units, 8, local),
    localFrom,
    layerToOutput: spectra(4, units, toOutput),
    bound,
    boundReason: bound === null ? 'Softmax has no Lipschitz constant here.' : null,
    truth: toLayer === null ? null : Math.max(...scales) * toLayer,
    saturation,
  };
}

const fileInputs: InputsReport = {
  source: 'file',
  file: 'inputs/clean.npz',
  n: 200,
  seed: 0,
  preprocessing: 'x/255 mean=0.5 std=0.25',
  shape: [1, 1, 8, 8],
  accuracy: 0.975,
  accuracyOf: 200,
  note: null,
  items: [3, 17, 97, 120, 199].map((index, i) => ({ index, label: i % 4, prediction: i === 3 ? 0 : i % 4 })),
};

function jacobiansOf(layers: LayerJacobians[], more: Partial<JacobianReport> = {}): JacobianReport {
  return {
    inputIndices: fileInputs.items.map(({ index }) => index),
    precision: 'float32',
    function: { input: 'input', output: 'logits', tensor: 'logits', removed: [] },
    selfCheck: { adjoint: 8.6e-8, float64: 2.4e-7, float64Reason: null, differences: 4.6e-10, n: 3, passed: true },
    output: spectraOf(4, 64, geometric(4, 1.726, 0.2)),
    layers,
    attribution: null,
    ...more,
  };
}

function attributionOf(): JacobianReport['attribution'] {
  const levels = (...values: number[]): { '0.05': number[]; '0.5': number[]; '0.95': number[] } => ({ '0.05': values.map((value) => value - 0.02), '0.5': values, '0.95': values.map((value) => value + 0.001) });
  return { n: 5, noise: [0.01, 0.03, 0.1, 0.3], cosine: levels(0.9982, 0.9911, 0.9437, 0.8019), drift: levels(0.06, 0.13, 0.34, 0.68), spearman: levels(0.991, 0.972, 0.902, 0.731), zeroGradients: 1 };
}

function withJacobians(base: Report, inputs: InputsReport, jacobians: JacobianReport): Report {
  const findings = findJacobianFindings(inputs, jacobians, true, {});
  return { ...base, layers: base.layers.map((layer) => ({ ...layer, findings: findings.filter((finding) => finding.layer === layer.id) })), inputs, jacobians, findings };
}

const settings = (...only: Report['settings']['only']): Report['settings'] => ({ only, layers: null, seed: 0, operator: 'norms' });

/** Weights and Jacobians, with a stretch beyond the limit. */
function stretching(): Report {
  const projection = 'blocks.0.attention.projection.output';
  const weights = [
    layerOf({ id: 'conv1', shape: [2, 1, 3, 3], values: [1.9, 0.7] }),
    layerOf({ id: 'fc1', shape: [8, 16], values: geometric(8, 2.31, 0.2) }),
    layerOf({ id: 'head', shape: [4, 8], values: geometric(4, 1.21, 0.3) }),
  ];
  const uses = [
    useOf({ layer: 'conv1', toLayer: 2.342, toOutput: 1.9, units: 32, bound: 4.801, saturation: { activation: 'Relu', share: 0.41, never: 0, units: 32 } }),
    useOf({ layer: projection, toLayer: 1433, local: 611.9, localFrom: 'conv1', toOutput: 0.001204, units: 16, bound: 1.433e5 }),
    useOf({ layer: 'fc1', toLayer: 2866, local: 1.97, localFrom: projection, toOutput: 0.0007311, bound: 5790, saturation: { activation: 'Relu', share: 0.8125, never: 3, units: 8 } }),
    useOf({ layer: 'head', value: 'logits', toLayer: 1.726, local: 7.311e-4, localFrom: 'fc1', toOutput: 1, units: 4 }),
  ];
  return withJacobians(reportOf(weights, { settings: settings('weights', 'jacobian') }), fileInputs, jacobiansOf(uses, { attribution: attributionOf() }));
}

/** Only Jacobians, at inputs that are made up: a layer used twice, one without Jacobians, an estimate, and f that is no layer's output. */
function synthetic(): Report {
  const inputs: InputsReport = { ...fileInputs, source: 'synthetic', file: null, n: 5, accuracy: null, accuracyOf: null, items: [0, 1, 2, 3, 4].map((index) => ({ index, label: null, prediction: null })) };
  const layers = [
    useOf({ layer: 'embed', toLayer: 1.1, toOutput: 3e-6, exact: false }),
    useOf({ layer: 'fc', toLayer: 1.7, local: 1.5, localFrom: 'embed', toOutput: 2e-5, saturation: { activation: 'Sigmoid', share: 0.91, never: 0, units: 8 } }),
    useOf({ layer: 'embed', call: 1, toLayer: 2.2, local: 2e-5, localFrom: 'fc', toOutput: 0.9 }),
    useOf({ layer: 'broken', toLayer: null, toOutput: null }),
  ];
  const base = reportOf([], { settings: settings('jacobian'), skipped: [{ layer: 'broken', analysis: 'jacobian', reason: 'STFT has no derivative rule.' }] });
  return withJacobians(base, inputs, jacobiansOf(layers, { inputIndices: [0, 1, 2, 3, 4], function: { input: 'input', output: 'probabilities', tensor: 'logits', removed: ['Softmax'] } }));
}

/** Only Jacobians, and these are withheld. */
function withheld(): Report {
  const reason = 'The derivatives of this network did not pass their check (derivatives and differences by 2.0e-1, relative): no Jacobian is shown. Please report the model.';
  const jacobians = jacobiansOf([], { output: null, selfCheck: { adjoint: 1e-7, float64: null, float64Reason: 'Celu has no float64 kernel.', differences: 0.2, n: 3, passed: false } });
  return { ...reportOf([], { settings: settings('jacobian'), skipped: [{ analysis: 'jacobian', reason }] }), inputs: fileInputs, jacobians };
}

/** Weights, and a network that cannot be differentiated at all. */
function refused(): Report {
  return reportOf([layerOf({ id: 'fc1', shape: [8, 16], values: geometric(8, 2.31, 0.2) })], { settings: settings('weights', 'jacobian'), skipped: [{ analysis: 'jacobian', reason: 'DFT has no derivative rule.' }] });
}

/** Only Jacobians, of a run that was cut off. */
function cutOff(): Report {
  const jacobians = jacobiansOf([useOf({ layer: 'embed', toLayer: 1.1, toOutput: 0.5 })], { output: null });
  return { ...reportOf([], { settings: settings('jacobian') }), inputs: fileInputs, jacobians, incomplete: { reason: 'timeout', layersDone: 0, layersTotal: 3 } };
}

/** By the name of the golden text. */
export const jacobianReports: Readonly<Record<string, () => Report>> = {
  jacobians: stretching,
  'jacobians-synthetic': synthetic,
  'jacobians-withheld': withheld,
  'jacobians-refused': refused,
  'jacobians-cut-off': cutOff,
};
