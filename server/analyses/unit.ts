import { ModelFileError } from '../formats/modelFile.js';
import { NotDifferentiable } from '../derivatives/graph.js';
import { InputsError } from '../inputs/inputArray.js';
import { MatrixWorkspace } from '../linalg/matrixWorkspace.js';
import type { SolveControl } from '../linalg/steps.js';
import type { Layer } from '../model/model.js';
import { UnknownValue } from '../model/networkFunction.js';
import { createOnnxProducts, hasNativeProducts } from '../runtime/onnxProducts.js';
import type { JacobianUnit, PreviewUnit, WeightUnit, WorkerOutcome, WorkerUnit } from '../runtime/units.js';
import type { JacobianTask } from './jacobians/task.js';
import type { JacobianWorkbench } from './jacobians/workbench.js';
import type { InputsPreviews, PreviewTask } from './preview/inputsPreviews.js';
import { analyzeLayer, LayerRefused } from './weights/analyzeLayer.js';

/** Carries out one unit of work: the same function in the command line's own process and in a worker. */
export type UnitExecutor = (unit: WorkerUnit, signal: AbortSignal, onFraction: (fraction: number) => void) => Promise<WorkerOutcome | 'cancelled'>;

/** What units of all kinds work with; made with the first that needs it. */
interface Workbench {
  workspace: MatrixWorkspace | null;
  workspaceThreads: number;
  jacobians: JacobianWorkbench | null;
  previews: InputsPreviews | null;
}

/**
 * An executor with a workspace of its own, made with the first unit. Units must be given one after another.
 * It never rejects: whatever goes wrong with a unit is that unit's outcome.
 */
export function unitExecutor(): UnitExecutor {
  const bench: Workbench = { workspace: null, workspaceThreads: 1, jacobians: null, previews: null };
  return async (unit, signal, onFraction) => {
    try {
      const control = { signal, progress: onFraction };
      return { state: 'done', result: await carryOut(unit, bench, control) };
    } catch (error) {
      // After a failure half-way the workspace's state is unknown.
      bench.workspace?.close();
      bench.workspace = null;
      if (signal.aborted) return 'cancelled';
      return outcomeOf(error);
    }
  };
}

function carryOut(unit: WorkerUnit, bench: Workbench, control: SolveControl): Promise<unknown> {
  switch (unit.analysis) {
    case 'weights':
      return weights(unit, bench, control);
    case 'jacobian':
      return jacobians(unit, bench, control);
    case 'preview':
      return preview(unit, bench, control);
  }
}

async function weights(unit: WeightUnit, bench: Workbench, control: SolveControl): Promise<unknown> {
  const { operator, seed, memoryLimitBytes, weightWatcher, streamedRows = null, threads } = unit;
  return analyzeLayer(unit.layer as Layer, { operator, seed, memoryLimitBytes, weightWatcher, streamedRows }, await workspaceFor(bench, threads), control);
}

async function jacobians(unit: JacobianUnit, bench: Workbench, control: SolveControl): Promise<unknown> {
  // Only these units need derivatives and inputs.
  bench.jacobians ??= new (await import('./jacobians/workbench.js')).JacobianWorkbench();
  const task = unit.task as JacobianTask;
  return bench.jacobians.carryOut(task, () => workspaceFor(bench, task.network.threads), control);
}

async function preview(unit: PreviewUnit, bench: Workbench, { signal }: SolveControl): Promise<unknown> {
  bench.previews ??= new (await import('./preview/inputsPreviews.js')).InputsPreviews();
  return bench.previews.carryOut(unit.task as PreviewTask, signal);
}

async function workspaceFor(bench: Workbench, threads: number): Promise<MatrixWorkspace> {
  if (threads !== bench.workspaceThreads) {
    bench.workspace?.close();
    bench.workspace = null;
  }
  bench.workspaceThreads = threads;
  return (bench.workspace ??= await MatrixWorkspace.create(hasNativeProducts ? () => createOnnxProducts(threads) : null, threads));
}

function outcomeOf(error: unknown): WorkerOutcome {
  if (error instanceof LayerRefused || error instanceof NotDifferentiable) return { state: 'refused', reason: error.message };
  if (error instanceof UnknownValue) return error.named ? { state: 'failed', code: 'usage', reason: error.message } : { state: 'refused', reason: error.message };
  if (error instanceof InputsError && error.code === 'inputs/option') return { state: 'failed', code: 'usage', reason: error.message };
  if (error instanceof ModelFileError || error instanceof InputsError) return { state: 'failed', code: 'unreadable', reason: error.message };
  if (error instanceof RangeError && /memory/i.test(error.message)) return { state: 'refused', reason: error.message };
  return { state: 'failed', code: 'internal', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
