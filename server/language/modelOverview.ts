import { assembleReport, internalSentence, layerFacts, layersWithFindings, type ReportParts } from '../analyses/assemble.js';
import type { LayerOutcome } from '../analyses/analyze.js';
import type { Layer } from '../model/model.js';
import { overviewAnswer } from '../report/answer.js';
import { rowOf } from '../report/overview.js';
import type { JacobianOverview } from '../report/jacobianViews.js';
import type { Health } from '../report/report.js';
import type { CostEstimate, LayerRow, OverviewState, ReportOverview } from '../report/views.js';

/** Health of a layer that was not read; such a layer's row shows its state instead. */
const unknownHealth: Health = { nonFinite: { count: 0, firstIndex: null }, zeros: 0, denormals: 0, zeroRows: 0, zeroColumns: 0, constant: null, duplicateOf: null };

type OverviewParts = Omit<ReportParts, 'chosen' | 'incomplete' | 'timings'> & { state: OverviewState; cost: CostEstimate; jacobianOverview: JacobianOverview | null };

/** The overview of an open model: a row for every layer, computed or not. Cost O(layers + findings). */
export function modelOverview(parts: OverviewParts): ReportOverview {
  const { model, outcomes, state } = parts;
  const report = assembleReport({ ...parts, chosen: model.layers.filter((layer) => outcomes.has(layer.id)), incomplete: null });
  const byId = new Map(report.layers.map((layer) => [layer.id, layer]));
  const passedOver = report.skipped.filter((entry) => entry.layer === undefined || entry.analysis === 'jacobian' || outcomes.has(entry.layer));
  const overview: Omit<ReportOverview, 'answer'> = {
    document: parts.path,
    origin: 'model',
    model: report.model,
    toolVersion: report.tool.version,
    settings: parts.settings,
    state,
    rows: model.layers.map((layer, index) => {
      const done = byId.get(layer.id);
      return done === undefined ? emptyRow(layer, index, outcomes.get(layer.id)) : rowOf(done, index);
    }),
    skipped: passedOver,
    findings: report.findings,
    cost: parts.cost,
    jacobians: parts.jacobianOverview,
  };
  return { ...overview, answer: overviewAnswer(overview) };
}

/** Rows of some layers, with the findings that rest on what is known by now. */
export function rowsOf(parts: Pick<ReportParts, 'model' | 'outcomes' | 'rules' | 'silence'>, wanted: (layer: Layer) => boolean): LayerRow[] {
  const done = new Map(layersWithFindings(parts, wanted).layers.map((layer) => [layer.id, layer]));
  return parts.model.layers.flatMap((layer, index) => {
    if (!wanted(layer)) return [];
    const report = done.get(layer.id);
    return [report === undefined ? emptyRow(layer, index, parts.outcomes.get(layer.id)) : rowOf(report, index)];
  });
}

function emptyRow(layer: Layer, index: number, outcome: LayerOutcome | undefined): LayerRow {
  const row = rowOf({ ...layerFacts(layer), spectrum: null, metrics: null, health: unknownHealth, findings: [] }, index);
  row.state = outcome === undefined || outcome.state === 'done' ? 'pending' : outcome.state === 'refused' ? 'skipped' : 'failed';
  row.reason = outcome === undefined || outcome.state === 'done' ? null : reasonOf(outcome);
  return row;
}

function reasonOf(outcome: Exclude<LayerOutcome, { state: 'done' }>): string {
  return outcome.state === 'failed' && outcome.code === 'internal' ? internalSentence(outcome.reason) : outcome.reason;
}
