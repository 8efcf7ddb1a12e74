import { solveTridiagonal } from './arrowMatrix.js';
import { bisectSingularValue } from '../dense/bisection.js';
import { type LinearOperator } from './linearOperator.js';
import { type RandomGenerator } from '../random.js';
import { runSteps, type SolveControl, type Steps } from '../steps.js';

export interface LargestValueSettings {
  /** The iteration ends when the residual ‖Aᵀu − σv‖ is at most this times σ. */
  tolerance: number;
  /** Most products with A, and as many with Aᵀ. */
  maximumSteps: number;
  random: RandomGenerator;
}

export interface LargestValueResult {
  /** Never above the largest singular value, but for rounding. */
  largest: number;
  /**
   * Where the iteration has converged, the tolerance: the residual says that `largest` is that close to a singular
   * value, and the start vector is random, so that it is the largest or one as close to it. In practice the error is
   * far smaller. Where it has not converged, at least what the random start guarantees for σ₁ (`errorOfCutOff`).
   */
  relativeError: number;
  converged: boolean;
  steps: number;
}

/**
 * The projected matrix is solved after this many steps, and whenever it has grown by a quarter. A small residual at one
 * check belongs to some singular value, and could be the second one's where the start vector has next to nothing of the
 * first: such a part grows from step to step, so the value counts once the following check has found it unchanged.
 */
const firstCheck = 6;
const checkGrowth = 1.25;
/** A coefficient this small relative to the largest value ends the iteration: the Krylov space is exhausted. */
const exhausted = 1e-14;
/** Exact arithmetic needs as many steps as the smaller side has dimensions; copies of converged values take more. */
const completeFactor = 4;
/** Probability that the error of an iteration that was cut off exceeds what is stated. */
const unlikely = 1e-9;

/**
 * The largest singular value alone, by Golub–Kahan–Lanczos bidiagonalisation (Golub and Kahan, SIAM J. Numer. Anal. 2,
 * 1965) from a random vector, with four vectors of memory. Nothing is re-orthogonalised: what rounding does to the
 * recurrence is to bring copies of values that have converged already (Paige, Linear Algebra Appl. 34, 1980), which
 * harms a list of values but not the first of them. For several values see lanczos.ts.
 *
 * Cost: one product with A and one with Aᵀ a step; the steps needed grow as the square root of σ₁/(σ₁ − σ₂).
 * Throws the signal's reason on abort.
 */
export function largestSingularValue(operator: LinearOperator, settings: LargestValueSettings, control: SolveControl = {}): Promise<LargestValueResult> {
  return runSteps(largestValueSteps(operator, settings), settings.maximumSteps, control);
}

/** The same as a part of a longer computation; one product is half a unit of work. */
export function* largestValueSteps(operator: LinearOperator, { tolerance, maximumSteps, random }: LargestValueSettings): Steps<LargestValueResult> {
  const { rows, columns } = operator;
  const limit = Math.min(maximumSteps, completeFactor * Math.min(rows, columns) + firstCheck);
  const v = new Float64Array(columns);
  const next = new Float64Array(columns);
  const u = Float64Array.from({ length: rows }, () => random.normal());
  const product = new Float64Array(rows);
  // A·v_k = β_{k−1}·u_{k−1} + α_k·u_k and Aᵀ·u_k = α_k·v_k + β_k·v_{k+1}: α and β are an upper bidiagonal matrix.
  const alpha: number[] = [];
  const beta: number[] = [];
  let best: LargestValueResult = { largest: 0, relativeError: 0, converged: true, steps: 0 };
  if (columns === 0 || rows === 0) return best;
  // In the row space: what v has beyond it would only slow the iteration down.
  operator.applyTransposed(u, v);
  if (normalise(v) === 0) return best;
  let scale = 0;
  let check = firstCheck;
  for (let k = 0; k < limit; k++) {
    operator.apply(v, product);
    yield 0.5;
    alpha.push(nextUnit(product, k > 0 ? beta[k - 1] : 0, u));
    operator.applyTransposed(u, next);
    yield 0.5;
    beta.push(nextUnit(next, alpha[k], v));
    scale = Math.max(scale, alpha[k], beta[k]);
    const ended = beta[k] <= exhausted * scale || alpha[k] <= exhausted * scale || k + 1 === limit;
    if (k + 1 < check && !ended) continue;
    check = Math.ceil(checkGrowth * check);
    const { value, residual } = largestOfBidiagonal(alpha, beta);
    const relativeError = value > 0 ? residual / value + 8 * Number.EPSILON : 0;
    const wasClose = k > firstCheck && best.relativeError <= tolerance && value - best.largest <= tolerance * value;
    const isClose = relativeError <= tolerance;
    const isComplete = ended && k + 1 < limit;
    best = { largest: value, relativeError, converged: isClose && (wasClose || isComplete), steps: k + 1 };
    if (best.converged || ended) break;
  }
  return { ...best, relativeError: Math.max(best.relativeError, best.converged ? tolerance : errorOfCutOff(best.steps, rows)) };
}

