import type { JacobianDetail, JacobianMeasure, JacobianOverview, JacobianRow } from '../../server/report/jacobianViews.js';
import { stretchNumber } from '../charts/jacobianWords.js';
import { integer, significant } from '../numbers.js';
import { t } from '../strings.js';
import type { MetricGroup, MetricRow } from './metricRows.js';

/** The numbers of one Jacobian: medians over the inputs, and what checks them. */
export function jacobianGroups(detail: JacobianDetail, overview: JacobianOverview, row: JacobianRow | null): MetricGroup[] {
  const place = detail.layer === null ? 'jacobians.output.measures' : `jacobians.layers[].${detail.kind}.measures`;
  const measures = new Map(detail.measures.map((measure) => [measure.field, measure]));
  const line = (field: JacobianMeasure['field'], label: string, definition: string): MetricRow => measureRow(measures.get(field), { field: `${place}.${field}`, label, definition }, detail, overview);
  const full = integer(Math.min(detail.rows, detail.columns));
  return [
    {
      title: t('Directions, median over {0} inputs', integer(detail.n)),
      rows: [
        line('rank', t('numerical rank, of {0}', full), t('singular values above max(m, n)·2⁻²³·σ₁ (2⁻⁵² in float64)')),
        line('stableRank', t('stable rank'), 'Σσ²/σ₁²'),
        line('effectiveRank', t('effective rank (Σσ)'), t('exp(−Σp ln p) with p = σ/Σσ (Roy and Vetterli 2007)')),
        line('entropyRank', t('entropy rank (Σσ²)'), t('exp(−Σp ln p) with p = σ²/Σσ²')),
        line('spectralEntropy', t('spectral entropy'), t('entropy of σ²/Σσ² divided by ln min(m, n): 0 one direction, 1 all alike')),
      ],
    },
    {
      title: t('Volume and isometry'),
      rows: [
        line('logVolume', t('log-volume'), t('Σ ln σ over the numerical rank')),
        line('meanLog', t('mean ln σ'), t('0 where lengths are kept on average (geometric mean)')),
        line('deviationLog', t('deviation of ln σ'), t('0 of an isometry up to scale')),
      ],
    },
    checkGroup(overview, row),
  ];
}

function measureRow(measure: JacobianMeasure | undefined, row: Pick<MetricRow, 'label' | 'definition' | 'field'>, detail: JacobianDetail, overview: JacobianOverview): MetricRow {
  const reason = t('needs all singular values; the {0} largest are known', integer(detail.known));
  if (measure === undefined || measure.q50 === null) return { ...row, value: null, reason };
  const spread = measure.q05 === null || measure.q95 === null ? '' : t('; 5–95 % {0} to {1}', significant(measure.q05), significant(measure.q95));
  return { ...row, definition: `${row.definition}${spread}; n = ${integer(measure.n)}`, value: measure.field === 'rank' && Number.isInteger(measure.q50) ? integer(measure.q50) : stretchNumber(measure.q50, detail, overview), reason };
}

function checkGroup({ selfCheck, precision }: JacobianOverview, row: JacobianRow | null): MetricGroup {
  const waiting = t('not done yet');
  const rows: MetricRow[] = [
    { label: t('self-check ⟨u, Jv⟩ = ⟨Jᵀu, v⟩'), value: selfCheck?.adjoint === null || selfCheck === null ? null : significant(selfCheck.adjoint, 2), definition: t('largest difference at {0} inputs, relative to ‖u‖·‖Jv‖', integer(selfCheck?.n ?? 0)), field: 'jacobians.selfCheck.adjoint', reason: selfCheck === null ? waiting : t('could not be computed') },
    { label: t('against float64'), value: selfCheck?.float64 === null || selfCheck === null ? null : significant(selfCheck.float64, 2), definition: t('difference of Jv in {0} and in float64, relative to its largest entry, median over {1} inputs', precision, integer(selfCheck?.n ?? 0)), field: 'jacobians.selfCheck.float64', reason: selfCheck?.float64Reason ?? waiting },
    { label: t('against differences'), value: selfCheck?.differences === null || selfCheck === null ? null : significant(selfCheck.differences, 2), definition: t('Jv against central differences in float64, relative to its largest entry, median over {0} inputs', integer(selfCheck?.n ?? 0)), field: 'jacobians.selfCheck.differences', reason: selfCheck === null ? waiting : t('the network rounds, or has no float64') },
  ];
  if (row !== null) {
    rows.push({ label: t('proven bound of ∂layer/∂input'), value: row.bound === null ? null : `≤ ${significant(row.bound)}`, definition: t('operator norms times the Lipschitz constants between, branches added: it holds for every input'), field: 'jacobians.layers[].bound', reason: row.boundReason ?? '' });
    if (row.saturation !== null) rows.push({ label: t('units without derivative ({0})', row.saturation.activation), value: `${significant(row.saturation.share * 100, 3)} %`, definition: t('mean over the inputs; {0} of {1} pass none at any input', integer(row.saturation.never), integer(row.saturation.units)), field: 'jacobians.layers[].saturation', reason: '' });
  }
  return { title: t('Checks'), rows };
}
