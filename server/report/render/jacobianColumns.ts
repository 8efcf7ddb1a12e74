import type { JacobianMeasures, JacobianSpectra, LayerJacobians } from '../jacobians.js';
import { jacobianKinds, type JacobianKind } from '../jacobianViews.js';
import { quantileOf } from '../sampleQuantiles.js';
import type { CsvValue } from './csvCells.js';

/** A column of the csv: its dotted name, and its value for the first use of a layer; null: the layer has no Jacobian. */
type JacobianColumn = readonly [name: string, value: (use: LayerJacobians | null) => CsvValue];

const measureNames: readonly (keyof JacobianMeasures)[] = ['rank', 'logVolume', 'stableRank', 'spectralEntropy', 'entropyRank', 'effectiveRank', 'meanLog', 'deviationLog'];

/** σ₁ over the inputs, and the medians of the measures, of one of a layer's three Jacobians. */
function spectraColumns(kind: JacobianKind): JacobianColumn[] {
  const column = (name: string, value: (spectra: JacobianSpectra) => CsvValue): JacobianColumn => [
    `jacobian.${kind}.${name}`,
    (use) => {
      const spectra = use?.[kind] ?? null;
      return spectra === null ? null : value(spectra);
    },
  ];
  return [
    column('rows', ({ rows }) => rows),
    column('columns', ({ columns }) => columns),
    column('exact', ({ exact }) => exact),
    column('relativeError', ({ relativeError }) => relativeError),
    column('q05', ({ quantiles }) => quantiles['0.05'].at(0)),
    column('median', ({ quantiles }) => quantiles['0.5'].at(0)),
    column('q95', ({ quantiles }) => quantiles['0.95'].at(0)),
    column('largest', ({ singularValues }) => quantileOf(singularValues.map((values) => values.at(0) ?? null), 1)),
    ...measureNames.map((name) => column(name, ({ measures }) => quantileOf(measures[name], 0.5))),
  ];
}

/** Columns of the Jacobians, in the order of the schema; of a layer that is used several times those of its first use. */
export const jacobianColumns: readonly JacobianColumn[] = [
  ['jacobian.call', (use) => use?.call],
  ['jacobian.value', (use) => use?.value],
  ...jacobianKinds.slice(0, 2).flatMap(spectraColumns),
  ['jacobian.localFrom', (use) => use?.localFrom],
  ...jacobianKinds.slice(2).flatMap(spectraColumns),
  ['jacobian.bound', (use) => use?.bound],
  ['jacobian.boundReason', (use) => use?.boundReason],
  ['jacobian.truth', (use) => use?.truth],
  ['jacobian.saturation.activation', (use) => use?.saturation?.activation],
  ['jacobian.saturation.share', (use) => use?.saturation?.share],
  ['jacobian.saturation.never', (use) => use?.saturation?.never],
  ['jacobian.saturation.units', (use) => use?.saturation?.units],
];
