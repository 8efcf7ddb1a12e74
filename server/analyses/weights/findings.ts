import type { Layer } from '../../model/model.js';
import type { Finding, LayerReport } from '../../report/report.js';
import { compareSeverity, ruleInForce, weightRules, type RuleInForce, type RuleSetting, type WeightRuleId } from '../../report/rules.js';
import {
  constantText,
  deadRowsText,
  duplicateText,
  ignoredUnitsText,
  illConditionedText,
  noiseLikeText,
  nonFiniteText,
  outlierSpikeText,
  rankCollapsedText,
  zeroTensorText,
  type FindingText,
} from '../../report/weightTexts.js';
import type { FindingNorms, WeightResult } from './analyzeLayer.js';
import { findDeadUnits, type DeadUnits } from './deadUnits.js';
import { roundingShare } from './marchenkoPastur.js';

/** What a finding needs of a layer beyond its report. */
export interface LayerEvidence {
  layer: string;
  digest: string;
  rowNorms: FindingNorms | null;
}

/** A layer with everything its rules look at. */
interface Subject {
  report: LayerReport;
  norms: FindingNorms | null;
  dead: DeadUnits | null;
}

type Evidence = Finding['evidence'];
/** A rule applied to a layer: its text and the numbers it rests on, or null. `mild`: of information at most, unless configured. */
type Check = (subject: Subject, rule: RuleInForce) => (FindingText & { evidence: Evidence; mild?: boolean }) | null;

/** Indices listed in the evidence; the count says how many there are in all. */
const listedUnits = 50;

/**
 * Findings of the weight analysis, in layer order and then in the order of the rules. Also writes what needs several
 * layers into the reports: `health.duplicateOf`, and `findings`.
 *
 * @param layers reports of the layers that were analysed, in the model's order; changed in place
 * @param results evidence by layer id, in any order
 * @param model its layers tell who reads whom
 * @param rules severities and thresholds by rule id, which replace the shipped ones
 */
export function findWeightFindings(
  layers: readonly LayerReport[],
  results: readonly LayerEvidence[],
  model: { layers: readonly Layer[] },
  rules: Readonly<Record<string, RuleSetting>>,
): Finding[] {
  const evidence = new Map(results.map((result) => [result.layer, result]));
  const declared = new Map(model.layers.map((layer) => [layer.id, layer]));
  markDuplicates(layers, evidence);
  const inForce = Object.entries(weightRules).map(([id, shipped]) => ({ id, shipped, rule: ruleInForce(shipped, rules[id]) }));
  const deadRule = ruleInForce(weightRules['weights/dead-units'], rules['weights/dead-units']);
  for (const report of layers) {
    const norms = evidence.get(report.id)?.rowNorms ?? null;
    const layer = declared.get(report.id);
    const normsOf = (id: string): FindingNorms | null => evidence.get(id)?.rowNorms ?? null;
    const dead = norms === null || deadRule === null ? null : findDeadUnits(norms, layer?.readers ?? null, normsOf, deadRule);
    report.findings = [];
    for (const { id, shipped, rule } of inForce) {
      const found = rule && checks[id as WeightRuleId]({ report, norms, dead }, rule);
      if (!found) continue;
      const { title, message } = found;
      const severity = found.mild === true && !rule.configured && compareSeverity(rule.severity, 'information') < 0 ? 'information' : rule.severity;
      report.findings.push({ rule: id, severity, layer: report.id, title, message, evidence: found.evidence, help: shipped.help });
    }
  }
  return layers.flatMap((report) => report.findings);
}

/** The evidence of a result, without the rest of it. */
export function layerEvidence(result: WeightResult): LayerEvidence {
  return { layer: result.report.id, digest: result.digest, rowNorms: result.rowNorms };
}

/** All weights zero; such a layer has no other finding worth a line. */
const isZero = ({ report }: Subject): boolean => report.metrics?.spectralNorm === 0 && report.parameters > 0;
const isConstant = ({ report }: Subject, rule: RuleInForce): boolean => report.health.constant !== null && report.parameters >= rule.threshold('elements');

