import { elementCount } from './inputArray.js';
import { imageSize, layoutOf, type Layout } from './layout.js';
import type { PreparedInputs } from './prepare.js';

/** Smaller sides are rows of numbers and no pictures. */
const SMALLEST_SIDE = 4;
/** A flat sample with as many numbers as a square of this side may be a picture: 8 × 8 digits are the smallest data set. */
const SMALLEST_FLAT_SIDE = 8;

/** One input to be looked at: pixels by row, channels interleaved, 0 … 255. */
export interface Picture {
  width: number;
  height: number;
  channels: 1 | 3;
  pixels: Uint8Array;
}

/** Where the pixels of a picture lie in a sample. */
interface Geometry {
  channels: number;
  height: number;
  width: number;
  layout: Layout;
}

/** How the inputs lay in their file: it tells how a flat sample was a picture once. */
export interface StoredForm {
  shape: readonly number[];
  layout: Layout | null;
}

/**
 * An input as a grey or RGB picture, the range of input space spread over 0 … 255; null for samples that are no pictures.
 * Larger ones are reduced by a whole factor, by the mean of each block of pixels.
 * @param largestSide of the picture
 */
export function pictureOf({ shape, inputSpace, range, n }: PreparedInputs, index: number, stored: StoredForm, largestSide: number): Picture | null {
  const geometry = geometryOf(shape.slice(1), stored);
  if (geometry === null || index < 0 || index >= n) return null;
  const elements = inputSpace.length / n;
  return reduced(inputSpace.subarray(index * elements, (index + 1) * elements), geometry, Math.ceil(Math.max(geometry.width, geometry.height) / largestSide), range.low, range.high);
}

function geometryOf(sample: readonly number[], stored: StoredForm): Geometry | null {
  const own = stored.shape.slice(1);
  const found = imageGeometry(sample, null) ?? (sample.length === 1 ? (elementCount(own) === sample[0] ? imageGeometry(own, stored.layout) : null) ?? squareGeometry(sample[0], stored.layout ?? 'nchw') : null);
  return found !== null && [1, 3, 4].includes(found.channels) && Math.min(found.height, found.width) >= SMALLEST_SIDE ? found : null;
}

function imageGeometry(sample: readonly number[], stated: Layout | null): Geometry | null {
  if (sample.length === 2) return { channels: 1, height: sample[0], width: sample[1], layout: 'nchw' };
  const layout = sample.length === 3 ? (stated ?? layoutOf(sample)) : null;
  if (layout === null) return null;
  const { channels, height, width } = imageSize(sample, layout);
  return channels === null || height === null || width === null ? null : { channels, height, width, layout };
}

/** A flat sample is taken for a square picture, grey or RGB, where its length is that of one. */
function squareGeometry(length: number, layout: Layout): Geometry | null {
  for (const channels of [1, 3]) {
    const side = Math.sqrt(length / channels);
    if (Number.isInteger(side) && side >= SMALLEST_FLAT_SIDE) return { channels, height: side, width: side, layout };
  }
  return null;
}

function reduced(values: ArrayLike<number>, { channels, height, width, layout }: Geometry, factor: number, low: number, high: number): Picture {
  // The fourth channel of RGBA is left out.
  const shown = channels === 1 ? 1 : 3;
  const [across, down] = [Math.ceil(width / factor), Math.ceil(height / factor)];
  const pixels = new Uint8Array(across * down * shown);
  const scale = high > low ? 255 / (high - low) : 0;
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      for (let channel = 0; channel < shown; channel++) {
        let sum = 0;
        let count = 0;
        for (let y = row * factor; y < Math.min((row + 1) * factor, height); y++) {
          for (let x = column * factor; x < Math.min((column + 1) * factor, width); x++) {
            sum += values[layout === 'nchw' ? (channel * height + y) * width + x : (y * width + x) * channels + channel];
            count++;
          }
        }
        // Outside the range, and for NaN, the nearest end.
        pixels[(row * across + column) * shown + channel] = Math.max(0, Math.min(255, Math.round((sum / count - low) * scale) || 0));
      }
    }
  }
  return { width: across, height: down, channels: shown, pixels };
}
