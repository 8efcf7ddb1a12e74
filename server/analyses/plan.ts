import { predictedBytes } from '../linalg/matrixWorkspace.js';
import type { Layer } from '../model/model.js';
import { intermediateBytes } from '../model/readWeight.js';
import type { OperatorMode } from '../report/report.js';
import type { CostEstimate } from '../report/views.js';
import type { PlannedUnit } from './context.js';

/**
 * Cost model of one layer, from measured runs of the kernel on one thread of a server processor: seconds per m·k² (m
 * the longer, k the shorter side of a block), per weight (reading, health, fits) and per layer. An order of magnitude,
 * to tell a second from a minute.
 */
const secondsPerCube = 2.2e-10;
const secondsPerWeight = 4e-8;
const secondsPerLayer = 2e-3;
/** The operator of a convolution: one small decomposition for each frequency, or a Lanczos run of that order. */
const secondsPerOperatorCube = 1e-9;
/** Where the file does not tell the spatial size, the estimate takes the operator for free: it is not computed. */

/** Beside its matrix a unit holds the file's bytes piece by piece, the values and the fits. */
const unitOverheadBytes = 24 * 2 ** 20;

/** What every unit of an analysis is told. */
export interface UnitSettings {
  operator: OperatorMode;
  seed: number;
  weightWatcher: boolean;
}

/** What an analysis will do, before anything but headers has been read. */
export interface AnalysisPlan {
  /** In layer order. */
  units: PlannedUnit[];
  /** Layers that the memory limit rules out. */
  refused: { layer: Layer; reason: string }[];
  cost: CostEstimate;
  /** What all running units may hold together. */
  budgetBytes: number;
}

/**
 * Units of work for the given layers.
 * @param layers those to be analysed
 * @param memoryLimitBytes working memory of the whole analysis; a layer that needs more is refused
 */
export function planAnalysis(layers: readonly Layer[], settings: UnitSettings, memoryLimitBytes: number): AnalysisPlan {
  const units: PlannedUnit[] = [];
  const refused: AnalysisPlan['refused'] = [];
  let largestMatrix = 0;
  for (const layer of layers) {
    const [rows, columns] = [layer.matrixShape[0] / layer.groups, layer.matrixShape[1] / layer.groups];
    const bytes = predictedBytes(layer.groups, rows, columns) + intermediateBytes(layer.weight);
    if (bytes > memoryLimitBytes) {
      refused.push({ layer, reason: memorySentence(layer, bytes, memoryLimitBytes) });
      continue;
    }
    largestMatrix = Math.max(largestMatrix, 8 * layer.parameters);
    units.push({
      layer: layer.id,
      unit: { layer, ...settings, memoryLimitBytes },
      predictedBytes: bytes + copyBytes(layer, settings),
      predictedSeconds: secondsOf(layer, settings.operator),
    });
  }
  const peakBytes = units.reduce((peak, unit) => Math.max(peak, unit.predictedBytes), 0);
  return {
    units,
    refused,
    cost: { seconds: units.reduce((sum, unit) => sum + unit.predictedSeconds, 0), peakBytes, refused: refused.length },
    // Never more than twice the largest matrix in float64 (or one unit, where that alone is more).
    budgetBytes: Math.min(memoryLimitBytes, Math.max(peakBytes, 2 * largestMatrix + unitOverheadBytes)),
  };
}

/** The operators of a convolution, and its slices, work on a copy of the kernel; they go without where it does not fit. */
function copyBytes(layer: Layer, settings: UnitSettings): number {
  return layer.convolution !== null && (settings.operator !== 'none' || settings.weightWatcher) ? 8 * layer.parameters : 0;
}

function secondsOf(layer: Layer, operator: OperatorMode): number {
  const [rows, columns] = [layer.matrixShape[0] / layer.groups, layer.matrixShape[1] / layer.groups];
  const cube = layer.groups * Math.max(rows, columns) * Math.min(rows, columns) ** 2;
  const own = secondsPerLayer + secondsPerCube * cube + secondsPerWeight * layer.parameters;
  const geometry = layer.convolution;
  if (operator === 'none' || !geometry?.inputSize) return own;
  const frequencies = geometry.inputSize.reduce((product, size) => product * size, 1);
  const [outChannels, inChannels] = [geometry.outChannels / layer.groups, geometry.inChannels / layer.groups];
  return own + secondsPerOperatorCube * frequencies * layer.groups * Math.max(outChannels, inChannels) * Math.min(outChannels, inChannels) ** 2;
}

/** Two numbers and the remedy. */
function memorySentence(layer: Layer, bytes: number, limit: number): string {
  return `${layer.id} (${layer.matrixShape.join(' × ')}) needs ${megabytes(bytes)} MB of memory and the limit is ${megabytes(limit)} MB; raise --max-memory or the setting sigmascope.memoryLimit.`;
}

function megabytes(bytes: number): string {
  return bytes < 10 * 2 ** 20 ? (bytes / 2 ** 20).toFixed(1) : String(Math.ceil(bytes / 2 ** 20));
}