const checks: Readonly<Record<WeightRuleId, Check>> = {
  'weights/non-finite': ({ report }) => {
    const { count, firstIndex } = report.health.nonFinite;
    return count > 0 && firstIndex !== null ? { ...nonFiniteText(report.id, count, firstIndex), evidence: { count, firstIndex } } : null;
  },
  'weights/zero-tensor': (subject) => {
    const { report } = subject;
    return isZero(subject) ? { ...zeroTensorText(report.id, report.parameters), evidence: { elements: report.parameters, zeros: report.health.zeros } } : null;
  },
  'weights/dead-units': (subject, rule) => (isZero(subject) ? null : deadUnits(subject, rule)),
  'weights/duplicate': ({ report }) => {
    const original = report.health.duplicateOf;
    return original === null ? null : { ...duplicateText(report.id, original), evidence: { duplicateOf: original } };
  },
  'weights/constant': (subject, rule) => {
    const value = subject.report.health.constant;
    if (value === null || isZero(subject) || !isConstant(subject, rule)) return null;
    return { ...constantText(subject.report.id, value), evidence: { value, elements: subject.report.parameters } };
  },
  'weights/noise-like': noiseLike,
  'weights/rank-collapsed': rankCollapsed,
  'weights/ill-conditioned': ({ report }, rule) => {
    const { metrics, spectrum } = report;
    if (metrics === null || spectrum === null || metrics.conditionNumberNumericalRank === null) return null;
    const { conditionNumber, conditionNumberNumericalRank, numericalRank } = metrics;
    const limit = rule.threshold('conditionNumber');
    const kappa = conditionNumber === 'Infinity' ? Infinity : (conditionNumber ?? 0);
    // A constant tensor has rank 1 for a reason that is said already.
    if (kappa < limit || report.health.constant !== null) return null;
    const directions = spectrum.singularValues.length;
    return {
      ...illConditionedText(report.id, kappa, conditionNumberNumericalRank, numericalRank, directions, limit),
      evidence: { conditionNumber: conditionNumber ?? null, conditionNumberNumericalRank, numericalRank, directions, limit },
    };
  },
  'weights/outlier-spike': outlierSpike,
};

function deadUnits({ report, norms, dead }: Subject, rule: RuleInForce): ReturnType<Check> {
  if (dead === null || norms === null || dead.weakRows.length + dead.ignored.length === 0) return null;
  const { weakRows, weakCount, ignored } = dead;
  const rows = report.matrixShape[0];
  // A layer without a single living unit is a zero tensor or no case for "narrow it".
  if (weakCount >= rows) return null;
  const largestNorm = weakRows.reduce((largest, row) => Math.max(largest, row.norm), 0);
  const rowShare = rule.threshold('rowShare');
  const columnShare = rule.threshold('columnShare');
  const text =
    ignored.length > 0
      ? ignoredUnitsText(report.id, ignored.length, rows, dead.readers, dead.largestIgnoredShare, columnShare, weakCount, rowShare)
      : deadRowsText(report.id, weakCount, rows, largestNorm, norms.rows.median, rowShare, report.kind);
  // Selection and pruned matrices are full of zeros, and an embedding has entries for tokens that never occur.
  const mild = report.kind === 'embedding' || report.health.zeros > rule.threshold('zeroShare') * report.parameters;
  return {
    ...text,
    mild,
    evidence: {
      rows: weakRows.slice(0, listedUnits).map((row) => row.index),
      count: weakCount,
      largestNorm: weakCount > 0 ? largestNorm : null,
      medianNorm: norms.rows.median,
      rowShare,
      ignored: ignored.slice(0, listedUnits),
      ignoredCount: ignored.length,
      largestIgnoredShare: ignored.length > 0 ? dead.largestIgnoredShare : null,
      columnShare,
    },
  };
}

