import { ModelFileError } from '../formats/modelFile.js';
import { MatrixWorkspace } from '../linalg/matrixWorkspace.js';
import type { Layer } from '../model/model.js';
import { createOnnxProducts } from '../runtime/onnxProducts.js';
import type { WorkerOutcome, WorkerUnit } from '../runtime/units.js';
import { analyzeLayer, LayerRefused } from './weights/analyzeLayer.js';

/**
 * onnxruntime has native float64 routines for x64 alone; elsewhere WebAssembly is faster. Decided by the processor and
 * not by a stopwatch: on a busy machine that would give the same model other last digits from run to run.
 */
const hasNativeProducts = process.arch === 'x64';

/** Carries out one unit of work: the same function in the command line's own process and in a worker. */
export type UnitExecutor = (unit: WorkerUnit, signal: AbortSignal, onFraction: (fraction: number) => void) => Promise<WorkerOutcome | 'cancelled'>;

/**
 * An executor with a workspace of its own, made with the first unit. Units must be given one after another.
 * It never rejects: whatever goes wrong with a layer is that layer's outcome.
 */
export function unitExecutor(): UnitExecutor {
  let workspace: MatrixWorkspace | null = null;
  let workspaceThreads = 1;
  return async (unit, signal, onFraction) => {
    try {
      const { threads } = unit;
      if (threads !== workspaceThreads) {
        workspace?.close();
        workspace = null;
      }
      workspaceThreads = threads;
      workspace ??= await MatrixWorkspace.create(hasNativeProducts ? () => createOnnxProducts(threads) : null, threads);
      const { operator, seed, memoryLimitBytes, weightWatcher, streamedRows = null } = unit;
      const result = await analyzeLayer(unit.layer as Layer, { operator, seed, memoryLimitBytes, weightWatcher, streamedRows }, workspace, { signal, progress: onFraction });
      return { state: 'done', result };
    } catch (error) {
      // After a failure half-way the workspace's state is unknown.
      workspace?.close();
      workspace = null;
      if (signal.aborted) return 'cancelled';
      if (error instanceof LayerRefused) return { state: 'refused', reason: error.message };
      if (error instanceof ModelFileError) return { state: 'failed', code: 'unreadable', reason: error.message };
      if (error instanceof RangeError && /memory/i.test(error.message)) return { state: 'refused', reason: error.message };
      return { state: 'failed', code: 'internal', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
  };
}
