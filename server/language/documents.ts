import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { openModel } from '../analyses/analyze.js';
import { recogniseFormat } from '../formats/open.js';
import { ModelFileError } from '../formats/modelFile.js';
import type { AnalyzeSettings, InputsProposal, InputsRequest, ModelSummary, RenderFormat } from '../protocol.js';
import type { JacobianChoice } from '../report/jacobianDetail.js';
import type { InputPicture, JacobianDetail } from '../report/jacobianViews.js';
import type { LayerDetail, ReportOverview } from '../report/views.js';
import { renderReport } from '../report/index.js';
import type { Engine } from './engine.js';
import { pictureOfInput, proposeInputs } from './inputsPreview.js';
import { ModelDocument } from './modelDocument.js';
import { SavedDocument } from './savedDocument.js';

/** A request that cannot be answered: one sentence for the user. */
export class RequestError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RequestError';
  }
}

/** The open models and saved reports, by path. */
export class Documents {
  private readonly open = new Map<string, Promise<ModelDocument | SavedDocument>>();
  /** Inputs that the analysis of a model was last asked for with, and how many of them; null: as by default. */
  private readonly inputs = new Map<string, { request: InputsRequest | 'synthetic'; samples: number | null }>();

  constructor(private readonly engine: Engine) {}

  async openModel(file: string): Promise<ReportOverview> {
    const known = this.open.has(file);
    const document = await this.model(file);
    if (known) await document.refresh();
    return document.overview();
  }

  async openReport(file: string): Promise<ReportOverview> {
    // Read again each time: the file may have been saved anew.
    return (await this.remember(file, SavedDocument.open(file))).overview();
  }

  async analyze(file: string, settings: AnalyzeSettings, signal: AbortSignal): Promise<ReportOverview> {
    const { inputs, samples } = settings;
    if (inputs !== undefined && inputs !== null) this.inputs.set(file, { request: inputs, samples: samples ?? null });
    const last = this.inputs.get(file);
    const number = samples ?? last?.samples ?? null;
    return (await this.model(file)).analyze({ ...settings, inputs: last?.request ?? null, ...(number === null ? {} : { samples: number }) }, signal);
  }

  async layerDetail(file: string, layer: string): Promise<LayerDetail | null> {
    return (await this.find(file)).detail(layer);
  }

  async jacobianDetail(file: string, choice: JacobianChoice): Promise<JacobianDetail | null> {
    return (await this.find(file)).jacobianDetail(choice);
  }

  /** The report in another format; html embeds the panel's bundle, which lies beside this program. */
  async render(file: string, format: RenderFormat, signal: AbortSignal): Promise<string> {
    const document = await this.find(file);
    const report = document.report();
    switch (format) {
      case 'html':
        {
          const script = await readFile(path.join(__dirname, 'webview.js'), 'utf8');
          return renderReport(format, report, { assets: () => ({ script }) });
        }
      case 'weightwatcher':
        if (document instanceof ModelDocument) {
          const rows = await document.weightWatcherRows(signal);
          return renderReport(format, report, { weightWatcherRows: () => rows });
        }
        throw new RequestError('A saved report does not hold the columns of WeightWatcher; open the model itself.');
      default:
        return renderReport(format, report, {});
    }
  }

  async singularValues(file: string, layer: string): Promise<number[]> {
    const found = (await this.find(file)).report().layers.find(({ id }) => id === layer)?.spectrum;
    if (!found) throw new RequestError(`The layer ${layer} has no singular values: analyse it first.`);
    return found.singularValues;
  }

  /** Null for files that are no models of a format that is read. */
  async summary(file: string): Promise<ModelSummary | null> {
    const format = await recogniseFormat(file);
    if (format === null) return null;
    try {
      const { file: modelFile, layers } = await openModel(file);
      const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
      return { path: file, format, bytes: modelFile.bytes, layers: layers.length, parameters, producer: modelFile.producer, error: null };
    } catch (error) {
      if (!(error instanceof ModelFileError)) throw error;
      const bytes = await stat(file).then(({ size }) => size, () => 0);
      return { path: file, format, bytes, layers: 0, parameters: 0, producer: null, error: error.message };
    }
  }

  /** Tries inputs out; without a request those of the last analysis, else those that sigmascope.json names. */
  async previewInputs(file: string, request: InputsRequest | null, pictures: number, signal: AbortSignal): Promise<InputsProposal> {
    const { request: last = null, samples = null } = this.inputs.get(file) ?? {};
    if (last === null || last === 'synthetic') return proposeInputs(this.engine, file, request, pictures, signal);
    return { ...(await proposeInputs(this.engine, file, request ?? last, pictures, signal)), samples };
  }

  /** One input of the last analysis; null where it is no picture, or was made up. */
  async inputPicture(file: string, index: number, signal: AbortSignal): Promise<InputPicture | null> {
    const request = this.inputs.get(file)?.request ?? (await this.engine.inputsFor(file))?.request ?? 'synthetic';
    return request === 'synthetic' ? null : pictureOfInput(this.engine, file, request, index, signal);
  }

  async close(file: string): Promise<void> {
    this.inputs.delete(file);
    const document = this.open.get(file);
    this.open.delete(file);
    (await document?.catch(() => undefined))?.close();
  }

  private async model(file: string): Promise<ModelDocument> {
    const document = await (this.open.get(file) ?? this.remember(file, ModelDocument.open(file, this.engine)));
    if (!(document instanceof ModelDocument)) throw new RequestError(`${file} is open as a saved report.`);
    return document;
  }

  private async find(file: string): Promise<ModelDocument | SavedDocument> {
    const document = this.open.get(file);
    if (document === undefined) throw new RequestError(`${file} is not open; open it again.`);
    return document;
  }

  /** Two requests for a file that is being opened wait for the same; a failure is forgotten. */
  private remember<T extends ModelDocument | SavedDocument>(file: string, opening: Promise<T>): Promise<T> {
    this.open.set(file, opening);
    opening.catch(() => {
      if (this.open.get(file) === opening) this.open.delete(file);
    });
    return opening;
  }
}
