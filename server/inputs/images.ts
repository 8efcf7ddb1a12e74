import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileError } from '../formats/byteSource.js';
import { counted, formatBytes, quote } from '../formats/sentences.js';
import { decodeImage, imageKind } from './decodeImage.js';
import { elementCount, emptyLike, formatShape, InputsError, type InputArray, type InputElements } from './inputArray.js';
import { asInputsErrors, LARGEST_ARRAY_BYTES } from './inputFile.js';
import { imageSize, type Layout, type SampleShape } from './layout.js';
import { resized, withChannels, type Raster } from './raster.js';

/** More pictures than the largest public training sets have in one folder; a mistaken folder is refused before it is read. */
const MOST_FILES = 2_000_000;
/** One picture as a file: 50 megapixels of 16-bit RGBA, unpacked. */
const LARGEST_FILE_BYTES = 400 * 2 ** 20;
const PICTURE_NAME = /\.(png|jpe?g)$/i;
/** Picture files that cannot be read: a folder of them is no empty folder. */
const OTHER_PICTURE_NAME = /\.(gif|bmp|webp|tiff?|avif|heic|ppm|pgm|jp2|svg)$/i;

export interface ImageFolder {
  /** [n, channels, height, width] or, for a model of that layout, [n, height, width, channels]. */
  array: InputArray;
  layout: Layout;
  /** Of a sample, before any resizing. */
  bits: 8 | 16;
  /** Index of each picture's class; null where the pictures lie in the folder itself. */
  labels: number[] | null;
  /** Names of the subfolders, in order. */
  classes: string[] | null;
  /** Paths below the folder, in the order of the inputs. */
  files: string[];
  bytes: number;
  /** How many pictures had another size. */
  resized: number;
}

export interface ImageOptions {
  model: SampleShape;
  /** Order of the answer's axes where the model does not say: nchw by default. */
  layout: Layout | null;
  resize: boolean;
  largest?: number;
  signal?: AbortSignal;
}

interface Listed {
  name: string;
  label: number | null;
}

/**
 * Reads a folder of PNG and JPEG pictures, sorted by name (code units, as Python's sorted has it), with the channels,
 * size and layout of the model. Subfolders are classes: the label is the place of the subfolder's name among them, or
 * the number that every one of them is ("0", "1", "7"). Other files and hidden ones are left out.
 * @throws InputsError for a picture of another size without `resize`, of another depth, or that cannot be decoded
 */
export async function readImageFolder(folder: string, options: ImageOptions): Promise<ImageFolder> {
  const { entries, classes } = await asInputsErrors(() => listPictures(folder));
  const { largest = LARGEST_ARRAY_BYTES, signal } = options;
  let sink: Sink | null = null;
  let bytes = 0;
  for (const [index, { name }] of entries.entries()) {
    signal?.throwIfAborted();
    const file = await asInputsErrors(() => readPicture(path.join(folder, name)));
    bytes += file.length;
    const raster = decodeImage(file, name);
    sink ??= new Sink(raster, name, entries.length, options, largest);
    sink.put(index, raster, name);
  }
  if (sink === null) throw new InputsError('inputs/empty', `${path.basename(path.resolve(folder))} holds no picture.`);
  const labels = classes === null ? null : entries.map(({ label }) => label ?? 0);
  return { array: sink.array, layout: sink.layout, bits: sink.bits, labels, classes, files: entries.map(({ name }) => name), bytes, resized: sink.resized };
}

async function listPictures(folder: string): Promise<{ entries: Listed[]; classes: string[] | null }> {
  const title = path.basename(path.resolve(folder));
  const own = await listFolder(folder);
  const subfolders = [];
  for (const name of own.folders) {
    const { pictures, others } = await listFolder(path.join(folder, name));
    if (pictures.length > 0) subfolders.push({ name, pictures });
    own.others.push(...others);
  }
  if (own.pictures.length > 0 && subfolders.length > 0) throw new InputsError('inputs/not-recognised', `${title} holds pictures (such as ${quote(own.pictures[0])}) and subfolders of pictures (such as ${quote(subfolders[0].name)}): give either one folder of pictures or one subfolder a class.`);
  const count = own.pictures.length + subfolders.reduce((sum, { pictures }) => sum + pictures.length, 0);
  if (count > MOST_FILES) throw new InputsError('inputs/limit', `${title} holds ${count} pictures, and at most ${MOST_FILES} are allowed: give a folder of fewer.`);
  if (count === 0) throw new InputsError('inputs/empty', `${title} holds no PNG or JPEG picture${own.others.length > 0 ? `, but files such as ${quote(own.others[0])}: convert them to PNG` : ', neither in itself nor in its subfolders: name the folder of the pictures'}.`);
  if (subfolders.length === 0) return { entries: own.pictures.map((name) => ({ name, label: null })), classes: null };
  const classes = subfolders.map(({ name }) => name);
  const numbered = classes.every((name) => /^(0|[1-9]\d{0,8})$/.test(name));
  const entries = subfolders.flatMap(({ name, pictures }, place) => pictures.map((picture) => ({ name: `${name}/${picture}`, label: numbered ? Number(name) : place })));
  return { entries, classes };
}

