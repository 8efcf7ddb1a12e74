import type { Layer, Model } from '../model/model.js';
import type { AnalysisSettings, Finding, LayerReport, ModelFacts, Report, Skipped, Timings } from '../report/report.js';
import type { RuleSetting } from '../report/rules.js';
import type { WeightWatcherRow } from '../report/weightWatcherRow.js';
import { toolVersion } from '../runtime/version.js';
import type { LayerOutcome } from './analyze.js';
import { findJacobianFindings } from './jacobians/findings.js';
import type { JacobianResult } from './jacobians/run.js';
import type { WeightResult } from './weights/analyzeLayer.js';
import { applySilences, findWeightFindings, layerEvidence, type Silence } from './weights/findings.js';

/** What a report is put together from. */
export interface ReportParts {
  model: Model;
  /** How the report names the file. */
  path: string;
  sha256: string | null;
  settings: AnalysisSettings;
  /** Layers that were to be analysed. */
  chosen: readonly Layer[];
  outcomes: ReadonlyMap<string, LayerOutcome>;
  /** Of the Jacobian analysis; absent or null where it did not run. */
  jacobians?: JacobianResult | null;
  /** What else was passed over. */
  skipped?: readonly Skipped[];
  /** Why layers without an outcome have none; null when the run reached its end. */
  incomplete: 'cancelled' | 'timeout' | null;
  rules: Readonly<Record<string, RuleSetting>>;
  silence: readonly Silence[];
  timings?: Timings;
}

/** Facts about the model for the head of a report. */
export function modelFacts(model: Model, path: string, sha256: string | null): ModelFacts {
  const { file } = model;
  return {
    path,
    format: file.format,
    bytes: file.bytes,
    sha256,
    producer: file.producer,
    opset: file.opset,
    parameters: model.layers.reduce((sum, layer) => sum + layer.parameters, 0),
    inputs: file.inputs,
    outputs: file.outputs,
    function: model.function,
  };
}

/** The report of an analysis: layers with numbers in the model's order, everything else in `skipped` with the reason. */
export function assembleReport(parts: ReportParts): Report {
  const { model, incomplete, jacobians } = parts;
  const chosen = new Set(parts.chosen);
  const { layers, findings } = layersWithFindings(parts, (layer) => chosen.has(layer));
  const ofJacobians = jacobianFindings(parts);
  for (const layer of layers) layer.findings = [...layer.findings, ...ofJacobians.filter((finding) => finding.layer === layer.id)];
  const operators = layers.flatMap((layer) => doneResult(parts.outcomes, layer)?.skipped ?? []);
  return {
    schemaVersion: 1,
    tool: { name: 'sigmascope', version: toolVersion },
    model: modelFacts(model, parts.path, parts.sha256),
    layers,
    skipped: [...(parts.skipped ?? []), ...skippedLayers(parts, chosen), ...operators, ...(jacobians?.skipped ?? []), ...model.skipped],
    ...(jacobians?.inputs && { inputs: jacobians.inputs }),
    ...(jacobians?.jacobians && { jacobians: jacobians.jacobians }),
    findings: [...findings, ...ofJacobians],
    settings: parts.settings,
    ...(incomplete !== null && { incomplete: { reason: incomplete, ...countedLayers(layers.length, parts) } }),
    ...(parts.timings && { timings: parts.timings }),
  };
}

/**
 * Those of the wanted layers that have numbers, with their findings, in layer order; silences are marked. Findings rest
 * on all results there are, so that they are final once every layer has one.
 */
export function layersWithFindings(
  parts: Pick<ReportParts, 'model' | 'outcomes' | 'rules' | 'silence'>,
  wanted: (layer: Layer) => boolean,
): { layers: LayerReport[]; findings: Finding[] } {
  const results = parts.model.layers.flatMap((layer) => doneResult(parts.outcomes, layer) ?? []);
  const done = parts.model.layers.flatMap((layer) => (wanted(layer) ? (doneResult(parts.outcomes, layer) ?? []) : []));
  // Copied as deep as findings are written into them: results are kept for later runs.
  const layers = done.map(({ report }) => ({ ...report, health: { ...report.health } }));
  const findings = applySilences(findWeightFindings(layers, results.map(layerEvidence), parts.model, parts.rules), parts.silence);
  const byLayer = new Map<string | undefined, Finding[]>();
  for (const finding of findings) {
    const group = byLayer.get(finding.layer);
    if (group === undefined) byLayer.set(finding.layer, [finding]);
    else group.push(finding);
  }
  for (const layer of layers) layer.findings = byLayer.get(layer.id) ?? [];
  return { layers, findings };
}

function jacobianFindings({ jacobians, rules, silence }: ReportParts): Finding[] {
  if (!jacobians?.inputs || jacobians.jacobians === null) return [];
  return applySilences(findJacobianFindings(jacobians.inputs, jacobians.jacobians, jacobians.complete, rules), silence);
}

/** How many layers are done: of the weights or, where those are whole, of the Jacobians. */
function countedLayers(done: number, { chosen, jacobians }: ReportParts): { layersDone: number; layersTotal: number } {
  const isWhole = done === chosen.length && jacobians !== undefined && jacobians !== null;
  return isWhole ? { layersDone: jacobians.jacobians?.layers.length ?? 0, layersTotal: jacobians.total } : { layersDone: done, layersTotal: chosen.length };
}

/** The rows of `--format weightwatcher`, in layer order; `layer_id` counts the model's layers. */
export function weightWatcherRows(model: Model, outcomes: ReadonlyMap<string, LayerOutcome>): WeightWatcherRow[] {
  return model.layers.flatMap((layer, index) => {
    const row = doneResult(outcomes, layer)?.weightWatcher ?? null;
    return row === null ? [] : [{ ...row, layer_id: index }];
  });
}

/** The part of a layer's report that its file's header tells. */
export function layerFacts(layer: Layer): Pick<LayerReport, 'id' | 'name' | 'kind' | 'tensor' | 'shape' | 'matrixShape' | 'groups' | 'dtype' | 'parameters'> {
  const { id, name, kind, tensor, shape, matrixShape, groups, dtype, parameters } = layer;
  return { id, name, kind, tensor, shape, matrixShape, groups, dtype, parameters };
}

function skippedLayers(parts: ReportParts, chosen: ReadonlySet<Layer>): Skipped[] {
  if (!parts.settings.only.includes('weights')) return [];
  return parts.model.layers.flatMap((layer) => {
    const reason = chosen.has(layer) ? reasonOf(parts, layer) : `Not among the layers asked for (${parts.settings.layers ?? 'all'}).`;
    return reason === null ? [] : [{ tensor: layer.tensor, layer: layer.id, analysis: 'weights', reason }];
  });
}

/** Why a layer has no numbers; null when it has. */
function reasonOf(parts: ReportParts, layer: Layer): string | null {
  const outcome = parts.outcomes.get(layer.id);
  if (outcome === undefined) return parts.incomplete === 'timeout' ? 'The time limit came first.' : 'The analysis was cancelled before this layer.';
  return outcome.state === 'done' ? null : outcome.state === 'failed' && outcome.code === 'internal' ? internalSentence(outcome.reason) : outcome.reason;
}

/** A stack trace is for the log; the report has its first line. */
export function internalSentence(trace: string): string {
  return `Internal error: ${trace.split('\n', 1)[0]}`;
}

function doneResult(outcomes: ReadonlyMap<string, LayerOutcome>, layer: { id: string }): WeightResult | null {
  const outcome = outcomes.get(layer.id);
  return outcome?.state === 'done' ? outcome.result : null;
}
