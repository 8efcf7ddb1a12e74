import type * as vscode from 'vscode';
import { type AnalysisProgress } from '../../server/protocol.js';
import { type Finding, type Severity } from '../../server/report/report.js';
import { type LayerRow, type OverviewState, type ReportOverview } from '../../server/report/views.js';
import { severities, worstSeverity } from '../text.js';

/** A model or saved report that is open: what the server last said of it. Every view draws from this one object. */
export interface ReportDocument {
  readonly path: string;
  readonly origin: 'model' | 'savedReport';
  /** undefined until the server has answered. */
  overview: ReportOverview | undefined;
  /** Why there is no overview, or why the last run failed: one sentence. */
  error: string | undefined;
  progress: AnalysisProgress | undefined;
  /** Whether the run is one of the weights, whose state the whole document has; Jacobians have one of their own. */
  runsWeights: boolean;
  /** Set while an analysis runs; cancelling it ends the run. */
  run: vscode.CancellationTokenSource | undefined;
  /** Resolves when the run of `run` has ended. */
  ending: Promise<void> | undefined;
  /** The layer selected in tree, report and side view. */
  layer: string | null;
}

/** A document of which nothing is known yet. */
export function emptyDocument(path: string, origin: ReportDocument['origin']): ReportDocument {
  return { path, origin, overview: undefined, error: undefined, progress: undefined, runsWeights: false, run: undefined, ending: undefined, layer: null };
}

/** Whether an analysis runs that nobody has cancelled. */
export function isRunning(document: ReportDocument): boolean {
  return document.run !== undefined && !document.run.token.isCancellationRequested;
}

/** Findings that nobody silenced. */
export function activeFindings(document: ReportDocument): Finding[] {
  return (document.overview?.findings ?? []).filter((finding) => finding.silenced === undefined);
}

/** Puts rows that have just been computed in their places. Returns the overview unchanged where there is none yet. */
export function mergeRows(document: ReportDocument, rows: readonly LayerRow[]): void {
  const all = document.overview?.rows;
  if (!all) return;
  for (const row of rows) {
    const at = all[row.index]?.id === row.id ? row.index : all.findIndex((other) => other.id === row.id);
    if (at >= 0) all[at] = row;
  }
}

/** What a model's mark in the tree says. */
export type Health = { mark: 'unknown' | 'running' | 'clean' | 'failed' } | { mark: 'findings'; severity: Severity; count: number };

/** A model is clean when a finished run found nothing above a hint in any of its layers; it is unknown until a run has finished. */
export function healthOf(document: ReportDocument | undefined): Health {
  if (!document) return { mark: 'unknown' };
  if (isRunning(document)) return { mark: 'running' };
  if (!document.overview) return { mark: document.error === undefined ? 'unknown' : 'failed' };
  const findings = activeFindings(document);
  const worst = worstSeverity(findings);
  if (worst !== null && severities.indexOf(worst) <= severities.indexOf('warning')) {
    return { mark: 'findings', severity: worst, count: findings.filter((finding) => finding.severity === worst).length };
  }
  if (!isAnalysed(document.overview.state)) return { mark: 'unknown' };
  if (document.overview.rows.some((row) => row.state === 'failed')) return { mark: 'failed' };
  return worst === 'information' ? { mark: 'findings', severity: worst, count: findings.filter((finding) => finding.severity === worst).length } : { mark: 'clean' };
}

/** Whether the numbers of a run that reached its end are there. */
export function isAnalysed(state: OverviewState): boolean {
  return state === 'done' || state === 'stale';
}
