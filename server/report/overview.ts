import { overviewAnswer } from './answer.js';
import { jacobianOverviewOf } from './jacobianView.js';
import { activeFindings, fullRank, isAlphaLoose, worstActiveSeverity } from './layerFacts.js';
import type { LayerReport, Report } from './report.js';
import type { LayerRow, OverviewState, ReportOverview } from './views.js';

/** Points of the small spectrum line of a table row. */
const sparklinePoints = 24;
/** log₁₀(σ/σ₁) at which the spectrum line ends: the table draws 1 down to 10⁻⁴. */
const sparklineFloor = -4;

/**
 * The rows and facts that the panel's Overview tab draws.
 *
 * @param document key of the open document: the path of the model or of the saved report
 * @returns an overview without `cost`, which only the server knows. Cost: O(layers).
 */
export function overviewOf(report: Report, document: string, origin: ReportOverview['origin'], state: OverviewState): ReportOverview {
  const reasons = new Map(report.skipped.flatMap((entry) => (entry.layer === undefined || entry.operator !== undefined ? [] : [[entry.layer, entry.reason] as const])));
  const withoutAnswer: Omit<ReportOverview, 'answer'> = {
    document,
    origin,
    model: report.model,
    toolVersion: report.tool.version,
    settings: report.settings,
    state,
    rows: report.layers.map((layer, index) => {
      const row = rowOf(layer, index);
      return row.state === 'skipped' ? { ...row, reason: reasons.get(layer.id) ?? row.reason } : row;
    }),
    skipped: report.skipped,
    findings: report.findings,
    cost: null,
    jacobians: jacobianOverviewOf(report, report.incomplete === undefined ? 'done' : 'cancelled'),
  };
  const progress = report.incomplete === undefined ? undefined : { done: report.incomplete.layersDone, total: report.incomplete.layersTotal };
  return { ...withoutAnswer, answer: overviewAnswer(withoutAnswer, progress) };
}

/** One row of the layer table. A layer without numbers that holds no non-finite value was passed over. */
export function rowOf(layer: LayerReport, index: number): LayerRow {
  const { metrics } = layer;
  const computed = metrics !== null || layer.health.nonFinite.count > 0;
  return {
    index,
    id: layer.id,
    name: layer.name,
    tensor: layer.tensor,
    kind: layer.kind,
    shape: layer.shape,
    matrixShape: layer.matrixShape,
    groups: layer.groups,
    dtype: layer.dtype,
    parameters: layer.parameters,
    state: computed ? 'done' : 'skipped',
    reason: computed ? null : 'The report holds no numbers for this layer.',
    severity: worstActiveSeverity(layer.findings),
    findings: activeFindings(layer.findings).length,
    spectralNorm: metrics?.spectralNorm ?? null,
    energyRank90: metrics?.energyRank?.['0.9'] ?? null,
    fullRank: fullRank(layer),
    stableRank: metrics?.stableRank ?? null,
    conditionNumber: metrics?.conditionNumber ?? null,
    alpha: metrics?.alpha?.value ?? null,
    alphaLoose: isAlphaLoose(metrics?.alpha ?? null),
    marchenkoPasturPValue: metrics?.marchenkoPastur.pValue ?? null,
    cartan: metrics?.cartan ?? null,
    sparkline: layer.spectrum === null ? null : sparklineOf(layer.spectrum.singularValues),
  };
}

/**
 * At most 24 values log₁₀(σ_k/σ₁) in [−4, 0], evenly spaced in k with both ends; null for a zero matrix.
 *
 * @param singularValues descending
 */
export function sparklineOf(singularValues: readonly number[]): number[] | null {
  const count = singularValues.length;
  if (count === 0 || singularValues[0] === 0) return null;
  const points = Math.min(count, sparklinePoints);
  return Array.from({ length: points }, (_, i) => {
    const k = points === 1 ? 0 : Math.round((i * (count - 1)) / (points - 1));
    const ratio = Math.log10(singularValues[k] / singularValues[0]);
    return Math.max(sparklineFloor, Math.round(ratio * 1e4) / 1e4);
  });
}
