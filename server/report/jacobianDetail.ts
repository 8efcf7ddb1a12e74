import type { JacobianReport, JacobianSpectra, SpectralDensity } from './jacobians.js';
import { labelOf, type JacobianSource } from './jacobianView.js';
import { jacobianKinds, type EmbeddedJacobian, type JacobianDetail, type JacobianKind, type JacobianMeasure } from './jacobianViews.js';
import { formatCount, formatNumber, statisticDigits } from './numbers.js';
import { quantileOf } from './sampleQuantiles.js';
import { thinnedIndices } from './thinning.js';
import { maximumCurvePoints } from './views.js';
import { plural } from './wording.js';

const measureFields: readonly JacobianMeasure['field'][] = ['stableRank', 'spectralEntropy', 'entropyRank', 'effectiveRank', 'rank', 'logVolume', 'meanLog', 'deviationLog'];
const subscriptDigits = '₀₁₂₃₄₅₆₇₈₉';

/** Which Jacobian, and the input whose curve is drawn beside the quantiles. */
export interface JacobianChoice {
  /** null: the output, ∂f/∂x. */
  layer: string | null;
  call: number;
  kind: JacobianKind;
  /** Place in the file; null: none. */
  input: number | null;
}

/**
 * All known singular values of one Jacobian, as quantile curves over the inputs, with the curve of one input.
 *
 * @param maximumPoints of a curve
 * @returns null where the report has no such Jacobian, or withholds it. Cost O(inputs · singular values).
 */
export function jacobianDetailOf(source: JacobianSource, choice: JacobianChoice, maximumPoints = maximumCurvePoints): JacobianDetail | null {
  const { jacobians } = source;
  if (jacobians?.selfCheck.passed !== true) return null;
  const spectra = spectraOf(jacobians, choice);
  if (spectra === null) return null;
  const { quantiles, density } = spectra;
  const median = quantiles['0.5'];
  const kept = thinnedIndices(median, maximumPoints);
  const at = (values: readonly number[]): number[] => kept.map((index) => values[index] ?? 0);
  const position = choice.input === null ? -1 : jacobians.inputIndices.indexOf(choice.input);
  return {
    layer: choice.layer,
    call: choice.call,
    kind: choice.kind,
    label: choice.layer === null ? 'output' : labelOf({ layer: choice.layer, call: choice.call }, new Set(jacobians.layers.filter((layer) => layer.call > 0).map((layer) => layer.layer))),
    rows: spectra.rows,
    columns: spectra.columns,
    known: median.length,
    exact: spectra.exact,
    relativeError: spectra.relativeError,
    n: jacobians.inputIndices.length,
    k: kept.map((index) => index + 1),
    q05: at(quantiles['0.05']),
    q50: at(median),
    q95: at(quantiles['0.95']),
    input: choice.input === null || position < 0 ? null : { index: choice.input, values: at(spectra.singularValues[position] ?? []) },
    nullDirections: nullDirectionWords(spectra),
    density: density === null ? null : densityOf(density),
    measures: measureFields.map((field) => measureOf(field, spectra)),
  };
}

/** Numbers of all curves of a page together: at about eight bytes each they stay below some 4 MB. */
const numbersOfPage = 500_000;
/** Fewer points do not show a curve: then the page holds the quantiles alone. */
const fewestPoints = 24;
/** Digits of the curves of a page: a screen shows no more. */
const curveDigits = 5;

/** All Jacobians of a report for a page that stands alone, with as many points as the page has room for. Cost O(layers · inputs · singular values). */
export function embeddedJacobians(source: JacobianSource): EmbeddedJacobian[] {
  const { jacobians } = source;
  if (jacobians?.selfCheck.passed !== true) return [];
  const choices = [{ layer: null, call: 0, kind: 'inputToLayer' as const }, ...jacobians.layers.flatMap(({ layer, call }) => jacobianKinds.map((kind) => ({ layer, call, kind })))];
  const inputs = jacobians.inputIndices;
  const room = (curves: number): number => Math.min(maximumCurvePoints, Math.floor(numbersOfPage / (choices.length * curves)));
  const quantileCurves = 4;
  const withInputs = room(inputs.length + quantileCurves) >= fewestPoints;
  const points = Math.max(fewestPoints, room(withInputs ? inputs.length + quantileCurves : quantileCurves));
  return choices.flatMap((choice): EmbeddedJacobian[] => {
    const detail = jacobianDetailOf(source, { ...choice, input: null }, points);
    const spectra = spectraOf(jacobians, { ...choice, input: null });
    if (detail === null || spectra === null) return [];
    const curve = (position: number): number[] => detail.k.map((k) => short(spectra.singularValues[position]?.[k - 1] ?? 0));
    const rounded = { ...detail, q05: detail.q05.map(short), q50: detail.q50.map(short), q95: detail.q95.map(short) };
    return [{ detail: rounded, curves: withInputs ? Object.fromEntries(inputs.map((input, position) => [String(input), curve(position)])) : null }];
  });
}

function short(value: number): number {
  return Number(value.toPrecision(curveDigits));
}

function spectraOf(jacobians: JacobianReport, { layer, call, kind }: JacobianChoice): JacobianSpectra | null {
  if (layer === null) return jacobians.output;
  return jacobians.layers.find((entry) => entry.layer === layer && entry.call === call)?.[kind] ?? null;
}

function measureOf(field: JacobianMeasure['field'], { measures }: JacobianSpectra): JacobianMeasure {
  const values = measures[field];
  return { field, q05: quantileOf(values, 0.05), q50: quantileOf(values, 0.5), q95: quantileOf(values, 0.95), n: values.filter((value) => value !== null).length };
}

/** Shares of all singular values at or above each node. */
function densityOf({ input, nodes, weights, probes, steps }: SpectralDensity): JacobianDetail['density'] {
  let above = 0;
  const shareAbove = weights.map(() => 0);
  for (let i = weights.length - 1; i >= 0; i--) shareAbove[i] = Math.min(1, (above += weights[i]));
  return { input, nodes, shareAbove, probes, steps };
}

/** Directions below the numerical rank's tolerance, as a person would say it; null where there is none. */
function nullDirectionWords({ rows, columns, measures, singularValues }: JacobianSpectra): string | null {
  const full = Math.min(rows, columns);
  const ranks = measures.rank.filter((rank) => rank !== null);
  if (ranks.length === 0) return null;
  const lost = ranks.map((rank) => full - rank);
  const least = lost.reduce((a, b) => Math.min(a, b));
  const most = lost.reduce((a, b) => Math.max(a, b));
  if (most === 0) return null;
  if (most === full && least === full) return 'This Jacobian is 0 at every input.';
  if (least === most) {
    const largest = singularValues.reduce((top, values) => Math.max(top, values[full - most] ?? 0), 0);
    const size = `largest ${formatNumber(largest, statisticDigits)}, below the tolerance of the numerical rank`;
    if (most === 1) return `σ${subscript(full)} is null at every input (${size}).`;
    return `The last ${most} of ${full} directions are null at every input (${size}).`;
  }
  return `${least === 0 ? 'Up to' : `${least} to`} ${most} of ${plural(full, 'direction')} are null, by input: median ${middle(lost)}.`;
}

/** The median of counts: whole, or halfway between two. */
function middle(counts: readonly number[]): string {
  const median = quantileOf(counts, 0.5) ?? 0;
  return Number.isInteger(median) ? formatCount(median) : median.toFixed(1);
}

function subscript(value: number): string {
  return String(value).replace(/\d/gu, (digit) => subscriptDigits[Number(digit)]);
}
