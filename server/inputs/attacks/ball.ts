import type { InputRange } from '../preprocess.js';

export type AttackNorm = 'linf' | 'l2';

/** Where perturbed inputs may lie: within ε of the clean input, and within the range of inputs. */
export interface Ball {
  norm: AttackNorm;
  /** In input space. */
  epsilon: number;
  /** In input space; both ends are float32 numbers. */
  range: InputRange;
}

/** A seeded generator. */
export interface RandomNumbers {
  /** Over [0, 1). */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
}

const bits = new Int32Array(1);
const value = new Float32Array(bits.buffer);

/** The neighbour of a float32 number: the next one up (+1) or down (−1). */
function neighbour(x: number, direction: 1 | -1): number {
  value[0] = x;
  if (x === 0) bits[0] = direction > 0 ? 1 : 0x80000001 | 0;
  else bits[0] += x > 0 === direction > 0 ? 1 : -1;
  return value[0];
}

/** The largest float32 number that is at most x, x ≥ 0. */
function floatBelow(x: number): number {
  const rounded = Math.fround(x);
  return rounded > x ? neighbour(rounded, -1) : rounded;
}

/**
 * Writes clean + δ, with δ brought back into the ball (by coordinate for linf, by its length for l2) and the sum into the
 * range. The result is rounded to float32 towards the clean input, so that what a file holds is within the ball: for linf
 * the float32 difference of both is at most ε too, in l2 the norm is at most ε up to the rounding of its own sum.
 * @param perturbed receives one input
 * @param clean the same input, within the range
 * @param delta its perturbation in float64
 */
export function setPerturbed(perturbed: Float32Array, clean: Float32Array, delta: Float64Array, { norm, epsilon, range: { low, high } }: Ball): void {
  const limit = norm === 'linf' ? floatBelow(epsilon) : Infinity;
  const length = norm === 'l2' ? euclideanNorm(delta) : 0;
  const scale = length > epsilon ? epsilon / length : 1;
  for (let i = 0; i < clean.length; i++) {
    const change = Math.min(Math.max(delta[i] * scale, -limit), limit);
    const wanted = Math.min(Math.max(clean[i] + change, low), high);
    const rounded = Math.fround(wanted);
    const beyond = Math.abs(rounded - clean[i]) > Math.abs(wanted - clean[i]);
    perturbed[i] = beyond ? neighbour(rounded, rounded > clean[i] ? -1 : 1) : rounded;
  }
}

/** The direction in which a loss rises fastest for a step of length 1: signs for linf, g/‖g‖ for l2; 0 where g is 0 or no number. In place. */
export function steepestAscent(gradient: Float64Array, norm: AttackNorm): void {
  for (let i = 0; i < gradient.length; i++) if (!Number.isFinite(gradient[i])) gradient[i] = 0;
  if (norm === 'linf') {
    for (let i = 0; i < gradient.length; i++) gradient[i] = Math.sign(gradient[i]);
    return;
  }
  const length = euclideanNorm(gradient);
  if (length > 0) for (let i = 0; i < gradient.length; i++) gradient[i] /= length;
}

/** A perturbation uniform in the ball: by coordinate for linf, in the whole l2 ball. */
export function uniformInBall(delta: Float64Array, { norm, epsilon }: Ball, random: RandomNumbers): void {
  if (norm === 'linf') {
    for (let i = 0; i < delta.length; i++) delta[i] = epsilon * (2 * random.uniform() - 1);
    return;
  }
  onSphere(delta, epsilon * random.uniform() ** (1 / delta.length), random);
}

/** A perturbation uniform on the sphere of radius ε; random signs times ε for linf. */
export function uniformOnSphere(delta: Float64Array, { norm, epsilon }: Ball, random: RandomNumbers): void {
  if (norm === 'linf') for (let i = 0; i < delta.length; i++) delta[i] = random.uniform() < 0.5 ? -epsilon : epsilon;
  else onSphere(delta, epsilon, random);
}

/** The direction of a vector of independent normal numbers is uniform. */
function onSphere(delta: Float64Array, radius: number, random: RandomNumbers): void {
  for (let i = 0; i < delta.length; i++) delta[i] = random.normal();
  const length = euclideanNorm(delta);
  for (let i = 0; i < delta.length; i++) delta[i] *= radius / length;
}

/** ‖x − clean‖ of every input, in the norm of the attack. */
export function perturbationNorms(perturbed: Float32Array, clean: Float32Array, n: number, norm: AttackNorm): Float64Array {
  const width = clean.length / n;
  return Float64Array.from({ length: n }, (_, input) => {
    let result = 0;
    for (let i = input * width; i < (input + 1) * width; i++) {
      const change = Math.abs(perturbed[i] - clean[i]);
      result = norm === 'linf' ? Math.max(result, change) : result + change * change;
    }
    return norm === 'linf' ? result : Math.sqrt(result);
  });
}

export function euclideanNorm(vector: Float64Array): number {
  let largest = 0;
  for (const x of vector) largest = Math.max(largest, Math.abs(x));
  if (largest === 0) return 0;
  // Gradients may be so small that their squares vanish.
  let sum = 0;
  for (const x of vector) sum += (x / largest) ** 2;
  return largest * Math.sqrt(sum);
}
