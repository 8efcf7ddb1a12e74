import type { GraphNode } from '../../formats/modelFile.js';
import { numberAttribute, stringAttribute } from '../attributes.js';
import { constantTensor, isFloat, quantisedAlong, type ConstantResolver } from '../constantResolver.js';
import { draft, folded, singleBlock, type Detected } from '../draft.js';
import { dequantized, elementsOf, reshaped, scaled, sliced, transposed } from '../expression.js';
import type { PlacedNode, Scope } from '../graphScope.js';
import type { WeightExpression } from '../model.js';

/** Where an operation of the MatMul family keeps its operands and their quantisation. */
interface Operands {
  left: number;
  right: number;
  /** Scale and zero point inputs of each operand; −1: none. */
  leftQuantisation: [scale: number, zeroPoint: number];
  rightQuantisation: [scale: number, zeroPoint: number];
  bias: number;
}

const plain: Operands = { left: 0, right: 1, leftQuantisation: [-1, -1], rightQuantisation: [-1, -1], bias: 2 };
const operandsOf: Record<string, Operands> = {
  Gemm: plain,
  FusedGemm: plain,
  MatMul: plain,
  FusedMatMul: plain,
  TransposeMatMul: plain,
  QLinearMatMul: { left: 0, right: 3, leftQuantisation: [1, 2], rightQuantisation: [4, 5], bias: -1 },
  MatMulInteger: { left: 0, right: 1, leftQuantisation: [-1, 2], rightQuantisation: [-1, 3], bias: -1 },
  DynamicQuantizeMatMul: { left: 0, right: 1, leftQuantisation: [-1, -1], rightQuantisation: [2, 3], bias: 4 },
  MatMulIntegerToFloat: { left: 0, right: 1, leftQuantisation: [2, 4], rightQuantisation: [3, 5], bias: 6 },
  QGemm: { left: 0, right: 3, leftQuantisation: [1, 2], rightQuantisation: [4, 5], bias: 6 },
};

/** Gemm, MatMul and their fused and quantised kin with one constant operand: a dense matrix [out, in]. */
export function detectDense(at: PlacedNode, resolver: ConstantResolver): Detected | null {
  const { node, scope } = at;
  if (node.opType === 'MatMulNBits') return detectMatMulNBits(at, resolver);
  if (node.opType === 'Einsum') return detectEinsum(at, resolver);
  const operands = (operandsOf as Partial<Record<string, Operands>>)[node.opType];
  if (!operands) return null;
  const left = resolver.resolve(scope, node.inputs[operands.left] ?? '');
  const right = resolver.resolve(scope, node.inputs[operands.right] ?? '');
  if (left && right) return { reason: `both operands of ${describe(node)} are constants` };
  const constant = left ?? right;
  if (!constant) return null;
  if (constant.shape.length < 2) return { reason: `1-D: ${describe(node)} multiplies by a vector` };
  const onLeft = left !== null;
  const [scaleInput, zeroInput] = onLeft ? operands.leftQuantisation : operands.rightQuantisation;
  const weight = dequantizedOperand(at, resolver, constant, scaleInput, zeroInput);
  const flipped = numberAttribute(node, onLeft ? 'transA' : 'transB', 0) !== 0;
  // A left constant W maps columns, W·x: rows are outputs. A right one maps rows, x·W: columns are outputs.
  const outputsFirst = onLeft !== flipped;
  const alpha = node.opType === 'MatMulInteger' ? 1 : numberAttribute(node, 'alpha', 1);
  const rank = weight.shape.length;
  const swapped = outputsFirst ? weight : transposed(weight, [...weight.shape.keys()].slice(0, -2).concat(rank - 1, rank - 2));
  const batch = elementsOf(weight.shape.slice(0, -2));
  const [rows, columns] = swapped.shape.slice(-2);
  return {
    layers: [
      draft(at, scaled(reshaped(swapped, [batch, rows, columns]), alpha), {
        kind: batch === 1 ? 'dense' : 'other',
        input: node.inputs[onLeft ? operands.right : operands.left],
        unitAxis: onLeft ? -2 : -1,
        biasInputs: [operands.bias],
      }),
    ],
  };
}

/** The operand with its scale, where the node or the multiplication after it tells one. */
function dequantizedOperand({ node, scope }: PlacedNode, resolver: ConstantResolver, of: WeightExpression, scaleInput: number, zeroInput: number): WeightExpression {
  if (isFloat(of)) return of;
  const zeroPoint = resolver.tensor(scope, node.inputs[zeroInput]);
  const scale = resolver.tensor(scope, node.inputs[scaleInput]) ?? scaleAfter(scope, node, resolver);
  if (!scale && !zeroPoint) return of;
  return quantisedAlong(of, scale ?? constantTensor('1', 1), zeroPoint, of.shape.length - 1, 0) ?? of;
}

/**
 * Dynamic quantisation as onnxruntime writes it: MatMulInteger → Cast → Mul(·, scale of x · scale of W). The constant
 * factor of that product.
 */
