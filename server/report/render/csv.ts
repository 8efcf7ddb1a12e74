import type { Finding, LayerReport, Report } from '../report.js';
import { csvTable, type CsvValue } from './csvCells.js';
import { jacobianColumns } from './jacobianColumns.js';

/** The values of arrays that a cell holds are separated by this; commas would need quotes everywhere. */
const arraySeparator = ' ';

/** A column: the dotted name of a field of a layer in the report, and its value. */
type Column = readonly [name: string, value: (layer: LayerReport) => CsvValue];

const metric = (name: string, value: (metrics: NonNullable<LayerReport['metrics']>) => CsvValue): Column => [
  `metrics.${name}`,
  (layer) => (layer.metrics === null ? null : value(layer.metrics)),
];
const array = (values: readonly (string | number)[]): string => values.join(arraySeparator);

/** Every single-valued field of a layer, in the schema's order; long arrays are in the JSON report only. */
const columns: readonly Column[] = [
  ['id', (layer) => layer.id],
  ['name', (layer) => layer.name],
  ['kind', (layer) => layer.kind],
  ['tensor', (layer) => layer.tensor],
  ['shape', (layer) => array(layer.shape)],
  ['matrixShape', (layer) => array(layer.matrixShape)],
  ['groups', (layer) => layer.groups],
  ['dtype', (layer) => layer.dtype],
  ['parameters', (layer) => layer.parameters],
  ['spectrum.method', (layer) => layer.spectrum?.method],
  ['spectrum.exact', (layer) => layer.spectrum?.exact],
  ['spectrum.relativeError', (layer) => layer.spectrum?.relativeError],
  ...(['circular', 'declared'] as const).flatMap((convention): Column[] => {
    const of = (layer: LayerReport) => layer.operatorSpectra?.find((spectrum) => spectrum.convention === convention);
    return [
      [`operatorSpectra.${convention}.inputSize`, (layer) => array(of(layer)?.inputSize ?? [])],
      [`operatorSpectra.${convention}.count`, (layer) => of(layer)?.count],
      [`operatorSpectra.${convention}.largest`, (layer) => of(layer)?.largest],
      [`operatorSpectra.${convention}.smallest`, (layer) => of(layer)?.smallest],
      [`operatorSpectra.${convention}.relativeError`, (layer) => of(layer)?.relativeError],
    ];
  }),
  metric('spectralNorm', (m) => m.spectralNorm),
  metric('frobeniusNorm', (m) => m.frobeniusNorm),
  metric('nuclearNorm', (m) => m.nuclearNorm),
  metric('stableRank', (m) => m.stableRank),
  metric('numericalRank', (m) => m.numericalRank),
  metric('effectiveRank', (m) => m.effectiveRank),
  metric('entropyRank', (m) => m.entropyRank),
  metric('participationRatio', (m) => m.participationRatio),
  metric('energyRank.0.5', (m) => m.energyRank?.['0.5']),
  metric('energyRank.0.9', (m) => m.energyRank?.['0.9']),
  metric('energyRank.0.95', (m) => m.energyRank?.['0.95']),
  metric('energyRank.0.99', (m) => m.energyRank?.['0.99']),
  metric('conditionNumber', (m) => m.conditionNumber),
  metric('conditionNumberNumericalRank', (m) => m.conditionNumberNumericalRank),
  metric('logNorm', (m) => m.logNorm),
  metric('logSpectralNorm', (m) => m.logSpectralNorm),
  metric('alpha.value', (m) => m.alpha?.value),
  metric('alpha.xmin', (m) => m.alpha?.xmin),
  metric('alpha.ks', (m) => m.alpha?.ks),
  metric('alpha.tail', (m) => m.alpha?.tail),
  metric('alpha.sigma', (m) => m.alpha?.sigma),
  metric('alphaHat', (m) => m.alphaHat),
  metric('logAlphaNorm', (m) => m.logAlphaNorm),
  metric('marchenkoPastur.sigma', (m) => m.marchenkoPastur.sigma),
  metric('marchenkoPastur.lambdaMinus', (m) => m.marchenkoPastur.lambdaMinus),
  metric('marchenkoPastur.lambdaPlus', (m) => m.marchenkoPastur.lambdaPlus),
  metric('marchenkoPastur.spikes', (m) => m.marchenkoPastur.spikes),
  metric('marchenkoPastur.softRank', (m) => m.marchenkoPastur.softRank),
  metric('marchenkoPastur.ks', (m) => m.marchenkoPastur.ks),
  metric('marchenkoPastur.pValue', (m) => m.marchenkoPastur.pValue),
  metric('marchenkoPastur.reason', (m) => m.marchenkoPastur.reason),
  metric('powerLaw.pOls', (m) => m.powerLaw.pOls),
  metric('powerLaw.r2', (m) => m.powerLaw.r2),
  metric('powerLaw.betaKl', (m) => m.powerLaw.betaKl),
  metric('powerLaw.betaTop', (m) => m.powerLaw.betaTop),
  metric('cartan', (m) => m.cartan),
  ['health.nonFinite.count', (layer) => layer.health.nonFinite.count],
  ['health.nonFinite.firstIndex', (layer) => layer.health.nonFinite.firstIndex],
  ['health.zeros', (layer) => layer.health.zeros],
  ['health.denormals', (layer) => layer.health.denormals],
  ['health.zeroRows', (layer) => layer.health.zeroRows],
  ['health.zeroColumns', (layer) => layer.health.zeroColumns],
  ['health.constant', (layer) => layer.health.constant],
  ['health.duplicateOf', (layer) => layer.health.duplicateOf],
  ['findings', (layer) => activeRules(layer.findings)],
];

/** The dotted names of the columns, for tests against the schema. */
export const csvColumns: readonly string[] = columns.map(([name]) => name);

/**
 * One row per layer, numbers in full precision, null as an empty cell. A report with Jacobians has their columns behind
 * the others; one with Jacobians alone has no others but the layer's id and its findings. Cost O(layers · inputs).
 */
export function renderCsv(report: Report): string {
  const { jacobians } = report;
  if (jacobians === undefined) return csvTable(csvColumns, report.layers.map((layer) => columns.map(([, value]) => value(layer))));
  const uses = new Map([...jacobians.layers].reverse().map((use) => [use.layer, use]));
  const ofJacobian = (id: string): CsvValue[] => jacobianColumns.map(([, value]) => value(uses.get(id) ?? null));
  const names = jacobianColumns.map(([name]) => name);
  if (report.layers.length > 0) return csvTable([...csvColumns, ...names], report.layers.map((layer) => [...columns.map(([, value]) => value(layer)), ...ofJacobian(layer.id)]));
  const ids = [...new Set(jacobians.layers.map(({ layer }) => layer))];
  return csvTable(['id', ...names, 'findings'], ids.map((id) => [id, ...ofJacobian(id), activeRules(report.findings.filter(({ layer }) => layer === id))]));
}

function activeRules(findings: readonly Finding[]): string {
  return array(findings.filter((finding) => finding.silenced === undefined).map((finding) => finding.rule));
}
