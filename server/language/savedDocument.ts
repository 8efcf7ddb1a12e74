import { jacobianDetailOf, type JacobianChoice } from '../report/jacobianDetail.js';
import type { JacobianDetail } from '../report/jacobianViews.js';
import { layerDetailOf } from '../report/layerDetail.js';
import { overviewOf } from '../report/overview.js';
import { stateOf } from '../report/render/text.js';
import type { Report } from '../report/report.js';
import type { LayerDetail, ReportOverview } from '../report/views.js';
import { readSavedReport } from '../savedReport.js';

/** A report that was saved as JSON, shown in the same panel. */
export class SavedDocument {
  private constructor(
    readonly path: string,
    private readonly saved: Report,
  ) {}

  /** @throws ReportFileError, one sentence */
  static async open(path: string): Promise<SavedDocument> {
    return new SavedDocument(path, await readSavedReport(path));
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

  jacobianDetail(choice: JacobianChoice): JacobianDetail | null {
    return jacobianDetailOf(this.saved, choice);
  }

  close(): void {
    // Nothing runs for a saved report.
  }
}