export function scaleAfter(scope: Scope, node: GraphNode, resolver: ConstantResolver) {
  let uses = scope.usesOf(node.outputs[0] ?? '');
  if (uses.length === 1 && uses[0].node.opType === 'Cast') uses = scope.usesOf(uses[0].node.outputs[0]);
  const multiply = uses.length === 1 && uses[0].node.opType === 'Mul' ? uses[0] : null;
  if (!multiply) return null;
  const factor = multiply.node.inputs[1 - multiply.input];
  const direct = resolver.tensor(scope, factor);
  if (direct) return direct;
  const product = scope.producer(factor);
  if (product?.node.opType !== 'Mul') return null;
  return product.node.inputs.map((input) => resolver.tensor(product.scope, input)).find((tensor) => tensor !== null) ?? null;
}

/** onnxruntime's block-quantised matrix: B is [N, blocks, bytes of one block], low bits first; zero point 2^(bits − 1). */
function detectMatMulNBits(at: PlacedNode, resolver: ConstantResolver): Detected | null {
  const { node, scope } = at;
  const packed = resolver.tensor(scope, node.inputs[1]);
  if (!packed) return null;
  const [columns, rows, bits, blockSize] = ['K', 'N', 'bits', 'block_size'].map((name) => numberAttribute(node, name, name === 'bits' ? 4 : 0));
  const scale = resolver.tensor(scope, node.inputs[2]);
  const dtype = bits === 4 ? 'uint4' : bits === 2 ? 'uint2' : bits === 8 ? 'uint8' : null;
  const blocks = Math.ceil(columns / blockSize);
  const refused = (why: string) => ({ reason: `${describe(node)}: ${why}` });
  if (!dtype) return refused(`${bits}-bit blocks are not decoded`);
  if (node.inputs[4]) return refused('blocks in a permuted order (g_idx) are not decoded');
  if (!scale || packed.data.encoding !== 'raw' || packed.dtype !== 'uint8') return refused('the packed weights or their scales are not constants');
  if (!(blockSize > 0) || elementsOf(scale.shape) !== rows * blocks || elementsOf(packed.shape) * 8 !== rows * blocks * blockSize * bits) {
    return refused('the sizes of weights, scales and attributes do not fit together');
  }
  const givenZero = resolver.tensor(scope, node.inputs[3]);
  const packedZero = givenZero?.dtype === 'uint8' && bits < 8;
  if (node.inputs[3] && (!givenZero || (packedZero && blocks % (8 / bits) !== 0))) return refused('zero points padded to whole bytes are not decoded');
  const zeroPoint = givenZero ? { ...givenZero, dtype: packedZero ? dtype : givenZero.dtype, shape: [rows, blocks] } : constantTensor('zero point', 2 ** (bits - 1));
  const whole: WeightExpression = { op: 'stored', tensor: { ...packed, dtype, shape: [rows, blocks * blockSize] }, shape: [rows, blocks * blockSize] };
  const values = dequantized(whole, { scale: { ...scale, shape: [rows, blocks] }, zeroPoint, axis: 1, blockSize });
  return { layers: [draft(at, singleBlock(sliced(values, 1, 0, columns)), { kind: 'dense', shape: [rows, columns], biasInputs: [5] })] };
}

/** Einsum of an activation and a constant: contracted letters are inputs, the constant's own are outputs, shared ones groups. */
function detectEinsum(at: PlacedNode, resolver: ConstantResolver): Detected | null {
  const { node, scope } = at;
  const constants = node.inputs.map((input) => resolver.resolve(scope, input));
  const which = constants.findIndex((constant) => constant !== null);
  const weight = constants[which] ?? null;
  if (node.inputs.length !== 2 || !weight || constants[1 - which]) return weight ? { reason: `${describe(node)} has not exactly one constant operand` } : null;
  const equation = stringAttribute(node, 'equation', '').replaceAll(' ', '');
  const [operands, result = ''] = equation.split('->');
  const letters = operands.split(',');
  const own = letters[which] ?? '';
  const other = letters[1 - which] ?? '';
  const ownLetters = Array.from(own);
  const contracted = ownLetters.filter((letter) => other.includes(letter) && !result.includes(letter));
  const shared = ownLetters.filter((letter) => other.includes(letter) && result.includes(letter));
  const outputs = ownLetters.filter((letter) => !other.includes(letter) && result.includes(letter));
  const understood = !own.includes('.') && new Set(own).size === own.length && contracted.length + shared.length + outputs.length === own.length && own.length === weight.shape.length;
  if (!understood || contracted.length === 0 || outputs.length === 0) return { reason: `${describe(node)}: the equation ${equation} is no matrix product with this constant` };
  const ordered = transposed(weight, [...shared, ...outputs, ...contracted].map((letter) => own.indexOf(letter)));
  const groups = elementsOf(ordered.shape.slice(0, shared.length));
  const matrix = folded(ordered, shared.length + outputs.length);
  const [rows, columns] = [matrix.shape[0] / groups, matrix.shape[1]];
  return { layers: [draft(at, reshaped(matrix, [groups, rows, columns]), { kind: groups === 1 ? 'dense' : 'other', input: node.inputs[1 - which], unitAxis: result.endsWith(outputs.join('')) ? -1 : -2 })] };
}

/** A node for a sentence. */
export function describe(node: GraphNode): string {
  return node.name === '' ? node.opType : `${node.opType} "${node.name}"`;
}
