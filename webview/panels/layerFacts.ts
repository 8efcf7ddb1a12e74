import type { LayerKind } from '../../server/report/report.js';
import type { LayerRow } from '../../server/report/views.js';
import { condition, dimensions, integer, significant } from '../numbers.js';
import { t } from '../strings.js';

/** Everything that is known of a row, one line a fact: what hovering and focusing a row shows. */
export function layerFacts(row: LayerRow): string[] {
  const facts = [
    row.id,
    ...(row.name === row.id ? [] : [t('name {0}', row.name)]),
    ...(row.tensor === row.name ? [] : [t('tensor {0}', row.tensor)]),
    `${kindWord(row.kind)} · ${shapeWords(row)} · ${row.dtype}`,
    t('{0} weights', integer(row.parameters)),
  ];
  if (row.state === 'pending') return [...facts, t('not analysed yet')];
  if (row.reason !== null) facts.push(row.reason);
  if (row.spectralNorm === null) return facts;
  facts.push(t('σ₁ {0} · stable rank {1}', significant(row.spectralNorm), row.stableRank === null ? '–' : significant(row.stableRank)));
  if (row.energyRank90 !== null) facts.push(t('r₉₀ {0} of {1} directions hold 90 % of the energy', integer(row.energyRank90), integer(row.fullRank)));
  facts.push(t('κ {0}', condition(row.conditionNumber)));
  facts.push(row.alpha === null ? t('α –: no tail of 10 values') : row.alphaLoose ? t('α ({0}): loose fit, tail below 20 values or D above 0.15', significant(row.alpha, 3)) : t('α {0}', significant(row.alpha, 3)));
  if (row.marchenkoPasturPValue !== null) facts.push(t('against noise p {0}', significant(row.marchenkoPasturPValue, 2)));
  if (row.cartan !== null) facts.push(t('Cartan coordinate {0}', significant(row.cartan)));
  return facts;
}

/** "16 × 8 × 3 × 3 as 16 × 72, 2 groups": the stored shape and, where it differs, the analysed matrix. */
export function shapeWords(row: LayerRow): string {
  const stored = dimensions(row.shape);
  const matrix = dimensions(row.matrixShape);
  const grouped = row.groups > 1 ? t(', {0} groups', integer(row.groups)) : '';
  return stored === matrix ? `[out, in] = ${matrix}${grouped}` : t('{0} as {1}', stored, matrix) + grouped;
}

/** The kind in words. */
export function kindWord(kind: LayerKind): string {
  switch (kind) {
    case 'dense': return t('dense');
    case 'convolution': return t('convolution');
    case 'convolutionTranspose': return t('transposed convolution');
    case 'embedding': return t('embedding');
    case 'recurrent': return t('recurrent');
    case 'attention': return t('attention');
    case 'other': return t('other');
  }
}
