import { jacobianAnswer } from './jacobianAnswer.js';
import type { InputsReport, JacobianReport, JacobianSpectra, LayerJacobians } from './jacobians.js';
import { jacobianKinds, maximumInputs, type JacobianInputs, type JacobianKind, type JacobianOverview, type JacobianRow, type JacobianSamples, type JacobianState, type Stretch } from './jacobianViews.js';
import type { Skipped } from './report.js';
import { quantileOf } from './sampleQuantiles.js';

/** Digits of σ₁ at single inputs: colours and tooltips show no more, and the overview of a deep network stays small. */
const digitsByInput = 5;
const noReasons: JacobianRow['reasons'] = { inputToLayer: null, layerLocal: null, layerToOutput: null };

/** What a report tells of Jacobians. */
export interface JacobianSource {
  inputs?: InputsReport | null;
  jacobians?: JacobianReport | null;
  skipped: readonly Skipped[];
}

/** One use of a layer that is to be differentiated. */
export type LayerUse = Pick<LayerJacobians, 'layer' | 'call' | 'value'>;

/** What all rows of an overview have in common. */
export interface RowContext {
  /** Places of the sample in the file, as in the report. */
  inputIndices: readonly number[];
  /** Which of them are held one by one, as positions in `inputIndices`, ascending. */
  shown: readonly number[];
  /** Ids of layers that are used more than once. */
  repeated: ReadonlySet<string>;
  skipped: readonly Skipped[];
}

/**
 * What the Jacobians tab draws of a report, without the spectra.
 *
 * @param state how the analysis ended; a failing self-check withholds everything whatever it says
 * @param uses all uses of layers that were to be differentiated, where they are known: those without Jacobians are pending
 * @returns null where the report holds no Jacobians. Cost O(layers · inputs).
 */
export function jacobianOverviewOf(source: JacobianSource, state: Exclude<JacobianState, 'withheld'> = 'done', uses: readonly LayerUse[] = []): JacobianOverview | null {
  const { inputs, jacobians } = source;
  if (inputs === undefined || inputs === null || jacobians === undefined || jacobians === null) return null;
  const withheld = !jacobians.selfCheck.passed;
  const order = orderOf(jacobians);
  const context = rowContext(jacobians.inputIndices, [...jacobians.layers, ...uses], source.skipped, order);
  const rows = withheld ? [] : allRows(jacobians.layers, uses, context);
  const output = jacobians.output === null || withheld ? null : stretchOf(jacobians.output, context);
  const withoutAnswer: Omit<JacobianOverview, 'answer'> = {
    state: withheld ? 'withheld' : state,
    reason: withheld ? withheldReason(jacobians, source.skipped) : null,
    inputs: inputFacts(inputs, jacobians.inputIndices.length),
    precision: jacobians.precision,
    selfCheck: jacobians.selfCheck,
    rows,
    samples: samplesOf(inputs, context, order),
    output,
    outputReason: output === null && state !== 'running' ? (reasonOf(source.skipped, null) ?? 'The report holds no Jacobian of the output.') : null,
  };
  const outputRow = rows.find((row) => row.value === jacobians.function.tensor) ?? null;
  return { ...withoutAnswer, answer: jacobianAnswer(withoutAnswer, outputRow) };
}

/** Rows of the layers that have Jacobians and, in the order of `uses`, of those that were not reached. */
function allRows(layers: readonly LayerJacobians[], uses: readonly LayerUse[], context: RowContext): JacobianRow[] {
  const keyOf = ({ layer, call }: Pick<LayerUse, 'layer' | 'call'>): string => `${call} ${layer}`;
  const done = new Map(layers.map((layer) => [keyOf(layer), jacobianRowOf(layer, context)]));
  return uses.length === 0 ? [...done.values()] : uses.map((use) => done.get(keyOf(use)) ?? pendingRow(use, context));
}

function pendingRow({ layer, call, value }: LayerUse, { repeated }: RowContext): JacobianRow {
  return {
    layer,
    call,
    label: labelOf({ layer, call }, repeated),
    value,
    state: 'pending',
    stretch: { inputToLayer: null, layerLocal: null, layerToOutput: null },
    reasons: noReasons,
    localFrom: null,
    bound: null,
    boundReason: null,
    truth: null,
    saturation: null,
  };
}

/**
 * What rows need beside their own layer.
 *
 * @param order positions in `inputIndices`, by σ₁ of the output where that is known: of very many inputs those that
 *   are held one by one are spread evenly over it, both ends included
 */
export function rowContext(inputIndices: readonly number[], uses: readonly Pick<LayerUse, 'layer' | 'call'>[], skipped: readonly Skipped[], order: readonly number[] = inputIndices.map((_, position) => position)): RowContext {
  const count = Math.min(order.length, maximumInputs);
  const shown = Array.from({ length: count }, (_, i) => order[count < order.length ? Math.round((i * (order.length - 1)) / (count - 1)) : i]).sort((a, b) => a - b);
  return { inputIndices, shown, repeated: new Set(uses.filter((use) => use.call > 0).map((use) => use.layer)), skipped };
}

