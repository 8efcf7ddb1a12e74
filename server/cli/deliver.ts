import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { renderReport } from '../report/index.js';
import type { Report } from '../report/report.js';
import type { WeightWatcherRow } from '../report/weightWatcherRow.js';
import { CommandError, exitCodes } from './errors.js';
import type { OutputOptions } from './options.js';
import { writeOutputFile, writeStandardOutput } from './output.js';

/** Writes a report where and how the options say. */
export async function deliver(report: Report, weightWatcher: readonly WeightWatcherRow[], options: OutputOptions): Promise<void> {
  const toTerminal = options.out === null && process.stdout.isTTY;
  const script = options.format === 'html' ? await webviewBundle() : null;
  const text = renderReport(options.format, report, {
    weightWatcherRows: () => weightWatcher,
    ...(script !== null && { assets: () => ({ script }) }),
    // Lines fit the terminal; files and pipes always get the same bytes.
    ...(toTerminal && { width: process.stdout.columns }),
  });
  if (options.out === null) await writeStandardOutput(text);
  else writeOutputFile(options.out, text);
}

/** The panel's bundle, which a page embeds; built beside this program. */
async function webviewBundle(): Promise<string> {
  const file = path.join(__dirname, 'webview.js');
  try {
    return await readFile(file, 'utf8');
  } catch {
    throw new CommandError(exitCodes.internal, `${file}, which the html format embeds, is missing; build or install sigmascope again.`);
  }
}
