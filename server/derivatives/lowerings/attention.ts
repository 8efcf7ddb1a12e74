import type { Value } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';
import { attend, causalBias, joinHeads, maskBias, rotate, splitHeads } from './attentionProducts.js';

/** Attention of operator sets 23 and 24: https://onnx.ai/onnx/operators/onnx__Attention.html */
const attention: Lowering = (operation) => {
  const { graph } = operation;
  const isFlat = operation.rank === 3;
  const [query, newKey, newValue] = [['q_num_heads', 0], ['kv_num_heads', 1], ['kv_num_heads', 2]].map(([heads, index]) => {
    const x = operation.input(Number(index));
    return isFlat ? splitHeads(graph, x, operation.integer(String(heads), 1)) : x;
  });
  const [pastKey, pastValue] = [4, 5].map((index) => operation.inputs.at(index) ?? null);
  const key = pastKey === null ? newKey : graph.concat([pastKey, newKey], 2);
  const value = pastValue === null ? newValue : graph.concat([pastValue, newValue], 2);
  const scale = operation.has('scale') ? operation.float('scale', 1) : 1 / Math.sqrt(query.shape[3]);
  const past = pastKey?.shape[2] ?? 0;
  const biases = biasesOf(operation, query, key.shape[2], past);
  const { output, stages } = attend(graph, { query, key, value, scale, biases, softcap: operation.float('softcap', 0) });
  const shown = [stages.products, stages.capped, stages.biased, stages.weights][operation.integer('qk_matmul_output_mode', 0)];
  return [isFlat ? joinHeads(graph, output) : output, key, value, shown];
};

function biasesOf(operation: Operation, query: Value, keys: number, past: number): Value[] {
  const { graph } = operation;
  const biases: Value[] = [];
  const mask = operation.inputs.at(3) ?? null;
  if (mask !== null) biases.push(mask.dtype === 'bool' ? maskBias(graph, mask, query) : mask);
  const lengths = operation.inputs.at(6) ?? null;
  if (lengths !== null) {
    const counted = graph.constant('int64', [1, 1, 1, keys], Array.from({ length: keys }, (_, i) => i));
    biases.push(maskBias(graph, graph.compare('Less', counted, graph.reshape(lengths, [lengths.shape[0], 1, 1, 1])), query));
  }
  if (operation.integer('is_causal', 0) !== 0) biases.push(causalBias(graph, [query.shape[2], keys], query, { offset: past }));
  return biases;
}

/** RotaryEmbedding of operator set 23: https://onnx.ai/onnx/operators/onnx__RotaryEmbedding.html */
const rotaryEmbedding: Lowering = (operation) => {
  const { graph } = operation;
  const x = operation.input(0);
  const isFlat = operation.rank === 3;
  const heads = isFlat ? splitHeads(graph, x, operation.integer('num_heads', 1)) : x;
  const positions = operation.inputs.at(3) ?? null;
  const [cosines, sines] = [1, 2].map((index) => (positions === null ? operation.input(index) : graph.gather(operation.input(index), positions, 0)));
  const rotated = rotate(graph, heads, { cosines, sines, interleaved: operation.integer('interleaved', 0) !== 0 });
  return [isFlat ? joinHeads(graph, rotated) : rotated];
};

export const attentions: Lowerings = { Attention: attention, RotaryEmbedding: rotaryEmbedding };
