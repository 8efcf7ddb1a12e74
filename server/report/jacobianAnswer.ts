import type { JacobianOverview, JacobianRow, Stretch } from './jacobianViews.js';
import { formatCount, formatNumber, statisticDigits } from './numbers.js';
import type { Answer } from './views.js';
import { plural } from './wording.js';

type Overview = Omit<JacobianOverview, 'answer'>;

/** A bound within this factor of what was seen says nothing more about inputs that were not. */
export const tightFactor = 1.05;

/**
 * The first lines of the Jacobians tab: where does the network stretch its inputs?
 *
 * @param outputRow the row whose value is f itself, whose bound is the network's; null where f is no layer's output
 */
export function jacobianAnswer(overview: Overview, outputRow: JacobianRow | null): Answer {
  return { ...sentences(overview, outputRow), basis: basisOf(overview, outputRow) };
}

function sentences(overview: Overview, outputRow: JacobianRow | null): Omit<Answer, 'basis'> {
  const { rows, output } = overview;
  const done = rows.filter((row) => row.state !== 'pending').length;
  switch (overview.state) {
    case 'withheld':
      return { verdict: 'The Jacobians of this model are withheld.', rest: overview.reason ?? '' };
    case 'running':
      return { verdict: `${done} of ${plural(rows.length, 'layer')} done.`, rest: '' };
    case 'cancelled':
      return { verdict: `Cancelled after ${done} of ${plural(rows.length, 'layer')}.`, rest: 'What was done stays; the answer for the whole network is withheld.' };
    case 'done':
      if (output === null) return { verdict: 'How far the network stretches its inputs is not known.', rest: overview.outputReason ?? '' };
      return { verdict: outputSentence(overview, output), rest: insideSentence(overview, outputRow) };
  }
}

function outputSentence(overview: Overview, output: Stretch): string {
  const { sampled } = overview.inputs;
  if (output.largest === 0) return `The output does not change with the input: its Jacobian is 0 at ${sampled === 1 ? 'this input' : `all ${formatCount(sampled)} inputs`}.`;
  const sign = signOf(overview, output);
  if (sampled === 1) return `The network stretches input ${output.largestInput} at most ${sign}${formatNumber(output.largest)}-fold.`;
  return `The network stretches its inputs at most ${sign}${formatNumber(output.largest)}-fold (input ${output.largestInput}); median ${sign}${formatNumber(output.q50)}.`;
}

/** The layer that stretches most, beside the one whose output is f. */
function insideSentence(overview: Overview, outputRow: JacobianRow | null): string {
  let worst: { row: JacobianRow; stretch: Stretch } | null = null;
  for (const row of overview.rows) {
    const stretch = row.stretch.inputToLayer;
    if (row === outputRow || stretch === null) continue;
    if (worst === null || stretch.largest > worst.stretch.largest) worst = { row, stretch };
  }
  return worst === null ? '' : `The largest stretch inside is ${signOf(overview, worst.stretch)}${formatNumber(worst.stretch.largest)}, at ${worst.row.label}.`;
}

function signOf(overview: Overview, stretch: Stretch): string {
  return overview.inputs.source === 'synthetic' || !stretch.exact ? '≈ ' : '';
}

function basisOf(overview: Overview, outputRow: JacobianRow | null): string {
  if (overview.state === 'withheld') return '';
  const { inputs, output } = overview;
  const synthetic = inputs.source === 'synthetic';
  const at = synthetic ? `${plural(inputs.sampled, 'random input')} (seed ${inputs.seed})` : plural(inputs.sampled, 'input');
  const unit = inputs.preprocessing === 'none' ? 'the tensor that is fed to the graph' : 'the preprocessed tensor';
  const kind = output === null || output.exact ? 'the exact Jacobian' : `the Jacobian (≈ to ${formatNumber(output.relativeError, statisticDigits)})`;
  return [`Spectral norm of ${kind} at ${at}, in units of ${unit}.`, overview.state === 'done' && output !== null ? boundSentence(output, outputRow) : ''].filter((sentence) => sentence !== '').join(' ');
}

function boundSentence(output: Stretch, outputRow: JacobianRow | null): string {
  if (outputRow === null) return '';
  if (outputRow.bound === null) return outputRow.boundReason === null ? '' : `There is no proven bound for every input: ${outputRow.boundReason.replace(/\.$/u, '')}.`;
  const bound = `The proven bound for every input is ${formatNumber(outputRow.bound)}`;
  if (output.largest === 0) return `${bound}.`;
  const factor = outputRow.bound / output.largest;
  return factor < tightFactor ? `${bound}, which was reached.` : `${bound}: ${formatNumber(factor, 3)} × what was seen.`;
}
