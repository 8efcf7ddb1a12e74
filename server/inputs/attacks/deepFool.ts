import { predictions } from '../accuracy.js';
import type { AttackedNetwork } from './attackedNetwork.js';
import { euclideanNorm, setPerturbed, type Ball } from './ball.js';
import type { AttackControl, AttackInputs } from './gradientAttack.js';

/** How far beyond the boundary the perturbation is carried: the paper's η. */
export const DEEPFOOL_OVERSHOOT = 0.02;

/**
 * DeepFool (Moosavi-Dezfooli, Fawzi and Frossard, 2016, algorithm 2) over all classes: a small perturbation that changes
 * the class. Each iteration takes the network for affine and goes 1.02 times the shortest way to its nearest boundary, in
 * the l2 norm |Δz|/‖Δw‖₂²·Δw, for linf |Δz|/‖Δw‖₁·sign Δw, with Δz and Δw the differences of the logits and of their
 * gradients to those of the target. Elements that stand at an end of the range and would leave it are left out of Δw: the
 * way would be cut off there, and end before the boundary. An input is done when it is misclassified; one that is from the
 * start stays as it is. At the end the perturbation is brought back into the ball: one that is longer than ε mostly
 * changes no class any more. Cost: for each iteration a run and the Jacobian of the logits.
 * @returns [n, width]
 */
export async function deepFoolAttack(network: AttackedNetwork, inputs: AttackInputs, iterations: number, control: AttackControl = {}): Promise<Float32Array> {
  const { clean, targets, ball } = inputs;
  const { width, classes } = network;
  const part = (values: Float32Array, place: number): Float32Array => values.subarray(place * width, (place + 1) * width);
  const free = { ...ball, epsilon: Infinity };
  const perturbed = clean.slice();
  let open = targets.map((_, place) => place);
  for (let iteration = 0; iteration <= iterations; iteration++) {
    const points = gather(perturbed, open, width);
    const logits = await network.logits(points, open);
    const predicted = predictions(logits, classes);
    const rows = predicted.flatMap((prediction, row) => (prediction === targets[open[row]] ? [row] : []));
    if (rows.length === 0 || iteration === iterations) break;
    const places = rows.map((row) => open[row]);
    await network.jacobians(gather(perturbed, places, width), places, (index, jacobian) => {
      const place = places[index];
      const [own, current] = [part(clean, place), part(perturbed, place)];
      const way = shortestWay(jacobian, logits.subarray(rows[index] * classes, (rows[index] + 1) * classes), targets[place], current, ball);
      setPerturbed(current, own, way.map((x, i) => current[i] - own[i] + (1 + DEEPFOOL_OVERSHOOT) * x), free);
    });
    open = places;
    control.onProgress?.(iteration + 1, iterations);
  }
  for (const place of targets.keys()) {
    const [own, result] = [part(clean, place), part(perturbed, place)];
    setPerturbed(result, own, Float64Array.from(result, (x, i) => x - own[i]), ball);
  }
  return perturbed;
}

/** The shortest way from the target's side to the nearest boundary of the affine approximation; 0 where it has none. */
function shortestWay(jacobian: Float64Array, logits: Float64Array, target: number, current: Float32Array, { norm, range: { low, high } }: Ball): Float64Array {
  const width = current.length;
  const difference = new Float64Array(width);
  let nearest = Infinity;
  let way = new Float64Array(width);
  for (let k = 0; k < logits.length; k++) {
    if (k === target) continue;
    for (let i = 0; i < width; i++) {
      const slope = jacobian[k * width + i] - jacobian[target * width + i];
      difference[i] = (slope > 0 && current[i] >= high) || (slope < 0 && current[i] <= low) ? 0 : slope;
    }
    const dual = norm === 'l2' ? euclideanNorm(difference) : difference.reduce((sum, x) => sum + Math.abs(x), 0);
    const distance = Math.abs(logits[k] - logits[target]) / dual;
    // A class whose difference has no gradient has no boundary here.
    if (!(dual > 0 && distance < nearest)) continue;
    nearest = distance;
    way = difference.map((x) => distance * (norm === 'l2' ? x / dual : Math.sign(x)));
  }
  return way;
}

function gather(values: Float32Array, places: readonly number[], width: number): Float32Array {
  const result = new Float32Array(places.length * width);
  for (const [row, place] of places.entries()) result.set(values.subarray(place * width, (place + 1) * width), row * width);
  return result;
}
