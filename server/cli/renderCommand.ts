import { readSavedReport } from '../savedReport.js';
import { deliver } from './deliver.js';
import { exitCodes, usageError, type ExitCode } from './errors.js';
import type { RenderOptions } from './options.js';
import { checkOutputFile } from './output.js';

/** `sigmascope render REPORT.json`. */
export async function renderCommand(options: RenderOptions): Promise<ExitCode> {
  if (options.format === 'weightwatcher') {
    throw usageError('A saved report does not hold the columns of --format weightwatcher; use "sigmascope analyze MODEL --format weightwatcher".');
  }
  if (options.out !== null) checkOutputFile(options.out, [options.report]);
  const report = await readSavedReport(options.report);
  if (!options.timings) delete report.timings;
  await deliver(report, [], options);
  return exitCodes.done;
}
