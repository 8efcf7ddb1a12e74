/** What a convolution layer is, but for its weights. */
export interface KernelGeometry {
  groups: number;
  outChannels: number;
  inChannels: number;
  kernel: number[];
  strides: number[];
  dilations: number[];
  /** Before each axis, then after each axis. */
  pads: number[];
  outputPadding: number[];
  transposed: boolean;
  /** Spatial size of the layer's input. */
  inputSize: number[];
}

export interface ConvolutionKernel extends KernelGeometry {
  /** [groups][outPerGroup][inPerGroup][...kernel], row-major. */
  weights: Float64Array;
}

/** The operator does not exist for this geometry; the message is one sentence for the user. */
export class OperatorNotDefined extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'OperatorNotDefined';
  }
}

/**
 * A convolution y[o, p] = Σ w[o, i, t]·x[i, s·p + d·t − pad], outside of the image x = 0 (or periodic). A transposed
 * convolution is the transpose of one of these, with the channels exchanged and the same singular values.
 */
export interface PlainGeometry {
  groups: number;
  outPerGroup: number;
  inPerGroup: number;
  kernel: number[];
  /** Product of `kernel`. */
  taps: number;
  strides: number[];
  dilations: number[];
  padBegin: number[];
  /** Spatial size of x. */
  imageSize: number[];
  /** Spatial size of y. */
  outputSize: number[];
}

export interface PlainConvolution extends PlainGeometry {
  /** [groups][outPerGroup][inPerGroup][taps], row-major. */
  weights: Float64Array;
}

/** The convolution itself, or the one whose transpose the layer is, on a periodic image: every stride divides it. */
export function circularConvolution(k: ConvolutionKernel): PlainConvolution {
  return { ...circularGeometry(k), weights: plainWeights(k) };
}

/** The same with the layer's own zero padding. */
export function declaredConvolution(k: ConvolutionKernel): PlainConvolution {
  return { ...declaredGeometry(k), weights: plainWeights(k) };
}

/** Sizes of `circularConvolution`. Throws `OperatorNotDefined`. */
export function circularGeometry(k: KernelGeometry): PlainGeometry {
  const plain = channels(k);
  const imageSize = k.inputSize.map((size, axis) => (k.transposed ? size * k.strides[axis] : size));
  imageSize.forEach((size, axis) => {
    if (size % k.strides[axis] !== 0) {
      throw new OperatorNotDefined(`The circular operator is not defined for an input of ${k.inputSize.join(' × ')} with stride ${k.strides.join(' × ')}: the stride must divide the size.`);
    }
  });
  return { ...plain, padBegin: k.kernel.map(() => 0), imageSize, outputSize: imageSize.map((size, axis) => size / k.strides[axis]) };
}

/** Sizes of `declaredConvolution`. Throws `OperatorNotDefined`. */
export function declaredGeometry(k: KernelGeometry): PlainGeometry {
  const plain = channels(k);
  const axes = k.kernel.length;
  const extent = k.kernel.map((size, axis) => k.dilations[axis] * (size - 1) + 1);
  const padding = extent.map((_, axis) => k.pads[axis] + k.pads[axes + axis]);
  const far = k.inputSize.map((size, axis) =>
    k.transposed ? (size - 1) * k.strides[axis] - padding[axis] + extent[axis] + k.outputPadding[axis] : Math.floor((size + padding[axis] - extent[axis]) / k.strides[axis]) + 1,
  );
  if (far.some((size) => size < 1)) {
    throw new OperatorNotDefined(`The operator has no output for an input of ${k.inputSize.join(' × ')}: the kernel with its dilation covers ${extent.join(' × ')} and the padding adds ${padding.join(' × ')}.`);
  }
  const [imageSize, outputSize] = k.transposed ? [far, [...k.inputSize]] : [[...k.inputSize], far];
  return { ...plain, padBegin: k.pads.slice(0, axes), imageSize, outputSize };
}

/** Size of the smallest grid that holds the image and every position that a tap reaches. */
export function gridSpan(c: PlainGeometry): number[] {
  return c.imageSize.map((size, axis) => Math.max((c.outputSize[axis] - 1) * c.strides[axis] + (c.kernel[axis] - 1) * c.dilations[axis] + 1, c.padBegin[axis] + size));
}

/** One group as a convolution of its own: the operator is the direct sum of its groups'. */
export function groupOf(c: PlainConvolution, group: number): PlainConvolution {
  const length = c.outPerGroup * c.inPerGroup * c.taps;
  return { ...c, groups: 1, weights: c.weights.subarray(group * length, (group + 1) * length) };
}

/** A convolution with the axes of kernel size 1 taken out. */
export interface ReducedConvolution<Convolution extends PlainGeometry> {
  convolution: Convolution;
  /** Every singular value of `convolution` occurs this many times; all others of the operator are 0. */
  multiplicity: number;
}

