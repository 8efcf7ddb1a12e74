import { readFile, stat } from 'node:fs/promises';
import type { Report } from '../report/report.js';
import { maximumReportBytes, parseReport } from '../report/validate.js';
import { deliver } from './deliver.js';
import { CommandError, exitCodes, usageError, type ExitCode } from './errors.js';
import type { RenderOptions } from './options.js';
import { checkOutputFile } from './output.js';

/** `sigmascope render REPORT.json`. */
export async function renderCommand(options: RenderOptions): Promise<ExitCode> {
  if (options.format === 'weightwatcher') {
    throw usageError('A saved report does not hold the columns of --format weightwatcher; use "sigmascope analyze MODEL --format weightwatcher".');
  }
  if (options.out !== null) checkOutputFile(options.out, [options.report]);
  const report = await readReport(options.report);
  if (!options.timings) delete report.timings;
  await deliver(report, [], options);
  return exitCodes.done;
}

/**
 * A saved report.
 * @throws CommandError (exit code 3) or ReportFileError, one sentence
 */
export async function readReport(file: string): Promise<Report> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > maximumReportBytes) throw new CommandError(exitCodes.unreadable, `${file} has ${size} bytes and a report at most ${maximumReportBytes}.`);
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    throw new CommandError(exitCodes.unreadable, code === 'ENOENT' ? `${file} does not exist.` : `${file} cannot be read (${code ?? String(error)}).`);
  }
  return parseReport(text, file);
}
