import { fileName } from './facts.js';
import { activeFindings } from './layerFacts.js';
import type { Finding, LayerReport, Report, Severity } from './report.js';
import { compareSeverity, ruleIds } from './rules.js';
import { plural } from './wording.js';

/** What a build fails on: more than `count` findings of a severity (or worse) or of the rules of a glob. */
export type Gate = { text: string; count: number } & ({ severity: Severity } | { rules: RegExp });

export interface GateResult {
  failed: { gate: string; reason: string }[];
}

/** A gate that cannot be read or a baseline that cannot be compared with: wrong usage, one sentence. */
export class GateError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'GateError';
  }
}

/** Mildest severity that the baseline gate looks at: milder findings come and go with training. */
const baselineSeverity: Severity = 'warning';
const severityNames: readonly Severity[] = ['error', 'warning', 'information', 'hint'];
/** Layers told by name in a reason. */
const toldLayers = 3;

/**
 * Reads `RULE|SEVERITY[>COUNT]`: `error`, `warning>3`, `weights/dead-units`, `weights/*>10`. A rule may hold `*`
 * (any characters). Without a count one finding is enough.
 *
 * @throws GateError that names what is wrong and what there is
 */
export function parseGate(text: string): Gate {
  const match = /^([^<>=\s]+)(?:>(\d{1,9}))?$/u.exec(text.trim());
  if (match === null) {
    throw new GateError(`--fail-on "${text}" is not RULE|SEVERITY[>COUNT]: write for example warning, error>0 or "weights/*>3".`);
  }
  const [, subject, limit = '0'] = match;
  const count = Number(limit);
  const severity = severityNames.find((name) => name === subject);
  if (severity !== undefined) return { text, count, severity };
  const rules = globPattern(subject);
  if (!ruleIds.some((id) => rules.test(id))) {
    throw new GateError(`--fail-on ${subject} names no severity (${severityNames.join(', ')}) and no rule (${ruleIds.join(', ')}).`);
  }
  return { text, count, rules };
}

/**
 * Which gates a report breaks. Silenced findings count for none. The baseline gate breaks on what got worse since the
 * baseline, layer by layer (matched by id):
 *   - a finding of warning or worse whose rule named no such layer before, whether silenced then or not;
 *   - a finding whose severity was raised, to warning or worse;
 *   - a layer that holds NaN or infinity now and did not then, unless its finding is silenced;
 *   - a layer that had numbers then and was passed over now, so that nothing can be said of it.
 * Numbers that moved without crossing a limit, and layers that are gone, break nothing.
 *
 * @throws GateError for a gate that cannot be read and for a baseline that is incomplete or of other analyses
 */
export function evaluateGates(report: Report, failOn: readonly string[], baseline: Report | null): GateResult {
  const findings = activeFindings(report.findings);
  const failed = failOn.map(parseGate).flatMap((gate) => {
    const hits = findings.filter((finding) => ('severity' in gate ? compareSeverity(finding.severity, gate.severity) <= 0 : gate.rules.test(finding.rule)));
    return hits.length > gate.count ? [{ gate: `--fail-on ${gate.text}`, reason: countReason(hits, gate) }] : [];
  });
  if (baseline === null) return { failed };
  requireComparable(report, baseline);
  return { failed: [...failed, ...worsened(report, baseline).map((reason) => ({ gate: '--baseline', reason }))] };
}

function countReason(hits: readonly Finding[], gate: Gate): string {
  const layers = [...new Set(hits.map((finding) => finding.layer ?? 'the model'))];
  const told = layers.slice(0, toldLayers).join(', ');
  const what = 'severity' in gate ? `of severity ${gate.severity}${gate.severity === 'error' ? '' : ' or worse'}` : `of ${[...new Set(hits.map((finding) => finding.rule))].join(', ')}`;
  return `${plural(hits.length, 'finding')} ${what}, at most ${gate.count} allowed: ${told}${layers.length > toldLayers ? ` and ${layers.length - toldLayers} more` : ''}.`;
}

function requireComparable(report: Report, baseline: Report): void {
  const name = fileName(baseline.model.path);
  if (baseline.incomplete !== undefined) {
    const { reason, layersDone, layersTotal } = baseline.incomplete;
    throw new GateError(`The baseline of ${name} is incomplete (${reason} after ${layersDone} of ${layersTotal} layers); save a whole report first.`);
  }
  const absent = report.settings.only.filter((analysis) => !baseline.settings.only.includes(analysis));
  if (absent.length > 0) {
    throw new GateError(`The baseline of ${name} has no ${absent.join(', ')} analysis to compare with; save it with --only ${report.settings.only.join(',')}.`);
  }
}

function worsened(report: Report, baseline: Report): string[] {
  const before = new Map<string, Severity>();
  for (const finding of baseline.findings) {
    const known = before.get(keyOf(finding));
    if (known === undefined || compareSeverity(finding.severity, known) < 0) before.set(keyOf(finding), finding.severity);
  }
  const fromFindings = activeFindings(report.findings).flatMap((finding) => {
    if (compareSeverity(finding.severity, baselineSeverity) > 0) return [];
    const known = before.get(keyOf(finding));
    const where = finding.layer ?? 'the model';
    if (known === undefined) return [`${where}: new ${finding.severity} ${finding.rule} (${finding.title}).`];
    return compareSeverity(finding.severity, known) < 0 ? [`${where}: ${finding.rule} was ${known} and is ${finding.severity} now.`] : [];
  });
  const named = new Set(report.findings.filter((finding) => finding.rule === 'weights/non-finite').map((finding) => finding.layer));
  const layersBefore = new Map(baseline.layers.map((layer) => [layer.id, layer]));
  return [...fromFindings, ...report.layers.flatMap((layer) => lostNumbers(layer, layersBefore.get(layer.id), named.has(layer.id))), ...passedOver(report, baseline)];
}

/** Non-finite layers that no finding tells of (its rule is off), and layers without numbers. */
function lostNumbers(layer: LayerReport, before: LayerReport | undefined, hasFinding: boolean): string[] {
  if (before === undefined || before.metrics === null || layer.metrics !== null) return [];
  if (layer.health.nonFinite.count === 0) return [`${layer.id}: had numbers in the baseline and was passed over now.`];
  return hasFinding ? [] : [`${layer.id}: ${plural(layer.health.nonFinite.count, 'value')} that ${layer.health.nonFinite.count === 1 ? 'is' : 'are'} not finite, none in the baseline.`];
}

/** Layers of the baseline that this report lists under what was passed over. */
function passedOver(report: Report, baseline: Report): string[] {
  const present = new Set(report.layers.map((layer) => layer.id));
  const skipped = new Map(report.skipped.flatMap((entry) => (entry.layer !== undefined && entry.operator === undefined ? [[entry.layer, entry.reason] as const] : [])));
  return baseline.layers.flatMap((layer) => {
    const reason = skipped.get(layer.id);
    return layer.metrics === null || reason === undefined || present.has(layer.id) ? [] : [`${layer.id}: had numbers in the baseline and was passed over now (${reason}).`];
  });
}

function keyOf(finding: Finding): string {
  return JSON.stringify([finding.rule, finding.layer ?? null]);
}

/** `*` stands for any characters, all others for themselves. */
function globPattern(glob: string): RegExp {
  const escaped = glob.split(/\*+/u).map((part) => part.replace(/[\\^$.|?+()[\]{}/]/gu, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`, 'u');
}
