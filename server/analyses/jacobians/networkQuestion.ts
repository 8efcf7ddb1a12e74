import { nearestDominators } from '../../derivatives/dominators.js';
import { elementsOf } from '../../derivatives/graph.js';
import { samplesAt } from '../../derivatives/samples.js';
import { accuracy, classesOf, predictions } from '../../inputs/accuracy.js';
import { InputsError } from '../../inputs/inputArray.js';
import type { SolveControl } from '../../linalg/steps.js';
import type { InputsReport } from '../../report/jacobians.js';
import type { Skipped } from '../../report/report.js';
import { samplePlaces, type NetworkAtInputs } from './networkAtInputs.js';
import { selfCheck } from './selfCheck.js';
import type { NetworkAnswer } from './task.js';

/** Accuracy is measured on at most about so many inputs: its standard error is 0.5 % then. */
const mostForAccuracy = 10_000;

/** What the other questions need to know first: whether the derivatives hold, and which Jacobians there are. */
export async function answerNetwork(at: NetworkAtInputs, seed: number, { signal }: SolveControl): Promise<NetworkAnswer> {
  const { f, places, precision } = at;
  const inputs = await inputsReport(at, seed, signal);
  const check = await selfCheck(at, seed, signal);
  return { inputs, inputIndices: places, precision, selfCheck: check, function: f, ...reachedUses(at), outputs: elementsOf(at.derivatives.shapeOf(f.tensor)) };
}

async function inputsReport(at: NetworkAtInputs, seed: number, signal?: AbortSignal): Promise<InputsReport> {
  const { given, places, f } = at;
  const { n, labels, source, file, preprocessing } = given;
  const classes = classesOf(at.derivatives.shapeOf(f.tensor));
  const asked = labels === null ? places : [...new Set([...samplePlaces(n, mostForAccuracy, seed), ...places])].sort((a, b) => a - b);
  const logits = classes === null ? null : ((await at.derivatives.values([f.tensor], samplesAt(at.all, asked), signal)).get(f.tensor) ?? null);
  const measured = labels === null || logits === null || classes === null ? null : measuredAccuracy(logits, classes, asked.map((place) => labels[place]));
  const predicted = new Map(logits === null || classes === null ? [] : predictions(logits, classes).map((prediction, i) => [asked[i], prediction] as const));
  return {
    source,
    file,
    n,
    seed,
    preprocessing,
    shape: [...at.derivatives.shapeOf(f.input)],
    accuracy: measured?.share ?? null,
    accuracyOf: typeof measured?.share === 'number' ? asked.length : null,
    note: [given.note, measured?.note ?? null].filter((note) => note !== null).join(' ') || null,
    items: places.map((index) => ({ index, label: labels?.[index] ?? null, prediction: predicted.get(index) ?? null })),
  };
}

/** Labels of other classes than the network's are no reason to stop: no Jacobian rests on them. */
function measuredAccuracy(logits: ArrayLike<number>, classes: number, labels: readonly number[]): { share: number | null; note: string | null } {
  try {
    return { share: accuracy(logits, classes, labels), note: null };
  } catch (error) {
    if (error instanceof InputsError) return { share: null, note: error.message };
    throw error;
  }
}

/** Uses of layers whose output depends on the variable, and why the others have no Jacobian. */
function reachedUses({ model, f, derivatives }: NetworkAtInputs): Pick<NetworkAnswer, 'uses' | 'skipped'> {
  const { network } = derivatives.single;
  const uses: NetworkAnswer['uses'] = [];
  const skipped: Skipped[] = [];
  const skip = (layer: string, reason: string): number => skipped.push({ layer, analysis: 'jacobian', reason });
  const values = model.uses.flatMap(({ output }) => (output !== null && network.values.has(output) ? [output] : []));
  const dominators = nearestDominators(network, f.input, [...new Set(values)]);
  const layerOf = new Map(model.uses.flatMap(({ layer, output }) => (output === null ? [] : [[output, layer] as const])));
  for (const { layer, call, output, reason } of model.uses) {
    const from = output === null ? undefined : dominators.get(output);
    if (output === null) skip(layer, reason ?? 'The graph has no value that is its output.');
    else if (output === f.input) skip(layer, `Its output is what the network is differentiated by (${output}).`);
    else if (from === undefined) skip(layer, `Its output (${output}) does not depend on ${f.input}, by which the network is differentiated.`);
    else uses.push({ layer, call, value: output, localFrom: from === null ? null : (layerOf.get(from) ?? null), localValue: from ?? f.input });
  }
  return { uses, skipped };
}
