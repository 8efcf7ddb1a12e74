import { fileName, groupSkipped, modelFactsLine } from '../facts.js';
import { countsBySeverity, groupFindings } from '../findingGroups.js';
import type { JacobianOverview } from '../jacobianViews.js';
import { activeFindings } from '../layerFacts.js';
import { formatCount } from '../numbers.js';
import { overviewOf } from '../overview.js';
import { printable, printableName } from '../printable.js';
import type { Report } from '../report.js';
import type { LayerRow } from '../views.js';
import { alphaText, conditionText, numberText, plural, rankText, shapeText } from '../wording.js';
import { answerOfJacobians, hasWeights, headAnswer, jacobianCells, skippedParts } from './jacobianCells.js';
import { jacobianBasis, jacobianGrid, jacobianHeading } from './jacobianTable.js';
import { columnMeanings, severityMarks } from './layerTable.js';
import { stateOf } from './text.js';

/** A comment on GitHub holds 65,536 characters: these limits keep a report of any model below it. */
const findingRows = 60;
const layerRows = 200;
const skippedNames = 20;
const longestName = 120;

/** The report for a comment on a pull request: the answer, the findings, the layers folded away. Cost O(layers + findings). */
export function renderMarkdown(report: Report): string {
  const overview = overviewOf(report, report.model.path, 'savedReport', stateOf(report));
  const { verdict, rest, basis } = headAnswer(report, overview.answer, overview.jacobians ?? null);
  const sections = [
    `**${escaped(verdict)}** ${escaped(rest)}`.trim(),
    ...(basis === '' ? [] : [`<sub>${escaped(basis)}</sub>`]),
    `${code(fileName(report.model.path))} · ${escaped(modelFactsLine(report))}`,
    ...findingsTable(report),
    ...layersTable(overview.rows),
    ...jacobianPart(report, overview.jacobians ?? null),
    ...skippedList(skippedParts(report)),
    `<sub>sigmascope ${escaped(report.tool.version)} · seed ${report.settings.seed}${report.model.sha256 === null ? '' : ` · sha256 ${report.model.sha256.slice(0, 12)}…`}</sub>`,
  ];
  return `${sections.join('\n\n')}\n`;
}

function findingsTable(report: Report): string[] {
  const active = activeFindings(report.findings);
  const silenced = report.findings.length - active.length;
  const suffix = silenced > 0 ? ` (${silenced} silenced)` : '';
  if (active.length === 0) return silenced > 0 ? [`### No finding${suffix}`] : [];
  const rows = groupFindings(active)
    .flatMap((group) => group.findings)
    .map((finding) => [`${severityMarks[finding.severity]} ${finding.severity}`, escaped(finding.rule), escaped(finding.message)]);
  return [`### ${capitalisedCounts(countsBySeverity(active))}${suffix}`, table(['', 'rule', 'what, and what to do'], '-', rows.slice(0, findingRows)), ...more(rows.length - findingRows, 'finding')];
}

function layersTable(rows: readonly LayerRow[]): string[] {
  if (rows.length === 0) return [];
  const cells = rows.slice(0, layerRows).map((row) => [
    String(row.index + 1),
    row.severity === null ? '' : severityMarks[row.severity],
    code(row.id),
    shapeText(row.shape),
    formatCount(row.parameters),
    numberText(row.spectralNorm),
    numberText(row.stableRank),
    rankText(row.energyRank90, row.fullRank),
    conditionText(row.conditionNumber),
    alphaText(row.alpha, row.alphaLoose),
  ]);
  return [
    folded(plural(rows.length, 'layer'), [table(['#', '', 'layer', 'shape', 'weights', 'σ₁', 'stable', 'r₉₀', 'κ', 'α'], '>-<<>>>>>>', cells), ...more(rows.length - layerRows, 'layer'), `<sub>${escaped(columnMeanings(['spectrum']))}</sub>`].join('\n\n')),
  ];
}

/** The answer of the analysis, unless the report begins with it, and the layers folded away. */
function jacobianPart(report: Report, overview: JacobianOverview | null): string[] {
  const { inputs, jacobians } = report;
  const answer = answerOfJacobians(report, overview);
  if (answer === null) return [];
  const head = hasWeights(report) ? [`**${escaped(answer.verdict)}** ${escaped(answer.rest)}`.trim(), ...(answer.basis === '' ? [] : [`<sub>${escaped(answer.basis)}</sub>`])] : [];
  if (inputs === undefined || jacobians === undefined) return head;
  const basis = `<sub>${escaped(jacobianBasis(inputs, jacobians).join(' '))}</sub>`;
  const rows = overview?.state === 'withheld' ? [] : jacobianCells(jacobians, inputs.source === 'synthetic');
  if (rows.length === 0) return [...head, basis];
  const { titles, cells, meanings } = jacobianGrid(rows);
  const lines = rows.slice(0, layerRows).map(({ label }, i) => [code(label), ...cells[i]]);
  const content = [table(['layer', ...titles], `<${'>'.repeat(titles.length)}`, lines), ...more(rows.length - layerRows, 'layer'), `<sub>${escaped(meanings)}</sub>`, basis].join('\n\n');
  return [...head, folded(jacobianHeading(jacobians), content)];
}

function skippedList(report: Report): string[] {
  if (report.skipped.length === 0) return [];
  const items = groupSkipped(report).map(({ reason, names }) => {
    const told = names.slice(0, skippedNames).map(code).join(', ');
    return `- ${names.length} × ${escaped(reason)}: ${told}${names.length > skippedNames ? ` and ${names.length - skippedNames} more` : ''}`;
  });
  return [folded(`${report.skipped.length} passed over`, items.join('\n'))];
}

function more(count: number, noun: string): string[] {
  return count > 0 ? [`… and ${plural(count, `more ${noun}`)}; the JSON report has all of them.`] : [];
}

function capitalisedCounts(counts: string): string {
  return `Findings: ${counts}`;
}

/** `alignment`: one character a column, > right, else left. */
function table(titles: readonly string[], alignment: string, rows: readonly (readonly string[])[]): string {
  const rule = titles.map((_, i) => (alignment[i] === '>' ? '--:' : '---'));
  return [titles, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function folded(summary: string, content: string): string {
  return `<details><summary>${summary}</summary>\n\n${content}\n\n</details>`;
}

/** Plain text: nothing in it is markup, a mention or a table's edge. Backticks stay code where they come in pairs. */
function escaped(text: string): string {
  const parts = printable(text).split('`');
  const paired = parts.length % 2 === 1;
  return parts.map((part, i) => (paired && i % 2 === 1 ? code(part) : escapedPlain(part))).join(paired ? '' : '\\`');
}

function escapedPlain(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('@', '&#64;')
    .replaceAll('#', '&#35;')
    .replaceAll('://', '&#58;//')
    .replace(/[\\*_[\]|~$]/gu, '\\$&');
}

/** A code span that holds any name, fenced by more backticks than it contains. */
function code(name: string): string {
  const text = printableName(name);
  const cut = text.length > longestName ? `…${text.slice(-longestName)}` : text;
  const longestRun = Math.max(0, ...Array.from(cut.matchAll(/`+/gu), ([run]) => run.length));
  const fence = '`'.repeat(longestRun + 1);
  const space = cut.startsWith('`') || cut.endsWith('`') || cut === '' ? ' ' : '';
  return `${fence}${space}${cut.replaceAll('|', '\\|')}${space}${fence}`;
}