function noiseLike({ report, norms }: Subject, rule: RuleInForce): ReturnType<Check> {
  const { metrics, spectrum } = report;
  const edge = norms?.randomEdge ?? null;
  if (metrics === null || spectrum === null || edge === null) return null;
  const { ks, pValue, spikes } = metrics.marchenkoPastur;
  const level = rule.threshold('level');
  const side = Math.min(...report.matrixShape) / report.groups;
  if (ks === null || pValue === null || side < rule.threshold('values')) return null;
  if (pValue <= level || metrics.spectralNorm > edge) return null;
  return { ...noiseLikeText(report.id, edge, ks, pValue, level), evidence: { ks, pValue, level, edge, spectralNorm: metrics.spectralNorm, spikes, values: spectrum.singularValues.length } };
}

function rankCollapsed({ report }: Subject, rule: RuleInForce): ReturnType<Check> {
  const { metrics, spectrum } = report;
  if (metrics === null || spectrum === null || !(metrics.stableRank > 0) || report.health.constant !== null) return null;
  const directions = spectrum.singularValues.length;
  const share = 1 / metrics.stableRank;
  const limit = rule.threshold('share');
  if (directions < rule.threshold('directions') || share <= limit) return null;
  return { ...rankCollapsedText(report.id, directions, share, limit), evidence: { share, limit, directions, stableRank: metrics.stableRank } };
}

function outlierSpike({ report, norms }: Subject, rule: RuleInForce): ReturnType<Check> {
  const { metrics, spectrum } = report;
  if (metrics === null || spectrum === null || report.health.constant !== null) return null;
  const [first, computed] = spectrum.singularValues;
  const directions = spectrum.singularValues.length;
  if (directions < rule.threshold('directions') || !(first > 0)) return null;
  // The rounding of a zero is nothing to compare with.
  const second = computed > Math.max(...report.matrixShape) * roundingShare * first ? computed : 0;
  const edge = norms?.bulkEdge ?? null;
  const overSecond = second > 0 ? first / second : Infinity;
  const overEdge = edge === null ? 0 : first / edge;
  const limits = { overSecond: rule.threshold('overSecond'), overEdge: rule.threshold('overEdge') };
  if (overSecond < limits.overSecond && overEdge < limits.overEdge) return null;
  return {
    ...outlierSpikeText(report.id, first, second, edge, limits),
    evidence: { first, second, edge, overSecond: Number.isFinite(overSecond) ? overSecond : null, overSecondLimit: limits.overSecond, overEdge: edge === null ? null : overEdge, overEdgeLimit: limits.overEdge },
  };
}

/**
 * Same stored bytes (with the scales of quantised weights), type and shape as an earlier layer. Constant tensors are left out: they are equal by their value,
 * which has findings of its own, and so are tensors too small for equality to mean anything.
 */
function markDuplicates(layers: readonly LayerReport[], evidence: ReadonlyMap<string, LayerEvidence>): void {
  const first = new Map<string, string>();
  for (const report of layers) {
    report.health.duplicateOf = null;
    const digest = evidence.get(report.id)?.digest;
    if (digest === undefined || report.health.constant !== null || report.parameters < 2) continue;
    const key = `${report.dtype} ${report.shape.join('x')} ${digest}`;
    const original = first.get(key);
    if (original === undefined) first.set(key, report.id);
    else report.health.duplicateOf = original;
  }
}

/** A finding that a person silenced, with why. */
export interface Silence {
  rule: string;
  /** Absent: in every layer. */
  layer?: string;
  reason: string;
}

/** Marks silenced findings; they stay in the list, since what was decided must remain visible. */
export function applySilences(findings: readonly Finding[], silences: readonly Silence[]): Finding[] {
  return findings.map((finding) => {
    const silence = silences.find(({ rule, layer }) => rule === finding.rule && (layer === undefined || layer === finding.layer));
    return silence === undefined ? finding : { ...finding, silenced: silence.reason };
  });
}
