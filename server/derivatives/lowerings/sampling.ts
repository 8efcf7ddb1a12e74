import type { GraphBuilder } from '../builder.js';
import { elementsOf, type Value } from '../graph.js';

/** How elements between those of an input are found, and those beyond it. */
export interface Sampling {
  mode: 'nearest' | 'linear' | 'cubic';
  padding: 'zeros' | 'border' | 'reflection';
  /** Whether the ends of an axis are the middles of its outer elements, or their outer edges. */
  alignCorners: boolean;
}

/** Weights of the neighbours of floor(x) + t as polynomials in t: rows are powers of t, columns neighbours. */
const neighbours = {
  nearest: { first: 0, weights: [[1]] },
  linear: { first: 0, weights: [[1, 0], [-1, 1]] },
  cubic: { first: -1, weights: cubicWeights(-0.75) },
} as const;

/** Cubic convolution (Keys 1981) with the coefficient a. */
function cubicWeights(a: number): number[][] {
  return [[0, 1, 0, 0], [a, 0, -a, 0], [-2 * a, -a - 3, 2 * a + 3, a], [a, a + 2, -a - 2, -a]];
}

/**
 * Elements of x: [N, C, ...sizes] at places that depend on the data, by one gather of all their neighbours.
 * @param coordinates for every axis of `sizes` the places along it, [N, Q], counted in elements
 * @returns [N, C, Q]
 */
export function sampleAt(graph: GraphBuilder, x: Value, coordinates: readonly Value[], sampling: Sampling): Value {
  const [batch, channels, ...sizes] = x.shape;
  const places = coordinates[0].shape[1];
  const { first, weights } = neighbours[sampling.mode];
  const count = weights[0].length;
  let indices: Value | null = null;
  let factors: Value | null = null;
  for (const [axis, size] of sizes.entries()) {
    const place = padded(graph, coordinates[axis], size, sampling);
    const base = graph.unary(sampling.mode === 'nearest' ? 'Round' : 'Floor', place);
    const column = (value: Value): Value => graph.reshape(value, [batch, places, 1]);
    const around = graph.add(column(base), graph.constant(x.dtype, [count], Array.from({ length: count }, (_, i) => first + i)));
    const { index, inside } = within(graph, around, size, sampling);
    const factor = polynomials(graph, column(graph.subtract(place, base)), weights);
    // The neighbours along this axis are combined with all along the axes before.
    const combined = (sofar: Value | null, next: Value, operator: 'Add' | 'Mul'): Value => {
      if (sofar === null) return next;
      const pairs = graph.binary(operator, graph.reshape(sofar, [...sofar.shape, 1]), graph.reshape(next, [batch, places, 1, count]));
      return graph.reshape(pairs, [batch, places, sofar.shape[2] * count]);
    };
    indices = combined(indices && graph.multiply(indices, size), index, 'Add');
    factors = combined(factors, inside === null ? factor : graph.multiply(factor, inside), 'Mul');
  }
  if (indices === null || factors === null) throw new Error('there are no axes to sample along');
  const all = indices.shape[2];
  const flat = graph.expand(graph.reshape(graph.cast(indices, 'int64'), [batch, 1, places * all]), [batch, channels, places * all]);
  const elements = graph.one('GatherElements', [graph.reshape(x, [batch, channels, elementsOf(sizes)]), flat], flat.shape, { axis: 2 });
  const weighted = graph.multiply(graph.reshape(elements, [batch, channels, places, all]), graph.reshape(factors, [batch, 1, places, all]));
  return graph.sum(weighted, [3]);
}

/** [N, Q, neighbours] from t: [N, Q, 1]. */
function polynomials(graph: GraphBuilder, t: Value, weights: readonly (readonly number[])[]): Value {
  const ones = graph.filled(1, t.shape, t.dtype);
  const powers = [ones];
  for (let i = 1; i < weights.length; i++) powers.push(graph.multiply(powers[i - 1], t));
  return graph.matrixProduct(graph.concat(powers, 2), graph.constant(t.dtype, [weights.length, weights[0].length], weights.flat()));
}

/** Places beyond an axis moved onto it, where the padding says so; in mode cubic only their neighbours are. */
function padded(graph: GraphBuilder, place: Value, size: number, { padding, alignCorners, mode }: Sampling): Value {
  // The neighbours are chosen from the nearest whole place.
  const chosen = mode === 'nearest' ? graph.unary('Round', place) : place;
  if (padding === 'zeros' || mode === 'cubic') return chosen;
  return padding === 'border' ? clamped(graph, chosen, size) : reflected(graph, chosen, size, alignCorners);
}

/** Neighbours as indices of elements that there are; where others count as 0, a factor that says which. */
function within(graph: GraphBuilder, around: Value, size: number, { padding, alignCorners }: Sampling): { index: Value; inside: Value | null } {
  if (padding === 'reflection') return { index: clamped(graph, reflected(graph, around, size, alignCorners), size), inside: null };
  const index = clamped(graph, around, size);
  return { index, inside: padding === 'zeros' ? graph.indicator('Equal', around, index) : null };
}

function clamped(graph: GraphBuilder, place: Value, size: number): Value {
  return graph.binary('Min', graph.binary('Max', place, 0), size - 1);
}

/** Places reflected at the ends of an axis, as often as it takes. */
function reflected(graph: GraphBuilder, place: Value, size: number, alignCorners: boolean): Value {
  const [start, length] = alignCorners ? [0, size - 1] : [-0.5, size];
  if (length === 0) return graph.multiply(place, 0);
  const distance = graph.unary('Abs', graph.subtract(place, start));
  const periods = graph.unary('Floor', graph.divide(distance, 2 * length));
  const rest = graph.subtract(distance, graph.multiply(periods, 2 * length));
  return graph.subtract(start + length, graph.unary('Abs', graph.subtract(rest, length)));
}
