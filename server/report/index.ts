import { renderCsv } from './render/csv.js';
import { renderHtml, type HtmlAssets } from './render/html.js';
import { renderJson } from './render/json.js';
import { renderMarkdown } from './render/markdown.js';
import { renderSarif } from './render/sarif.js';
import { renderText } from './render/text.js';
import { renderWeightWatcher } from './render/weightWatcher.js';
import type { Report } from './report.js';
import type { WeightWatcherRow } from './weightWatcherRow.js';

/** Formats of `--format`, in the order of the help text. */
export const renderFormats = ['text', 'json', 'html', 'csv', 'weightwatcher', 'sarif', 'markdown'] as const;
export type ReportFormat = (typeof renderFormats)[number];

/** What some formats need beside the report; functions, so that nothing is read or computed for the others. */
export interface RenderExtras {
  /** Columns of the terminal, for text. */
  width?: number;
  /** The built webview bundle, for html. */
  assets?: () => HtmlAssets;
  /** For weightwatcher: the report does not hold the peer's numbers, they come from the weights. */
  weightWatcherRows?: () => readonly WeightWatcherRow[];
}

/**
 * The report in one of the formats, as text that ends with a line feed.
 *
 * @throws Error where the format needs an extra that is not given
 */
export function renderReport(format: ReportFormat, report: Report, extras: RenderExtras = {}): string {
  switch (format) {
    case 'text':
      return renderText(report, extras.width === undefined ? {} : { width: extras.width });
    case 'json':
      return renderJson(report);
    case 'html':
      return renderHtml(report, needed(extras.assets, 'html', 'the built webview bundle')());
    case 'csv':
      return renderCsv(report);
    case 'weightwatcher':
      return renderWeightWatcher(needed(extras.weightWatcherRows, 'weightwatcher', 'the model file: its columns are computed from the weights')());
    case 'sarif':
      return renderSarif(report);
    case 'markdown':
      return renderMarkdown(report);
  }
}

function needed<T>(extra: T | undefined, format: string, what: string): T {
  if (extra === undefined) throw new Error(`--format ${format} needs ${what}; a saved report alone does not have it.`);
  return extra;
}

export { renderCsv, renderHtml, renderJson, renderMarkdown, renderSarif, renderText, renderWeightWatcher };
