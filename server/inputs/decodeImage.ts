import { inflateSync } from 'node:zlib';
import { convertIndexedToRgb, decode as decodePng } from 'fast-png';
import { decode as decodeJpeg } from 'jpeg-js';
import { counted, formatBytes } from '../formats/sentences.js';
import { InputsError } from './inputArray.js';
import type { Raster } from './raster.js';

/** Samples of training sets have at most a few megapixels; a hostile header can declare 2⁶² pixels. */
const MOST_PIXELS = 50_000_000;

/** Memory that the JPEG decoder may take: about 12 bytes a pixel of the largest picture. */
const JPEG_MEGABYTES = 1024;

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** By PNG's colour type: grey, –, RGB, palette, grey and alpha, –, RGBA (PNG specification, table 11.1). */
const SAMPLES_OF_COLOUR_TYPE: readonly (number | undefined)[] = [1, 1, 3, 1, 2, 1, 4];
const INDEXED = 3;
/** First column and row of each pass of an interlaced PNG, and the steps (PNG specification, 8.2). */
const ADAM7 = [
  { x: 0, y: 0, stepX: 8, stepY: 8 },
  { x: 4, y: 0, stepX: 8, stepY: 8 },
  { x: 0, y: 4, stepX: 4, stepY: 8 },
  { x: 2, y: 0, stepX: 4, stepY: 4 },
  { x: 0, y: 2, stepX: 2, stepY: 4 },
  { x: 1, y: 0, stepX: 2, stepY: 2 },
  { x: 0, y: 1, stepX: 1, stepY: 2 },
];
/** Some writers leave a few bytes behind the last row. */
const EXTRA_BYTES = 4096;

/** The kind of picture that bytes begin as, or null. */
export function imageKind(head: Uint8Array): 'png' | 'jpeg' | null {
  if (head.length >= 8 && PNG_SIGNATURE.every((byte, i) => head[i] === byte)) return 'png';
  return head.length >= 3 && head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff ? 'jpeg' : null;
}

/**
 * Decodes a PNG (1 to 16 bits, grey, palette, RGB, with or without alpha, interlaced or not) or a JPEG (baseline or
 * progressive). Samples keep their depth; fewer than 8 bits are spread over 0 … 255; palettes become colours. Colour
 * profiles, gamma and EXIF orientation are not applied (nor does Pillow's Image.open). JPEG chroma is repeated, not
 * interpolated: values differ from libjpeg's by a few levels at colour edges.
 * @param name of the file, for sentences
 * @throws InputsError `inputs/corrupt`, `inputs/limit` or `inputs/not-recognised`
 */
export function decodeImage(bytes: Uint8Array, name: string): Raster {
  const kind = imageKind(bytes);
  if (kind === null) throw new InputsError('inputs/not-recognised', `${name} is neither a PNG nor a JPEG: convert it to PNG.`);
  try {
    return kind === 'png' ? png(bytes, name) : jpeg(bytes, name);
  } catch (error) {
    if (error instanceof InputsError) throw error;
    const reason = (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
    throw new InputsError('inputs/corrupt', `${name} cannot be decoded as ${kind.toUpperCase()} (${reason}): write or download it again.`);
  }
}

function png(bytes: Uint8Array, name: string): Raster {
  const header = pngHeader(bytes, name);
  const { width, height, indexed } = header;
  checkInflatedSize(bytes, inflatedBytes(header), name);
  const picture = decodePng(bytes, { checkCrc: true });
  // Colour pictures may carry a palette too, as a suggestion to small displays.
  if (indexed) return { width, height, channels: picture.palette?.[0]?.length ?? 3, bits: 8, data: Uint8Array.from(convertIndexedToRgb(picture)) };
  if (picture.depth === 16) return { width, height, channels: picture.channels, bits: 16, data: Uint16Array.from(picture.data) };
  const data = picture.depth === 8 ? Uint8Array.from(picture.data) : unpacked(picture.data, width, height, picture.depth);
  return { width, height, channels: picture.channels, bits: 8, data };
}

interface PngHeader {
  width: number;
  height: number;
  /** Bits of all samples of a pixel. */
  bitsOfPixel: number;
  indexed: boolean;
  interlaced: boolean;
}

/** From the first chunk, before anything is allocated for it. */
function pngHeader(bytes: Uint8Array, name: string): PngHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 33 || view.getUint32(12) !== 0x49484452) throw new InputsError('inputs/truncated', `${name} ends before a PNG's header is complete (it has ${formatBytes(bytes.length)}): write or download it again.`);
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  checkPixels(width, height, name);
  const depth = view.getUint8(24);
  const colourType = view.getUint8(25);
  const interlaced = view.getUint8(28) !== 0;
  // The decoder counts such rows in bytes, and would answer other pixels without a word.
  if (interlaced && depth < 8) throw new InputsError('inputs/not-recognised', `${name} is an interlaced PNG of ${counted(depth, 'bit')} a sample, and interlaced ones are read from 8 bits on: save it without interlacing.`);
  return { width, height, bitsOfPixel: depth * (SAMPLES_OF_COLOUR_TYPE[colourType] ?? 4), indexed: colourType === INDEXED, interlaced };
}

