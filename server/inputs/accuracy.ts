import { counted } from '../formats/sentences.js';
import { elementCount, InputsError } from './inputArray.js';

/**
 * The class of each input: the index of its largest logit, the first one among equals (as numpy.argmax); a NaN counts
 * as the largest.
 * @param logits [n, classes] row-major
 */
export function predictions(logits: ArrayLike<number>, classes: number): number[] {
  return Array.from({ length: logits.length / classes }, (_, input) => {
    let best = 0;
    for (let k = 1; k < classes; k++) {
      const value = logits[input * classes + k];
      const largest = logits[input * classes + best];
      if (value > largest || (Number.isNaN(value) && !Number.isNaN(largest))) best = k;
    }
    return best;
  });
}

/** Number of logits of an output for one input, by its shape; null where it is no vector of at least two. */
export function classesOf(shape: readonly number[]): number | null {
  const count = elementCount(shape);
  return count >= 2 && shape.filter((size) => size !== 1).length === 1 ? count : null;
}

/**
 * Share of inputs whose largest logit is the label's, 0 … 1.
 * @param logits [n, classes] row-major
 * @throws InputsError `inputs/labels` where there is not one label an input, or a label is no class
 */
export function accuracy(logits: ArrayLike<number>, classes: number, labels: readonly number[]): number {
  const predicted = predictions(logits, classes);
  if (labels.length !== predicted.length) throw new InputsError('inputs/labels', `There are ${counted(labels.length, 'label')} for ${counted(predicted.length, 'input')}: give one label an input.`);
  const wrong = labels.find((label) => label >= classes);
  if (wrong !== undefined) throw new InputsError('inputs/labels', `There is the label ${wrong}, and the model has classes 0 … ${classes - 1}: give labels of this model.`);
  let right = 0;
  predicted.forEach((prediction, input) => (right += prediction === labels[input] ? 1 : 0));
  return right / labels.length;
}
