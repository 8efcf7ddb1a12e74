import type { JacobianKind, JacobianOverview, JacobianRow, Stretch } from '../../server/report/jacobianViews.js';
import { dimensions, integer, missing, notYet, significant } from '../numbers.js';
import { t } from '../strings.js';

/** A bound within this factor of the largest seen is called tight. */
const tightFactor = 1.05;
/** Ids are cut on the left, as everywhere: the tail tells layers apart. */
const longestName = 20;

/** "σ₁ of ∂layer/∂input" */
export function kindSymbol(kind: JacobianKind): string {
  switch (kind) {
    case 'inputToLayer': return t('∂layer/∂input');
    case 'layerLocal': return t('∂layer/∂previous layer');
    case 'layerToOutput': return t('∂f/∂layer');
  }
}

/** The Jacobian whose spectrum is shown: of the output, or of a layer. */
export function spectrumSymbol({ layer, kind }: { layer: string | null; kind: JacobianKind }): string {
  return layer === null ? t('∂f/∂input') : kindSymbol(kind);
}

/** A value of this analysis: ≈ before it where it is estimated, or where the inputs are no data. */
export function stretchNumber(value: number, stretch: Pick<Stretch, 'exact'>, overview: Pick<JacobianOverview, 'inputs'>, digits = 4): string {
  return `${stretch.exact && overview.inputs.source === 'file' ? '' : '≈ '}${significant(value, digits)}`;
}

/** "× 2.32", "tight", or nothing. */
export function boundWords(row: JacobianRow): string {
  const factor = boundFactor(row);
  if (factor === null) return '';
  return isTight(row) ? t('tight') : t('× {0}', significant(factor, 3));
}

/** Nothing much larger than what was seen is possible. */
export function isTight(row: JacobianRow): boolean {
  return (boundFactor(row) ?? Infinity) < tightFactor;
}

/** bound/largest seen; null where there is no such ratio. */
export function boundFactor(row: JacobianRow): number | null {
  return row.bound === null || row.truth === null || row.truth <= 0 ? null : row.bound / row.truth;
}

/** What a row's tooltip says, first line its name. */
export function rowLines(row: JacobianRow, kind: JacobianKind, overview: JacobianOverview, input: number | null): string[] {
  const stretch = row.stretch[kind];
  if (stretch === null) return [row.label, row.state === 'pending' ? `${notYet} ${t('not computed yet')}` : `${missing} ${row.reasons[kind] ?? ''}`];
  const number = (value: number): string => stretchNumber(value, stretch, overview);
  const lines = [
    row.label,
    t('σ₁ of {0}: median {1}, 5–95 % {2} to {3}', kindSymbol(kind), number(stretch.q50), number(stretch.q05), number(stretch.q95)),
    t('largest seen {0}, input {1}', number(stretch.largest), stretch.largestInput),
  ];
  if (kind === 'inputToLayer') lines.push(row.bound === null ? t('no proven bound: {0}', row.boundReason ?? '') : boundLine(row.bound, row));
  if (kind === 'layerLocal') lines.push(row.localFrom === null ? t('from the input') : t('from {0}', row.localFrom));
  lines.push(stretch.isometry === null ? t('ln σ: only the largest values are known') : t('ln σ: mean {0}, deviation {1}', significant(stretch.isometry.mean, 3), significant(stretch.isometry.deviation, 3)));
  if (row.saturation !== null) lines.push(t('{0} of its units pass no derivative ({1})', `${significant(row.saturation.share * 100, 2)} %`, row.saturation.activation));
  const own = input === null ? null : valueAt(stretch, overview, input);
  if (input !== null && own !== null) lines.push(t('input {0}: {1}', input, number(own)));
  lines.push(t('{0} matrix, n = {1}, jacobians.layers[].{2}', dimensions([stretch.rows, stretch.columns]), integer(overview.inputs.sampled), kind));
  return lines;
}

function boundLine(bound: number, row: JacobianRow): string {
  const factor = boundFactor(row);
  if (factor === null) return t('proven bound ≤ {0}', significant(bound));
  return isTight(row) ? t('proven bound ≤ {0}: it was reached', significant(bound)) : t('proven bound ≤ {0}, {1} × the largest seen', significant(bound), significant(factor, 3));
}

/** What a cell's tooltip says. */
export function cellLines(row: JacobianRow, kind: JacobianKind, overview: JacobianOverview, position: number): string[] {
  const { samples } = overview;
  const stretch = row.stretch[kind];
  const head = t('input {0}, {1}', samples.index[position], row.label);
  if (stretch === null) return [head, row.state === 'pending' ? t('not computed yet') : (row.reasons[kind] ?? '')];
  const value = stretch.values[position];
  const lines = [head, t('σ₁ {0}, × {1} of the layer’s median', stretchNumber(value, stretch, overview), significant(stretch.q50 === 0 ? Number.NaN : value / stretch.q50, 3))];
  const own = overview.output?.values.at(position);
  if (overview.output !== null && own !== undefined) lines.push(t('σ₁ of the output {0}', stretchNumber(own, overview.output, overview)));
  lines.push(...classWords(overview, position));
  return lines;
}

/** "label 3 → predicted 5"; nothing where neither is known. */
export function classWords({ samples }: JacobianOverview, position: number): string[] {
  const label = samples.label[position];
  const prediction = samples.prediction[position];
  if (label === null) return prediction === null ? [] : [t('predicted {0}', prediction)];
  return [prediction === null ? t('label {0}', label) : t('label {0} → predicted {1}', label, prediction)];
}

/** σ₁ of one input (its place in the file); null where it is not held by itself. */
export function valueAt(stretch: Stretch, { samples }: Pick<JacobianOverview, 'samples'>, input: number): number | null {
  const position = samples.index.indexOf(input);
  return position < 0 ? null : stretch.values[position];
}

export function shortName(label: string): string {
  return label.length <= longestName ? label : `…${label.slice(1 - longestName)}`;
}
