import { elementsOf } from '../../../derivatives/graph.js';
import { type BoundedOperation, copies, type Gains } from './boundedOperation.js';

/** Elements that each output of a reduction or a global pooling is made of. */
const reduced = (operation: BoundedOperation): number => copies(operation.shape(0), operation.outputShape);

/** Length of the axis that LogSoftmax sums over; before operator set 13 all axes from one on. */
function softmaxSize({ operation }: BoundedOperation): number {
  const { shape } = operation.input(0);
  const axis = operation.axis(operation.integer('axis', operation.opset < 13 ? 1 : -1));
  return operation.opset < 13 ? elementsOf(shape.slice(axis)) : shape[axis];
}

/** Reductions, pooling and softmax. */
export const windowGains: Gains = {
  ReduceSum: (operation) => operation.only() * Math.sqrt(reduced(operation)),
  ReduceL1: (operation) => operation.only() * Math.sqrt(reduced(operation)),
  ReduceMean: (operation) => operation.only() / Math.sqrt(reduced(operation)),
  // The gradient of the norm is a unit vector, that of the largest a mean of unit vectors, that of log Σ exp a softmax.
  ReduceL2: (operation) => operation.only(),
  ReduceMax: (operation) => operation.only(),
  ReduceMin: (operation) => operation.only(),
  ReduceLogSumExp: (operation) => operation.only(),
  GlobalAveragePool: (operation) => operation.only() / Math.sqrt(reduced(operation)),
  GlobalMaxPool: (operation) => operation.only(),
  // One 1 in each row, and as many in a column as windows that an element is in.
  MaxPool: (operation) => operation.only() * Math.sqrt(windowAxes(operation).reduce((most, axis) => most * mostWindows(axis), 1)),
  AveragePool: averagePool,
  // J = diag(p) − p·pᵀ is symmetric; row i sums to 2·pᵢ·(1 − pᵢ) ≤ 1/2 in magnitude (Gershgorin).
  Softmax: (operation) => operation.only() / 2,
  // J = I − 1·pᵀ is a projection, as pᵀ·1 = 1, and of the same norm as 1·pᵀ: √n·‖p‖ ≤ √n.
  LogSoftmax: (operation) => operation.only() * Math.sqrt(softmaxSize(operation)),
};

interface WindowAxis {
  /** Elements of the image. */
  size: number;
  /** Windows. */
  count: number;
  kernel: number;
  stride: number;
  dilation: number;
  padBegin: number;
  padEnd: number;
}

function windowAxes(operation: BoundedOperation): WindowAxis[] {
  const { operation: node } = operation;
  const kernels = node.integers('kernel_shape') ?? operation.refuse('has no kernel_shape');
  const [image, windows] = [operation.shape(0).slice(2), operation.outputShape.slice(2)];
  const [strides, dilations, pads] = [node.integers('strides'), node.integers('dilations'), node.integers('pads')];
  const mode = node.text('auto_pad', 'NOTSET');
  return kernels.map((kernel, axis) => {
    const [size, count, stride, dilation] = [image[axis], windows[axis], strides?.at(axis) ?? 1, dilations?.at(axis) ?? 1];
    const total = Math.max(0, (count - 1) * stride + (kernel - 1) * dilation + 1 - size);
    const padBegin = mode === 'SAME_UPPER' ? Math.floor(total / 2) : mode === 'SAME_LOWER' ? Math.ceil(total / 2) : mode === 'VALID' ? 0 : (pads?.at(axis) ?? 0);
    const padEnd = mode.startsWith('SAME') ? total - padBegin : mode === 'VALID' ? 0 : (pads?.at(kernels.length + axis) ?? 0);
    return { size, count, kernel, stride, dilation, padBegin, padEnd };
  });
}

/** Most windows that one element is in: taps whose offsets are alike modulo the stride. */
function mostWindows({ kernel, stride, dilation, count }: WindowAxis): number {
  const counts = new Map<number, number>();
  for (let tap = 0; tap < kernel; tap++) {
    const residue = (tap * dilation) % stride;
    counts.set(residue, (counts.get(residue) ?? 0) + 1);
  }
  return Math.min(count, Math.max(...counts.values()));
}

/**
 * Windows are products of windows along the axes, and so are the numbers that they divide by: the operator is a Kronecker
 * product, whose norm is the product of those along the axes. There no row sums to more than 1, and by Schur's test
 * ‖A‖² ≤ ‖A‖₁·‖A‖∞ the norm is at most the root of the largest column sum. Windows that reach beyond the padding (ceil_mode)
 * are divided by what is left of them at least.
 */
function averagePool(operation: BoundedOperation): number {
  const isCounted = operation.operation.integer('count_include_pad', 0) !== 0;
  return windowAxes(operation).reduce((norm, axis) => norm * Math.sqrt(largestColumn(axis, isCounted)), operation.only());
}

function largestColumn({ size, count, kernel, stride, dilation, padBegin, padEnd }: WindowAxis, isCounted: boolean): number {
  const columns = new Float64Array(size);
  for (let window = 0; window < count; window++) {
    const places = Array.from({ length: kernel }, (_, tap) => window * stride - padBegin + tap * dilation);
    const inside = places.filter((place) => place >= 0 && place < size);
    const divisor = isCounted ? places.filter((place) => place >= -padBegin && place < size + padEnd).length : inside.length;
    for (const place of inside) columns[place] += 1 / divisor;
  }
  return columns.reduce((most, column) => Math.max(most, column), 0);
}