/**
 * Along an axis of kernel size 1 the operator only picks positions: it is the Kronecker product of the operator without
 * that axis and of a part of the identity. The values repeat, once for each picked position inside the image.
 */
export function withoutUnitAxes<Convolution extends PlainGeometry>(c: Convolution, periodic: boolean): ReducedConvolution<Convolution> {
  const reduced = { ...c, strides: [...c.strides], padBegin: [...c.padBegin], imageSize: [...c.imageSize], outputSize: [...c.outputSize] };
  let multiplicity = 1;
  c.kernel.forEach((size, axis) => {
    if (size !== 1) return;
    const inside = Array.from({ length: c.outputSize[axis] }, (_, p) => p * c.strides[axis] - c.padBegin[axis]).filter((q) => periodic || (q >= 0 && q < c.imageSize[axis]));
    multiplicity *= inside.length;
    reduced.strides[axis] = 1;
    reduced.padBegin[axis] = 0;
    reduced.imageSize[axis] = 1;
    reduced.outputSize[axis] = 1;
  });
  return { convolution: reduced, multiplicity };
}

type Channels = Pick<PlainGeometry, 'groups' | 'outPerGroup' | 'inPerGroup' | 'kernel' | 'taps' | 'strides' | 'dilations'>;

function channels(k: KernelGeometry): Channels {
  checkGeometry(k);
  const outPerGroup = k.outChannels / k.groups;
  const inPerGroup = k.inChannels / k.groups;
  const shared = { groups: k.groups, kernel: k.kernel, taps: product(k.kernel), strides: k.strides, dilations: k.dilations };
  return k.transposed ? { ...shared, outPerGroup: inPerGroup, inPerGroup: outPerGroup } : { ...shared, outPerGroup, inPerGroup };
}

/** The weights, of a transposed convolution with the channels exchanged. */
function plainWeights(k: ConvolutionKernel): Float64Array {
  const taps = product(k.kernel);
  const outPerGroup = k.outChannels / k.groups;
  const inPerGroup = k.inChannels / k.groups;
  const expected = k.groups * outPerGroup * inPerGroup * taps;
  if (k.weights.length !== expected) refuse(`it has ${k.weights.length} weights, and its shape says ${expected}`);
  if (!k.transposed) return k.weights;
  const weights = new Float64Array(k.weights.length);
  for (let g = 0; g < k.groups; g++) {
    for (let o = 0; o < outPerGroup; o++) {
      for (let i = 0; i < inPerGroup; i++) {
        const from = ((g * outPerGroup + o) * inPerGroup + i) * taps;
        weights.set(k.weights.subarray(from, from + taps), ((g * inPerGroup + i) * outPerGroup + o) * taps);
      }
    }
  }
  return weights;
}

function refuse(what: string): never {
  throw new OperatorNotDefined(`The convolution operator cannot be formed: ${what}.`);
}

function checkGeometry(k: KernelGeometry): void {
  const axes = k.kernel.length;
  const lists: [string, number[], number, number][] = [
    ['kernel', k.kernel, axes, 1],
    ['strides', k.strides, axes, 1],
    ['dilations', k.dilations, axes, 1],
    ['input size', k.inputSize, axes, 1],
    ['padding', k.pads, 2 * axes, 0],
    ...(k.transposed ? [['output padding', k.outputPadding, axes, 0] satisfies [string, number[], number, number]] : []),
  ];
  for (const [name, list, length, least] of lists) {
    if (list.length !== length) refuse(`the ${name} has ${list.length} numbers, and a kernel with ${axes} axes needs ${length}`);
    if (list.some((value) => !Number.isInteger(value) || value < least)) refuse(`the ${name} is ${list.join(', ')}, and each number must be an integer of at least ${least}`);
  }
  if (axes === 0) refuse('its kernel has no spatial axis');
  if (!Number.isInteger(k.outChannels / k.groups) || !Number.isInteger(k.inChannels / k.groups)) refuse(`${k.outChannels} output and ${k.inChannels} input channels cannot be split into ${k.groups} groups`);
}

/** All index vectors of a grid, last axis fastest. */
export function* gridPoints(size: number[]): Generator<number[]> {
  const point = size.map(() => 0);
  if (size.some((n) => n === 0)) return;
  for (;;) {
    yield [...point];
    let axis = size.length - 1;
    while (axis >= 0 && ++point[axis] === size[axis]) point[axis--] = 0;
    if (axis < 0) return;
  }
}

/** Row-major index of a point. */
export function gridIndex(point: number[], size: number[]): number {
  return point.reduce((index, p, axis) => index * size[axis] + p, 0);
}

export function product(values: readonly number[]): number {
  return values.reduce((a, b) => a * b, 1);
}
