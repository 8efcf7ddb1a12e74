import type { Finding, LayerReport, Metrics, Severity } from './report.js';
import { worstSeverity } from './rules.js';

/** α is shown in brackets below this many tail values … */
const looseAlphaTail = 20;
/** … or above this Kolmogorov–Smirnov distance (docs/analyses/weights.md, tail). */
const looseAlphaDistance = 0.15;

/** Findings that no person has silenced. */
export function activeFindings(findings: readonly Finding[]): Finding[] {
  return findings.filter((finding) => finding.silenced === undefined);
}

/** The worst severity of the findings that are not silenced; null without any. */
export function worstActiveSeverity(findings: readonly Finding[]): Severity | null {
  return worstSeverity(activeFindings(findings).map((finding) => finding.severity));
}

/** Number of singular values of a matrix of this shape; a block-diagonal one has as many (min(m, n) = Σ over the blocks). */
export function fullRank(layer: Pick<LayerReport, 'matrixShape'>): number {
  return Math.min(...layer.matrixShape);
}

/** Longer side N and shorter side M of one block of the matrix: of the whole matrix when it is not grouped. */
export function blockSides(layer: Pick<LayerReport, 'matrixShape' | 'groups'>): { longer: number; shorter: number } {
  const sides = layer.matrixShape.map((side) => side / layer.groups);
  return { longer: Math.max(...sides), shorter: Math.min(...sides) };
}

/** Whether the power-law fit rests on too little to be shown without brackets. */
export function isAlphaLoose(alpha: Metrics['alpha']): boolean {
  return alpha !== null && (alpha.tail < looseAlphaTail || alpha.ks > looseAlphaDistance);
}
