import { groupSkipped, fileName, modelFactsLine, spectraBasis } from '../facts.js';
import { countsBySeverity, groupFindings, splitMessage, type FindingGroup } from '../findingGroups.js';
import type { JacobianOverview } from '../jacobianViews.js';
import { activeFindings } from '../layerFacts.js';
import { formatNumber, formatSeconds } from '../numbers.js';
import { overviewOf } from '../overview.js';
import { cutLeft, displayWidth, printable, printableName, wrap } from '../printable.js';
import type { Report } from '../report.js';
import type { OverviewState } from '../views.js';
import { plural } from '../wording.js';
import { answerOfJacobians, hasWeights, headAnswer, jacobianCells, skippedParts } from './jacobianCells.js';
import { jacobianBasis, jacobianHeading, jacobianTable } from './jacobianTable.js';
import { columnNotes, layerTable, severityMarks } from './layerTable.js';
import { operatorTable } from './operatorTable.js';

export interface TextOptions {
  /** Columns of the terminal, kept between 60 and 120; 100 when it is not known. */
  width?: number;
}

const defaultWidth = 100;
/** Below this the table cannot hold a name and four numbers. */
const narrowest = 60;
/** Longer lines are hard to read. */
const widest = 120;
/** Layers told one by one under a rule; the table marks the others. */
const findingsPerRule = 12;
/** Names told for one reason of passing over. */
const namesPerReason = 6;
const indent = '  ';

/**
 * The report for a terminal: the answer is the first line; facts, findings with what to do, the layers, what was passed
 * over and what the numbers rest on follow. No colours. Cost O(layers + findings + skipped).
 */
