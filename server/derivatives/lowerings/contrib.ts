import { float } from '../builder.js';
import type { Value } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';

/**
 * Operators that onnxruntime's optimizer puts together, in those of the standard.
 * Definitions: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */

/** x·Φ(x). */
function gelu({ graph }: Operation, x: Value): Value {
  const twice = graph.add(graph.unary('Erf', graph.multiply(x, Math.SQRT1_2)), 1);
  return graph.multiply(graph.multiply(x, 0.5), twice);
}

/** x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))). */
function tanhGelu({ graph }: Operation, x: Value): Value {
  const cubic = graph.multiply(x, graph.add(graph.multiply(graph.multiply(x, x), 0.044715), 1));
  return graph.multiply(graph.multiply(x, 0.5), graph.add(graph.unary('Tanh', graph.multiply(cubic, Math.sqrt(2 / Math.PI))), 1));
}

/** An operand and what is added to it, where that is given. */
function biased(operation: Operation, index: number, x = operation.input(0)): Value {
  const bias = operation.inputs.at(index) ?? null;
  return bias === null ? x : operation.graph.add(x, bias);
}

/** Attributes of activations that are part of an operator. */
interface ActivationSettings {
  name: string;
  alpha: number | undefined;
  beta: number | undefined;
}

function activated(operation: Operation, x: Value, { name, alpha, beta }: ActivationSettings): Value {
  const { graph } = operation;
  const settings = { alpha: alpha === undefined ? undefined : float(alpha), beta: beta === undefined ? undefined : float(beta) };
  switch (name) {
    case '':
      return x;
    case 'Clip':
      return graph.one('Clip', [x, graph.scalar(alpha ?? -Infinity, x), graph.scalar(beta ?? Infinity, x)], x.shape);
    case 'LeakyRelu':
    case 'Elu':
    case 'ThresholdedRelu':
      return graph.unary(name, x, { alpha: settings.alpha });
    case 'HardSigmoid':
      return graph.unary(name, x, settings);
    case 'Relu':
    case 'Sigmoid':
    case 'Tanh':
    case 'Softplus':
    case 'Softsign':
    case 'HardSwish':
      return graph.unary(name, x);
    default:
      return operation.fail(`ends in the activation ${name}, which is not supported`);
  }
}

const convolutionAttributes = ['auto_pad', 'dilations', 'group', 'kernel_shape', 'pads', 'strides'];

/** activation(Conv(x, w, b) + z). */
const fusedConvolution: Lowering = (operation) => {
  const { graph, node, inputs } = operation;
  const attributes = Object.fromEntries(Object.entries(node.attributes).filter(([name]) => convolutionAttributes.includes(name)));
  const convolution = graph.one('Conv', inputs.slice(0, 3), operation.output().shape, attributes);
  const [alpha, beta] = operation.floats('activation_params') ?? [];
  return [activated(operation, biased(operation, 3, convolution), { name: operation.text('activation', ''), alpha, beta })];
};

const fusedGemm: Lowering = (operation) => {
  const { graph, node, inputs } = operation;
  const attributes = Object.fromEntries(Object.entries(node.attributes).filter(([name]) => !name.startsWith('activation')));
  const product = graph.one('Gemm', inputs, operation.output().shape, attributes);
  const parameter = (name: string): number | undefined => (operation.has(name) ? operation.float(name, 0) : undefined);
  return [activated(operation, product, { name: operation.text('activation', ''), alpha: parameter('activation_alpha'), beta: parameter('activation_beta') })];
};

/** α·op(A)·op(B); `transBatch` says that the rows are the first axis, before those of the batch. */
const fusedMatrixProduct: Lowering = (operation) => {
  const { graph } = operation;
  const operand = (index: number, letter: string): Value => {
    const x = operation.input(index);
    const rank = x.shape.length;
    if (rank < 2) return x;
    const isBatched = operation.integer(`transBatch${letter}`, 0) !== 0;
    const order = Array.from({ length: rank }, (_, axis) => (isBatched && axis < rank - 1 ? (axis + 1) % (rank - 1) : axis));
    const moved = graph.transpose(x, order);
    return operation.integer(`trans${letter}`, 0) === 0 ? moved : graph.transposeLast(moved);
  };
  const product = graph.one('MatMul', [operand(0, 'A'), operand(1, 'B')], operation.output().shape);
  const alpha = operation.float('alpha', 1);
  return [alpha === 1 ? product : graph.multiply(product, alpha)];
};

