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
  /** ∂f/∂x has been done. */
  onOutput?: (output: OutputAnswer) => void;
  /** A layer has been done; bounds come at the end. */
  onLayerDone?: (entry: LayerJacobians, skipped: readonly Skipped[]) => void;
  /** `layer` is one that is being worked on; layers are counted by their uses. */
  onProgress?: (progress: { layer: string | null; done: number; total: number }) => void;
  onWorkerLost?: (layer: string, reason: string, retried: boolean) => void;
}

/** How the analysis is named where the network as a whole is worked on. */
const networkTitle = 'network';

/** What became of one question. */
interface Reply<Answer> {
  /** null where there is none. */
  answer: Answer | null;
  skipped: Skipped[];
  failure: JacobianResult['failure'];
}

/**
 * Runs the Jacobian analysis of a network at inputs: first what all other parts need (the inputs read, the derivatives
 * checked) and beside it the Jacobians of the output, then those of every layer. Where the check fails, no number is given.
 * Never rejects on account of the network or its inputs; when the signal is aborted it answers at once with what was done
 * until then. What is found does not depend on the order in which the parts are done.
 * @param wanted whether a layer, by its id, was asked for
 */
export async function runJacobians(task: NetworkTask, wanted: (layer: string) => boolean, runner: Pick<UnitRunner, 'run'>, control: JacobianControl): Promise<JacobianResult> {
  const ask = asker(task, runner, control);
  control.onProgress?.({ layer: null, done: 0, total: 0 });
  const asked = [ask<NetworkAnswer>({ question: 'network' }, networkTitle), ask<OutputAnswer>({ question: 'output' }, networkTitle)] as const;
  const network = await asked[0];
  const { answer } = network;
  if (answer === null) return { inputs: null, jacobians: null, skipped: network.skipped, failure: network.failure, total: 0, complete: !control.signal.aborted };
  const { inputs, selfCheck, inputIndices, precision } = answer;
  const jacobians: JacobianReport = { inputIndices, precision, function: answer.function, selfCheck, output: null, layers: [], attribution: null };
  if (!selfCheck.passed) return { inputs, jacobians, skipped: [{ analysis: 'jacobian', reason: checkSentence(selfCheck) }], failure: null, total: 0, complete: !control.signal.aborted };
  const uses = answer.uses.filter(({ layer }) => wanted(layer));
  control.onNetwork?.(answer, uses);
  const output = asked[1].then((reply) => {
    if (reply.answer !== null) control.onOutput?.(reply.answer);
    return reply;
  });
  let done = 0;
  const layers = uses.map(async (use) => {
    const reply = await ask<LayerAnswer>({ question: 'layer', use }, use.layer, () => control.onProgress?.({ layer: use.layer, done, total: uses.length }));
    done++;
    if (reply.answer !== null) control.onLayerDone?.(entryOf(reply.answer, null), reply.answer.skipped);
    control.onProgress?.({ layer: done < uses.length ? use.layer : null, done, total: uses.length });
    return reply;
  });
  const values = [...new Set(uses.map(({ value }) => value))];
  const [ofOutput, bounds, attribution, ...layerReplies] = await Promise.all([output, ask<BoundsAnswer>({ question: 'bounds', values }, networkTitle), ask<AttributionAnswer>({ question: 'attribution' }, networkTitle), ...layers]);
  const byValue = new Map((bounds.answer ?? []).map((entry) => [entry.value, entry]));
  jacobians.output = ofOutput.answer;
  jacobians.attribution = attribution.answer;
  jacobians.layers = layerReplies.flatMap((reply) => (reply.answer === null ? [] : [entryOf(reply.answer, byValue.get(reply.answer.value) ?? null)]));
  const replies: Reply<unknown>[] = [ofOutput, ...layerReplies, bounds, attribution];
  return {
    inputs,
    jacobians,
    skipped: [...answer.skipped.filter(({ layer }) => layer === undefined || wanted(layer)), ...layerReplies.flatMap((reply) => reply.answer?.skipped ?? []), ...replies.flatMap(({ skipped }) => skipped)],
    failure: replies.find(({ failure }) => failure !== null)?.failure ?? null,
    total: uses.length,
    complete: !control.signal.aborted,
  };
}

/** The layer's part of the report. */
function entryOf(answer: LayerAnswer, found: BoundsAnswer[number] | null): LayerJacobians {
  const { layer, call, value, inputToLayer, layerLocal, localFrom, layerToOutput, truth, saturation } = answer;
  const bound = found?.bound ?? null;
  return { layer, call, value, inputToLayer, layerLocal, localFrom, layerToOutput, truth, saturation, bound, boundReason: bound === null ? (found?.reason ?? 'The bounds were not computed.') : null };
}

/** Asks a question of the network; an analysis that was stopped gets no answer, and no reason. */
function asker(task: NetworkTask, runner: Pick<UnitRunner, 'run'>, control: JacobianControl): <Answer>(question: JacobianQuestion, title: string, onStart?: () => void) => Promise<Reply<Answer>> {
  return async <Answer>(question: JacobianQuestion, title: string, onStart?: () => void): Promise<Reply<Answer>> => {
    try {
      const outcome = await runner.run(
        // All units hold about the same, so that they run in the order in which they are asked for.
        { layer: title, unit: { analysis: 'jacobian', task: { network: task, ...question } }, predictedBytes: task.memoryBytes, predictedSeconds: 1 },
        { signal: control.signal, ...(onStart && { onStart }), onLost: (reason, retried) => control.onWorkerLost?.(title, reason, retried) },
      );
      if (outcome.state === 'done') return { answer: outcome.result as Answer, skipped: [], failure: null };
      const reason = outcome.state === 'failed' && outcome.code === 'internal' ? firstLine(outcome.reason) : outcome.reason;
      return {
        answer: null,
        skipped: [{ ...(title === networkTitle ? {} : { layer: title }), analysis: 'jacobian', reason }],
        failure: outcome.state === 'failed' ? { code: outcome.code, reason: outcome.reason } : null,
      };
    } catch (error) {
      if (error instanceof JobCancelled) return { answer: null, skipped: [], failure: null };
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
