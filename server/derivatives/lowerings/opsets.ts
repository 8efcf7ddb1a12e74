import type { OnnxAttribute } from '../../runtime/onnxWriter.js';
import { sameShape } from '../builder.js';
import { elementsOf, type Value } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';

/**
 * Operators whose meaning or parameters have changed, as operator set 18 has them; those that were the same in the model's
 * operator set stay as they are. Changes: https://github.com/onnx/onnx/blob/main/docs/Changelog.md
 */

/** Operator sets from which on the models are read: before, operators broadcast along named axes. */
const firstOpset = 7;
/** What the indices and ends of old Slice nodes are limited to; no axis is as long. */
const largestIndex = 2 ** 31 - 1;

/** The same operator with other inputs, without some of its attributes and with others. */
function changed(operation: Operation, inputs: readonly (Value | null)[], dropped: readonly string[] = [], added: Readonly<Record<string, OnnxAttribute>> = {}): Value[] {
  const { graph, node, outputs } = operation;
  const attributes = { ...Object.fromEntries(Object.entries(node.attributes).filter(([name]) => !dropped.includes(name))), ...added };
  return graph.operation(node.operator, inputs, outputs.map((output) => output ?? { shape: [], dtype: 'float32' }), attributes);
}

/** A list attribute that became the second input. */
function listToInput(name: string, since: number): Lowering {
  return (operation) => {
    if (operation.opset >= since) return null;
    const list = operation.integers(name);
    return changed(operation, [operation.input(0), list && operation.graph.integers(list)], [name]);
  };
}

/** Parts of equal sizes were told by the number of outputs alone. */
const split: Lowering = (operation) => {
  if (operation.opset >= 18) return null;
  const sizes = operation.opset >= 13 ? (operation.inputs.at(1) ?? null) : listOf(operation, 'split');
  if (sizes !== null) return changed(operation, [operation.input(0), sizes], ['split']);
  return changed(operation, [operation.input(0)], [], { num_outputs: { type: 'int', value: operation.outputs.length } });
};

const slice: Lowering = (operation) => {
  if (operation.opset >= 10) return null;
  const [starts, ends, axes] = ['starts', 'ends', 'axes'].map((name) => operation.integers(name));
  if (starts === null || ends === null) return operation.fail('has no starts and ends');
  const limited = [starts, ends].map((list) => operation.graph.integers(list.map((index) => Math.min(Math.max(index, -largestIndex), largestIndex))));
  return changed(operation, [operation.input(0), ...limited, axes && operation.graph.integers(axes)], ['starts', 'ends', 'axes']);
};

const pad: Lowering = (operation) => {
  if (operation.opset >= 11) return null;
  const x = operation.input(0);
  return changed(operation, [x, listOf(operation, 'pads'), operation.graph.scalar(operation.float('value', 0), x)], ['pads', 'value']);
};

const clip: Lowering = (operation) => {
  if (operation.opset >= 11) return null;
  const x = operation.input(0);
  const bounds = ['min', 'max'].map((name) => (operation.has(name) ? operation.graph.scalar(operation.float(name, 0), x) : null));
  return changed(operation, [x, ...bounds], ['min', 'max']);
};

/** Softmax and its kin went over all axes from `axis` on, as if they were one. */
const overAllFollowing: Lowering = (operation) => {
  if (operation.opset >= 13) return null;
  const { graph, node } = operation;
  const x = operation.input(0);
  const axis = operation.axis(operation.integer('axis', 1));
  const rows = graph.reshape(x, [elementsOf(x.shape.slice(0, axis)), elementsOf(x.shape.slice(axis))]);
  return [graph.reshape(graph.unary(node.operator, rows, { axis: 1 }), x.shape)];
};

/** Dropout is the identity, unless it trains. */
const dropout: Lowering = (operation) => {
  const { graph, opset } = operation;
  const x = operation.input(0);
  const training = opset >= 12 ? (operation.parameters(2)?.[0] ?? 0) : 0;
  if (training !== 0 && operation.parameters(1)?.[0] !== 0) return operation.fail('is in training mode, in which its output is random: export the network for inference');
  return [graph.unary('Identity', x), graph.filled(1, x.shape, opset >= 10 ? 'bool' : x.dtype)];
};

