import type { GraphBuilder } from '../builder.js';
import type { Value } from '../graph.js';

/**
 * Elementary functions in float64 from those that onnxruntime has double kernels of (exp, log, √, tanh, sin, cos), right to
 * a few units in the last place, for small arguments too.
 */

/** eˣ − 1 = tanh(x/2)·(eˣ + 1), without the cancellation near 0. */
export function exponentialMinusOne(graph: GraphBuilder, x: Value): Value {
  return graph.multiply(graph.unary('Tanh', graph.multiply(x, 0.5)), graph.add(graph.unary('Exp', x), 1));
}

/** log(1 + x) for x > −1: with u = 1 + x as it is rounded, log(u)·x/(u − 1) (W. Kahan; Goldberg 1991, theorem 4). */
function logOnePlus(graph: GraphBuilder, x: Value): Value {
  const sum = graph.add(x, 1);
  const rest = graph.subtract(sum, 1);
  const isZero = graph.compare('Equal', rest, 0);
  const isInfinite = graph.compare('Equal', x, Infinity);
  const ratio = graph.divide(x, graph.where(isZero, graph.scalar(1, x), rest));
  return graph.where(isInfinite, x, graph.where(isZero, x, graph.multiply(graph.unary('Log', sum), ratio)));
}

/** log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|): large x do not overflow, small results are kept. */
export function softplus(graph: GraphBuilder, x: Value): Value {
  const tail = graph.unary('Exp', graph.negate(graph.unary('Abs', x)));
  return graph.add(graph.binary('Max', x, 0), logOnePlus(graph, tail));
}

/** c₀ + c₁·x + c₂·x² + … by Horner's scheme. */
function polynomial(graph: GraphBuilder, x: Value, coefficients: readonly number[]): Value {
  const [highest, ...others] = [...coefficients].reverse();
  return others.reduce((sum: Value, coefficient) => graph.add(graph.multiply(sum, x), coefficient), graph.scalar(highest, x));
}

/** From here on erf(x) is 1 in float64. */
const erfEnd = 6;
/** Where s = (x − c)/(x + c) is 0. */
const erfCentre = 4;
/**
 * −log(erfc(x))/x − x for 0 ≤ x ≤ 6 as a polynomial in s = (x − 4)/(x + 4): the Chebyshev interpolant in 60 points computed
 * with 60 digits, cut off after the 20th degree.
 */
const erfCoefficients = [
  0.49694457802575165, -0.5211353706511525, 0.09624878668313278, -0.03561304925852608, -0.014349031314005424, 0.003350286508254047,
  -0.006745292830417463, -0.002628894916661068, -0.000982665229535751, -0.0020767218258535515, -0.0011973947769203775, -0.0008978730758507969,
  -0.0009578683757639475, -0.0007178564413479953, -0.0005815826841470296, -0.0004768260524478477, -0.00031554063232530025, -0.0001871974140394825,
  -9.429961441170496e-5, -3.0170456239534122e-5, -4.19573970963332e-6,
];

/**
 * The error function, to a relative 1e-15 for all x. With erfc(|x|) = e^(−q), q = |x|·(|x| + p(|x|)), it is 1 − e^(−q) =
 * tanh(q/2)·(1 + e^(−q)); p is smooth and bounded, and is approximated.
 */
export function errorFunction(graph: GraphBuilder, x: Value): Value {
  const size = graph.binary('Min', graph.unary('Abs', x), erfEnd);
  const s = graph.divide(graph.subtract(size, erfCentre), graph.add(size, erfCentre));
  const factor = graph.add(size, polynomial(graph, s, erfCoefficients));
  const signed = graph.unary('Tanh', graph.multiply(graph.multiply(x, factor), 0.5));
  return graph.multiply(signed, graph.add(graph.unary('Exp', graph.negate(graph.multiply(size, factor))), 1));
}

/** 1, −1/3, 1/5, …: the series of arctan in x², long enough for |x| ≤ tan(π/16). */
const arctangentCoefficients = Array.from({ length: 13 }, (_, k) => (k % 2 === 0 ? 1 : -1) / (2 * k + 1));

/** arctan(x): π/2 − arctan(1/x) beyond 1, then twice arctan(x) = 2·arctan(x/(1 + √(1 + x²))), then its power series. */
export function arctangent(graph: GraphBuilder, x: Value): Value {
  const size = graph.unary('Abs', x);
  const isLarge = graph.compare('Greater', size, 1);
  const halved = (value: Value): Value => graph.divide(value, graph.add(graph.unary('Sqrt', graph.add(graph.multiply(value, value), 1)), 1));
  const small = halved(halved(graph.where(isLarge, graph.unary('Reciprocal', size), size)));
  const series = polynomial(graph, graph.multiply(small, small), arctangentCoefficients);
  const angle = graph.multiply(graph.multiply(small, series), 4);
  return graph.multiply(graph.unary('Sign', x), graph.where(isLarge, graph.subtract(Math.PI / 2, angle), angle));
}

/** arcsin(x) = arctan(x/√(1 − x²)). */
export function arcsine(graph: GraphBuilder, x: Value): Value {
  const rest = graph.multiply(graph.subtract(1, x), graph.add(x, 1));
  return arctangent(graph, graph.divide(x, graph.unary('Sqrt', rest)));
}

/** arccos(x) = 2·arctan √((1 − x)/(1 + x)). */
export function arccosine(graph: GraphBuilder, x: Value): Value {
  const ratio = graph.divide(graph.subtract(1, x), graph.add(x, 1));
  return graph.multiply(arctangent(graph, graph.unary('Sqrt', ratio)), 2);
}

/** (eˣ + e^−x)/2. */
export function hyperbolicCosine(graph: GraphBuilder, x: Value): Value {
  return graph.multiply(graph.add(graph.unary('Exp', x), graph.unary('Exp', graph.negate(x))), 0.5);
}

/** sinh(x) = tanh(x)·cosh(x). */
export function hyperbolicSine(graph: GraphBuilder, x: Value): Value {
  return graph.multiply(graph.unary('Tanh', x), hyperbolicCosine(graph, x));
}

/** arsinh(x) = ±log(1 + |x| + x²/(1 + √(1 + x²))). */
export function inverseHyperbolicSine(graph: GraphBuilder, x: Value): Value {
  const size = graph.unary('Abs', x);
  const square = graph.multiply(x, x);
  const root = graph.unary('Sqrt', graph.add(square, 1));
  return graph.multiply(graph.unary('Sign', x), logOnePlus(graph, graph.add(size, graph.divide(square, graph.add(root, 1)))));
}

/** arcosh(x) = log(1 + t + √(t·(t + 2))), t = x − 1. */
export function inverseHyperbolicCosine(graph: GraphBuilder, x: Value): Value {
  const beyond = graph.subtract(x, 1);
  return logOnePlus(graph, graph.add(beyond, graph.unary('Sqrt', graph.multiply(beyond, graph.add(x, 1)))));
}

/** artanh(x) = ±½·log(1 + 2|x|/(1 − |x|)). */
export function inverseHyperbolicTangent(graph: GraphBuilder, x: Value): Value {
  const size = graph.unary('Abs', x);
  const ratio = graph.divide(graph.multiply(size, 2), graph.subtract(1, size));
  return graph.multiply(graph.multiply(graph.unary('Sign', x), 0.5), logOnePlus(graph, ratio));
}
