import { elementsOf } from '../../../derivatives/graph.js';
import { fusedActivation } from './activations.js';
import { type BoundedOperation, type Gains, sum } from './boundedOperation.js';
import type { GridConvolution } from './operatorNorms.js';

/**
 * Products with constants: the norm of the stored matrix, or of the convolution (`OperatorNorms`), times the bound of the
 * operand. A matrix that is multiplied from the other side, transposed or applied to every row has the same norm.
 */
export const linearGains: Gains = {
  MatMul: (operation) => matrixProduct(operation),
  'com.microsoft.FusedMatMul': (operation) => scaledProduct(operation),
  'com.microsoft.TransposeMatMul': (operation) => scaledProduct(operation),
  Gemm: gemm,
  'com.microsoft.FusedGemm': async (operation) => fusedActivation(operation) * (await gemm(operation)),
  Conv: convolution,
  'com.microsoft.FusedConv': fusedConvolution,
  ConvTranspose: transposedConvolution,
};

async function scaledProduct(operation: BoundedOperation): Promise<number> {
  const { operation: node } = operation;
  if (node.integer('transBatchA', 0) !== 0 || node.integer('transBatchB', 0) !== 0) operation.refuse('moves the axes of its batch, for which no Lipschitz constant is known here');
  return Math.abs(node.float('alpha', 1)) * (await matrixProduct(operation));
}

/** x·W or W·x; batches of W beyond those of x see x again, and ‖[W₁; W₂; …]‖ ≤ √copies·max ‖W‖. */
async function matrixProduct(operation: BoundedOperation): Promise<number> {
  if (operation.isActive(0) && operation.isActive(1)) operation.refuse('multiplies two values that depend on the input, which has no Lipschitz constant over all inputs');
  const active = operation.isActive(0) ? 0 : 1;
  const fixed = operation.shape(1 - active);
  const [rows, columns] = fixed.length === 1 ? [1, fixed[0]] : fixed.slice(-2);
  const groups = elementsOf(fixed.slice(0, -2));
  const norm = await operation.norms.once(`matrix ${operation.operation.input(1 - active).name}`, async () => {
    const { values, relativeError } = await operation.constant(1 - active);
    return (await operation.norms.dense(groups, rows, columns, values)) * (1 + relativeError);
  });
  const operand = operation.shape(active);
  const batches = (shape: readonly number[]): number[] => [...shape.slice(0, -2)];
  const [a, b] = [batches(operand), batches(fixed)];
  const together = Array.from({ length: Math.max(a.length, b.length) }, (_, i) => Math.max(a.at(-1 - i) ?? 1, b.at(-1 - i) ?? 1));
  const repeats = elementsOf(together) / Math.max(1, elementsOf(a));
  return (operation.bounds[active] ?? 0) * norm * Math.sqrt(repeats);
}

/** α·A·B + β·C. */
async function gemm(operation: BoundedOperation): Promise<number> {
  const { operation: node } = operation;
  const added = node.inputs.length > 2 && operation.isActive(2) ? sum(operation.broadcast([2])) * Math.abs(node.float('beta', 1)) : 0;
  if (!operation.isActive(0) && !operation.isActive(1)) return added;
  return Math.abs(node.float('alpha', 1)) * (await matrixProduct(operation)) + added;
}

async function convolution(operation: BoundedOperation): Promise<number> {
  const bound = operation.only();
  return bound * (await convolutionNorm(operation, operation.shape(0)));
}

/** onnxruntime's Conv, to which a fourth input is added before an activation. */
async function fusedConvolution(operation: BoundedOperation): Promise<number> {
  if (operation.isActive(1) || operation.isActive(2)) operation.refuse('has weights that depend on the input, which has no Lipschitz constant over all inputs');
  const [product, added] = [operation.bounds[0] ?? 0, operation.bounds.at(3) ?? 0];
  const norm = operation.isActive(0) ? await convolutionNorm(operation, operation.shape(0)) : 0;
  return fusedActivation(operation) * (product * norm + added);
}

/** The transpose of the convolution that takes its output to its input, with the weights as they are stored. */
async function transposedConvolution(operation: BoundedOperation): Promise<number> {
  const bound = operation.only();
  return bound * (await convolutionNorm(operation, operation.outputShape));
}

/** @param image shape of what the plain convolution reads: the input, or the output of a transposed one */
async function convolutionNorm(operation: BoundedOperation, image: readonly number[]): Promise<number> {
  const { operation: node } = operation;
  const [outChannels, inPerGroup, ...kernel] = operation.shape(1);
  const groups = node.integer('group', 1);
  const ones = kernel.map(() => 1);
  const isPadded = node.text('auto_pad', 'NOTSET').startsWith('SAME') || node.has('output_shape') || (node.integers('pads') ?? []).some((pad) => pad > 0);
  const plain: Omit<GridConvolution, 'weights'> = {
    groups,
    outChannels,
    inChannels: inPerGroup * groups,
    kernel,
    strides: [...(node.integers('strides') ?? ones)],
    dilations: [...(node.integers('dilations') ?? ones)],
    imageSize: image.slice(2),
    isPadded,
  };
  return operation.norms.once(`convolution ${operation.operation.input(1).name} ${JSON.stringify(plain)}`, async () => {
    const { values: weights, relativeError } = await operation.constant(1);
    return (await operation.norms.convolution({ ...plain, weights })) * (1 + relativeError);
  });
}
