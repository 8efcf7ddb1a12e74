import type { InputsReport, JacobianReport, LayerJacobians } from '../../report/jacobians.js';
import type { Skipped } from '../../report/report.js';
import { JobCancelled } from '../../runtime/pool.js';
import type { FailureCode } from '../../runtime/units.js';
import type { UnitRunner } from '../context.js';
import type { AttributionAnswer, BoundsAnswer, JacobianQuestion, LayerAnswer, NetworkAnswer, NetworkTask, OutputAnswer, ReachedUse } from './task.js';

/** What a Jacobian analysis has found: whole, or as far as it came. */
export interface JacobianResult {
  inputs: InputsReport | null;
  jacobians: JacobianReport | null;
  skipped: Skipped[];
  /** What went wrong in a way that the one who asked must hear of; null where nothing did. */
  failure: { code: FailureCode; reason: string } | null;
  /** Uses of layers that were to be differentiated. */
  total: number;
  /** False where it was stopped before its end. */
  complete: boolean;
}

/** What the one who asked hears meanwhile. */
export interface JacobianControl {
  signal: AbortSignal;
  /** The network is open, its derivatives are checked, and these uses of layers will come. */
  onNetwork?: (network: NetworkAnswer, uses: readonly ReachedUse[]) => void;
  /** A layer has been done; bounds come at the end. */
  onLayerDone?: (entry: LayerJacobians, skipped: readonly Skipped[]) => void;
  /** `layer` is one that is being worked on; layers are counted by their uses. */
  onProgress?: (progress: { layer: string | null; done: number; total: number }) => void;
  onWorkerLost?: (layer: string, reason: string, retried: boolean) => void;
}

/** How the analysis is named where the network as a whole is worked on. */
const networkTitle = 'network';

/**
 * Runs the Jacobian analysis of a network at inputs: first what all other parts need (the inputs read, the derivatives
 * checked), then the Jacobians of the output and of every layer. Where the check fails, no number is given. Never rejects on
 * account of the network or its inputs; when the signal is aborted it answers at once with what was done until then.
 * @param wanted whether a layer, by its id, was asked for
 */
export async function runJacobians(task: NetworkTask, wanted: (layer: string) => boolean, runner: Pick<UnitRunner, 'run'>, control: JacobianControl): Promise<JacobianResult> {
  const ask = asker(task, runner, control);
  const result: JacobianResult = { inputs: null, jacobians: null, skipped: [], failure: null, total: 0, complete: false };
  control.onProgress?.({ layer: null, done: 0, total: 0 });
  const network = await ask<NetworkAnswer>({ question: 'network' }, networkTitle, result);
  if (network === null) return ended(result, control.signal);
  const { inputs, selfCheck, inputIndices, precision } = network;
  result.inputs = inputs;
  const jacobians: JacobianReport = { inputIndices, precision, function: network.function, selfCheck, output: null, layers: [], attribution: null };
  result.jacobians = jacobians;
  if (!selfCheck.passed) {
    result.skipped.push({ analysis: 'jacobian', reason: checkSentence(selfCheck) });
    return ended(result, control.signal);
  }
  result.skipped.push(...network.skipped.filter(({ layer }) => layer === undefined || wanted(layer)));
  const uses = network.uses.filter(({ layer }) => wanted(layer));
  result.total = uses.length;
  control.onNetwork?.(network, uses);
  const layers: (LayerJacobians | null)[] = uses.map(() => null);
  let done = 0;
  const part = (layer: string | null): void => {
    jacobians.layers = layers.filter((entry) => entry !== null);
    control.onProgress?.({ layer, done, total: uses.length });
  };
  const output = async (): Promise<void> => {
    jacobians.output = await ask<OutputAnswer>({ question: 'output' }, networkTitle, result);
    part(null);
  };
  const layer = async (i: number): Promise<void> => {
    const answer = await ask<LayerAnswer>({ question: 'layer', use: uses[i] }, uses[i].layer, result);
    if (answer !== null) {
      const { skipped, ...rest } = answer;
      const entry = { ...rest, bound: null, boundReason: null };
      layers[i] = entry;
      result.skipped.push(...skipped);
      control.onLayerDone?.(entry, result.skipped);
    }
    done++;
    part(uses[i].layer);
  };
  const bounds = async (): Promise<BoundsAnswer> => (await ask<BoundsAnswer>({ question: 'bounds', values: [...new Set(uses.map(({ value }) => value))] }, networkTitle, result)) ?? [];
  const attribution = async (): Promise<void> => {
    jacobians.attribution = await ask<AttributionAnswer>({ question: 'attribution' }, networkTitle, result);
  };
  const [, known] = await Promise.all([output(), bounds(), attribution(), ...uses.map((_, i) => layer(i))]);
  const byValue = new Map(known.map((entry) => [entry.value, entry]));
  for (const entry of jacobians.layers) {
    entry.bound = byValue.get(entry.value)?.bound ?? null;
    entry.boundReason = entry.bound === null ? (byValue.get(entry.value)?.reason ?? 'The bounds were not computed.') : null;
  }
  part(null);
  return ended(result, control.signal);
}

function ended(result: JacobianResult, signal: AbortSignal): JacobianResult {
  result.complete = !signal.aborted;
  return result;
}

/** Asks a question; what is refused goes to `skipped`, what failed is told once. Null where there is no answer. */
function asker(task: NetworkTask, runner: Pick<UnitRunner, 'run'>, control: JacobianControl): <Answer>(question: JacobianQuestion, title: string, result: JacobianResult) => Promise<Answer | null> {
  return async <Answer>(question: JacobianQuestion, title: string, result: JacobianResult): Promise<Answer | null> => {
    try {
      const outcome = await runner.run(
        // All units hold about the same, so that they run in the order in which they are asked for.
        { layer: title, unit: { analysis: 'jacobian', task: { network: task, ...question } }, predictedBytes: task.memoryBytes, predictedSeconds: 1 },
        { signal: control.signal, onLost: (reason, retried) => control.onWorkerLost?.(title, reason, retried) },
      );
      if (outcome.state === 'done') return outcome.result as Answer;
      result.skipped.push({ ...(title === networkTitle ? {} : { layer: title }), analysis: 'jacobian', reason: outcome.state === 'failed' && outcome.code === 'internal' ? firstLine(outcome.reason) : outcome.reason });
      if (outcome.state === 'failed') result.failure ??= { code: outcome.code, reason: outcome.reason };
      return null;
    } catch (error) {
      if (error instanceof JobCancelled) return null;
      throw error;
    }
  };
}

function checkSentence({ adjoint, float64, differences }: JacobianReport['selfCheck']): string {
  const parts = [
    adjoint === null ? null : `⟨u, Jv⟩ and ⟨Jᵀu, v⟩ differ by ${adjoint.toExponential(1)}`,
    float64 === null ? null : `float32 and float64 by ${float64.toExponential(1)}`,
    differences === null ? null : `derivatives and differences by ${differences.toExponential(1)}`,
  ].filter((text) => text !== null);
  return `The derivatives of this network did not pass their check (${parts.join(', ')}, relative): no Jacobian is shown. Please report the model.`;
}

function firstLine(trace: string): string {
  return `Internal error: ${trace.split('\n', 1)[0]}`;
}
