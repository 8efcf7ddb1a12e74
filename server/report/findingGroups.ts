import { rulePhrase } from './rulePhrases.js';
import type { Finding, Severity } from './report.js';
import { compareSeverity } from './rules.js';
import { plural } from './wording.js';

/** Findings of one rule and severity, told together: one group, one action. */
export interface FindingGroup {
  rule: string;
  severity: Severity;
  /** `4 layers have dead units`, or the title of the only finding. */
  title: string;
  /** Documentation page. */
  help: string;
  findings: Finding[];
  /** Second sentence of the messages where all have the same; null where they differ or there is none. */
  action: string | null;
}

/** Groups by rule and severity, the worst first, else in the order of the report. */
export function groupFindings(findings: readonly Finding[]): FindingGroup[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = `${finding.severity} ${finding.rule}`;
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()]
    .map((group) => ({
      rule: group[0].rule,
      severity: group[0].severity,
      title: group.length === 1 ? group[0].title : `${plural(group.length, 'layer')} ${rulePhrase(group[0].rule, group.length)}`,
      help: group[0].help,
      findings: group,
      action: commonAction(group),
    }))
    .sort((a, b) => compareSeverity(a.severity, b.severity));
}

/**
 * A message as what is and what to do: cut after the first full stop outside of backticks that a capital letter
 * follows. Messages of one sentence have no action.
 */
export function splitMessage(message: string): { fact: string; action: string | null } {
  let quoted = false;
  for (let i = 0; i < message.length; i++) {
    if (message[i] === '`') quoted = !quoted;
    if (!quoted && message[i] === '.' && /^\. [\p{Lu}`]/u.test(message.slice(i, i + 4))) {
      return { fact: message.slice(0, i + 1), action: message.slice(i + 2) };
    }
  }
  return { fact: message, action: null };
}

function commonAction(findings: readonly Finding[]): string | null {
  const actions = new Set(findings.map((finding) => splitMessage(finding.message).action));
  const [only] = actions;
  return actions.size === 1 ? only : null;
}

/** `1 error · 4 warnings · 2 information · 1 hint`, without the severities that do not occur. */
export function countsBySeverity(findings: readonly Finding[]): string {
  const count = (severity: Severity) => findings.filter((finding) => finding.severity === severity).length;
  const parts = [
    [count('error'), 'error', 'errors'],
    [count('warning'), 'warning', 'warnings'],
    [count('information'), 'information', 'information'],
    [count('hint'), 'hint', 'hints'],
  ] as const;
  return parts.flatMap(([n, one, many]) => (n === 0 ? [] : [plural(n, one, many)])).join(' · ');
}
