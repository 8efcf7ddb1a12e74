import { createHash } from 'node:crypto';
import { ruleHelp, ruleWords, shippedRule } from '../rulePhrases.js';
import type { Finding, ModelFacts, Report, Severity, Skipped } from '../report.js';
import { ruleIds } from '../rules.js';
import { renderJson } from './json.js';

/** SARIF has three levels of problems; both milder severities are notes. */
const levels: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = { error: 'error', warning: 'warning', information: 'note', hint: 'note' };

/** Hexadecimal digits of a fingerprint: as many as GitHub's own have. */
const fingerprintDigits = 16;

/**
 * The findings as SARIF 2.1.0 (OASIS), which build systems turn into annotations. The physical location is the model
 * file, the logical one the layer. Silenced findings are suppressed results. Cost O(findings).
 */
export function renderSarif(report: Report): string {
  const rules = [...new Set([...ruleIds, ...report.findings.map((finding) => finding.rule)])];
  const artifact = artifactLocation(report.model.path);
  return renderJson({
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: report.tool.name, semanticVersion: report.tool.version, rules: rules.map(ruleDescriptor) } },
        invocations: [{ executionSuccessful: report.incomplete === undefined, toolExecutionNotifications: notifications(report) }],
        artifacts: [{ location: artifact, ...hashes(report.model) }],
        results: report.findings.map((finding) => result(finding, rules.indexOf(finding.rule), artifact)),
      },
    ],
  });
}

/** The page is named in `help`: SARIF's `helpUri` must be absolute, and the pages lie beside the project. */
function ruleDescriptor(id: string): object {
  const { title, description } = ruleWords(id);
  return {
    id,
    shortDescription: { text: `${title}.` },
    fullDescription: { text: description },
    defaultConfiguration: { level: levels[shippedRule(id)?.severity ?? 'warning'] },
    help: { text: `See ${ruleHelp(id)}.`, markdown: `See [${ruleHelp(id)}](${ruleHelp(id)}).` },
  };
}

function result(finding: Finding, ruleIndex: number, artifact: { uri: string }): object {
  return {
    ruleId: finding.rule,
    ruleIndex,
    level: levels[finding.severity],
    message: { text: finding.message },
    locations: [
      {
        // GitHub shows no result without a region; a binary file has no better line than its first.
        physicalLocation: { artifactLocation: artifact, region: { startLine: 1 } },
        ...(finding.layer === undefined ? {} : { logicalLocations: [{ name: finding.layer, fullyQualifiedName: finding.layer, kind: 'layer' }] }),
      },
    ],
    // The same rule on the same layer is the same result in the next run, whatever its numbers are.
    partialFingerprints: fingerprints(`${finding.rule}:${finding.layer ?? ''}`),
    ...(finding.silenced === undefined ? {} : { suppressions: [{ kind: 'external', justification: finding.silenced }] }),
    properties: { severity: finding.severity, title: finding.title, evidence: finding.evidence },
  };
}

/**
 * GitHub matches results by `primaryLocationLineHash` alone and makes one from the text of the line where it is missing:
 * every result in a binary file would have the same.
 */
function fingerprints(identity: string): Record<string, string> {
  const hash = createHash('sha256').update(identity, 'utf8').digest('hex');
  return { 'ruleAndLayer/v1': identity, primaryLocationLineHash: `${hash.slice(0, fingerprintDigits)}:1` };
}

/** Layers and analyses without a result, so that a clean list of results is not mistaken for a clean model. */
function notifications(report: Report): object[] {
  return report.skipped
    .filter((entry) => entry.layer !== undefined || (entry.analysis !== undefined && entry.tensor === undefined))
    .map((entry) => ({ level: 'note', message: { text: `${skippedPart(entry)} was passed over: ${entry.reason}` } }));
}

function skippedPart({ layer, analysis, operator }: Skipped): string {
  if (layer === undefined) return `The analysis ${analysis ?? ''}`;
  const part = operator ?? (analysis === 'jacobian' ? analysis : undefined);
  return part === undefined ? layer : `${layer} (${part})`;
}

function hashes(model: ModelFacts): object {
  return model.sha256 === null ? {} : { hashes: { 'sha-256': model.sha256 } };
}

/** A path of either system as a URI reference: absolute paths become file URIs, relative ones stay relative. */
export function artifactLocation(path: string): { uri: string } {
  const slashed = path.replaceAll('\\', '/');
  const drive = /^[A-Za-z]:\//u.test(slashed);
  const encoded = slashed
    .split('/')
    // GitHub compares with the paths of the repository, which hold no such step.
    .filter((part) => part !== '.')
    .map((part, i) => (drive && i === 0 ? part : encodeURIComponent(Buffer.from(part, 'utf8').toString())))
    .join('/');
  if (drive) return { uri: `file:///${encoded}` };
  return { uri: encoded.startsWith('//') ? `file:${encoded}` : encoded.startsWith('/') ? `file://${encoded}` : encoded };
}
