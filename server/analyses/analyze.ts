import { openModelFile } from '../formats/open.js';
import { buildModel } from '../model/buildModel.js';
import type { Layer, Model } from '../model/model.js';
import { JobCancelled } from '../runtime/pool.js';
import type { FailureCode } from '../runtime/units.js';
import type { PlannedUnit, UnitRunner } from './context.js';
import type { AnalysisPlan } from './plan.js';
import type { WeightResult } from './weights/analyzeLayer.js';

/** What became of one layer. */
export type LayerOutcome =
  | { state: 'done'; result: WeightResult }
  | { state: 'refused'; reason: string }
  | { state: 'failed'; code: FailureCode; reason: string };

/** What the one who runs an analysis hears of it. */
export interface AnalysisControl {
  signal: AbortSignal;
  /** Results as they come, in any order. */
  onLayerDone?: (layer: string, outcome: LayerOutcome) => void;
  /** `layer` is one that is being worked on; `done` counts whole layers. */
  onProgress?: (progress: { layer: string | null; done: number; total: number; fraction: number }) => void;
  onWorkerLost?: (layer: string, reason: string, retried: boolean) => void;
}

/**
 * Opens a model file and finds its layers; reads headers only.
 * @throws ModelFileError, one sentence
 */
export async function openModel(path: string): Promise<Model> {
  return buildModel(await openModelFile(path));
}

/** Layers whose id matches; null takes all. */
export async function chooseLayers(layers: readonly Layer[], glob: string | null): Promise<Layer[]> {
  if (glob === null) return [...layers];
  const { default: picomatch } = await import('picomatch');
  // In layer ids, which are no paths, a star stands for anything, dots and slashes included.
  const matches = picomatch(glob, { bash: true, dot: true });
  return layers.filter((layer) => layer.id === glob || matches(layer.id));
}

/**
 * Runs every unit of a plan and answers what became of each layer. Never rejects on account of a layer; when the
 * signal is aborted it answers at once with what was done until then.
 * @param known outcomes from an earlier run or the cache, which are not computed again
 */
export async function runPlan(
  plan: AnalysisPlan,
  runner: Pick<UnitRunner, 'run'>,
  known: ReadonlyMap<string, LayerOutcome>,
  control: AnalysisControl,
): Promise<Map<string, LayerOutcome>> {
  const outcomes = new Map<string, LayerOutcome>();
  for (const { layer, reason } of plan.refused) outcomes.set(layer.id, { state: 'refused', reason });
  for (const { layer } of plan.units) {
    const outcome = known.get(layer);
    if (outcome !== undefined) outcomes.set(layer, outcome);
  }
  const total = plan.units.length + plan.refused.length;
  const todo = plan.units.filter((unit) => !outcomes.has(unit.layer));
  let current: string | null = null;
  const report = (layer: string | null, fraction: number): void => control.onProgress?.({ layer, done: outcomes.size, total, fraction });
  report(null, 0);

  const runOne = async (planned: PlannedUnit): Promise<void> => {
    const id = planned.layer;
    try {
      const outcome = await runner.run(planned, {
        signal: control.signal,
        onStart: () => report((current = id), 0),
        onFraction: (fraction) => report(id, fraction),
        onLost: (reason, retried) => control.onWorkerLost?.(id, reason, retried),
      });
      if (control.signal.aborted) return;
      const typed = outcome as LayerOutcome;
      outcomes.set(id, typed);
      if (current === id) current = null;
      control.onLayerDone?.(id, typed);
      report(current, 0);
    } catch (error) {
      if (error instanceof JobCancelled) return;
      const outcome: LayerOutcome = { state: 'failed', code: 'internal', reason: error instanceof Error ? error.message : String(error) };
      outcomes.set(id, outcome);
      control.onLayerDone?.(id, outcome);
    }
  };
  await Promise.all(todo.map(runOne));
  return outcomes;
}
