import type { Value } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';
import { attend, causalBias, joinHeads, maskBias, rotate, splitHeads, type Rotation } from './attentionProducts.js';

/**
 * Attention as onnxruntime's optimizer puts it together.
 * Definitions: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */

/** An input that may be left out, or be given without elements. */
function given(operation: Operation, index: number): Value | null {
  const value = operation.inputs.at(index) ?? null;
  return value === null || value.shape.includes(0) ? null : value;
}

function scaleOf(operation: Operation, query: Value): number {
  const scale = operation.float('scale', 0);
  return scale === 0 ? 1 / Math.sqrt(query.shape[3]) : scale;
}

/** What comes after that of the past, along the axis of positions. */
function afterPast({ graph }: Operation, past: Value | null, added: Value): Value {
  return past === null ? added : graph.concat([past, added], 2);
}

/** Parts of the last axis. */
function parts({ graph }: Operation, x: Value, sizes: readonly number[]): Value[] {
  const axis = x.shape.length - 1;
  let start = 0;
  return sizes.map((size) => graph.slice(x, [axis], [start], [(start += size)]));
}

/** What is added to the scores where keys are masked: by the number of keys, or by 0 and 1 for every key or every pair. */
function paddingBias(operation: Operation, mask: Value, query: Value, keys: number): Value {
  const { graph } = operation;
  const fill = operation.float('mask_filter_value', -10000);
  const [batch, , queries] = query.shape;
  if (mask.shape.length === 1) {
    if (mask.shape[0] !== batch) return operation.fail('has its masked keys told by their ends and starts, which is not supported: give the mask itself');
    const counted = graph.constant('int32', [1, 1, 1, keys], Array.from({ length: keys }, (_, i) => i));
    return maskBias(graph, graph.compare('Less', counted, graph.reshape(mask, [batch, 1, 1, 1])), query, fill);
  }
  if (mask.shape.length === 2) return maskBias(graph, graph.reshape(mask, [mask.shape[0], 1, 1, keys]), query, fill);
  if (mask.shape.length === 3) return maskBias(graph, graph.reshape(mask, [mask.shape[0], 1, queries, keys]), query, fill);
  const past = keys - queries;
  return maskBias(graph, graph.slice(mask, [2, 3], [past, 0], [past + queries, keys]), query, fill);
}

/** What keeps a query from later keys, in causal attention. */
function unidirectionalBias(operation: Operation, query: Value, keys: number): Value[] {
  if (operation.integer('unidirectional', 0) === 0) return [];
  return [causalBias(operation.graph, [query.shape[2], keys], query, { offset: keys - query.shape[2] })];
}

/** com.microsoft.Attention: query, key and value by one product with the input. */
const attention: Lowering = (operation) => {
  const { graph } = operation;
  const [x, weights, bias, mask, past, added] = [operation.input(0), operation.input(1), given(operation, 2), given(operation, 3), given(operation, 4), given(operation, 5)];
  if (operation.integer('do_rotary', 0) !== 0) return operation.fail('rotates its heads (do_rotary), which is not supported');
  const heads = operation.integer('num_heads', 1);
  const sizes = operation.integers('qkv_hidden_sizes') ?? new Array<number>(3).fill(weights.shape[1] / 3);
  const product = graph.matrixProduct(x, weights);
  const [query, newKey, newValue] = parts(operation, bias === null ? product : graph.add(product, bias), sizes).map((part) => splitHeads(graph, part, heads));
  const [pastKey, pastValue] = [0, 1].map((index) => past && graph.reshape(graph.slice(past, [0], [index], [index + 1]), past.shape.slice(1)));
  const [key, value] = [afterPast(operation, pastKey, newKey), afterPast(operation, pastValue, newValue)];
  const keys = key.shape[2];
  const biases = [...unidirectionalBias(operation, query, keys), ...(mask === null ? [] : [paddingBias(operation, mask, query, keys)]), ...(added === null ? [] : [added])];
  const { output } = attend(graph, { query, key, value, scale: scaleOf(operation, query), biases, softcap: 0 });
  if ((operation.outputs.at(1) ?? null) === null) return [joinHeads(graph, output)];
  return [joinHeads(graph, output), graph.concat([key, value].map((part) => graph.reshape(part, [1, ...part.shape])), 0)];
};

/** com.microsoft.MultiHeadAttention: query, key and value by themselves. */
const multiHeadAttention: Lowering = (operation) => {
  const { graph } = operation;
  const heads = operation.integer('num_heads', 1);
  const [mask, added, pastKey, pastValue] = [4, 5, 6, 7].map((index) => given(operation, index));
  const [query, newKey, newValue] = separateHeads(operation, heads);
  const [key, value] = [afterPast(operation, pastKey, newKey), afterPast(operation, pastValue, newValue)];
  const keys = key.shape[2];
  const biases = [...unidirectionalBias(operation, query, keys), ...(mask === null ? [] : [paddingBias(operation, mask, query, keys)]), ...(added === null ? [] : [added])];
  const { output, stages } = attend(graph, { query, key, value, scale: scaleOf(operation, query), biases, softcap: 0 });
  return [joinHeads(graph, output), key, value, stages.products];
};

