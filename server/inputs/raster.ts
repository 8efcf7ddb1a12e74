import { elementCount, InputsError } from './inputArray.js';

/** A decoded picture: rows of pixels, channels last (1 grey, 2 grey and alpha, 3 RGB, 4 RGBA), never scaled. */
export interface Raster {
  width: number;
  height: number;
  channels: number;
  /** Bits of a stored sample: values are 0 … 2^bits − 1. */
  bits: 8 | 16;
  /** [height, width, channels]. Fractions after resizing. */
  data: Uint8Array | Uint16Array | Float32Array;
}

/** ITU-R BT.601 luma in 16-bit fixed point, as Pillow's convert('L') has it. */
const RED = 19_595;
const GREEN = 38_470;
const BLUE = 7_471;
const ONE = 65_536;

/**
 * The picture with 1 (grey), 3 (RGB) or 4 (RGBA) channels. Grey is repeated; colours become grey by ITU-R BT.601 luma,
 * rounded; alpha is left out, as Pillow's convert('RGB') does, or opaque where it is asked for and absent.
 */
export function withChannels(raster: Raster, channels: number): Raster {
  if (raster.channels === channels) return raster;
  if (channels !== 1 && channels !== 3 && channels !== 4) throw new InputsError('inputs/shape', `The model takes images of ${channels} channels, and pictures have 1 (grey), 3 (RGB) or 4 (RGBA): give the inputs as .npz.`);
  const pixels = elementCount([raster.height, raster.width]);
  const { data: from, channels: stored, bits } = raster;
  const data = bits === 8 ? new Uint8Array(pixels * channels) : new Uint16Array(pixels * channels);
  const colour = stored >= 3;
  for (let pixel = 0; pixel < pixels; pixel++) {
    const red = from[pixel * stored];
    const green = colour ? from[pixel * stored + 1] : red;
    const blue = colour ? from[pixel * stored + 2] : red;
    const at = pixel * channels;
    if (channels === 1) {
      data[at] = colour ? Math.floor((red * RED + green * GREEN + blue * BLUE + ONE / 2) / ONE) : red;
      continue;
    }
    data[at] = red;
    data[at + 1] = green;
    data[at + 2] = blue;
    if (channels === 4) data[at + 3] = stored === 2 ? from[pixel * 2 + 1] : 2 ** bits - 1;
  }
  return { ...raster, channels, data };
}

/**
 * The picture at another size, without cropping. Each axis is averaged by a triangle as wide as the shrinking demands
 * and is bilinear where it grows (half-pixel centres): PyTorch's interpolate(mode='bilinear', antialias=True). Values
 * are not rounded. Cost: O(height·width·(shrink of each axis)).
 */
export function resized(raster: Raster, height: number, width: number): Raster {
  if (raster.height === height && raster.width === width) return raster;
  const { channels } = raster;
  const rows = new Float32Array(raster.height * width * channels);
  const across = triangleWeights(raster.width, width);
  for (let y = 0; y < raster.height; y++) {
    for (let x = 0; x < width; x++) {
      const { first, weights } = across[x];
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let i = 0; i < weights.length; i++) sum += weights[i] * raster.data[(y * raster.width + first + i) * channels + channel];
        rows[(y * width + x) * channels + channel] = sum;
      }
    }
  }
  const data = new Float32Array(height * width * channels);
  const line = width * channels;
  triangleWeights(raster.height, height).forEach(({ first, weights }, y) => {
    for (let at = 0; at < line; at++) {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += weights[i] * rows[(first + i) * line + at];
      data[y * line + at] = sum;
    }
  });
  return { ...raster, height, width, data };
}

/** For each new sample: the first old sample that it averages and the weights from there on, whose sum is 1. */
function triangleWeights(from: number, to: number): { first: number; weights: number[] }[] {
  const step = from / to;
  const reach = Math.max(step, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * step;
    const first = Math.max(Math.floor(centre - reach + 0.5), 0);
    const last = Math.min(Math.floor(centre + reach + 0.5), from);
    const weights = Array.from({ length: last - first }, (_unused, k) => Math.max(1 - Math.abs(first + k + 0.5 - centre) / reach, 0));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: weights.map((weight) => weight / total) };
  });
}
