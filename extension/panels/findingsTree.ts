import path from 'node:path';
import * as vscode from 'vscode';
import { type Disposable } from '../disposable.js';
import { type Finding } from '../../server/report/report.js';
import { type Documents } from '../models/documents.js';
import { severityIcon, silencedMark } from '../models/marks.js';
import { isAnalysed, isRunning, type ReportDocument } from '../models/reportDocument.js';
import { count, severities, worstSeverity } from '../text.js';
import { ruleName } from './ruleNames.js';

export const findingsViewId = 'sigmascope.findings';

/** A row of the view: a rule with its findings, or one finding. */
export type FindingsNode = { kind: 'rule'; document: ReportDocument; rule: string; findings: Finding[] } | { kind: 'finding'; document: ReportDocument; finding: Finding };

/** The view Findings: what is wrong with the model whose report was last in front, by rule, then by layer. */
export class FindingsTree implements vscode.TreeDataProvider<FindingsNode>, Disposable {
  private readonly changed = new vscode.EventEmitter<undefined>();
  private readonly subscriptions: Disposable[];
  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly documents: Documents) {
    this.subscriptions = [
      this.changed,
      documents.onDidActivate(() => this.changed.fire(undefined)),
      documents.onDidChange(({ document, message }) => {
        if (document === documents.current && (message.type === 'overview' || message.type === 'state' || message.type === 'error')) this.changed.fire(undefined);
      }),
    ];
  }

  getChildren(node?: FindingsNode): FindingsNode[] {
    if (node?.kind === 'finding') return [];
    if (node) return node.findings.map((finding) => ({ kind: 'finding', document: node.document, finding }));
    const document = this.documents.current;
    return document ? groupByRule(document) : [];
  }

  getTreeItem(node: FindingsNode): vscode.TreeItem {
    return node.kind === 'rule' ? ruleItem(node.rule, node.findings) : findingItem(node.document, node.finding);
  }

  /** What stands above the list: why it is empty, or of which state it is. */
  message(): string | undefined {
    const document = this.documents.current;
    if (!document?.overview) return document?.error;
    const { state, findings, rows } = document.overview;
    if (state === 'stale') return vscode.l10n.t('The file changed on disk; these findings describe the earlier one.');
    if (findings.length > 0) return undefined;
    if (isAnalysed(state)) {
      const done = rows.filter((row) => row.state === 'done').length;
      if (done < rows.length) return vscode.l10n.t('No finding in {0} of {1} layers; the others have no numbers.', count(done), count(rows.length));
      return done === 1 ? vscode.l10n.t('No finding in 1 layer.') : vscode.l10n.t('No finding in {0} layers.', count(done));
    }
    return isRunning(document) ? undefined : vscode.l10n.t('{0} is not analysed yet.', path.basename(document.path));
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }
}

/** Rules with the worst finding first; silenced findings, and rules of which every finding is silenced, last. */
export function groupByRule(document: ReportDocument): (FindingsNode & { kind: 'rule' })[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of document.overview?.findings ?? []) {
    const group = groups.get(finding.rule);
    if (group) group.push(finding);
    else groups.set(finding.rule, [finding]);
  }
  const rank = (findings: Finding[]) => {
    const worst = worstSeverity(findings);
    return worst === null ? severities.length : severities.indexOf(worst);
  };
  return [...groups]
    .map(([rule, findings]) => ({ kind: 'rule' as const, document, rule, findings: findings.sort((a, b) => Number(a.silenced !== undefined) - Number(b.silenced !== undefined)) }))
    .sort((a, b) => rank(a.findings) - rank(b.findings) || (a.rule < b.rule ? -1 : 1));
}

function ruleItem(rule: string, findings: Finding[]): vscode.TreeItem {
  const worst = worstSeverity(findings);
  const item = new vscode.TreeItem(ruleName(rule), worst === null ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.Expanded);
  item.id = rule;
  item.description = `${rule} · ${findings.length}`;
  item.iconPath = worst === null ? silencedMark : severityIcon(worst);
  item.contextValue = 'rule';
  item.accessibilityInformation = { label: `${ruleName(rule)}, ${worst ?? vscode.l10n.t('silenced')}, ${findings.length}` };
  return item;
}

function findingItem(document: ReportDocument, finding: Finding): vscode.TreeItem {
  const where = finding.layer ?? path.basename(document.path);
  const item = new vscode.TreeItem(where);
  item.id = `${finding.rule}\0${finding.layer ?? ''}`;
  item.description = finding.silenced === undefined ? shortened(finding) : vscode.l10n.t('silenced: {0}', finding.silenced);
  const tooltip = new vscode.MarkdownString();
  tooltip.appendText(`${finding.title}\n\n${finding.message}`);
  if (finding.silenced !== undefined) tooltip.appendText(`\n\n${vscode.l10n.t('Silenced: {0}', finding.silenced)}`);
  item.tooltip = tooltip;
  item.contextValue = finding.silenced === undefined ? 'finding' : 'finding.silenced';
  if (finding.layer !== undefined) item.command = { command: 'sigmascope.showLayer', title: vscode.l10n.t('Show in Report'), arguments: [document.path, finding.layer] };
  item.accessibilityInformation = { label: `${where}, ${finding.severity}, ${finding.message}` };
  return item;
}

/** The title without the layer's name, which stands before it. */
function shortened(finding: Finding): string {
  const { layer, title } = finding;
  return layer !== undefined && title.startsWith(layer) ? title.slice(layer.length).replace(/^[\s:]+/, '') : title;
}