/** One use of a layer as a row of the tab. Cost O(inputs). */
export function jacobianRowOf(layer: LayerJacobians, context: RowContext): JacobianRow {
  const stretch = (kind: JacobianKind): Stretch | null => (layer[kind] === null ? null : stretchOf(layer[kind], context));
  const reason = reasonOf(context.skipped, layer.layer);
  const why = (kind: JacobianKind): string | null => (layer[kind] === null ? (reason ?? defaultReasons[kind]) : null);
  return {
    layer: layer.layer,
    call: layer.call,
    label: labelOf(layer, context.repeated),
    value: layer.value,
    state: jacobianKinds.every((kind) => layer[kind] === null) ? 'failed' : 'done',
    stretch: { inputToLayer: stretch('inputToLayer'), layerLocal: stretch('layerLocal'), layerToOutput: stretch('layerToOutput') },
    reasons: { inputToLayer: why('inputToLayer'), layerLocal: why('layerLocal'), layerToOutput: why('layerToOutput') },
    localFrom: layer.localFrom,
    bound: layer.bound,
    boundReason: layer.boundReason,
    truth: layer.truth,
    saturation: layer.saturation,
  };
}

const defaultReasons: Readonly<Record<JacobianKind, string>> = {
  inputToLayer: 'The report holds no Jacobian from the input to this layer.',
  layerLocal: 'The report holds no local Jacobian of this layer.',
  layerToOutput: 'The output does not depend on this layer otherwise than through the input.',
};

/** The id, and which use of it where there are several: "embed (call 2)". */
export function labelOf(use: Pick<LayerUse, 'layer' | 'call'>, repeated: ReadonlySet<string>): string {
  return repeated.has(use.layer) ? `${use.layer} (call ${use.call + 1})` : use.layer;
}

function stretchOf(spectra: JacobianSpectra, context: RowContext): Stretch {
  const largestOf = (position: number): number => spectra.singularValues[position]?.at(0) ?? 0;
  const every = context.inputIndices.map((_, position) => largestOf(position));
  const top = every.reduce((best, value, position) => (value > every[best] ? position : best), 0);
  const { quantiles, measures } = spectra;
  const mean = quantileOf(measures.meanLog, 0.5);
  const deviation = quantileOf(measures.deviationLog, 0.5);
  return {
    rows: spectra.rows,
    columns: spectra.columns,
    q05: quantiles['0.05'].at(0) ?? 0,
    q50: quantiles['0.5'].at(0) ?? 0,
    q95: quantiles['0.95'].at(0) ?? 0,
    largest: every.at(top) ?? 0,
    largestInput: context.inputIndices.at(top) ?? 0,
    smallest: every.reduce((least, value) => Math.min(least, value), every.at(0) ?? 0),
    exact: spectra.exact,
    relativeError: spectra.relativeError,
    isometry: mean === null || deviation === null ? null : { mean, deviation },
    values: context.shown.map((position) => Number(every[position].toPrecision(digitsByInput))),
  };
}

/** Positions of the sample by ascending σ₁ of the output; in the file's order where there is none. */
export function orderOf({ inputIndices, output }: JacobianReport): number[] {
  const positions = inputIndices.map((_, position) => position);
  if (output === null) return positions;
  const stretch = (position: number): number => output.singularValues[position]?.at(0) ?? 0;
  return positions.sort((a, b) => stretch(a) - stretch(b) || a - b);
}

function samplesOf(inputs: InputsReport, context: RowContext, order: readonly number[]): JacobianSamples {
  const items = new Map(inputs.items.map((item) => [item.index, item]));
  const index = context.shown.map((position) => context.inputIndices[position]);
  const places = new Map(context.shown.map((position, place) => [position, place]));
  return {
    index,
    label: index.map((place) => items.get(place)?.label ?? null),
    prediction: index.map((place) => items.get(place)?.prediction ?? null),
    order: order.flatMap((position) => places.get(position) ?? []),
  };
}

function inputFacts({ source, file, n, seed, preprocessing, shape, accuracy, note }: InputsReport, sampled: number): JacobianInputs {
  return { source, file, n, sampled, seed, preprocessing, shape, accuracy, note };
}

/** Why the layer (null: the analysis as a whole) has no Jacobian, as the report says. */
function reasonOf(skipped: readonly Skipped[], layer: string | null): string | null {
  return skipped.find((entry) => entry.analysis === 'jacobian' && (entry.layer ?? null) === layer)?.reason ?? null;
}

function withheldReason({ selfCheck }: JacobianReport, skipped: readonly Skipped[]): string {
  return reasonOf(skipped, null) ?? `Its derivatives do not pass their self-check at ${selfCheck.n} inputs.`;
}
