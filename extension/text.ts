import * as vscode from 'vscode';
import { type Finding, type Severity } from '../server/report/report.js';
import { type ReportOverview } from '../server/report/views.js';

const thinSpace = ' ';
const bytesPerUnit = 1000;
const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A count with thin spaces between thousands: 102 400. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, thinSpace);
}

/** A size in decimal units with at most three digits: 450 kB, 2.34 GB. */
export function bytes(value: number): string {
  let size = value;
  let unit = 0;
  while (size >= bytesPerUnit && unit < byteUnits.length - 1) {
    size /= bytesPerUnit;
    unit += 1;
  }
  const digits = unit === 0 || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return `${size.toFixed(digits)} ${byteUnits[unit] ?? ''}`;
}

/** A duration for people who decide whether to wait: seconds below two minutes, then minutes, then hours. */
export function duration(seconds: number): string {
  if (seconds < 1) return vscode.l10n.t('under 1 s');
  if (seconds < 120) return vscode.l10n.t('{0} s', Math.round(seconds));
  if (seconds < 7200) return vscode.l10n.t('{0} min', Math.round(seconds / 60));
  return vscode.l10n.t('{0} h', (seconds / 3600).toFixed(1));
}

/** A shape as 100 × 1024. */
export function shape(sizes: readonly number[]): string {
  return sizes.length === 0 ? '1' : sizes.join(' × ');
}

/** The format's name as its authors write it. */
export function formatName(format: string): string {
  return format === 'onnx' ? 'ONNX' : format;
}

/** "4 warnings", "1 error", "clean": the worst severity of the findings that nobody silenced, with its count. */
export function verdict(findings: readonly Finding[]): string {
  const worst = worstSeverity(findings);
  if (worst === null) return vscode.l10n.t('no findings');
  const n = findings.filter((finding) => finding.silenced === undefined && finding.severity === worst).length;
  switch (worst) {
    case 'error':
      return n === 1 ? vscode.l10n.t('1 error') : vscode.l10n.t('{0} errors', n);
    case 'warning':
      return n === 1 ? vscode.l10n.t('1 warning') : vscode.l10n.t('{0} warnings', n);
    case 'information':
      return vscode.l10n.t('{0} information', n);
    case 'hint':
      return n === 1 ? vscode.l10n.t('1 hint') : vscode.l10n.t('{0} hints', n);
  }
}

/** The verdict of a whole run: also how many layers have no numbers because something went wrong. */
export function runVerdict({ findings, rows }: Pick<ReportOverview, 'findings' | 'rows'>): string {
  const failed = rows.filter((row) => row.state === 'failed').length;
  if (failed === 0) return verdict(findings);
  const words = failed === 1 ? vscode.l10n.t('1 layer failed') : vscode.l10n.t('{0} layers failed', count(failed));
  return worstSeverity(findings) === null ? words : `${verdict(findings)}, ${words}`;
}

/** Severities from worst to mildest. */
export const severities: readonly Severity[] = ['error', 'warning', 'information', 'hint'];

/** The worst severity among the findings that nobody silenced; null where there are none. */
export function worstSeverity(findings: readonly Finding[]): Severity | null {
  return severities.find((severity) => findings.some((finding) => finding.silenced === undefined && finding.severity === severity)) ?? null;
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
