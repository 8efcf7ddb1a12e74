import { readFile, stat } from 'node:fs/promises';
import type { Report } from './report/report.js';
import { maximumReportBytes, parseReport, ReportFileError } from './report/validate.js';

/**
 * Reads and checks a report that was saved with `--format json`.
 * @throws ReportFileError, one sentence, for files that cannot be read too
 */
export async function readSavedReport(file: string): Promise<Report> {
  let text: string;
  try {
    const facts = await stat(file);
    if (facts.isDirectory()) throw new ReportFileError('report/not-a-report', `${file} is a folder; give a report saved with --format json.`);
    if (facts.size > maximumReportBytes) throw new ReportFileError('report/not-a-report', `${file} has ${facts.size} bytes and a report at most ${maximumReportBytes}; is it another file?`);
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof ReportFileError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new ReportFileError('report/not-a-report', code === 'ENOENT' ? `${file} does not exist.` : `${file} cannot be read (${code}).`);
  }
  return parseReport(text, file);
}
