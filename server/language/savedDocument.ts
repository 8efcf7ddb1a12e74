import { readFile, stat } from 'node:fs/promises';
import { layerDetailOf } from '../report/layerDetail.js';
import { overviewOf } from '../report/overview.js';
import { stateOf } from '../report/render/text.js';
import type { Report } from '../report/report.js';
import { maximumReportBytes, parseReport, ReportFileError } from '../report/validate.js';
import type { LayerDetail, ReportOverview } from '../report/views.js';

/** A report that was saved as JSON, shown in the same panel. */
export class SavedDocument {
  private constructor(
    readonly path: string,
    private readonly saved: Report,
  ) {}

  /** @throws ReportFileError, one sentence */
  static async open(path: string): Promise<SavedDocument> {
    const { size } = await stat(path);
    if (size > maximumReportBytes) throw new ReportFileError('report/not-a-report', `${path} has ${size} bytes and a report at most ${maximumReportBytes}; is it another file?`);
    return new SavedDocument(path, parseReport(await readFile(path, 'utf8'), path));
  }

  overview(): ReportOverview {
    return overviewOf(this.saved, this.path, 'savedReport', stateOf(this.saved));
  }

  report(): Report {
    return this.saved;
  }

  detail(layer: string): LayerDetail | null {
    return layerDetailOf(this.saved, layer);
  }

  close(): void {
    // Nothing runs for a saved report.
  }
}
