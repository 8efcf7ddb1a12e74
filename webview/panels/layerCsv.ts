import type { LayerRow } from '../../server/report/views.js';
import type { ChartTable } from '../charts/chart.js';

/** The layer table for the clipboard: field names of the report, full precision. */
export function layerCsv(rows: readonly LayerRow[]): ChartTable {
  return {
    columns: ['id', 'kind', 'shape', 'matrixShape', 'groups', 'dtype', 'parameters', 'spectralNorm', 'energyRank.0.9', 'fullRank', 'stableRank', 'conditionNumber', 'alpha', 'alphaLoose', 'marchenkoPastur.pValue', 'cartan', 'severity', 'findings'],
    rows: rows.map((row) => [
      row.id, row.kind, row.shape.join('x'), row.matrixShape.join('x'), row.groups, row.dtype, row.parameters, row.spectralNorm, row.energyRank90, row.fullRank, row.stableRank,
      row.conditionNumber, row.alpha, String(row.alphaLoose), row.marchenkoPasturPValue, row.cartan, row.severity, row.findings,
    ]),
  };
}