/**
 * Relative error of the largest singular value after k Lanczos steps from a random vector in n dimensions, exceeded
 * with probability `unlikely`, whatever the matrix: Kuczyński and Woźniakowski, SIAM J. Matrix Anal. Appl. 13, 1992,
 * P(error of σ² > ε) ≤ 1.648·√n·exp(−√ε·(2k − 1)).
 */
function errorOfCutOff(k: number, n: number): number {
  const root = Math.log((1.648 * Math.sqrt(n)) / unlikely) / (2 * k - 1);
  return root < 1 ? 1 - Math.sqrt(1 - root * root) : 1;
}

/** x ← (image − factor·x), scaled to length 1 (a vector of zeros stays); returns the length before. */
function nextUnit(image: Float64Array, factor: number, x: Float64Array): number {
  // Four sums side by side: one alone would wait for each addition.
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  const whole = x.length - (x.length % 4);
  for (let i = 0; i < whole; i += 4) {
    const a = (x[i] = image[i] - factor * x[i]);
    const b = (x[i + 1] = image[i + 1] - factor * x[i + 1]);
    const c = (x[i + 2] = image[i + 2] - factor * x[i + 2]);
    const d = (x[i + 3] = image[i + 3] - factor * x[i + 3]);
    s0 += a * a;
    s1 += b * b;
    s2 += c * c;
    s3 += d * d;
  }
  for (let i = whole; i < x.length; i++) {
    x[i] = image[i] - factor * x[i];
    s0 += x[i] * x[i];
  }
  const length = Math.sqrt(s0 + s1 + s2 + s3);
  const scale = length > 0 ? 1 / length : 0;
  if (Number.isFinite(scale)) for (let i = 0; i < x.length; i++) x[i] *= scale;
  return length;
}

/** Scales to length 1 (a vector of zeros stays); returns the length before. */
function normalise(x: Float64Array): number {
  return nextUnit(x, 0, x);
}

/**
 * σ₁ of the upper bidiagonal matrix B with diagonal α₁ … α_m and superdiagonal β₁ … β_{m−1}, and the residual
 * β_m·|y_m| of the pair it stands for, y the left singular vector: by inverse iteration with BBᵀ − σ², tridiagonal.
 */
function largestOfBidiagonal(alpha: number[], beta: number[]): { value: number; residual: number } {
  const m = alpha.length;
  const value = bisectSingularValue(Float64Array.from(alpha), Float64Array.from(beta.slice(0, m - 1)), 0);
  if (value === 0) return { value, residual: 0 };
  const diagonal = alpha.map((a, i) => (a / value) ** 2 + (i + 1 < m ? (beta[i] / value) ** 2 : 0) - 1);
  const off = beta.slice(0, m - 1).map((b, i) => (b / value) * (alpha[i + 1] / value));
  let y = new Float64Array(m).fill(1);
  // Two solves give an eigenvector to rounding from any start that is not orthogonal to it; the entries of y are positive.
  for (let step = 0; step < 3; step++) {
    y = solveTridiagonal(diagonal, off, y);
    normalise(y);
  }
  return { value, residual: beta[m - 1] * Math.abs(y[m - 1]) };
}
