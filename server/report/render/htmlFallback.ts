import { fileName, groupSkipped, modelFactsLine } from '../facts.js';
import { groupFindings } from '../findingGroups.js';
import { activeFindings } from '../layerFacts.js';
import { formatCount } from '../numbers.js';
import { printable, printableName } from '../printable.js';
import type { Report } from '../report.js';
import type { ReportOverview } from '../views.js';
import { alphaText, conditionText, numberText, rankText, shapeText } from '../wording.js';
import { escapeHtml } from './htmlText.js';
import { answerOfJacobians, hasWeights, headAnswer, jacobianCells, skippedParts } from './jacobianCells.js';
import { jacobianBasis, jacobianGrid } from './jacobianTable.js';
import { columnMeanings, severityMarks } from './layerTable.js';

const safe = (text: string): string => escapeHtml(printable(text));
const safeName = (name: string): string => escapeHtml(printableName(name));

/** Of the layer table: mark, name and shape are text, the number and all that follows are numbers. */
const lastTextColumn = 3;

/** A message with the names between its backticks as code. */
function withCode(message: string): string {
  const parts = message.split('`');
  if (parts.length % 2 === 0) return safe(message);
  return parts.map((part, i) => (i % 2 === 1 ? `<code>${safeName(part)}</code>` : safe(part))).join('');
}

/** The report as static tables: answer, facts, findings, layers and what was passed over. */
export function htmlFallback(report: Report, overview: ReportOverview): string {
  const { verdict, rest, basis } = headAnswer(report, overview.answer, overview.jacobians ?? null);
  return `<main class="static">
<h1>${safe(fileName(report.model.path))}</h1>
<p class="muted">${safe(modelFactsLine(report))}</p>
<p class="answer"><b>${safe(verdict)}</b> ${safe(rest)}</p>
<p class="muted">${safe(basis)}</p>
${findings(report)}${layers(overview)}${jacobians(report, overview)}${skipped(skippedParts(report))}<p class="muted">sigmascope ${safe(report.tool.version)}. The charts need JavaScript, which stays inside this page.</p>
</main>`;
}

function findings(report: Report): string {
  const groups = groupFindings(activeFindings(report.findings));
  if (groups.length === 0) return '';
  const rows = groups.flatMap((group) =>
    group.findings.map((finding) => `<tr><td class="w">${severityMarks[finding.severity]} ${finding.severity}</td><td class="w"><code>${safe(finding.rule)}</code></td><td>${withCode(finding.message)}</td></tr>`),
  );
  return `<h2>Findings</h2>\n<table>\n<thead><tr><th>severity</th><th>rule</th><th>what, and what to do</th></tr></thead>\n<tbody>\n${rows.join('\n')}\n</tbody>\n</table>\n`;
}

function layers(overview: ReportOverview): string {
  if (overview.rows.length === 0) return '';
  const titles = ['#', '', 'layer', 'shape', 'weights', 'σ₁', 'stable', 'r₉₀', 'κ', 'α'];
  const rows = overview.rows.map((row) => {
    const numbers = [formatCount(row.parameters), numberText(row.spectralNorm), numberText(row.stableRank), rankText(row.energyRank90, row.fullRank), conditionText(row.conditionNumber), alphaText(row.alpha, row.alphaLoose)];
    const mark = row.severity === null ? '' : severityMarks[row.severity];
    return `<tr><td class="n">${row.index + 1}</td><td>${mark}</td><td><code>${safeName(row.id)}</code></td><td>${shapeText(row.shape)}</td>${numbers.map((text) => `<td class="n">${text}</td>`).join('')}</tr>`;
  });
  return `<h2>Layers</h2>\n<table>\n<thead><tr>${titles.map((title, i) => `<th${i === 0 || i > lastTextColumn ? ' class="n"' : ''}>${title}</th>`).join('')}</tr></thead>\n<tbody>\n${rows.join('\n')}\n</tbody>\n</table>\n<p class="muted">${safe(columnMeanings(['spectrum']))}</p>\n`;
}

/** The answer of the Jacobian analysis, unless the page begins with it, and its layers. */
function jacobians(report: Report, overview: ReportOverview): string {
  const { inputs, jacobians: part } = report;
  const answer = answerOfJacobians(report, overview.jacobians ?? null);
  if (answer === null) return '';
  const head = hasWeights(report) ? `<p class="answer"><b>${safe(answer.verdict)}</b> ${safe(answer.rest)}</p>\n<p class="muted">${safe(answer.basis)}</p>\n` : '';
  if (inputs === undefined || part === undefined) return `<h2>Jacobians</h2>\n${head}`;
  const basis = jacobianBasis(inputs, part).map((line) => `<p class="muted">${safe(line)}</p>\n`).join('');
  const rows = overview.jacobians?.state === 'withheld' ? [] : jacobianCells(part, inputs.source === 'synthetic');
  if (rows.length === 0) return `<h2>Jacobians</h2>\n${head}${basis}`;
  const { titles, cells, meanings } = jacobianGrid(rows);
  const lines = rows.map(({ label }, i) => `<tr><td><code>${safeName(label)}</code></td>${cells[i].map((text) => `<td class="n">${text}</td>`).join('')}</tr>`);
  return `<h2>Jacobians</h2>\n${head}<table>\n<thead><tr><th>layer</th>${titles.map((title) => `<th class="n">${title}</th>`).join('')}</tr></thead>\n<tbody>\n${lines.join('\n')}\n</tbody>\n</table>\n<p class="muted">${safe(meanings)}</p>\n${basis}`;
}

function skipped(report: Report): string {
  if (report.skipped.length === 0) return '';
  const items = groupSkipped(report).map(({ reason, names }) => `<li>${names.length} × ${safe(reason)}: ${names.map((name) => `<code>${safeName(name)}</code>`).join(', ')}</li>`);
  return `<h2>Passed over</h2>\n<ul>\n${items.join('\n')}\n</ul>\n`;
}