async function listFolder(folder: string): Promise<{ pictures: string[]; folders: string[]; others: string[] }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw fileError(path.resolve(folder), error);
  });
  const pictures: string[] = [];
  const folders: string[] = [];
  const others: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const linked = entry.isSymbolicLink() ? await stat(path.join(folder, entry.name)).catch(() => null) : entry;
    if (linked?.isDirectory() === true) folders.push(entry.name);
    else if (linked?.isFile() === true && PICTURE_NAME.test(entry.name)) pictures.push(entry.name);
    else if (linked?.isFile() === true && OTHER_PICTURE_NAME.test(entry.name)) others.push(entry.name);
  }
  return { pictures: pictures.sort(byName), folders: folders.sort(byName), others };
}

function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function readPicture(file: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(file);
    if (size > LARGEST_FILE_BYTES) throw new InputsError('inputs/limit', `${path.basename(file)} has ${formatBytes(size)}, and a picture at most ${formatBytes(LARGEST_FILE_BYTES)}: save it smaller.`);
    const bytes = await readFile(file);
    if (imageKind(bytes) === null) throw new InputsError('inputs/not-recognised', `${path.basename(file)} is neither a PNG nor a JPEG, whatever its name says: convert it to PNG, or take it out of the folder.`);
    return bytes;
  } catch (error) {
    throw error instanceof InputsError ? error : fileError(path.resolve(file), error);
  }
}

/** Takes the pictures one by one into one array. */
class Sink {
  readonly array: InputArray;
  readonly layout: Layout;
  resized = 0;
  private readonly channels: number;
  private readonly height: number;
  private readonly width: number;
  readonly bits: 8 | 16;

  /** The first picture decides what the model leaves open. */
  constructor(
    first: Raster,
    firstName: string,
    n: number,
    private readonly options: ImageOptions,
    largest: number,
  ) {
    const { model } = options;
    this.layout = model.layout ?? options.layout ?? 'nchw';
    this.bits = first.bits;
    const wanted = wantedSize(model, first, options.resize, firstName);
    this.channels = wanted.channels;
    this.height = wanted.height;
    this.width = wanted.width;
    const sample = this.layout === 'nchw' ? [this.channels, this.height, this.width] : [this.height, this.width, this.channels];
    const kind: InputElements = options.resize ? new Float32Array(0) : first.bits === 8 ? new Uint8Array(0) : new Uint16Array(0);
    const bytes = n * elementCount(sample) * kind.BYTES_PER_ELEMENT;
    if (bytes > largest) throw new InputsError('inputs/limit', `${counted(n, 'picture')} of ${formatShape(sample)} take ${formatBytes(bytes)}, and at most ${formatBytes(largest)} are allowed: give a folder of fewer.`);
    this.array = { dtype: options.resize ? 'float32' : first.bits === 8 ? 'uint8' : 'uint16', shape: [n, ...sample], data: emptyLike(kind, n * elementCount(sample)) };
  }

  put(index: number, raster: Raster, name: string): void {
    if (raster.bits !== this.bits) throw new InputsError('inputs/dtype', `${name} has ${raster.bits} bits a sample, and the pictures before it ${this.bits}: save all with the same depth.`);
    const { height, width, channels } = this;
    let picture = withChannels(raster, channels);
    if (raster.height !== height || raster.width !== width) {
      if (!this.options.resize) throw new InputsError('inputs/shape', `${name} has ${raster.width} × ${raster.height} pixels (width × height), and ${width} × ${height} are needed: add --resize, or save the pictures in that size.`);
      picture = resized(picture, height, width);
      this.resized += 1;
    }
    const { data } = this.array;
    const pixels = height * width;
    const start = index * pixels * channels;
    if (this.layout === 'nhwc') for (let i = 0; i < pixels * channels; i++) data[start + i] = picture.data[i];
    else for (let pixel = 0; pixel < pixels; pixel++) for (let channel = 0; channel < channels; channel++) data[start + channel * pixels + pixel] = picture.data[pixel * channels + channel];
  }
}

function wantedSize({ dimensions, layout }: SampleShape, first: Raster, resize: boolean, name: string): { channels: number; height: number; width: number } {
  const colours = first.channels >= 3 ? 3 : 1;
  if (dimensions === null || (layout === null && dimensions.some((size) => size === null))) return { channels: colours, height: first.height, width: first.width };
  if (layout !== null) {
    const { channels, height, width } = imageSize(dimensions, layout);
    return { channels: channels ?? colours, height: height ?? first.height, width: width ?? first.width };
  }
  const elements = elementCount(dimensions.map((size) => size ?? 1));
  const pixels = first.height * first.width;
  if (elements === pixels || elements === 3 * pixels) return { channels: elements / pixels, height: first.height, width: first.width };
  const advice = resize ? 'the model states no height and width to resize to, so save the pictures in the right size' : 'save the pictures in the right size';
  throw new InputsError('inputs/shape', `${name} has ${first.width} × ${first.height} pixels, and the model takes ${formatShape(['n', ...dimensions])}, ${elements} elements: ${advice}.`);
}