export function renderText(report: Report, options: TextOptions = {}): string {
  const width = Math.min(widest, Math.max(narrowest, Math.floor(options.width ?? defaultWidth)));
  const overview = overviewOf(report, report.model.path, 'savedReport', stateOf(report));
  const { verdict, rest, basis } = headAnswer(report, overview.answer, overview.jacobians ?? null);
  const sections = [
    [...wrap(printable(`${verdict} ${rest}`.trim()), width), ...wrap(printable(basis), width)],
    [printable(fileName(report.model.path)), ...wrap(printable(modelFactsLine(report)), width)],
    ...findingSections(report, width),
    layerSection(overview.rows, width),
    operatorSection(report, width),
    ...jacobianSections(report, overview.jacobians ?? null, width),
    skippedSection(skippedParts(report), width),
    basisSection(report, width),
  ];
  return `${sections.filter((lines) => lines.length > 0).map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** A report on paper is done, unless the run that wrote it was cut off. */
export function stateOf(report: Report): OverviewState {
  return report.incomplete?.reason ?? 'done';
}

function findingSections(report: Report, width: number): string[][] {
  const active = activeFindings(report.findings);
  const silenced = report.findings.filter((finding) => finding.silenced !== undefined);
  const sections: string[][] = [];
  if (active.length > 0) {
    sections.push([`Findings: ${countsBySeverity(active)}`]);
    for (const group of groupFindings(active)) sections.push(groupLines(group, width));
  } else if (report.layers.length > 0 || (report.jacobians?.layers.length ?? 0) > 0) sections.push(['Findings: none']);
  if (silenced.length > 0) {
    sections.push([
      `Silenced: ${silenced.length}`,
      ...silenced.flatMap((finding) => wrap(printable(`${finding.rule}${finding.layer === undefined ? '' : ` ${finding.layer}`}: ${finding.silenced ?? ''}`), width, indent)),
    ]);
  }
  return sections;
}

/** Mark, severity, title and rule on the first line; each layer's fact; the action and the page once. */
function groupLines(group: FindingGroup, width: number): string[] {
  const title = printable(`${severityMarks[group.severity]} ${group.severity}: ${group.title}`);
  const rule = printable(group.rule);
  const space = width - displayWidth(title) - displayWidth(rule);
  const head = space >= 2 ? [title + ' '.repeat(space) + rule] : [...wrap(title, width), indent + rule];
  const told = group.findings.slice(0, findingsPerRule);
  const body = told.flatMap((finding) => {
    const { fact } = splitMessage(finding.message);
    return wrap(printable(group.action === null ? finding.message : fact), width, `${indent}  `);
  });
  const more = group.findings.length - told.length;
  if (more > 0) body.push(`${indent}  … and ${plural(more, 'more layer')}, marked in the table.`);
  const action = group.action === null ? [] : wrap(printable(`→ ${group.action}`), width, indent, `${indent}  `);
  return [...head, ...body, ...action, ...wrap(printable(`→ ${group.help}`), width, indent)];
}

function layerSection(rows: Parameters<typeof layerTable>[0], width: number): string[] {
  if (rows.length === 0) return [];
  const { lines, leftOut } = layerTable(rows, width, '');
  return [`Layers: ${rows.length}`, '', ...lines, '', ...wrap(columnNotes(leftOut), width)];
}

/** The convolutions as operators on images, where the input's size is known. */
function operatorSection(report: Report, width: number): string[] {
  const lines = operatorTable(report.layers, width);
  if (lines.length === 0) return [];
  const note = 'The layer as a linear map of a whole image. circular: padding wraps around; declared: the layer’s own padding, stride and dilation; smallest: the smallest singular value.';
  return [`Convolutions as operators: ${lines.length - 1}`, '', ...lines, '', ...wrap(note, width)];
}

/** The answer of the analysis, unless the report begins with it; the layers; and what the numbers rest on. */
function jacobianSections(report: Report, overview: JacobianOverview | null, width: number): string[][] {
  const { inputs, jacobians } = report;
  const told = hasWeights(report);
  const answer = answerOfJacobians(report, overview);
  if (answer === null) return [];
  const head = told ? ['Jacobians', ...wrap(printable(`${answer.verdict} ${answer.rest}`.trim()), width, indent), ...(answer.basis === '' ? [] : wrap(printable(answer.basis), width, indent))] : [];
  if (overview === null || inputs === undefined || jacobians === undefined) return [head];
  const basis = jacobianBasis(inputs, jacobians).flatMap((line) => wrap(printable(line), width, indent, `${indent}  `));
  const cells = overview.state === 'withheld' ? [] : jacobianCells(jacobians, inputs.source === 'synthetic');
  const { lines, meanings } = jacobianTable(cells, width);
  const table = cells.length === 0 ? [] : [jacobianHeading(jacobians), '', ...lines, '', ...wrap(meanings, width)];
  return [told ? [...head, ...basis] : ['Inputs and derivatives', ...basis], table];
}

function skippedSection(report: Report, width: number): string[] {
  if (report.skipped.length === 0) return [];
  return [
    `Passed over: ${report.skipped.length}`,
    ...groupSkipped(report).flatMap(({ reason, names }) => {
      const told = names.slice(0, namesPerReason).map((name) => cutLeft(printableName(name), Math.floor(width / 2)));
      const more = names.length > told.length ? ` and ${plural(names.length - told.length, 'more', 'more')}` : '';
      return [...wrap(printable(`${names.length} × ${reason}`), width, indent, `${indent}    `), ...wrap(`${told.join(', ')}${more}`, width, `${indent}    `)];
    }),
  ];
}

function basisSection(report: Report, width: number): string[] {
  const { model, settings, timings, tool } = report;
  const spectra = spectraBasis(report.layers);
  const lines: string[] = [];
  if (spectra !== null) {
    const methods = spectra.methods.map(([method, count]) => `${method} (${count})`).join(', ');
    lines.push(`Singular values: all of every matrix, float64, ${methods}; error at most ${formatNumber(spectra.relativeError, 2)} of σ₁.`);
  }
  if (report.layers.some((layer) => layer.kind.startsWith('convolution'))) lines.push('Convolutions in the layer table: the kernel reshaped to [out, in × height × width].');
  lines.push(`Settings: --only ${settings.only.join(',')} --operator ${settings.operator} --seed ${settings.seed}${settings.layers === null ? '' : ` --layers ${settings.layers}`}.`);
  lines.push(`File: ${model.path}`);
  if (model.sha256 !== null) lines.push(`sha256 ${model.sha256}`);
  lines.push(`sigmascope ${tool.version}${timings === undefined ? '' : `, ${formatSeconds(timings.total)}`}.`);
  return ['What the numbers rest on', ...lines.flatMap((line) => wrap(printable(line), width, indent, `${indent}  `))];
}
