import { predictions } from '../accuracy.js';
import type { AttackedNetwork } from './attackedNetwork.js';
import { setPerturbed, steepestAscent, uniformInBall, uniformOnSphere, type Ball, type RandomNumbers } from './ball.js';
import { attackLoss, type AttackLoss } from './losses.js';

export interface AttackControl {
  /** Of all inputs, in steps or restarts. */
  onProgress?: (done: number, total: number) => void;
}

export interface AttackInputs {
  /** [n, width] in input space, within the range. */
  clean: Float32Array;
  /** Class that each input should lose. */
  targets: readonly number[];
  ball: Ball;
}

export interface GradientSettings {
  steps: number;
  stepSize: number;
  restarts: number;
  loss: AttackLoss;
  random: RandomNumbers;
}

/**
 * Noise: uniform on the sphere of radius ε (random signs times ε for linf), clipped to the range; of several restarts
 * the first that is misclassified, else the one of largest loss. Cost: a run of the network for each restart.
 * @returns [n, width]
 */
export async function randomAttack(network: AttackedNetwork, inputs: AttackInputs, { restarts, loss, random }: Omit<GradientSettings, 'steps' | 'stepSize'>, control: AttackControl = {}): Promise<Float32Array> {
  const best = new Best(inputs, network.classes, loss);
  for (let restart = 0; restart < restarts; restart++) {
    const places = best.open();
    const perturbed = perturb(inputs, places, (delta) => uniformOnSphere(delta, inputs.ball, random));
    best.offer(perturbed, places, await network.logits(perturbed, places));
    control.onProgress?.(restart + 1, restarts);
  }
  return best.inputs;
}

/**
 * The fast gradient sign method (Goodfellow, Shlens and Szegedy, 2015) for one step; for several the basic iterative
 * method (Kurakin, Goodfellow and Bengio, 2017). From the clean input, without anything random; the last point counts.
 * Cost: two runs of the network and one backwards for each step.
 * @returns [n, width]
 */
export async function fastGradientAttack(network: AttackedNetwork, inputs: AttackInputs, { steps, stepSize, loss }: Omit<GradientSettings, 'restarts' | 'random'>, control: AttackControl = {}): Promise<Float32Array> {
  const places = inputs.targets.map((_, place) => place);
  const perturbed = inputs.clean.slice();
  for (let step = 0; step < steps; step++) {
    const { cotangents } = attackLoss(loss, await network.logits(perturbed, places), network.classes, inputs.targets);
    ascend(perturbed, inputs, places, await network.gradients(perturbed, places, cotangents), stepSize);
    control.onProgress?.(step + 1, steps);
  }
  return perturbed;
}

/**
 * Projected gradient descent (Madry et al., 2018): from a point uniform in the ball, `steps` steps of `stepSize` in the
 * direction of steepest ascent, each brought back into the ball and the range. Of all points on the way (the start among
 * them) the misclassified one of largest loss is kept, where none is misclassified the one of largest loss. A further
 * restart is for the inputs that no earlier one got misclassified. Cost: for each restart and step two runs of the
 * network and one backwards.
 * @returns [n, width]
 */
export async function projectedGradientAttack(network: AttackedNetwork, inputs: AttackInputs, { steps, stepSize, restarts, loss, random }: GradientSettings, control: AttackControl = {}): Promise<Float32Array> {
  const best = new Best(inputs, network.classes, loss);
  for (let restart = 0; restart < restarts; restart++) {
    const places = best.open();
    if (places.length === 0) break;
    const perturbed = perturb(inputs, places, (delta) => uniformInBall(delta, inputs.ball, random));
    for (let step = 0; step < steps; step++) {
      const cotangents = best.offer(perturbed, places, await network.logits(perturbed, places));
      ascend(perturbed, inputs, places, await network.gradients(perturbed, places, cotangents), stepSize);
      control.onProgress?.(restart * steps + step + 1, restarts * steps);
    }
    best.offer(perturbed, places, await network.logits(perturbed, places));
  }
  return best.inputs;
}

/** The best point so far of every input: misclassified before not, then by the loss. */
class Best {
  readonly inputs: Float32Array;
  private readonly loss: Float64Array;
  private readonly misclassified: boolean[];
  private readonly width: number;

  constructor(
    private readonly attacked: AttackInputs,
    private readonly classes: number,
    private readonly kind: AttackLoss,
  ) {
    this.inputs = attacked.clean.slice();
    this.loss = new Float64Array(attacked.targets.length).fill(-Infinity);
    this.misclassified = attacked.targets.map(() => false);
    this.width = attacked.clean.length / attacked.targets.length;
  }

  /** Inputs that are not misclassified yet. */
  open(): number[] {
    return this.misclassified.flatMap((done, place) => (done ? [] : [place]));
  }

  /** Keeps what is better than before, and answers the cotangents of the loss at the offered points. */
  offer(perturbed: Float32Array, places: readonly number[], logits: Float64Array): Float64Array {
    const { width } = this;
    const targets = places.map((place) => this.attacked.targets[place]);
    const predicted = predictions(logits, this.classes);
    const { values, cotangents } = attackLoss(this.kind, logits, this.classes, targets);
    for (const [row, place] of places.entries()) {
      const wrong = predicted[row] !== targets[row];
      const better = wrong === this.misclassified[place] ? values[row] > this.loss[place] : wrong;
      if (!better) continue;
      this.misclassified[place] = wrong;
      this.loss[place] = values[row];
      this.inputs.set(perturbed.subarray(row * width, (row + 1) * width), place * width);
    }
    return cotangents;
  }
}

/** Some of the clean inputs, each with a perturbation that `draw` fills in. */
function perturb({ clean, targets, ball }: AttackInputs, places: readonly number[], draw: (delta: Float64Array) => void): Float32Array {
  const width = clean.length / targets.length;
  const perturbed = new Float32Array(places.length * width);
  const delta = new Float64Array(width);
  for (const [row, place] of places.entries()) {
    draw(delta);
    setPerturbed(perturbed.subarray(row * width, (row + 1) * width), clean.subarray(place * width, (place + 1) * width), delta, ball);
  }
  return perturbed;
}

/** A step of every input, in place. The gradients are used up. */
function ascend(perturbed: Float32Array, { clean, targets, ball }: AttackInputs, places: readonly number[], gradients: Float64Array, stepSize: number): void {
  const width = clean.length / targets.length;
  for (const [row, place] of places.entries()) {
    const own = clean.subarray(place * width, (place + 1) * width);
    const current = perturbed.subarray(row * width, (row + 1) * width);
    const delta = gradients.subarray(row * width, (row + 1) * width);
    steepestAscent(delta, ball.norm);
    for (let i = 0; i < width; i++) delta[i] = current[i] - own[i] + stepSize * delta[i];
    setPerturbed(current, own, delta, ball);
  }
}
