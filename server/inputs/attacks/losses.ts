export type AttackLoss = 'cross-entropy' | 'margin';

export interface LossValues {
  /** By input: what the attack makes as large as it can. */
  values: Float64Array;
  /** ∂loss/∂logits, [n, classes], divided by the largest entry of each input: attacks use its direction alone. */
  cotangents: Float64Array;
}

/**
 * The loss of an untargeted attack and its derivative by the logits.
 *
 * Cross-entropy: ln Σₖ exp zₖ − z_y, with the derivative softmax(z) − onehot(y), of which entry y is taken as minus the sum
 * of the others: it does not vanish where the network is sure. Margin: max over k ≠ y of zₖ, minus z_y (Carlini and
 * Wagner, 2017), above 0 where the input is misclassified.
 * @param logits [n, classes]
 * @param targets class that each input should lose
 */
export function attackLoss(loss: AttackLoss, logits: Float64Array, classes: number, targets: readonly number[]): LossValues {
  const values = new Float64Array(targets.length);
  const cotangents = new Float64Array(logits.length);
  for (const [input, target] of targets.entries()) {
    const own = logits.subarray(input * classes, (input + 1) * classes);
    const cotangent = cotangents.subarray(input * classes, (input + 1) * classes);
    const other = largestOther(own, target);
    values[input] = loss === 'margin' ? own[other] - own[target] : crossEntropy(own, target);
    if (loss === 'margin') cotangent[other] = 1;
    else for (let k = 0; k < classes; k++) cotangent[k] = k === target ? 0 : Math.exp(own[k] - own[other]);
    const sum = cotangent.reduce((total, x) => total + x, 0);
    cotangent[target] = -sum;
    for (let k = 0; k < classes; k++) cotangent[k] /= sum;
  }
  return { values, cotangents };
}

/** The class other than the target's with the largest logit. */
function largestOther(logits: Float64Array, target: number): number {
  let best = target === 0 ? 1 : 0;
  for (let k = 0; k < logits.length; k++) if (k !== target && logits[k] > logits[best]) best = k;
  return best;
}

function crossEntropy(logits: Float64Array, target: number): number {
  const largest = logits.reduce((most, z) => Math.max(most, z), -Infinity);
  const sum = logits.reduce((total, z) => total + Math.exp(z - largest), 0);
  return largest - logits[target] + Math.log(sum);
}