/** Bytes that the picture's data inflate to: rows of whole bytes, each behind a byte that names its filter. */
function inflatedBytes({ width, height, bitsOfPixel, interlaced }: PngHeader): number {
  const passes = interlaced ? ADAM7 : [{ x: 0, y: 0, stepX: 1, stepY: 1 }];
  return passes.reduce((sum, { x, y, stepX, stepY }) => {
    const columns = Math.ceil((width - x) / stepX);
    const rows = Math.ceil((height - y) / stepY);
    return columns <= 0 || rows <= 0 ? sum : sum + rows * (1 + Math.ceil((columns * bitsOfPixel) / 8));
  }, 0);
}

/**
 * A small picture could hold data that inflates without end, and a damaged one too little: both are refused before the
 * decoder, which would keep the one and fill up the other.
 */
function checkInflatedSize(bytes: Uint8Array, declared: number, name: string): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const data: Uint8Array[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    if (view.getUint32(at + 4) === 0x49444154) data.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  let inflated: number;
  try {
    inflated = inflateSync(Buffer.concat(data), { maxOutputLength: declared + EXTRA_BYTES }).length;
  } catch (error) {
    if (error instanceof RangeError) throw new InputsError('inputs/limit', `${name} inflates to more than the ${formatBytes(declared)} that its declared size takes: write or download it again.`);
    throw error;
  }
  if (inflated < declared) throw new InputsError('inputs/truncated', `${name} inflates to ${formatBytes(inflated)}, and its declared size takes ${formatBytes(declared)}: write or download it again.`);
}

/** Samples of 1, 2 or 4 bits, rows padded to bytes, as 0 … 255. */
function unpacked(packed: ArrayLike<number>, width: number, height: number, depth: number): Uint8Array {
  const data = new Uint8Array(width * height);
  const rowBytes = Math.ceil((width * depth) / 8);
  const largest = 2 ** depth - 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      const sample = (packed[y * rowBytes + (bit >> 3)] >> (8 - depth - (bit & 7))) & largest;
      data[y * width + x] = (sample * 255) / largest;
    }
  }
  return data;
}

function jpeg(bytes: Uint8Array, name: string): Raster {
  const { width, height, channels } = jpegHeader(bytes, name);
  checkPixels(width, height, name);
  const { data } = decodeJpeg(bytes, { useTArray: true, formatAsRGBA: false, tolerantDecoding: false, maxResolutionInMP: MOST_PIXELS / 1e6, maxMemoryUsageInMB: JPEG_MEGABYTES });
  const decoded: Raster = { width, height, channels: 3, bits: 8, data: new Uint8Array(data) };
  if (channels !== 1) return decoded;
  // The decoder repeats a grey sample thrice.
  return { ...decoded, channels: 1, data: Uint8Array.from({ length: width * height }, (_, pixel) => data[3 * pixel]) };
}

/** Size and channels from the frame header (ITU-T T.81, B.2.2). */
function jpegHeader(bytes: Uint8Array, name: string): { width: number; height: number; channels: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 2; at + 10 <= bytes.length; ) {
    const marker = view.getUint16(at);
    if (marker === 0xffff) {
      at += 1;
      continue;
    }
    const isFrame = marker >= 0xffc0 && marker <= 0xffcf && marker !== 0xffc4 && marker !== 0xffc8 && marker !== 0xffcc;
    if (isFrame) {
      if (view.getUint8(at + 4) !== 8) throw new InputsError('inputs/not-recognised', `${name} is a JPEG of ${view.getUint8(at + 4)} bits a sample, and 8 can be read: convert it to PNG.`);
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7), channels: view.getUint8(at + 9) };
    }
    if (marker < 0xff01 || (marker >= 0xffd0 && marker <= 0xffd9)) break;
    at += 2 + view.getUint16(at + 2);
  }
  throw new InputsError('inputs/corrupt', `${name} is a JPEG without a frame header: write or download it again.`);
}

function checkPixels(width: number, height: number, name: string): void {
  if (width === 0 || height === 0) throw new InputsError('inputs/corrupt', `${name} declares a picture of ${width} × ${height} pixels: write or download it again.`);
  if (width * height > MOST_PIXELS) throw new InputsError('inputs/limit', `${name} declares ${width} × ${height} pixels, and at most ${MOST_PIXELS} are allowed: save it smaller.`);
}