/** Weights of 2, 4 or 8 bits in blocks with a scale and a zero point each: B is [N, blocks, bytes], A·Bᵀ the result. */
const quantizedMatrixProduct: Lowering = (operation) => {
  const { graph } = operation;
  const a = operation.input(0);
  const packed = operation.input(1);
  const [rows, columns, blockSize] = ['N', 'K', 'block_size'].map((name) => operation.integer(name, 0));
  const bits = operation.integer('bits', 4);
  const blocks = Math.ceil(columns / blockSize);
  if ((operation.inputs.at(4) ?? null) !== null) return operation.fail('has its columns in another order (g_idx), which is not supported');
  const perBlock = (value: Value): Value => graph.reshape(value, [rows, blocks, 1]);
  const zero = operation.inputs.at(3) ?? null;
  const unpackedZero = (value: Value): Value => {
    if (value.dtype !== 'uint8') return perBlock(value);
    const all = unpacked(operation, graph.reshape(value, [rows, 1, Math.ceil((blocks * bits) / 8)]), bits);
    return graph.cast(perBlock(graph.slice(all, [2], [0], [blocks])), a.dtype);
  };
  const centre = zero === null ? graph.scalar(2 ** (bits - 1), a) : unpackedZero(zero);
  const numbers = graph.cast(unpacked(operation, graph.reshape(packed, [rows, blocks, (blockSize * bits) / 8]), bits), a.dtype);
  const scaled = graph.multiply(graph.subtract(numbers, centre), perBlock(operation.input(2)));
  const weights = graph.slice(graph.reshape(scaled, [rows, blocks * blockSize]), [1], [0], [columns]);
  return [biased(operation, 5, graph.one('MatMul', [a, graph.transposeLast(weights)], operation.output().shape))];
};

/** The numbers of `bits` bits in the bytes of the last axis, the lowest first. */
function unpacked({ graph }: Operation, bytes: Value, bits: number): Value {
  if (bits === 8) return bytes;
  const perByte = 8 / bits;
  const [rows, blocks, length] = bytes.shape;
  const parts = Array.from({ length: perByte }, (_, i) => {
    const moved = graph.one('BitShift', [bytes, graph.constant('uint8', [], [i * bits])], bytes.shape, { direction: 'RIGHT' });
    return graph.reshape(graph.one('BitwiseAnd', [moved, graph.constant('uint8', [], [2 ** bits - 1])], bytes.shape), [rows, blocks, length, 1]);
  });
  return graph.reshape(graph.concat(parts, 3), [rows, blocks, length * perByte]);
}

export const fused: Lowerings = {
  'com.microsoft.Gelu': (operation) => [gelu(operation, operation.input(0))],
  'com.microsoft.BiasGelu': (operation) => [gelu(operation, biased(operation, 1))],
  'com.microsoft.FastGelu': (operation) => [tanhGelu(operation, biased(operation, 1))],
  'com.microsoft.QuickGelu': (operation) => {
    const { graph } = operation;
    const x = operation.input(0);
    return [graph.multiply(x, graph.unary('Sigmoid', graph.multiply(x, operation.float('alpha', 1.702))))];
  },
  'com.microsoft.BiasSplitGelu': (operation) => {
    const { graph } = operation;
    const x = biased(operation, 1);
    const [axis, half] = [x.shape.length - 1, x.shape[x.shape.length - 1] / 2];
    return [graph.multiply(graph.slice(x, [axis], [0], [half]), gelu(operation, graph.slice(x, [axis], [half], [2 * half])))];
  },
  'com.microsoft.FusedConv': fusedConvolution,
  'com.microsoft.FusedGemm': fusedGemm,
  'com.microsoft.FusedMatMul': fusedMatrixProduct,
  'com.microsoft.TransposeMatMul': fusedMatrixProduct,
  'com.microsoft.MatMulNBits': quantizedMatrixProduct,
};