/** Y = (x − mean)/√(variance + ε)·scale + bias; before 9, `spatial` = 0 meant parameters for every element of a sample. */
const batchNormalization: Lowering = (operation) => {
  const { graph, opset } = operation;
  if (opset >= 14) return null;
  if (operation.outputs.slice(1).some((output) => output !== null)) return operation.fail('is in training mode, in which it normalizes by the batch: export the network for inference');
  const [x, scale, bias, mean, variance] = [0, 1, 2, 3, 4].map((index) => operation.input(index));
  if (operation.integer('spatial', 1) !== 0) return [changed(operation, [x, scale, bias, mean, variance], ['spatial', 'is_test', 'consumed_inputs'])[0]];
  const factor = graph.multiply(scale, graph.reciprocalRoot(graph.add(variance, operation.float('epsilon', 1e-5))));
  return [graph.add(graph.multiply(graph.subtract(x, mean), factor), bias)];
};

/**
 * Upsample, and Resize before 11: output i is at i/scale of the input. The nearest input was the one before it where an
 * axis grows and the one after it where it shrinks.
 */
const resample: Lowering = (operation) => {
  const { graph, node, opset } = operation;
  if (opset >= 11 && node.operator === 'Resize') return withoutEmptyInputs(operation);
  const x = operation.input(0);
  const scales = operation.floats('scales') ?? operation.parameters(1) ?? operation.fail('has no scales');
  const mode = operation.text('mode', 'nearest');
  const resized = (from: Value, wanted: (scale: number) => boolean, rounding: 'floor' | 'ceil'): Value => {
    const factors = scales.map((scale) => (wanted(scale) ? scale : 1));
    const shape = from.shape.map((size, axis) => (factors[axis] === 1 ? size : operation.output().shape[axis]));
    if (sameShape(shape, from.shape) && factors.every((factor) => factor === 1)) return from;
    const nearest = mode === 'nearest' ? { nearest_mode: rounding } : {};
    return graph.one('Resize', [from, null, graph.constant('float32', [factors.length], factors)], shape, { mode, coordinate_transformation_mode: 'asymmetric', ...nearest });
  };
  if (mode !== 'nearest') return [resized(x, () => true, 'floor')];
  return [resized(resized(x, (scale) => scale > 1, 'floor'), (scale) => scale < 1, 'ceil')];
};

/** Inputs of Resize that were left out had to be given without elements before 13. */
function withoutEmptyInputs(operation: Operation): Value[] | null {
  if (operation.opset >= 13) return null;
  return changed(operation, operation.inputs.map((input) => (input === null || input.shape.includes(0) ? null : input)));
}

const topK: Lowering = (operation) => {
  if (operation.opset >= 10) return null;
  return changed(operation, [operation.input(0), operation.graph.integers([operation.integer('k', 1)])], ['k']);
};

/** Scatter is ScatterElements by its old name. */
const scatter: Lowering = ({ graph, inputs, node }) => {
  const target = inputs[0];
  return target && [graph.one('ScatterElements', inputs, target.shape, node.attributes)];
};

/** Before 16 the corners of regions were not moved by half a pixel. */
const roiAlign: Lowering = (operation) => {
  if (operation.opset >= 16) return null;
  return changed(operation, operation.inputs, [], { coordinate_transformation_mode: { type: 'string', value: 'output_half_pixel' } });
};

/** Broadcasting along named axes. */
const oldBroadcast: Lowering = (operation) => {
  if (operation.opset >= firstOpset || !(operation.has('broadcast') || operation.has('axis'))) return null;
  return operation.fail(`is of operator set ${operation.opset}: convert the model to ${firstOpset} or later`);
};

function listOf(operation: Operation, name: string): Value | null {
  const list = operation.integers(name);
  return list && operation.graph.integers(list);
}

const reductions = ['ReduceMax', 'ReduceMin', 'ReduceMean', 'ReduceProd', 'ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceSumSquare'];
const broadcasting = ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Gemm', 'And', 'Or', 'Xor', 'Equal', 'Greater', 'Less'];

export const opsets: Lowerings = {
  Squeeze: listToInput('axes', 13),
  Unsqueeze: listToInput('axes', 13),
  ReduceSum: listToInput('axes', 13),
  ...Object.fromEntries(reductions.map((operator) => [operator, listToInput('axes', 18)])),
  Split: split,
  Slice: slice,
  Pad: pad,
  Clip: clip,
  Softmax: overAllFollowing,
  LogSoftmax: overAllFollowing,
  Hardmax: overAllFollowing,
  Dropout: dropout,
  BatchNormalization: batchNormalization,
  Upsample: resample,
  Resize: resample,
  TopK: topK,
  Scatter: scatter,
  RoiAlign: roiAlign,
  ...Object.fromEntries(broadcasting.map((operator) => [operator, oldBroadcast])),
};
