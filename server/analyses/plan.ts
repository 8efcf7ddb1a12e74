import type { Layer } from '../model/model.js';
import { kernelMaximumBytes } from '../linalg/matrixWorkspace.js';
import type { CostEstimate } from '../report/views.js';
import type { WeightUnit } from '../runtime/units.js';
import type { PlannedUnit } from './context.js';
import { unitBytes, unitSeconds, type UnitSettings } from './cost.js';
import { memoryRoute, type MemoryRoute } from './memoryRoute.js';
import { unitsForAllThreads, type ScheduledUnit } from './schedule.js';

export type { UnitSettings } from './cost.js';

/** Units run side by side up to this sum, whatever the largest matrix of the model. */
const smallUnitsBytes = 96 * 2 ** 20;
/** What units may hold together beyond twice the largest matrix: beside it stand the processes themselves, some 300 MB. */
const besideLargestBytes = 26 * 2 ** 20;

/** What an analysis will do, before anything but headers has been read. */
export interface AnalysisPlan {
  /** In layer order, each with the threads that it may use. */
  units: PlannedUnit<WeightUnit>[];
  /** Layers that the memory limit rules out. */
  refused: { layer: Layer; reason: string }[];
  cost: CostEstimate;
  /** What all running units may hold together. */
  budgetBytes: number;
}

/**
 * Units of work for the given layers.
 * @param layers those to be analysed
 * @param memoryLimitBytes working memory of the whole analysis; a layer whose matrix needs more is
 *   streamed, and one that needs more even then is refused
 */
export function planAnalysis(layers: readonly Layer[], settings: UnitSettings, memoryLimitBytes: number): AnalysisPlan {
  const units: PlannedUnit<WeightUnit>[] = [];
  const refused: AnalysisPlan['refused'] = [];
  let largestMatrix = 0;
  for (const layer of layers) {
    const { route, fits } = memoryRoute(layer, memoryLimitBytes);
    if (!fits) {
      refused.push({ layer, reason: memorySentence(layer, route, memoryLimitBytes) });
      continue;
    }
    const { streamedRows } = route;
    if (streamedRows === null) largestMatrix = Math.max(largestMatrix, 8 * layer.parameters);
    units.push({
      layer: layer.id,
      unit: { analysis: 'weights', layer, ...settings, memoryLimitBytes, streamedRows, threads: 1 },
      ...prediction(layer, settings, route),
    });
  }
  const cost = costOf(units, refused.length);
  // About twice the largest matrix in float64, or one unit where that alone is more.
  const budgetBytes = Math.min(memoryLimitBytes, Math.max(cost.peakBytes, 2 * largestMatrix + besideLargestBytes, smallUnitsBytes));
  for (const { unit } of unitsForAllThreads(units, settings.threads, budgetBytes)) unit.threads = settings.threads;
  return { units, refused, cost, budgetBytes };
}

/** What `planAnalysis` would say of the cost, without the plan: O(layers), for lists that are shown before anything runs. */
export function estimateCost(layers: readonly Layer[], settings: UnitSettings, memoryLimitBytes: number): CostEstimate {
  const units: ScheduledUnit[] = [];
  for (const layer of layers) {
    const { route, fits } = memoryRoute(layer, memoryLimitBytes);
    if (fits) units.push(prediction(layer, settings, route));
  }
  return costOf(units, layers.length - units.length);
}

function prediction(layer: Layer, settings: UnitSettings, { bytes, streamedRows }: MemoryRoute): ScheduledUnit {
  return { predictedBytes: unitBytes(layer, settings, bytes), predictedSeconds: unitSeconds(layer, settings, streamedRows) };
}

function costOf(units: readonly ScheduledUnit[], refused: number): CostEstimate {
  const seconds = units.reduce((sum, unit) => sum + unit.predictedSeconds, 0);
  return { seconds, peakBytes: units.reduce((peak, unit) => Math.max(peak, unit.predictedBytes), 0), refused };
}

/** Two numbers and the remedy. */
function memorySentence(layer: Layer, { streamedRows, bytes }: MemoryRoute, limit: number): string {
  const what = `${layer.id} (${layer.matrixShape.join(' × ')}) needs ${megabytes(bytes)} MB of memory${streamedRows === null ? '' : ' even when it is read in blocks'}`;
  if (bytes <= limit || streamedRows === null && bytes > kernelMaximumBytes) return `${what} and WebAssembly has at most ${megabytes(kernelMaximumBytes)} MB: its singular values cannot be computed here.`;
  return `${what} and the limit is ${megabytes(limit)} MB; raise --max-memory or the setting sigmascope.memoryLimit.`;
}

function megabytes(bytes: number): string {
  return bytes < 10 * 2 ** 20 ? (bytes / 2 ** 20).toFixed(1) : String(Math.ceil(bytes / 2 ** 20));
}