/** Query, key and value: [batch, heads, length, size], with their parts of the bias. */
function separateHeads(operation: Operation, heads: number): Value[] {
  const { graph } = operation;
  const flat = [0, 1, 2].map((index) => operation.input(index));
  const bias = given(operation, 3);
  // Keys and values may come as heads.
  const widths = flat.map((x) => (x.shape.length === 4 ? x.shape[1] * x.shape[3] : x.shape[2]));
  const biases = bias === null ? null : parts(operation, bias, widths);
  return flat.map((x, i) => {
    const biasPart = biases === null ? null : biases[i];
    if (x.shape.length === 4) return biasPart === null ? x : graph.add(x, graph.reshape(biasPart, [1, heads, 1, x.shape[3]]));
    return splitHeads(graph, biasPart === null ? x : graph.add(x, biasPart), heads);
  });
}

/** com.microsoft.GroupQueryAttention of whole prompts, and of what follows a past that is full. */
const groupQueryAttention: Lowering = (operation) => {
  const { graph } = operation;
  const [heads, groups] = [operation.integer('num_heads', 1), operation.integer('kv_num_heads', 1)];
  const packed = given(operation, 1) === null;
  const width = packed ? operation.input(0).shape[2] / (heads + 2 * groups) : 0;
  const flat = packed ? parts(operation, operation.input(0), [heads * width, groups * width, groups * width]) : [0, 1, 2].map((index) => operation.input(index));
  let [query, newKey] = [splitHeads(graph, flat[0], heads), splitHeads(graph, flat[1], groups)];
  const newValue = splitHeads(graph, flat[2], groups);
  const [pastKey, pastValue] = [given(operation, 3), given(operation, 4)];
  const past = pastKey?.shape[2] ?? 0;
  if (operation.integer('do_rotary', 0) !== 0) {
    const rotation = rotationFrom(operation, past, query.shape[2], given(operation, 9));
    [query, newKey] = [rotate(graph, query, rotation), rotate(graph, newKey, rotation)];
  }
  const [key, value] = [afterPast(operation, pastKey, newKey), afterPast(operation, pastValue, newValue)];
  const present = operation.outputs.at(1) ?? null;
  if (present !== null && present.shape[2] !== key.shape[2]) return operation.fail('keeps keys of the past in a buffer that is not full, which is not supported: give the past that there is');
  if ((operation.outputs.at(3) ?? null) !== null) return operation.fail('yields its scores, which is not supported: export the network without them');
  const window = operation.integer('local_window_size', -1);
  const causal = causalBias(graph, [query.shape[2], key.shape[2]], query, { offset: past, window: window < 0 ? Infinity : window });
  const added = given(operation, 10);
  const biases = added === null ? [causal] : [causal, added];
  const { output } = attend(graph, { query, key, value, scale: scaleOf(operation, query), biases, softcap: operation.float('softcap', 0), sink: sinkOf(operation, query) });
  return [joinHeads(graph, output), key, value];
};

/** A score for every head, or 0, that takes a part of the weights. */
function sinkOf(operation: Operation, query: Value): Value | null {
  const { graph } = operation;
  const sink = given(operation, 11);
  if (sink !== null) return graph.reshape(sink, [1, sink.shape[0], 1, 1]);
  return operation.integer('smooth_softmax', 0) === 1 ? graph.constant(query.dtype, [1, 1, 1, 1], [0]) : null;
}

/** The kernel counts a prompt's positions from the first that it is given. */
function rotationFrom(operation: Operation, past: number, length: number, positions: Value | null): Rotation {
  const { graph } = operation;
  const first = positions === null || past > 0 ? null : graph.slice(positions, [0, 1], [0, 0], [1, 1]);
  const places = first === null ? positions : positionsFrom(operation, first, length);
  const [cosines, sines] = [7, 8].map((index) => {
    const cache = operation.input(index);
    if (places !== null) return graph.gather(cache, places, 0);
    return graph.reshape(graph.slice(cache, [0], [past], [past + length]), [1, length, cache.shape[1]]);
  });
  return { cosines, sines, interleaved: operation.integer('rotary_interleaved', 0) !== 0 };
}

/** `length` positions from one on: [1, length]. */
function positionsFrom({ graph }: Operation, first: Value, length: number): Value {
  const counted = graph.constant('int64', [1, length], Array.from({ length }, (_, i) => i));
  return graph.add(graph.reshape(first, [1, 1]), counted);
}

/** com.microsoft.RotaryEmbedding: at given positions, or from one on. */
const rotaryEmbedding: Lowering = (operation) => {
  const { graph } = operation;
  const [x, positions] = [operation.input(0), operation.input(1)];
  const caches = [operation.input(2), operation.input(3)];
  if (operation.integer('is_packed_batching', 0) !== 0) return operation.fail('has sequences of different lengths packed into one, which is not supported');
  const isFlat = x.shape.length === 3;
  const rotatedSize = operation.integer('rotary_embedding_dim', 0);
  const heads = isFlat ? splitHeads(graph, x, rotatedSize > 0 ? operation.integer('num_heads', 1) : x.shape[2] / (2 * caches[0].shape[1])) : x;
  const length = heads.shape[2];
  const places = positions.shape.length === 1 ? positionsFrom(operation, positions, length) : positions;
  const scale = operation.float('scale', 1);
  const [cosines, sines] = caches.map((cache) => graph.gather(cache, places, 0));
  const rotated = rotate(graph, heads, { cosines, sines, interleaved: operation.integer('interleaved', 0) !== 0 });
  const scaled = scale === 1 ? rotated : graph.multiply(rotated, scale);
  return [isFlat ? joinHeads(graph, scaled) : scaled];
};

export const contribAttention: Lowerings = {
  'com.microsoft.Attention': attention,
  'com.microsoft.MultiHeadAttention': multiHeadAttention,
  'com.microsoft.GroupQueryAttention': groupQueryAttention,
  'com.microsoft.RotaryEmbedding': rotaryEmbedding,
};
