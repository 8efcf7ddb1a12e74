import { circularCost, declaredCost, OperatorNotDefined, type OperatorCost } from '../linalg/convolution/convolutionOperator.js';
import { streamedWork } from '../linalg/matrixWorkspace.js';
import type { Layer } from '../model/model.js';
import type { OperatorMode } from '../report/report.js';
import { kernelGeometry, longestNormsSeconds } from './weights/operatorSpectra.js';

/**
 * What one layer's analysis costs, from its shapes alone: bytes that decide what runs side by side, seconds that tell
 * a moment from an hour. Seconds rest on measured runs of the kernel, one thread of a server processor; they are right
 * to a factor of about two.
 */

/** What every unit of an analysis is told. */
export interface UnitSettings {
  operator: OperatorMode;
  seed: number;
  weightWatcher: boolean;
  /** Units that may run at a time, and threads for one that runs alone. */
  threads: number;
}

/** Singular values of a block: per m·k², m the longer and k the shorter side … */
const secondsPerCube = 2.2e-10;
/** … and per value (bulge chase, fits). */
const secondsPerValue = 4e-6;
/** Reading, widening, health. */
const secondsPerWeight = 2e-8;
const secondsPerLayer = 2e-3;

/** Peak bytes of the whole unit, `matrix` those of its singular values. The operators of a convolution, and its slices, work on a copy of the kernel. */
export function unitBytes(layer: Layer, settings: UnitSettings, matrix: number): number {
  const copied = layer.convolution !== null && (settings.operator !== 'none' || settings.weightWatcher);
  const operators = operatorCosts(layer, settings).map(({ bytes }) => bytes);
  return matrix + (copied ? 8 * layer.parameters : 0) + Math.max(0, ...operators);
}

/** Predicted seconds of the unit on one thread. */
export function unitSeconds(layer: Layer, settings: UnitSettings, streamedRows: number | null = null): number {
  const [rows, columns] = blockSides(layer);
  const slices = settings.weightWatcher && layer.convolution !== null ? 2 : 1;
  const decomposition = streamedRows === null ? layer.groups * decompositionSeconds(rows, columns) : streamedSeconds(rows, columns, streamedRows);
  const own = secondsPerLayer + slices * decomposition + secondsPerWeight * layer.parameters;
  return operatorCosts(layer, settings).reduce((sum, { seconds }) => sum + seconds, own);
}

/** Of the operators that will be computed, one after the other. */
function operatorCosts({ convolution }: Layer, { operator }: UnitSettings): OperatorCost[] {
  if (!convolution?.inputSize || operator === 'none') return [];
  const kernel = kernelGeometry(convolution, convolution.inputSize);
  return [() => circularCost(kernel), () => declaredCost(kernel, operator)].flatMap((cost) => {
    try {
      const found = cost();
      return operator === 'norms' && found.seconds > longestNormsSeconds ? [] : [found];
    } catch (error) {
      if (error instanceof OperatorNotDefined) return [];
      throw error;
    }
  });
}

function decompositionSeconds(rows: number, columns: number): number {
  const [shorter, longer] = rows < columns ? [rows, columns] : [columns, rows];
  return secondsPerCube * longer * shorter * shorter + secondsPerValue * shorter;
}

function streamedSeconds(rows: number, columns: number, streamedRows: number): number {
  const [shorter, longer] = rows < columns ? [rows, columns] : [columns, rows];
  return secondsPerCube * streamedWork(longer, shorter, streamedRows) + secondsPerValue * shorter;
}

function blockSides(layer: Layer): [number, number] {
  return [layer.matrixShape[0] / layer.groups, layer.matrixShape[1] / layer.groups];
}
