/**
 * Interpolation along one axis as a matrix: what Resize does with its coordinates, neighbours and weights.
 * Definition: https://onnx.ai/onnx/operators/onnx__Resize.html
 */

/** How an axis is resized. */
export interface AxisResize {
  size: number;
  resized: number;
  /** Size of the output as a part of the input's; `resized`/`size` up to the rounding of `resized`. */
  scale: number;
  /** Part of the axis that is taken, for tf_crop_and_resize: 0 is its first element, 1 its last. */
  region: readonly [number, number];
}

export interface Interpolation {
  mode: string;
  coordinates: string;
  nearest: string;
  cubicCoefficient: number;
  excludeOutside: boolean;
  antialias: boolean;
}

type Round = (value: number) => number;

/**
 * The place in the input of an element of the output.
 * @param round to the precision of the calculation: where a neighbour is chosen, that of onnxruntime, which is float32
 * @throws Error for unknown kinds of coordinates
 */
function inputCoordinate(kind: string, index: number, { size, resized, scale, region: [start, end] }: AxisResize, round: Round = (value) => value): number {
  const divided = (value: number): number => round(round(value) / round(scale));
  switch (kind) {
    case 'half_pixel':
      return scale === 1 ? index : round(divided(index + 0.5) - 0.5);
    case 'half_pixel_symmetric': {
      const adjustment = round(resized / round(scale * size));
      const offset = round((size / 2) * round(1 - adjustment));
      return round(offset + (index + 0.5) / round(scale) - 0.5);
    }
    case 'pytorch_half_pixel':
      return resized > 1 ? round(divided(index + 0.5) - 0.5) : 0;
    case 'align_corners':
      return resized > 1 ? round(round(index * (size - 1)) / (resized - 1)) : 0;
    case 'asymmetric':
      return divided(index);
    case 'tf_half_pixel_for_nn':
      return divided(index + 0.5);
    case 'tf_crop_and_resize':
      if (resized === 1) return round(0.5 * (start + end) * (size - 1));
      return round(round(start * (size - 1)) + round(round(index * round(round(end - start) * (size - 1))) / (resized - 1)));
    default:
      throw new Error(`it has coordinates of the unknown kind ${kind}`);
  }
}

/** The neighbours of every element of the output in mode nearest. */
export function nearestIndices(axis: AxisResize, { coordinates, nearest }: Interpolation): number[] {
  return Array.from({ length: axis.resized }, (_, i) => {
    const index = rounded(nearest, inputCoordinate(coordinates, i, axis, Math.fround));
    return Math.min(Math.max(index, 0), axis.size - 1);
  });
}

function rounded(mode: string, value: number): number {
  switch (mode) {
    case 'floor':
      return Math.floor(value);
    case 'ceil':
      return Math.ceil(value);
    case 'round_prefer_ceil':
      return Math.floor(value + 0.5);
    default:
      return Math.ceil(value - 0.5);
  }
}

/** The matrix [resized, size], row-major, that interpolates an axis linearly or cubically. */
export function interpolationMatrix(axis: AxisResize, interpolation: Interpolation): Float64Array {
  const { size, resized, scale } = axis;
  const matrix = new Float64Array(resized * size);
  // A filter as wide as the output's elements are in the input smooths what would alias.
  const density = interpolation.antialias ? Math.min(1, scale) : 1;
  const [kernel, reach] = interpolation.mode === 'cubic' ? [cubicKernel(interpolation.cubicCoefficient), 2] : [linearKernel, 1];
  for (let i = 0; i < resized; i++) {
    const x = inputCoordinate(interpolation.coordinates, i, axis);
    const taps: { index: number; weight: number }[] = [];
    for (let index = Math.ceil(x - reach / density); index <= x + reach / density; index++) {
      if (interpolation.excludeOutside && (index < 0 || index >= size)) continue;
      taps.push({ index: Math.min(Math.max(index, 0), size - 1), weight: kernel((index - x) * density) });
    }
    const total = taps.reduce((sum, { weight }) => sum + weight, 0);
    for (const { index, weight } of taps) matrix[i * size + index] += weight / total;
  }
  return matrix;
}

function linearKernel(x: number): number {
  return Math.max(0, 1 - Math.abs(x));
}

/** Cubic convolution (Keys 1981) with the coefficient a. */
function cubicKernel(a: number): (x: number) => number {
  return (signed) => {
    const x = Math.abs(signed);
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
  };
}

/** Whether an element of the output lies outside the input, where tf_crop_and_resize extrapolates. */
export function isOutside(index: number, axis: AxisResize, { coordinates }: Interpolation): boolean {
  if (coordinates !== 'tf_crop_and_resize') return false;
  const x = inputCoordinate(coordinates, index, axis, Math.fround);
  return x < 0 || x > axis.size - 1;
}
