import type { GraphBuilder } from '../builder.js';
import type { Value } from '../graph.js';

/** Scaled dot-product attention (Vaswani et al. 2017) in terms of products and a softmax. */
export interface AttentionProducts {
  /** [batch, heads, queries, size]. */
  query: Value;
  /** [batch, key heads, keys, size]: groups of heads may have their keys and values in common. */
  key: Value;
  value: Value;
  scale: number;
  /** Added to the scores before the softmax; broadcasts to [batch, heads, queries, keys]. */
  biases: readonly Value[];
  /** c·tanh(scores/c); 0: none. */
  softcap: number;
  /** A score beside those of the keys that takes a part of the weights and has no value: broadcasts to [1, heads, 1, 1]. */
  sink?: Value | null;
}

export interface AttentionResult {
  /** [batch, heads, queries, size of values]. */
  output: Value;
  /** [batch, heads, queries, keys]: products, those limited by the softcap, with the biases, and after the softmax. */
  stages: { products: Value; capped: Value; biased: Value; weights: Value };
}

export function attend(graph: GraphBuilder, { query, key, value, scale, biases, softcap, sink = null }: AttentionProducts): AttentionResult {
  const [batch, heads, queries, size] = query.shape;
  const [, groups, keys] = key.shape;
  const scores = [batch, heads, queries, keys];
  const isGrouped = groups !== heads;
  // [batch, groups, heads of a group, …] where groups share their keys.
  const split = (x: Value, rest: readonly number[]): Value => (isGrouped ? graph.reshape(x, [batch, groups, heads / groups, ...rest]) : x);
  const shared = (x: Value): Value => (isGrouped ? graph.reshape(x, [batch, groups, 1, ...x.shape.slice(2)]) : x);
  const dotProducts = graph.reshape(graph.matrixProduct(split(query, [queries, size]), graph.transposeLast(shared(key))), scores);
  const products = graph.multiply(dotProducts, scale);
  const capped = softcap === 0 ? products : graph.multiply(graph.unary('Tanh', graph.divide(products, softcap)), softcap);
  const biased = biases.reduce((sum, bias) => graph.add(sum, bias), capped);
  const weights = sink === null ? graph.unary('Softmax', biased, { axis: 3 }) : besideSink(graph, biased, sink);
  const mixed = graph.matrixProduct(split(weights, [queries, keys]), shared(value));
  return { output: graph.reshape(mixed, [batch, heads, queries, value.shape[3]]), stages: { products, capped, biased, weights } };
}

function besideSink(graph: GraphBuilder, scores: Value, sink: Value): Value {
  const keys = scores.shape[3];
  const column = graph.expand(sink, [...scores.shape.slice(0, 3), 1]);
  return graph.slice(graph.unary('Softmax', graph.concat([scores, column], 3), { axis: 3 }), [3], [0], [keys]);
}

/** [batch, length, heads·size] → [batch, heads, length, size]. */
export function splitHeads(graph: GraphBuilder, x: Value, heads: number): Value {
  const [batch, length, width] = x.shape;
  return graph.transpose(graph.reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** [batch, heads, length, size] → [batch, length, heads·size]. */
export function joinHeads(graph: GraphBuilder, x: Value): Value {
  const [batch, heads, length, size] = x.shape;
  return graph.reshape(graph.transpose(x, [0, 2, 1, 3]), [batch, length, heads * size]);
}

/** A bias that lets query i see the keys up to i + `offset`, and of those the last `window` where there is one: [queries, keys]. */
export function causalBias(graph: GraphBuilder, [queries, keys]: readonly [number, number], like: Value, { offset = 0, window = Infinity, fill = -Infinity } = {}): Value {
  const filled = graph.filled(fill, [queries, keys], like.dtype);
  const later = graph.one('Trilu', [filled, graph.constant('int64', [], [offset + 1])], filled.shape, { upper: 1 });
  if (window === Infinity) return later;
  const earlier = graph.one('Trilu', [filled, graph.constant('int64', [], [offset - window])], filled.shape, { upper: 0 });
  return graph.binary('Min', later, earlier);
}

/** 0 where a mask is true, `fill` elsewhere. */
export function maskBias(graph: GraphBuilder, mask: Value, like: Value, fill = -Infinity): Value {
  const isSeen = graph.cast(mask, 'bool');
  return graph.where(isSeen, graph.scalar(0, like), graph.scalar(fill, like));
}

export interface Rotation {
  /** [batch or 1, length, size/2]: by position. */
  cosines: Value;
  sines: Value;
  /** Pairs are neighbours, and not elements of the two halves. */
  interleaved: boolean;
}

/** Rotary position embedding (Su et al. 2021) of x: [batch, heads, length, size]; elements beyond the rotated ones stay. */
export function rotate(graph: GraphBuilder, x: Value, { cosines, sines, interleaved }: Rotation): Value {
  const half = cosines.shape[2];
  const [turned, kept] = [graph.slice(x, [3], [0], [2 * half]), graph.slice(x, [3], [2 * half], [x.shape[3]])];
  const ofHeads = (value: Value): Value => graph.reshape(value, [value.shape[0], 1, value.shape[1], half]);
  const [cosine, sine] = [ofHeads(cosines), ofHeads(sines)];
  const part = (index: number): Value => {
    if (!interleaved) return graph.slice(turned, [3], [index * half], [(index + 1) * half]);
    const pairs = graph.reshape(turned, [...turned.shape.slice(0, 3), half, 2]);
    return graph.reshape(graph.slice(pairs, [4], [index], [index + 1]), [...turned.shape.slice(0, 3), half]);
  };
  const [first, second] = [part(0), part(1)];
  const real = graph.subtract(graph.multiply(first, cosine), graph.multiply(second, sine));
  const imaginary = graph.add(graph.multiply(first, sine), graph.multiply(second, cosine));
  if (!interleaved) return graph.concat(kept.shape[3] === 0 ? [real, imaginary] : [real, imaginary, kept], 3);
  const column = (value: Value): Value => graph.reshape(value, [...value.shape, 1]);
  const pairs = graph.reshape(graph.concat([column(real), column(imaginary)], 4), turned.shape);
  return kept.shape[3] === 0 ? pairs : graph.concat([pairs, kept], 3);
}
